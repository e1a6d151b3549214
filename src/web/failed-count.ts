/**
 * How many failed jobs a filter means, and a sample of them: what is asked about before something is done to them.
 */
import type { Context } from 'hono'
import { currentUser } from './access/roles.js'
import type { WebContext, WebEnv } from './context.js'
import type { Count, FailedRow } from './entry-pages.js'
import { NOT_A_RECORD } from './failed-groups.js'
import type { FailureFilter } from './filters.js'

/** Of what matches: those that were not retried yet, and those that are no record. */
export interface Meant {
  count: Count
  open: number
  broken: number
}

export async function sizeOf(web: WebContext, filter: FailureFilter): Promise<number> {
  const { total } = await web.entryPages.newest(filter.list, 0, 0)
  return filter.queues === undefined ? total : (web.failedIndex.count(filter) ?? total)
}

/** `standing`: how many stand in the lists. Who does not see all queues is told of those that he sees. */
export function allOf(web: WebContext, filter: FailureFilter, standing: number): Meant {
  const count = filter.queues === undefined ? standing : (web.failedIndex.count(filter) ?? standing)
  return { count: { count, looked: count, total: count, isExact: true }, open: count, broken: 0 }
}

export async function countsOf(web: WebContext, c: Context<WebEnv>, filter: FailureFilter): Promise<Meant> {
  const { failedIndex, entryPages } = web
  const state = failedIndex.state
  if (filter.text === undefined && state.isReady && !state.isTruncated) {
    const count = failedIndex.count(filter) ?? 0
    const open = filter.state === undefined ? (failedIndex.count({ ...filter, state: 'open' }) ?? 0) : count
    const broken =
      filter.class === undefined
        ? (failedIndex.count({ ...filter, class: NOT_A_RECORD }) ?? 0)
        : filter.class === NOT_A_RECORD
          ? count
          : 0
    return { count: { count, looked: count, total: count, isExact: true }, open, broken }
  }
  const look = (of: FailureFilter) => web.searches.run(currentUser(c).name, () => entryPages.count(of))
  const count = await look(filter)
  if (filter.state !== undefined) return { count, open: count.count, broken: 0 }
  const open = (await look({ ...filter, state: 'open' })).count
  return { count, open, broken: 0 }
}

/** The newest of those that match. */
export async function sampleOf(web: WebContext, filter: FailureFilter, limit: number): Promise<FailedRow[]> {
  if (filter.text !== undefined)
    return (await web.entryPages.search(filter, { limit, looks: 2_000, timeMs: 100 })).rows
  if (!web.failedIndex.state.isReady) return []
  return (await web.entryPages.filtered(web.failedIndex, filter, 0, limit)).rows
}
