/**
 * The failed jobs: in groups, and in a list with the newest first. Everything that acts here acts on what the page is
 * narrowed to, and says how many that is.
 */
import { type Context, Hono } from 'hono'
import { showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import type { FailedRow } from '../entry-pages.js'
import type { IndexState } from '../failed-index.js'
import {
  hereOf,
  isUnfiltered,
  jobsOf,
  LOOK_MS,
  listsFor,
  pathOf,
  queryOf,
  readFilter,
  retryable,
  searched,
} from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { newId } from '../operations.js'
import { nameParam, numberParam, startParam, textParam, wordParam } from '../params.js'
import { encodeSegment, url } from '../url.js'
import { Empty, Link, Pager, type View } from '../views/components.js'
import { FilterForm, FilterParts } from '../views/failed-filter.js'
import { GroupTable } from '../views/failed-groups.js'
import { FailedTable } from '../views/failed-table.js'
import { page } from '../views/layout.js'
import { plural, thousands } from '../views/text.js'

const PAGE_SIZE = 50
/** Each is three lines: what a browser needs to lay a page out grows with them. */
const GROUPS_OF_PAGE = 30
const DAY_S = 86_400

type ViewName = 'groups' | 'list'

/** What the page was asked for. */
interface Wanted {
  filter: FailureFilter
  view: ViewName
  order: 'asc' | 'desc'
  start: number
  cursor: string
  looked: number
}

/** A page of the list. */
interface Listed {
  rows: FailedRow[]
  /** How many match; undefined as long as a search has not seen all. */
  total: number | undefined
  search?: { looked: number; total: number; next: string | undefined }
}

export function failedPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/failed', needs('viewer'), async (c) => show(web, c, await readWanted(web, c)))
  pages.get('/failed/:queue', needs('viewer'), async (c) =>
    show(web, c, await readWanted(web, c, nameParam(c, 'queue'))),
  )
  return pages
}

async function readWanted(web: WebContext, c: Context<WebEnv>, list?: string): Promise<Wanted> {
  const cursor = textParam(c, 'cursor')
  if (!/^(\d{1,6}\.\d{1,10})?$/.test(cursor)) throw new Refusal(400, 'That is no place to go on from.')
  const classic = ['start', 'no', 'order', 'class', 'group', 'text', 'cursor'].some(
    (name) => textParam(c, name) !== '',
  )
  return {
    filter: await readFilter(web, c, list),
    view: wordParam(c, 'view', ['groups', 'list'] as const, classic ? 'list' : 'groups'),
    order: wordParam(c, 'order', ['asc', 'desc'] as const, 'desc'),
    start: startParam(c),
    cursor,
    looked: numberParam(c, 'looked', 0),
  }
}

async function show(web: WebContext, c: Context<WebEnv>, wanted: Wanted): Promise<Response> {
  const { filter } = wanted
  const user = currentUser(c)
  const state = await web.failedIndex.refresh(LOOK_MS)
  // What the index does not know cannot be grouped, and a list that needs it waits for it.
  const view = state.isReady && filter.text === undefined ? wanted.view : 'list'
  const needsIndex = filter.text === undefined && !(isUnfiltered(filter) && user.seesAll)
  const isWaiting = !state.isReady && needsIndex
  const listed = view === 'list' && !isWaiting ? await list(web, c, wanted) : undefined
  const [names, { failedLists }] = await Promise.all([listsFor(web, user), web.snapshots.get(user)])
  const sizes = new Map(failedLists.map(({ name, size }) => [name, size]))
  const lists = names.map((name) => ({ name, size: sizes.get(name) ?? 0 }))
  const total = listed?.total ?? web.failedIndex.count(filter)
  // A search that has seen all says how many, as the index does for what it knows.
  const canRetry =
    listed?.search && listed.total !== undefined
      ? listed.rows.filter(
          ({ job }) => job.isReadable && (job.retriedAt === undefined) !== (filter.state === 'retried'),
        ).length
      : retryable(web.failedIndex, filter)
  return page(
    c,
    web,
    {
      ...{ title: 'Failed', tab: '/failed' },
      ...(filter.list !== undefined && { liveCount: `failed:${encodeSegment(filter.list)}` }),
      ...(!state.isReady && { refreshSeconds: 2 }),
    },
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('chart.css'))} />
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <section>
        <Head web={web} c={c} filter={filter} total={state.isReady ? total : undefined} canRetry={canRetry} />
        <FilterForm
          web={web}
          filter={filter}
          facets={web.failedIndex.facets({
            ...(filter.list !== undefined && { list: filter.list }),
            ...(filter.queues !== undefined && { queues: filter.queues }),
          })}
          lists={lists}
          view={view}
        />
        <FilterParts web={web} filter={filter} view={view} />
        <Views web={web} wanted={wanted} view={view} />
        <StateLine state={state} />
        {isWaiting ? (
          <Empty title={`Grouping … ${Math.round(state.progress * 100)} %`}>
            The failed jobs are looked through once. This page loads again by itself.
          </Empty>
        ) : listed ? (
          <List web={web} c={c} wanted={wanted} listed={listed} />
        ) : (
          <Groups web={web} c={c} wanted={wanted} />
        )}
      </section>
    </>,
  )
}

