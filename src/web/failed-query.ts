/**
 * Which failed jobs a page is about: read from its address or its form, kept to what the user may see, and said in words.
 */
import type { Context } from 'hono'
import { ArgumentsError, ConfigError } from '../errors.js'
import type { FailedJob } from '../store/records.js'
import { Refusal } from './access/refusal.js'
import { currentUser, type WebUser } from './access/roles.js'
import type { WebContext, WebEnv } from './context.js'
import { NOT_A_RECORD } from './failed-groups.js'
import type { FailedIndex } from './failed-index.js'
import {
  auditableFilter,
  type FailureFilter,
  formatFailureFilter,
  isEverything,
  type PendingFilter,
  parseFailureFilter,
} from './filters.js'
import { textParam } from './params.js'
import { path, type Query } from './url.js'
import { exact, plural, shown, thousands } from './views/text.js'

const KEYS = ['list', 'queue', 'class', 'exception', 'group', 'from', 'to', 'state', 'text'] as const

/** The failed lists that a user may know of. */
export async function listsFor(web: WebContext, user: WebUser): Promise<string[]> {
  const lists = await web.resque.failed.lists()
  return lists.filter((name) => name === 'failed' || user.sees(name.replace(/_failed$/, ''))).sort()
}

/** The filter in the address; that of the path, where there is one, names the list. */
export async function readFilter(web: WebContext, c: Context<WebEnv>, list?: string): Promise<FailureFilter> {
  const query = new URLSearchParams()
  for (const key of KEYS) query.set(key, textParam(c, key))
  if (list !== undefined) query.set('list', list)
  return checked(web, c, query)
}

/** What a form that acts on a filter says. A form that says nothing means nothing, and never everything. */
export async function readWhich(web: WebContext, c: Context<WebEnv>): Promise<FailureFilter> {
  const which = c.get('body').get('which')
  if (which === '')
    throw new Refusal(400, 'This form does not say which jobs are meant, so nothing was done.')
  return checked(web, c, new URLSearchParams(which === EVERYTHING ? '' : which))
}

const EVERYTHING = 'everything'

/** A filter for a form, as `readWhich` reads it. */
export function whichOf(filter: FailureFilter): string {
  return formatFailureFilter(shownPart(filter)).toString() || EVERYTHING
}

/** A filter from a query, checked, and kept to what the user may see. */
export async function checked(
  web: WebContext,
  c: Context<WebEnv>,
  query: URLSearchParams,
): Promise<FailureFilter> {
  const user = currentUser(c)
  query.delete('queues')
  const filter = asRefusal(() => parseFailureFilter(query))
  const lists = await listsFor(web, user)
  if (filter.list !== undefined && !lists.includes(filter.list))
    throw new Refusal(404, 'There is no such list of failed jobs.')
  return withSight(web, user, filter)
}

/**
 * For a user who does not see all queues, those that he sees: so every count, list and action keeps to them. Queues that
 * nothing failed in are not among them; a failure in one of these that comes later is not his to act on yet.
 */
async function withSight(web: WebContext, user: WebUser, filter: FailureFilter): Promise<FailureFilter> {
  if (user.seesAll) return filter
  await web.failedIndex.refresh(LOOK_MS)
  const queues = web.failedIndex.facets({}, Number.POSITIVE_INFINITY).queue.map(({ value }) => value)
  return { ...filter, queues: queues.filter((queue) => queue !== '' && user.sees(queue)) }
}

/** How long a page waits for the index. */
export const LOOK_MS = 200

/** Errors of services that a person made, as a page. */
function asRefusal<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw refusalOf(error)
  }
}

export function refusalOf(error: unknown): unknown {
  if (!(error instanceof ConfigError) && !(error instanceof ArgumentsError)) return error
  return new Refusal(400, error.message)
}

/** Without what the user did not choose. */
function shownPart({ queues: _, ...filter }: FailureFilter): FailureFilter {
  return filter
}

/** Whether everything is meant that this user may see, apart from the choice of a list. */
export function isUnfiltered({ list: _, ...filter }: FailureFilter): boolean {
  return isEverything(shownPart(filter))
}

export function pathOf(filter: FailureFilter): string {
  return filter.list === undefined ? '/failed' : path`/failed/${filter.list}`
}

