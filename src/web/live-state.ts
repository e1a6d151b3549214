/**
 * What a live page shows, as values by key: the keys are those of the elements that show them (`data-live`).
 */
import type { JobGlance } from '../store/glance.js'
import { processesOf, stateOf, vitalsOf } from './processes.js'
import { oldestOf, type QueueFigures, shownRates, takenBy } from './queue-figures.js'
import type { Snapshot, WorkerLine } from './snapshot.js'
import { encodeSegment } from './url.js'
import { bytes, loopDelay, rate, shown } from './views/text.js'

export const topics = ['counts', 'queues', 'workers'] as const

export type Topic = (typeof topics)[number]

/** A number, a word, a moment; null where it is gone. */
type Values = Record<string, string | number | null>

export type LiveState = Record<Topic, Values>

/** More than a page shows, and not more than a stream should carry. */
const MAX_ROWS = 1_000

/** `figures`: of all queues; undefined where nobody looks. */
export function liveState(
  snapshot: Snapshot,
  figures: ReadonlyMap<string, QueueFigures> | undefined,
): LiveState {
  const { pending, working, failed, processed } = snapshot
  const counts: Values = {
    'count:pending': pending,
    'count:working': working,
    'count:failed': failed,
    'count:processed': processed,
  }
  const queues: Values = Object.create(null)
  for (const queue of snapshot.queues.slice(0, MAX_ROWS)) {
    const key = encodeSegment(queue.name)
    queues[`queue:${key}`] = queue.size
    const oldest = oldestOf(queue, figures)
    if (oldest !== undefined) queues[`oldest:${key}`] = oldest
    queues[`taken:${key}`] = takenBy(queue)
    const rates = shownRates(queue, figures)
    if (rates.in !== null) queues[`in:${key}`] = rate(rates.in)
    if (rates.out !== null) queues[`out:${key}`] = rate(rates.out)
  }
  for (const { name, size } of snapshot.failedLists.slice(0, MAX_ROWS)) {
    queues[`failed:${encodeSegment(name)}`] = size
  }
  return { counts, queues, workers: workerValues(snapshot) }
}

function workerValues(snapshot: Snapshot): Values {
  const values: Values = Object.create(null)
  const workers = snapshot.workers.slice(0, MAX_ROWS)
  for (const { id, state, heartbeat, job } of workers) {
    const name = encodeSegment(id)
    values[`worker:${name}`] = state
    if (heartbeat !== undefined) values[`beat:${name}`] = momentOf(heartbeat)
    if (job) values[`job:${name}`] = momentOf(job.runAt)
  }
  for (const { id, slots } of processesOf(workers)) {
    const name = encodeSegment(id)
    const [first] = slots
    // Its first slot may be gone by now, and it is listed under that still.
    if (first?.heartbeat !== undefined) values[`beat:${name}`] = momentOf(first.heartbeat)
    const vitals = vitalsOf(slots)
    if (vitals) {
      values[`memory:${name}`] = bytes(vitals.rssBytes)
      values[`delay:${name}`] = loopDelay(vitals.lagMs)
    }
    values[`doing:${name}`] = doing(slots)
    values[`process:${name}`] = stateOf(slots)
    values[`slots:${name}`] = `${slots.filter(({ job }) => job !== undefined).length} / ${slots.length}`
  }
  return values
}

/** More of its jobs are on its own page. */
export const JOBS_OF_PROCESS = 3

/** What the slots of a process work on, and in a second line since when: two jobs of a class are not the same. */
export function doing(slots: readonly WorkerLine[]): string {
  const jobs = slots.flatMap(({ job }) => job ?? [])
  if (jobs.length === 0) return '–'
  const first = jobs.slice(0, JOBS_OF_PROCESS)
  const more = jobs.length > first.length ? ` and ${jobs.length - first.length} more` : ''
  return `${first.map(className).join(', ')}${more}\n${first.map(({ runAt }) => momentOf(runAt)).join()}`
}

/** The class of a job that runs, or what stands instead. */
export function className(job: JobGlance): string {
  return shown(job.class, 256) || (job.broken === undefined ? '(hidden)' : '(not a job)')
}

/** A moment as its element carries it: cut, and without what cannot be seen. */
export function momentOf(text: string): string {
  return shown(text, 64)
}

/** What is other than it was: its value, or null where it is gone. */
export function changesBetween(before: LiveState, now: LiveState): LiveState {
  const changes: LiveState = { counts: {}, queues: {}, workers: {} }
  for (const topic of topics) {
    const [old, current, changed] = [before[topic], now[topic], changes[topic]]
    for (const key in current) if (current[key] !== old[key]) changed[key] = current[key] as string | number
    for (const key in old) if (!(key in current)) changed[key] = null
  }
  return changes
}

/** Whether nothing happens: heartbeats, ages, memory, loop delays and means of another minute are no event. */
export function isQuiet(changes: LiveState): boolean {
  return topics.every((topic) =>
    Object.keys(changes[topic]).every((key) => /^(beat|in|out|oldest|memory|delay):/.test(key)),
  )
}
