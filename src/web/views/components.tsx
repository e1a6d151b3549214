/**
 * The small parts that pages are made of. All text goes through JSX, which escapes it; nothing here makes markup of
 * data.
 */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { PauseNote } from '../../store/paused-by.js'
import { CSRF_FIELD } from '../access/csrf.js'
import type { WebContext, WebEnv } from '../context.js'
import { type Query, url } from '../url.js'
import { age, exact, plural, readTime, shown, thousands } from './text.js'

/** What components need to know of the request. */
export interface View {
  web: WebContext
  c: Context<WebEnv>
}

/** A form that posts to a page of ours, with its token. */
export function Form({
  web,
  c,
  action,
  query,
  class: className,
  fields = {},
  confirm,
  children,
}: PropsWithChildren<
  View & {
    /** A path without the base path. */
    action: string
    query?: Query
    class?: string
    /** Hidden fields. */
    fields?: Record<string, string | number>
    /** The confirm page at the same path should open as a dialog. */
    confirm?: boolean
  }
>) {
  return (
    <form
      method="post"
      action={url(web, action, query)}
      class={className}
      data-confirm={confirm ? '' : undefined}
    >
      <input type="hidden" name={CSRF_FIELD} value={c.get('csrfToken')} />
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={String(value)} />
      ))}
      {children}
    </form>
  )
}

/** A link to a page of ours. */
export function Link({
  web,
  to,
  query,
  class: className,
  current,
  children,
}: PropsWithChildren<{
  web: WebContext
  to: string
  query?: Query
  class?: string
  current?: boolean
}>) {
  return (
    <a href={url(web, to, query)} class={className} aria-current={current ? 'page' : undefined}>
      {children}
    </a>
  )
}

/** A moment: how long ago, with the exact time at hand. What cannot be read is shown as it is. */
export function Time({
  web,
  at,
  missing = '–',
  inRow = false,
}: {
  web: WebContext
  at: Date | string | undefined
  missing?: string
  /** Its row leads to a page that tells it too: one of so many is not where the Tab key stops. */
  inRow?: boolean
}) {
  if (at === undefined || at === '') return <span class="faint">{missing}</span>
  const date = typeof at === 'string' ? readTime(at) : at
  if (Number.isNaN(date.getTime())) return <span>{shown(String(at), 64)}</span>
  return (
    <time datetime={date.toISOString()} title={exact(date)} data-relative="" tabindex={inRow ? -1 : 0}>
      {age(date, web.now())}
    </time>
  )
}

export function Count({ value }: { value: number }) {
  return <span class="num">{value < 0 ? '?' : thousands(value)}</span>
}

/** A name from outside, with what cannot be seen made visible. */
export function Name({ children, limit = 256 }: { children: string; limit?: number }) {
  return children === '' ? <i class="faint">(empty)</i> : <bdi class="name">{shown(children, limit)}</bdi>
}

export type Status = 'busy' | 'idle' | 'paused' | 'stopping' | 'lost' | 'failed' | 'done' | 'open'

const icons: Record<Status, string> = {
  busy: '▶',
  idle: '○',
  paused: '‖',
  stopping: '◼',
  lost: '✕',
  failed: '✕',
  done: '✓',
  open: '•',
}

/** A state: its sign, its word and its colour. */
export function StatusWord({ status, word = status }: { status: Status; word?: string }) {
  return (
    <span class={`status is-${status}`}>
      <span aria-hidden="true">{icons[status]}</span>
      {` ${word}`}
    </span>
  )
}

/** Who paused it and when; nothing where that is not known. */
export function PausedBy({ web, pause }: { web: WebContext; pause: PauseNote | undefined }) {
  return (
    pause && (
      <span class="paused-by faint">
        by <Name limit={40}>{pause.by}</Name>, <Time web={web} at={pause.at} />
      </span>
    )
  )
}

/** first, previous, next, last, and a page of choice; never one link a page. */
export function Pager({
  web,
  path,
  query = {},
  start,
  size,
  total,
  what,
}: {
  web: WebContext
  path: string
  query?: Query
  start: number
  size: number
  total: number
  /** What is listed, for the sentence: `job`. */
  what: string
}) {
  if (total === 0) return null
  const last = Math.floor((total - 1) / size) * size
  const end = Math.min(total, start + size)
  const link = (label: string, at: number, isThere: boolean) =>
    isThere ? (
      <Link web={web} to={path} query={{ ...query, start: at || undefined }} class="button small">
        {label}
      </Link>
    ) : (
      <span class="button small off" aria-hidden="true">
        {label}
      </span>
    )
  return (
    <nav class="pager" aria-label={`Pages of ${what}s`}>
      <span class="num">
        {start < total ? `${thousands(start + 1)}–${thousands(end)} of ` : 'none of '}
        {plural(total, what)}
      </span>
      {total > size && (
        <>
          {link('First', 0, start > 0)}
          {link('Previous', Math.max(0, start - size), start > 0)}
          {link('Next', start + size, end < total)}
          {link('Last', last, start < last)}
          <form method="get" action={url(web, path)} class="goto">
            {Object.entries(query).map(
              ([name, value]) =>
                value !== undefined && <input type="hidden" name={name} value={String(value)} />,
            )}
            <label>
              From no.{' '}
              <input
                name="no"
                inputmode="numeric"
                pattern="[0-9]*"
                maxlength={10}
                size={7}
                value={String(start + 1)}
              />
            </label>
            <button class="small" type="submit">
              Go
            </button>
          </form>
        </>
      )}
    </nav>
  )
}

