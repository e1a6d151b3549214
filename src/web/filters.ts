/**
 * Which entries are meant: filters of failed lists and of queues, in a URL and as a predicate.
 *
 * A filter that cannot be read is an error and never a wider filter: what acts on all that match would hit what was
 * not meant.
 */
import { ConfigError } from '../errors.js'
import { parseJob } from '../job.js'
import { parseJson } from '../json.js'
import type { FailedJob } from '../store/records.js'
import { failedAtSeconds, groupOf } from './failed-groups.js'

/** What is left out does not restrict. */
export interface FailureFilter {
  /** A failed list, such as `mail_failed`. */
  list?: string
  /** The queue the job came from. */
  queue?: string
  class?: string
  exception?: string
  /** Id of a group: class, exception and masked message. */
  group?: string
  /** Unix seconds, inclusive. A failure that tells no time is in no range. */
  from?: number
  to?: number
  /** `open`: not put back yet. */
  state?: 'open' | 'retried'
  /** A string that stands in the entry, as it is. */
  text?: string
  /** Only jobs of these queues: what a user may see. Not a matter of choice, so no page reads it from its own query. */
  queues?: readonly string[]
}

/** Which waiting jobs are meant. */
export interface PendingFilter {
  class?: string
  text?: string
}

const TEXTS = ['list', 'queue', 'class', 'exception', 'group', 'text'] as const
const TIMES = ['from', 'to'] as const

/**
 * Reads a filter from a query. An empty value does not restrict. Times are ISO 8601 (UTC where no zone is said) or unix
 * seconds. Throws ConfigError, naming the value, where one cannot be read.
 */
export function parseFailureFilter(query: URLSearchParams): FailureFilter {
  const filter: FailureFilter = {}
  for (const key of TEXTS) {
    const value = query.get(key)
    if (value) filter[key] = value
  }
  if (filter.group !== undefined && !/^[0-9a-f]{12}$/.test(filter.group))
    throw unreadable('group', filter.group)
  for (const key of TIMES) {
    const value = query.get(key)
    if (value) filter[key] = readTime(key, value)
  }
  const state = query.get('state')
  if (state === 'open' || state === 'retried') filter.state = state
  else if (state && state !== 'all') throw unreadable('state', state)
  const queues = query.get('queues')
  if (queues !== null) {
    const names = parseJson(queues)
    if (!Array.isArray(names)) throw unreadable('queues', queues)
    filter.queues = names.map(String)
  }
  return filter
}

/** The query of a filter; `parseFailureFilter` gives the same filter back. */
export function formatFailureFilter(filter: FailureFilter): URLSearchParams {
  const query = new URLSearchParams()
  for (const key of [...TEXTS, ...TIMES, 'state'] as const) {
    const value = filter[key]
    if (value !== undefined) query.set(key, String(value))
  }
  if (filter.queues !== undefined) query.set('queues', JSON.stringify(filter.queues))
  return query
}

/** True when every failed job is meant. */
export function isEverything(filter: FailureFilter | PendingFilter): boolean {
  return Object.values(filter).every((value) => value === undefined)
}

export function matchesFailure(filter: FailureFilter, job: FailedJob): boolean {
  if (filter.list !== undefined && job.list !== filter.list) return false
  if (filter.queue !== undefined && job.queue !== filter.queue) return false
  if (filter.queues !== undefined && !filter.queues.includes(job.queue)) return false
  if (filter.class !== undefined && job.class !== filter.class) return false
  if (filter.exception !== undefined && job.exception !== filter.exception) return false
  if (filter.state !== undefined && (job.retriedAt === undefined) !== (filter.state === 'open')) return false
  if (filter.from !== undefined || filter.to !== undefined) {
    const at = failedAtSeconds(job.failedAt)
    if (at === 0 || at < (filter.from ?? 0) || at > (filter.to ?? Number.POSITIVE_INFINITY)) return false
  }
  if (filter.text !== undefined && !job.text.includes(filter.text)) return false
  return filter.group === undefined || groupOf(job).id === filter.group
}

export function parsePendingFilter(query: URLSearchParams): PendingFilter {
  const filter: PendingFilter = {}
  for (const key of ['class', 'text'] as const) {
    const value = query.get(key)
    if (value) filter[key] = value
  }
  return filter
}

export function formatPendingFilter(filter: PendingFilter): URLSearchParams {
  const query = new URLSearchParams()
  for (const key of ['class', 'text'] as const) {
    if (filter[key] !== undefined) query.set(key, filter[key])
  }
  return query
}

export function matchesPending(filter: PendingFilter, text: string): boolean {
  if (filter.text !== undefined && !text.includes(filter.text)) return false
  if (filter.class === undefined) return true
  const job = parseJob(text)
  return !(job instanceof Error) && job.class === filter.class
}

/** A filter for the audit log: a search text may be an argument, so only its length stands there. */
export function auditableFilter(filter: FailureFilter | PendingFilter): string {
  const query = formatFailureFilter(filter)
  if (filter.text !== undefined) query.set('text', `(${filter.text.length} characters)`)
  return query.toString()
}

function readTime(key: string, value: string): number {
  if (/^\d{1,12}$/.test(value)) return Number(value)
  const match = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(value)
  const isComplete = match?.[1] !== undefined || !value.includes('T')
  const milliseconds = match ? Date.parse(isComplete ? value : `${value}Z`) : Number.NaN
  if (Number.isNaN(milliseconds)) throw unreadable(key, value)
  return Math.floor(milliseconds / 1000)
}

function unreadable(key: string, value: string): ConfigError {
  return new ConfigError(`The filter's ${key} cannot be read: ${JSON.stringify(value.slice(0, 100))}.`, {
    hint: 'Nothing was done. Times are like 2026-11-24T02:14, groups are twelve hex digits, a state is open, retried or all.',
  })
}
