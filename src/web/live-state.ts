/**
 * What a live page shows, as values by key: the keys are those of the elements that show them (`data-live`).
 */
import { processesOf, stateOf } from './processes.js'
import { type QueueFigures, shownRates } from './queue-figures.js'
import type { Snapshot } from './snapshot.js'
import { encodeSegment } from './url.js'
import { rate, shown } from './views/text.js'

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
    values[`process:${name}`] = stateOf(slots)
    values[`slots:${name}`] = `${slots.filter(({ job }) => job !== undefined).length} / ${slots.length}`
  }
  return values
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

/** Whether nothing happens: workers that say they live are no event, nor are means that another minute goes into. */
export function isQuiet(changes: LiveState): boolean {
  return topics.every((topic) => Object.keys(changes[topic]).every((key) => /^(beat|in|out):/.test(key)))
}