/** Instead of an empty table: what is not there, and what would bring it. */
export function Empty({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  )
}

/** The page that asks before something is done: names the thing and the number, the safe way out first. */
export function Confirm({
  web,
  c,
  title,
  action,
  button,
  back,
  typed,
  fields = {},
  inputs,
  isHarmless = false,
  children,
}: PropsWithChildren<
  View & {
    title: string
    action: string
    button: string
    /** Where Cancel leads. */
    back: string
    /** A word that must be typed, for what is large. */
    typed?: string | undefined
    fields?: Record<string, string | number>
    /** Fields that the form asks for besides. */
    inputs?: Child
    /** What is done can be had back or does no harm: the button need not warn. */
    isHarmless?: boolean
  }
>) {
  return (
    <section class="confirm" aria-labelledby="confirm-title" data-confirm-box="">
      <h1 id="confirm-title">{title}</h1>
      {children}
      <Form web={web} c={c} action={action} fields={{ ...fields, confirmed: 'yes', once: randomUUID() }}>
        {typed !== undefined && (
          <label class="field">
            <span>
              Type <b>{shown(typed, 256)}</b> to go on
            </span>
            <input name="typed" autocomplete="off" autocapitalize="off" spellcheck={false} required />
          </label>
        )}
        {inputs}
        <div class="row">
          <WayOut back={back}>Cancel</WayOut>
          <button class={isHarmless ? 'primary' : 'danger'} type="submit">
            {button}
          </button>
        </div>
      </Form>
    </section>
  )
}

/** The safe way out of a question: it has the focus, so that a key that is pressed in haste does nothing. */
export function WayOut({ back, children }: PropsWithChildren<{ back: string }>) {
  return (
    <a class="button" href={back} data-cancel="" autofocus>
      {children}
    </a>
  )
}

/** Instead of a question that has no answer. In a dialog too. */
export function NothingToDo({ title, back, children }: PropsWithChildren<{ title: string; back: string }>) {
  return (
    <section class="confirm" aria-labelledby="confirm-title" data-confirm-box="">
      <h1 id="confirm-title">{title}</h1>
      <p>{children}</p>
      <div class="row">
        <WayOut back={back}>Back</WayOut>
      </div>
    </section>
  )
}

/** Some of those that a question is about. */
export function Sample({ rows, isAll, which }: { rows: readonly Child[]; isAll: boolean; which: string }) {
  if (rows.length === 0) return null
  return (
    <>
      <p>{isAll ? 'All of them:' : `${rows.length} of them, ${which}:`}</p>
      <ul class="sample">
        {rows.map((row) => (
          <li>{row}</li>
        ))}
      </ul>
    </>
  )
}

/** The head of a column whose cells say enough by themselves: for those who do not see it. */
export function HiddenHead({ end = false, children }: PropsWithChildren<{ end?: boolean }>): Child {
  return (
    <th scope="col" class={end ? 'end' : undefined}>
      <span class="hidden">{children}</span>
    </th>
  )
}

/** The head of a column that a table can be sorted by: a link that does, or that turns it round where it is. */
export function SortHead({
  web,
  to,
  query,
  first,
  current,
  class: className,
  children,
}: PropsWithChildren<{
  web: WebContext
  to: string
  query: Query
  /** Which way it goes at first. */
  first: 'asc' | 'desc'
  /** Which way it goes now, where it is sorted by this. */
  current: 'asc' | 'desc' | undefined
  class?: string
}>): Child {
  const next = current === undefined ? first : current === 'asc' ? 'desc' : 'asc'
  return (
    <th scope="col" class={className} aria-sort={current && (current === 'asc' ? 'ascending' : 'descending')}>
      <Link web={web} to={to} query={{ ...query, order: next === first ? undefined : next }}>
        {children}
      </Link>
    </th>
  )
}

/** A labelled pair of a list of facts. */
export function Fact({ label, children }: PropsWithChildren<{ label: string }>): Child {
  return (
    <>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </>
  )
}
