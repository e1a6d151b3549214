/**
 * What Redis tells of one job, by the id in its payload or by the ref of one of its entries: where it waits, runs, failed.
 * Resque keeps no record of what ended well, so a trace has gaps; they stay gaps.
 */
import { isJsonObject, parseJson } from '../json.js'
import type { DelayedJob } from '../store/delayed.js'
import { delayedRefs } from '../store/delayed-glance.js'
import type { FailedJob } from '../store/records.js'
import type { WebUser } from './access/user.js'
import type { WebContext } from './context.js'
import type { PendingRow } from './entry-pages.js'
import { listsFor, mayShow } from './failed-query.js'
import type { WorkerLine } from './snapshot.js'

export type Trace =
  | { kind: 'waiting'; queue: string; job: PendingRow }
  | { kind: 'delayed'; job: DelayedJob }
  | { kind: 'running'; worker: WorkerLine }
  | { kind: 'failed'; job: FailedJob }

export interface Found {
  /** '' where the payload carries none. */
  id: string
  traces: Trace[]
  /** What the payload says of when it was enqueued, unread. */
  enqueuedAt: string | undefined
  /** How much of each place was looked at. */
  looked: { what: string; looked: number; isAll: boolean }[]
}

/** How many entries of one place are looked at. */
const LOOKS = 10_000
const TIME_MS = 250
/** How many queues are searched. */
const MAX_QUEUES = 200
const LIMIT = 20
/** Of all queues together. */
const MOST = 100

/** The id that a payload carries: our own, Sidekiq's word for it, or ActiveJob's in its envelope. */
function jobIdOf(payload: unknown): string {
  if (!isJsonObject(payload)) return ''
  const [first] = Array.isArray(payload.args) ? payload.args : []
  const ids = [payload.id, payload.jid, payload.job_id, isJsonObject(first) ? first.job_id : undefined]
  const id = ids.find((each) => typeof each === 'string' && each !== '')
  return typeof id === 'string' ? id : ''
}

function enqueuedAtOf(payload: unknown): string | undefined {
  if (!isJsonObject(payload)) return undefined
  const [first] = Array.isArray(payload.args) ? payload.args : []
  const at =
    payload.enqueued_at ?? payload.queue_time ?? (isJsonObject(first) ? first.enqueued_at : undefined)
  if (typeof at === 'number') return new Date(at > 1e11 ? at : at * 1_000).toISOString()
  return typeof at === 'string' ? at : undefined
}

/** Undefined where a ref names nothing that is there, or not for this user. */
export async function findJob(web: WebContext, user: WebUser, name: string): Promise<Found | undefined> {
  const isRef = /^\d+\.[0-9a-f]{16}@./s.test(name)
  const own = isRef ? await byRef(web, user, name) : undefined
  if (isRef && !own) return undefined
  const id = isRef ? jobIdOf(payloadOf(own as Trace)) : name
  if (id === '') {
    const traces = [own as Trace]
    return { id, traces, enqueuedAt: enqueuedAtOf(payloadOf(own as Trace)), looked: [] }
  }
  const { traces, looked } = await byId(web, user, id)
  if (own && !traces.some((each) => refOf(each) === refOf(own))) traces.push(own)
  const enqueuedAt = traces.map((each) => enqueuedAtOf(payloadOf(each))).find((at) => at !== undefined)
  return { id, traces, enqueuedAt, looked }
}

async function byRef(web: WebContext, user: WebUser, ref: string): Promise<Trace | undefined> {
  const list = ref.slice(ref.indexOf('@') + 1)
  if ((await listsFor(web, user)).includes(list)) {
    const job = await web.entryPages.failed(ref)
    if (job && mayShow(user, job)) return { kind: 'failed', job }
  }
  const { queues } = await web.snapshots.get(user)
  if (queues.some(({ name }) => name === list)) {
    const job = await web.entryPages.pendingJob(ref)
    if (job) return { kind: 'waiting', queue: list, job }
  }
  const time = /^\d{1,13}$/.test(list) ? Number(list) : undefined
  const refs = time === undefined ? undefined : delayedRefs(time, [ref])
  if (time === undefined || !refs) return undefined
  const [job] = await web.store.delayedGlances.find(time, refs)
  return job && (user.seesAll || user.sees(job.queue)) ? { kind: 'delayed', job } : undefined
}

async function byId(
  web: WebContext,
  user: WebUser,
  id: string,
): Promise<{ traces: Trace[]; looked: Found['looked'] }> {
  // In JSON it stands as its own JSON does; what is found so is looked at closely.
  const text = JSON.stringify(id).slice(1, -1)
  const isIt = (entry: string) => jobIdOf(parseJson(entry)) === id
  const traces: Trace[] = []
  const looked: Found['looked'] = []
  const snapshot = await web.snapshots.get(user)
  for (const worker of snapshot.workers)
    if (worker.job?.args !== undefined && jobIdOf({ args: worker.job.args }) === id)
      traces.push({ kind: 'running', worker })
  looked.push({ what: 'workers', looked: snapshot.working, isAll: true })

  const queues = snapshot.queues.slice(0, MAX_QUEUES).filter(({ size }) => size > 0)
  const waiting = await web.entryPages.searchPending(
    queues.map(({ name }) => name),
    { text },
    { limit: MOST, looks: LOOKS, timeMs: TIME_MS },
  )
  for (const job of waiting.rows)
    if (isIt(job.text)) traces.push({ kind: 'waiting', queue: job.ref.slice(job.ref.indexOf('@') + 1), job })
  const isAll = waiting.next === undefined && snapshot.queues.length <= MAX_QUEUES
  looked.push({ what: 'waiting jobs', looked: waiting.looked, isAll })

  const delayed = await web.store.delayed.search(
    { text, isMeant: (job) => (user.seesAll || user.sees(job.queue)) && isIt(job.text) },
    { limit: LIMIT, looks: LOOKS },
  )
  for (const job of delayed.jobs) traces.push({ kind: 'delayed', job })
  looked.push({ what: 'delayed jobs', looked: delayed.looked, isAll: delayed.next === undefined })

  const lists = await listsFor(web, user)
  let failedSeen = 0
  let isFailedAll = true
  for (const list of lists) {
    const limits = { limit: LIMIT, looks: LOOKS - failedSeen, timeMs: TIME_MS }
    const found = await web.entryPages.search({ list, text }, limits)
    failedSeen += found.looked
    isFailedAll = isFailedAll && found.next === undefined
    for (const { job } of found.rows) {
      if (mayShow(user, job) && jobIdOf(parseJson(job.payload.toString())) === id)
        traces.push({ kind: 'failed', job })
    }
  }
  looked.push({ what: 'failed jobs', looked: failedSeen, isAll: isFailedAll })
  return { traces, looked }
}

function payloadOf(trace: Trace): unknown {
  switch (trace.kind) {
    case 'waiting':
    case 'delayed':
      return parseJson(trace.job.text)
    case 'running':
      return { args: trace.worker.job?.args }
    case 'failed':
      return parseJson(trace.job.payload.toString())
  }
}

function refOf(trace: Trace): string {
  return trace.kind === 'running' ? trace.worker.id : trace.job.ref
}
