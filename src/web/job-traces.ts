/**
 * What Redis tells of one job, by the id in its payload or by the ref of one of its entries: where it waits, runs, failed.
 * Resque keeps no record of what ended well, so a trace has gaps; they stay gaps.
 */
import { isJsonObject, memberText, parseJson } from '../json.js'
import type { DelayedJob } from '../store/delayed.js'
import { delayedRefs } from '../store/delayed-glance.js'
import type { FailedJob } from '../store/records.js'
import { secretsFrom } from './access/redact.js'
import { Refusal } from './access/refusal.js'
import { maySee, type WebUser } from './access/user.js'
import type { WebContext } from './context.js'
import type { PendingRow } from './entry-pages.js'
import { listsFor, mayShow } from './failed-query.js'
import { enqueuedAtOf, jobIdOf } from './job-facts.js'
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
  /** What the payload says of when it was enqueued. */
  enqueuedAt: Date | undefined
  /** How many workers of this package died of it, as it waits or runs; 0 also where it has no id. */
  deaths: number
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
/** An id stands behind the arguments: of so many long records of workers, and so long ones, all is read. */
const MAX_LONG = 20
const MAX_LONG_BYTES = 262_144
/** Longer ids are none. */
export const MAX_ID = 256

/** Refuses a name that can be none, and a ref of what is not there, or not for this user. */
export async function findJob(web: WebContext, user: WebUser, name: string): Promise<Found> {
  if (name === '' || name.length > MAX_ID) throw new Refusal(404, 'That is no id of a job.')
  const isRef = /^\d+\.[0-9a-f]{16}@./s.test(name)
  const own = isRef ? await byRef(web, user, name) : undefined
  if (isRef && !own) {
    throw new Refusal(404, 'This entry is here no more.', {
      hint: 'It was taken, put back or removed since; what ended well leaves no trace.',
    })
  }
  const id = own ? jobIdOf(payloadOf(own)) : name
  const { traces, looked } = id === '' ? { traces: [], looked: [] } : await byId(web, user, id)
  if (own && !traces.some((each) => refOf(each) === refOf(own))) traces.push(own)
  const enqueuedAt = traces.map((each) => enqueuedAtOf(payloadOf(each))).find((at) => at !== undefined)
  // Without an id they may be those of an equal job.
  const deaths = id === '' ? 0 : await deathsOf(web, traces)
  return { id, traces, enqueuedAt, deaths, looked }
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
  return job && maySee(user, job) ? { kind: 'delayed', job } : undefined
}

async function byId(
  web: WebContext,
  user: WebUser,
  id: string,
): Promise<{ traces: Trace[]; looked: Found['looked'] }> {
  // In JSON it stands as its own JSON does; what is found so is looked at closely.
  const text = JSON.stringify(id).slice(1, -1)
  const isIt = (entry: string) => jobIdOf(parseJson(entry)) === id
  // How far a search came must not tell whoever may not search what is hidden that it stands there.
  const isGuarded = secretsFrom(user, web.settings.secrets).length > 0
  const limits = (limit: number, looks: number, isMeant: (entry: string) => boolean) =>
    isGuarded ? { limit, isMeant } : { limit, looks, timeMs: TIME_MS }
  const traces: Trace[] = []
  const looked: Found['looked'] = []
  const snapshot = await web.snapshots.get(user)
  const running = await runningWith(web, snapshot.workers, id)
  traces.push(...running.traces)
  const { missed } = running
  looked.push({ what: 'workers', looked: snapshot.working - missed, isAll: missed === 0 })

  const queues = snapshot.queues.slice(0, MAX_QUEUES).filter(({ size }) => size > 0)
  const waiting = await web.entryPages.searchPending(
    queues.map(({ name }) => name),
    { text },
    limits(MOST, LOOKS, isIt),
  )
  for (const job of waiting.rows)
    if (isIt(job.text)) traces.push({ kind: 'waiting', queue: job.ref.slice(job.ref.indexOf('@') + 1), job })
  const isAll = waiting.next === undefined && snapshot.queues.length <= MAX_QUEUES
  looked.push({ what: 'waiting jobs', looked: waiting.looked, isAll })

  const delayed = await web.store.delayed.search(
    { text, isMeant: (job) => maySee(user, job) && isIt(job.text) },
    { limit: LIMIT, looks: LOOKS },
  )
  for (const job of delayed.jobs) traces.push({ kind: 'delayed', job })
  looked.push({ what: 'delayed jobs', looked: delayed.looked, isAll: delayed.next === undefined })

  const lists = await listsFor(web, user)
  let failedSeen = 0
  let isFailedAll = true
  for (const list of lists) {
    const isMeant = (entry: string) => isIt(memberText(entry, 'payload') ?? '')
    const found = await web.entryPages.search({ list, text }, limits(LIMIT, LOOKS - failedSeen, isMeant))
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

async function runningWith(web: WebContext, workers: readonly WorkerLine[], id: string) {
  const busy = workers.filter(({ job }) => job?.payload !== undefined)
  const traces = busy.filter(({ job }) => job?.isWhole && jobIdOf(job.payload) === id).map(asRunning)
  const long = busy.filter(({ job }) => !job?.isWhole)
  const read = long.filter(({ job }) => job && job.bytes <= MAX_LONG_BYTES).slice(0, MAX_LONG)
  const records = await web.store.workers.jobs(read.map(({ id }) => id))
  for (const [i, worker] of read.entries()) {
    const record = records[i]
    const payload = isSame(record, worker) ? parseJson(String(record?.payload)) : undefined
    if (worker.job && isJsonObject(payload) && jobIdOf(payload) === id)
      traces.push(asRunning({ ...worker, job: { ...worker.job, payload, isWhole: true } }))
  }
  return { traces, missed: long.length - read.length }
}

/** It may work on another job by now, of a queue that is not this user's to see. */
function isSame(
  record: { queue: string; runAt: string } | undefined,
  worker: WorkerLine | undefined,
): boolean {
  return record?.queue === worker?.job?.queue && record?.runAt === worker?.job?.runAt
}

function asRunning(worker: WorkerLine): Trace {
  return { kind: 'running', worker }
}

/** They are counted of what waits or runs alone, by its queue and its payload. */
async function deathsOf(web: WebContext, traces: readonly Trace[]): Promise<number> {
  const running = traces.flatMap((trace) => (trace.kind === 'running' ? [trace.worker] : []))
  const read = await web.store.workers.jobs(running.map(({ id }) => id))
  const records = read.filter((record, i) => isSame(record, running[i]))
  const waiting = traces.flatMap((trace) =>
    trace.kind === 'waiting' ? [{ queue: trace.queue, payload: trace.job.text }] : [],
  )
  return Math.max(0, ...(await web.store.slots.deaths([...records, ...waiting])))
}

export function payloadOf(trace: Trace): unknown {
  switch (trace.kind) {
    case 'waiting':
    case 'delayed':
      return parseJson(trace.job.text)
    case 'running':
      return trace.worker.job?.payload
    case 'failed':
      return parseJson(trace.job.payload.toString())
  }
}

function refOf(trace: Trace): string {
  return trace.kind === 'running' ? trace.worker.id : trace.job.ref
}