async function list(web: WebContext, c: Context<WebEnv>, wanted: Wanted): Promise<Listed> {
  const { filter, order, start } = wanted
  const user = currentUser(c)
  if (filter.text !== undefined) {
    const cursor = wanted.cursor || undefined
    const isMeant = showsTo(user, filter.text, web.settings.secrets)
    const search = () => web.entryPages.search(filter, { cursor, limit: PAGE_SIZE, isMeant })
    const { rows, looked, total, next } = await web.searches.run(user.name, search)
    const isAll = next === undefined && cursor === undefined
    return {
      rows,
      total: isAll ? rows.length : undefined,
      search: { looked: wanted.looked + looked, total, next },
    }
  }
  const isPlain = isUnfiltered(filter) && user.seesAll
  const { entryPages, failedIndex } = web
  if (isPlain) return entryPages[order === 'desc' ? 'newest' : 'oldest'](filter.list, start, PAGE_SIZE)
  if (order === 'desc') return entryPages.filtered(failedIndex, filter, start, PAGE_SIZE)
  const total = failedIndex.count(filter) ?? 0
  const end = Math.max(0, total - start)
  const first = Math.max(0, end - PAGE_SIZE)
  const { rows } = await entryPages.filtered(failedIndex, filter, first, end - first)
  return { rows: rows.reverse(), total }
}

function Head({
  web,
  c,
  filter,
  total,
  canRetry,
}: View & { filter: FailureFilter; total: number | undefined; canRetry: number | undefined }) {
  const mayAct = includes(currentUser(c).role, 'operator')
  const retriedCount = web.failedIndex.count({ ...filter, state: 'retried' })
  const query = { ...queryOf(filter), list: filter.list }
  const isAll = isUnfiltered(filter)
  const isSome = total === undefined || total > 0
  return (
    <div class="section-head">
      <h1>Failed</h1>
      {total !== undefined && <span class="faint num">{jobsOf(total, filter)}</span>}
      {mayAct && isSome && (
        <div class="row">
          {canRetry !== 0 && (
            <a class="button small" href={url(web, '/failed/retry', query)} data-confirm="" data-key="retry">
              {canRetry === undefined ? 'Retry all that match' : `Retry ${jobsOf(canRetry, filter)}`}
            </a>
          )}
          {isAll && retriedCount !== undefined && retriedCount > 0 && (
            <a
              class="button small quiet-danger"
              href={url(web, '/failed/clear_retried', { list: filter.list })}
              data-confirm=""
            >
              Clear {thousands(retriedCount)} retried
            </a>
          )}
          <a
            class="button small quiet-danger"
            href={
              isAll ? url(web, '/failed/clear', { list: filter.list }) : url(web, '/failed/remove', query)
            }
            data-confirm=""
            data-key="remove"
          >
            {isAll ? 'Clear ' : 'Remove '}
            {total !== undefined ? jobsOf(total, filter) : isAll ? 'all' : 'all that match'}
          </a>
        </div>
      )}
    </div>
  )
}

