/**
 * Groups of failures: the same class, exception and message, with how many, since when, and what to do about all of them.
 */
import { redactText } from '../access/redact.js'
import { currentUser, includes } from '../access/roles.js'
import { pathOf, queryOf } from '../failed-query.js'
import type { GroupSummary } from '../failed-tally.js'
import type { FailureFilter } from '../filters.js'
import { url } from '../url.js'
import { Sparkline } from './chart.js'
import { Count, HiddenHead, Link, Name, Time, type View } from './components.js'
import { plural, shown, thousands } from './text.js'

export function GroupTable({
  web,
  c,
  groups,
  outOf = 0,
  filter,
  span,
  caption,
  isSmall = false,
}: View & {
  groups: readonly GroupSummary[]
  /** How many failures there are, of which each group is a share. */
  outOf?: number | undefined
  /** Of the page: the group narrows it further. */
  filter: FailureFilter
  /** What the sparklines span, in words. */
  span: string
  caption: string
  /** Without actions, for a page that is about more. */
  isSmall?: boolean
}) {
  const mayAct = !isSmall && includes(currentUser(c).role, 'operator')
  return (
    <table class="cards pairs groups">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Failure</th>
          <th scope="col" class="end">
            Jobs
          </th>
          <th scope="col">Last</th>
          <th scope="col">{span}</th>
          {mayAct && <HiddenHead end>Actions</HiddenHead>}
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <GroupRow web={web} c={c} {...{ group, outOf, filter, span, mayAct }} />
        ))}
      </tbody>
    </table>
  )
}

function GroupRow({
  web,
  group,
  outOf,
  filter,
  span,
  mayAct,
}: View & { group: GroupSummary; outOf: number; filter: FailureFilter; span: string; mayAct: boolean }) {
  const own = narrowed(filter, group)
  const to = pathOf(own)
  const name = shown(group.class === '' ? '(empty)' : group.class, 60)
  const [queue, ...others] = group.queues
  const highest = Math.max(...group.sparkline)
  return (
    <tr>
      <th scope="row">
        <Link web={web} to={to} query={{ ...queryOf(own), view: 'list' }}>
          <Name limit={120}>{group.class}</Name>
        </Link>
        <div class="error-line">
          {group.exception !== '' && (
            <b>
              <Name limit={120}>{group.exception}</Name>
            </b>
          )}{' '}
          <span>{shown(redactText(group.message, web.settings.secrets), 160)}</span>
        </div>
        {queue !== undefined && queue.queue !== '' && (
          <div class="faint small">
            in <Name limit={60}>{queue.queue}</Name>
            {others.length > 0 && <OtherQueues names={others.map((other) => other.queue)} />}
          </div>
        )}
      </th>
      <td class="end" data-label="Jobs">
        <Count value={group.count} />
        {outOf > group.count && <div class="faint small num">{percent(group.count / outOf)}</div>}
        {group.open < group.count && (
          <div class="faint small num">
            {group.open === 0 ? 'all retried' : `${thousands(group.open)} not retried`}
          </div>
        )}
      </td>
      <td class="nowrap" data-label="Last">
        <Time web={web} inRow at={group.lastAt === 0 ? undefined : new Date(group.lastAt * 1_000)} />
        {group.firstAt !== group.lastAt && group.firstAt > 0 && (
          <div class="faint small">
            first <Time web={web} inRow at={new Date(group.firstAt * 1_000)} />
          </div>
        )}
      </td>
      <td class="trend whole" data-label={span}>
        {highest === 0 ? (
          <span class="faint">–</span>
        ) : (
          <Sparkline
            values={group.sparkline}
            label={`${name}, ${span}: ${plural(
              group.sparkline.reduce((sum, each) => sum + each, 0),
              'failure',
            )}, at most ${thousands(highest)} at a time`}
          />
        )}
      </td>
      {mayAct && (
        <td class="end actions">
          {group.open > 0 && group.exception !== '' && (
            <a
              class="button small"
              href={url(web, '/failed/retry', { ...queryOf(own), list: own.list })}
              data-confirm=""
              data-key="retry"
              aria-label={`Retry ${thousands(group.open)} ${name}`}
            >
              Retry {thousands(group.open)}
            </a>
          )}{' '}
          <a
            class="button small quiet-danger"
            href={url(web, '/failed/remove', { ...queryOf(own), list: own.list })}
            data-confirm=""
            data-key="remove"
            aria-label={`Remove ${thousands(group.count)} ${name}`}
          >
            Remove {thousands(group.count)}
          </a>
        </td>
      )}
    </tr>
  )
}

/** More than these are in the list of the group. */
const MAX_NAMES = 10

/** How many more queues a group is in; their names are at hand, and read out. */
function OtherQueues({ names }: { names: readonly string[] }) {
  const told = names.slice(0, MAX_NAMES).map((name) => (name === '' ? '(empty)' : shown(name, 60)))
  const text = `${told.join(', ')}${names.length > MAX_NAMES ? ', …' : ''}`
  return (
    <>
      {' '}
      <span title={text}>+{names.length} more</span>
      <span class="hidden">: {text}</span>
    </>
  )
}

/** The filter of a page, and of it one group. */
function narrowed(filter: FailureFilter, group: GroupSummary): FailureFilter {
  return {
    ...filter,
    ...(group.class !== '' && { class: group.class }),
    ...(group.exception !== '' && { exception: group.exception }),
    group: group.id,
  }
}

function percent(share: number): string {
  return share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`
}
