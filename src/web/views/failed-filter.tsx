/**
 * The form that narrows the failed jobs, and what it is narrowed to, each part with a way out.
 */
import { partsOf, pathOf, queryOf } from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { url } from '../url.js'
import { Name, type View } from './components.js'
import { exact, isPlain, shown, thousands } from './text.js'

export type Facets = Record<'class' | 'exception' | 'queue', { value: string; count: number }[]>

/** Where an option of a select is longer, it is cut: it would make the select wider than a phone. */
const MAX_OPTION = 60

export function FilterForm({
  web,
  filter,
  facets,
  lists,
  view,
}: {
  web: View['web']
  filter: FailureFilter
  facets: Facets
  /** The lists to choose among, with how many are kept in each. */
  lists: readonly { name: string; size: number }[]
  view: string
}) {
  return (
    <search>
      <form method="get" action={url(web, '/failed')} class="filter">
        <input type="hidden" name="view" value={view} />
        {filter.group !== undefined && <input type="hidden" name="group" value={filter.group} />}
        <div class="row">
          <label class="grow">
            <span class="hidden">Text in the failed job</span>
            <input
              type="search"
              name="text"
              value={filter.text !== undefined && isPlain(filter.text) ? filter.text : ''}
              placeholder="Text in the failed job"
              maxlength={512}
            />
          </label>
          {lists.length > 1 && (
            <label>
              <span class="hidden">List</span>
              <select name="list">
                <option value="">
                  All lists ({thousands(lists.reduce((sum, { size }) => sum + size, 0))})
                </option>
                {lists
                  .filter(({ name }) => isPlain(name))
                  .map(({ name, size }) => (
                    <option value={name} selected={filter.list === name}>
                      {shown(name, MAX_OPTION)} ({thousands(size)})
                    </option>
                  ))}
              </select>
            </label>
          )}
          <label>
            <span class="hidden">State</span>
            <select name="state">
              {[
                ['', 'Retried or not'],
                ['open', 'Not retried yet'],
                ['retried', 'Retried'],
              ].map(([value, label]) => (
                <option value={value} selected={(filter.state ?? '') === value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <button type="submit">Filter</button>
        </div>
        <details>
          <summary>More filters</summary>
          <div class="filter-fields">
            <Choice name="class" label="Class" value={filter.class} options={facets.class} />
            <Choice name="exception" label="Exception" value={filter.exception} options={facets.exception} />
            <Choice name="queue" label="Queue" value={filter.queue} options={facets.queue} />
            <Moment name="from" label="From (UTC)" value={filter.from} />
            <Moment name="to" label="Until (UTC)" value={filter.to} />
          </div>
        </details>
      </form>
    </search>
  )
}

function Choice({
  name,
  label,
  value,
  options,
}: {
  name: string
  label: string
  value: string | undefined
  options: { value: string; count: number }[]
}) {
  // A name that a browser would change on its way is reached by the links of its group.
  const named = options.filter((option) => option.value !== '' && isPlain(option.value))
  const isMissing = value !== undefined && isPlain(value) && !named.some((option) => option.value === value)
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name}>
        <option value="">Any</option>
        {isMissing && (
          <option value={value} selected>
            {shown(value, MAX_OPTION)}
          </option>
        )}
        {named.map((option) => (
          <option value={option.value} selected={option.value === value}>
            {`${shown(option.value, MAX_OPTION)} (${thousands(option.count)})`}
          </option>
        ))}
      </select>
    </label>
  )
}

function Moment({ name, label, value }: { name: string; label: string; value: number | undefined }) {
  const text =
    value === undefined
      ? ''
      : exact(new Date(value * 1_000))
          .slice(0, 16)
          .replace(' ', 'T')
  return (
    <label class="field">
      <span>{label}</span>
      <input type="datetime-local" name={name} value={text} />
    </label>
  )
}

/** What the page is narrowed to; each part can be taken away. */
export function FilterParts({
  web,
  filter,
  view,
}: {
  web: View['web']
  filter: FailureFilter
  view: string
}) {
  const parts = partsOf(filter)
  if (parts.length === 0) return null
  return (
    <ul class="chips" aria-label="Filters">
      {parts.map(({ name, value, without }) => (
        <li>
          <span class="faint">{name}</span> <Name limit={80}>{value}</Name>
          <a
            href={url(web, pathOf(without), { ...queryOf(without), view })}
            aria-label={`Without the filter ${name} ${shown(value, 80)}`}
          >
            ✕
          </a>
        </li>
      ))}
      {parts.length > 1 && (
        <li class="chip-all">
          <a href={url(web, '/failed', { view })}>All failed jobs</a>
        </li>
      )}
    </ul>
  )
}