/** The rest of a filter, behind its path. */
export function queryOf({ list: _, ...filter }: FailureFilter): Query {
  return shownPart(filter) as Query
}

/** `47 CsvExport jobs`, `1 failed job`. */
export function jobsOf(count: number, filter: FailureFilter): string {
  if (filter.class === NOT_A_RECORD) return `${thousands(count)} broken ${count === 1 ? 'entry' : 'entries'}`
  return plural(count, filter.class === undefined ? 'failed job' : `${shown(filter.class, 60)} job`)
}

/** How many of what matches can be retried: not those that were, unless the filter is about them, and no broken entry. */
export function retryable(index: FailedIndex, filter: FailureFilter): number | undefined {
  const open = index.count(filter.state === undefined ? { ...filter, state: 'open' } : filter)
  if (open === undefined || filter.class !== undefined) return filter.class === NOT_A_RECORD ? 0 : open
  return open - (index.count({ ...filter, class: NOT_A_RECORD }) ?? 0)
}

/** Each part of a filter in words, with the filter without it. */
export function partsOf(filter: FailureFilter): { name: string; value: string; without: FailureFilter }[] {
  const time = (seconds: number) => exact(new Date(seconds * 1_000))
  return KEYS.flatMap((key) => {
    const value = filter[key]
    if (value === undefined) return []
    const without = { ...filter }
    delete without[key]
    const text =
      typeof value === 'number'
        ? time(value)
        : key === 'state' && value === 'open'
          ? 'not retried yet'
          : value
    return [{ name: names[key], value: text, without }]
  })
}

const names: Record<(typeof KEYS)[number], string> = {
  list: 'list',
  queue: 'queue',
  class: 'class',
  exception: 'exception',
  group: 'group',
  from: 'from',
  to: 'until',
  state: 'state',
  text: 'text',
}

/** Which of these jobs the user may see. */
export function mayShow(user: WebUser, job: Pick<FailedJob, 'queue'>): boolean {
  return user.seesAll || (job.queue !== '' && user.sees(job.queue))
}

/** The failed job that the path names. */
export async function failedJobOf(web: WebContext, c: Context<WebEnv>, ref: string): Promise<FailedJob> {
  const user = currentUser(c)
  const list = ref.slice(ref.indexOf('@') + 1)
  const lists = await listsFor(web, user)
  const job = lists.includes(list) ? await web.entryPages.failed(ref) : undefined
  if (job && mayShow(user, job)) return job
  throw new Refusal(404, 'This failed job is here no more.', {
    hint: 'It was removed, or put back since: then it stands in the list under a new address.',
  })
}

/** A page of ours to go back to, from a form: of the failed jobs or the queues, and nothing else. */
export function backFrom(c: Context<WebEnv>, fallback: string): string {
  const back = c.get('body').get('back')
  return /^\/(failed|queues|operations)(?![\w.-])[\w/?&=%.~+@-]*$/.test(back) &&
    back.length < 4_000 &&
    !back.includes('//')
    ? back
    : fallback
}

/** Refs for the fields of a form, in letters that no browser changes on their way; and back. */
export function refField(ref: string): string {
  return encodeURIComponent(ref.toWellFormed())
}

export function refsIn(c: Context<WebEnv>): string[] {
  try {
    return [...new Set(c.get('body').all('ref').map(decodeURIComponent))]
  } catch {
    throw new Refusal(400, 'A selected job has an address that cannot be read, so nothing was done.')
  }
}

/** The path of this page, as `backFrom` takes it. */
export function hereOf(web: WebContext, c: Context<WebEnv>): string {
  const { pathname, search } = new URL(c.req.url)
  const { basePath } = web.settings
  return `${pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : pathname}${search}`
}

/** `searched 10,000 of 100,000`. */
export function searched(looked: number, total: number): string {
  return `searched ${thousands(Math.min(looked, total))} of ${thousands(total)}`
}

/** A filter for the audit, without a search text. */
export function auditedFilter(filter: FailureFilter | PendingFilter): { filter?: string } {
  const text = auditableFilter(shownPart(filter))
  return text === '' ? {} : { filter: text }
}