function Views({
  web,
  wanted: { filter, order },
  view,
}: {
  web: WebContext
  wanted: Wanted
  view: ViewName
}) {
  const to = pathOf(filter)
  const query = queryOf(filter)
  // A search has the newest first, and nothing to choose.
  if (filter.text !== undefined) return null
  return (
    <nav class="subtabs" aria-label="Views">
      <Link web={web} to={to} query={{ ...query, view: 'groups' }} current={view === 'groups'}>
        Groups
      </Link>
      <Link
        web={web}
        to={to}
        query={{ ...query, view: 'list' }}
        current={view === 'list' && order === 'desc'}
      >
        Newest first
      </Link>
      <Link
        web={web}
        to={to}
        query={{ ...query, view: 'list', order: 'asc' }}
        current={view === 'list' && order === 'asc'}
      >
        Oldest first
      </Link>
    </nav>
  )
}

function StateLine({ state }: { state: IndexState }) {
  if (!state.isReady)
    return (
      <p class="faint num" role="status">
        Grouping … {Math.round(state.progress * 100)} %
      </p>
    )
  if (!state.isTruncated) return null
  return (
    <p class="warning">
      Groups, filters and their numbers are of the newest {thousands(state.indexed)} of{' '}
      {thousands(state.total)} failed jobs. What acts on a filter acts on all.
    </p>
  )
}

function Groups({ web, c, wanted: { filter, start } }: View & { wanted: Wanted }) {
  const to = filter.to ?? Math.floor(web.now().getTime() / 1_000)
  const from = filter.from ?? to - DAY_S
  const limit = start + GROUPS_OF_PAGE
  const { groups, total } = web.failedIndex.groups(filter, { from, to: to + 1, limit })
  if (total === 0) return <NothingFailed filter={filter} />
  if (start >= total) return <Empty title="Nothing is here any more">There are fewer groups than that.</Empty>
  return (
    <>
      <GroupTable
        web={web}
        c={c}
        groups={groups.slice(start)}
        outOf={web.failedIndex.count(filter)}
        filter={filter}
        span={filter.from === undefined ? '24 hours' : 'Then'}
        caption="Groups of failed jobs"
      />
      <Pager
        web={web}
        path={pathOf(filter)}
        query={{ ...queryOf(filter), view: 'groups' }}
        start={start}
        size={GROUPS_OF_PAGE}
        total={total}
        what="group"
      />
    </>
  )
}

function List({ web, c, wanted, listed }: View & { wanted: Wanted; listed: Listed }) {
  const { filter, start, order } = wanted
  const { rows, total, search } = listed
  const query = { ...queryOf(filter), view: 'list', order: order === 'asc' ? 'asc' : undefined }
  return (
    <>
      {search && (
        <p class="row num" role="status">
          <span>
            {plural(rows.length, 'job')} here, {searched(search.looked, search.total)}
          </span>
          {search.next !== undefined && (
            <Link
              web={web}
              to={pathOf(filter)}
              query={{ ...query, cursor: search.next, looked: search.looked }}
              class="button small"
            >
              Continue
            </Link>
          )}
        </p>
      )}
      {rows.length > 0 ? (
        <FailedTable web={web} c={c} rows={rows} back={hereOf(web, c)} operation={newId()} />
      ) : search?.next !== undefined ? (
        <Empty title="Nothing so far">Continue to look at older ones.</Empty>
      ) : start > 0 && (total ?? 0) > 0 ? (
        <Empty title="Nothing is here any more">The list is shorter than that.</Empty>
      ) : (
        <NothingFailed filter={filter} />
      )}
      {total !== undefined && !search && (
        <Pager
          web={web}
          path={pathOf(filter)}
          query={query}
          start={start}
          size={PAGE_SIZE}
          total={total}
          what="job"
        />
      )}
    </>
  )
}

function NothingFailed({ filter }: { filter: FailureFilter }) {
  return isUnfiltered(filter) ? (
    <Empty title="No failed jobs">Jobs that fail are kept here, until they are retried or removed.</Empty>
  ) : (
    <Empty title="No failed job matches">Take a filter away to see more.</Empty>
  )
}
