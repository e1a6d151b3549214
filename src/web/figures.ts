/**
 * What the most visited pages show of history, read once for all who look: it changes only as often as somebody samples.
 */
import type { Marker, Markers } from '../store/markers.js'
import type { History, Plot } from './history.js'
import type { QueueFigures } from './queue-figures.js'

const FRESH_MS = 5_000
/** What is usual changes slowly, and is more to read. */
const USUAL_FRESH_MS = 60_000

interface Shared<T> {
  (): Promise<T>
  /** It was changed here: the next look is a new one. */
  forget(): void
}

export class SharedFigures {
  /** Done and failed in the last hour. */
  readonly throughput: () => Promise<Plot>
  /** Of each queue, as it was of late; undefined where nobody looks. All queues: show a user his. */
  readonly queues: () => Promise<Map<string, QueueFigures> | undefined>
  /** How long the jobs of each class take at most, 99 of 100, in milliseconds. */
  readonly usualMs: () => Promise<Map<string, number>>
  /** All there are; a chart draws those of its time. */
  readonly markers: Shared<Marker[]>

  /** `cacheMs`: as that of the counts; 0 reads anew each time. */
  constructor(
    history: Pick<History, 'throughput' | 'queuesNow' | 'usualMs'>,
    markers: Pick<Markers, 'all'>,
    cacheMs: number,
  ) {
    const fresh = (ms: number) => (cacheMs === 0 ? 0 : Math.max(cacheMs, ms))
    this.throughput = shared(() => history.throughput('1h'), fresh(FRESH_MS))
    this.queues = shared(() => history.queuesNow(), fresh(FRESH_MS))
    this.usualMs = shared(() => history.usualMs(), fresh(USUAL_FRESH_MS))
    this.markers = shared(() => markers.all(), fresh(FRESH_MS))
  }
}

/** What fails is read anew by the next. */
function shared<T>(read: () => Promise<T>, freshMs: number): Shared<T> {
  let last: { at: number; value: Promise<T> } | undefined
  const look = () => {
    const now = performance.now()
    if (last && now - last.at < freshMs) return last.value
    const mine = { at: now, value: read() }
    last = mine
    mine.value.catch(() => {
      if (last === mine) last = undefined
    })
    return mine.value
  }
  return Object.assign(look, {
    forget: () => {
      last = undefined
    },
  })
}
