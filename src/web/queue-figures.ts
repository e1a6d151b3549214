/**
 * What tables of all queues show of the last minutes: how long the first job has waited, and how many came and went.
 */
import type { QueueMinutes, StoredHistory } from '../store/history.js'
import type { QueueLine } from './snapshot.js'
import { duration, plural } from './views/text.js'

/** Rates are means of so many minutes, of those that are known. */
export const RATE_MINUTES = 5
/** Who looked in none of so many, this one included, looks no more. */
const SEEN_MINUTES = 3

/** In jobs a minute; null where it is not known. */
export interface Rates {
  in: number | null
  out: number | null
}

export interface QueueFigures extends Rates {
  /** The first job has waited at least so long. */
  oldestSeconds: number
}

const unknown: Rates = { in: null, out: null }

/** Of the queues that have figures of their own; undefined where nobody looked of late. One script. */
export async function readQueueFigures(
  history: StoredHistory,
  now: Date,
): Promise<Map<string, QueueFigures> | undefined> {
  // The minute that is not over yet, those of which the rates are, and the one before: what they began with.
  const count = RATE_MINUTES + 2
  const from = Math.floor(now.getTime() / 60_000) - count + 1
  const { seen, reported, queues } = await history.queueMinutes(from, count)
  const last = seen.findLastIndex((looks) => looks > 0)
  if (last < count - SEEN_MINUTES) return undefined
  const known = [...seen.keys()].filter(
    (i) => i > 0 && i < count - 1 && seen[i - 1] && seen[i] && reported[i],
  )
  return new Map(
    [...queues].map(([name, minutes]) => [
      name,
      { oldestSeconds: minutes.oldest[last] ?? 0, ...ratesOf(minutes, known) },
    ]),
  )
}

/** What ended went out; and that, with what the queue has grown by, came in. A queue that was cut leaves a gap. */
function ratesOf({ depth, done, failed }: QueueMinutes, known: readonly number[]): Rates {
  if (known.length === 0) return unknown
  let [ended, grown] = [0, 0]
  for (const i of known) {
    ended += (done[i] as number) + (failed[i] as number)
    grown += (depth[i] as number) - (depth[i - 1] as number)
  }
  const came = ended + grown
  return { in: came < 0 ? null : came / known.length, out: ended / known.length }
}

/** Of a queue that a worker of Ruby takes from it is not known: those do not say of which queue their jobs were. */
export function shownRates(
  { name, rubyWorkers }: QueueLine,
  figures: ReadonlyMap<string, QueueFigures> | undefined,
): Rates {
  return (rubyWorkers === 0 && figures?.get(name)) || unknown
}

/** How long its first job has waited, in words; undefined where that is not known, or nothing waits. */
export function oldestOf(
  { name, size }: QueueLine,
  figures: ReadonlyMap<string, QueueFigures> | undefined,
): string | undefined {
  const seconds = size > 0 ? figures?.get(name)?.oldestSeconds : undefined
  return seconds === undefined ? undefined : duration(seconds * 1_000)
}

/** Who takes from it, in words; what warns begins with its sign. */
export function takenBy({ isPaused, workers, size }: QueueLine): string {
  if (isPaused) return 'paused'
  if (workers > 0) return plural(workers, 'worker')
  return size > 0 ? '⚠ No worker listens' : 'no worker'
}
