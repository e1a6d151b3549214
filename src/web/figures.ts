/**
 * What the most visited pages show of history, read once for all who look: it changes only as often as somebody samples.
 */
import type { History, Plot } from './history.js'

const FRESH_MS = 5_000
/** What is usual changes slowly, and is more to read. */
const USUAL_FRESH_MS = 60_000

type Read = Pick<History, 'throughput' | 'oldestNow' | 'usualMs'>

export class SharedFigures {
  readonly #history: Read
  readonly #freshMs: number
  #last: { at: number; throughput: Promise<Plot>; ages: Promise<Map<string, number> | undefined> } | undefined

  #usual: { at: number; usual: Promise<Map<string, number>> } | undefined

  /** `cacheMs`: as that of the counts; 0 reads anew each time. */
  constructor(history: Read, cacheMs: number) {
    this.#history = history
    this.#freshMs = cacheMs === 0 ? 0 : Math.max(cacheMs, FRESH_MS)
  }

  /** Done and failed in the last hour. */
  throughput(): Promise<Plot> {
    return this.#read().throughput
  }

  /** How old the first job of each queue is at least, in seconds; undefined where nobody looks. All queues: show a user his. */
  ages(): Promise<Map<string, number> | undefined> {
    return this.#read().ages
  }

  /** How long the jobs of each class take at most, 99 of 100, in milliseconds. */
  usualMs(): Promise<Map<string, number>> {
    const now = performance.now()
    const freshMs = this.#freshMs === 0 ? 0 : USUAL_FRESH_MS
    if (this.#usual && now - this.#usual.at < freshMs) return this.#usual.usual
    const last = { at: now, usual: this.#history.usualMs() }
    this.#usual = last
    last.usual.catch(() => {
      if (this.#usual === last) this.#usual = undefined
    })
    return last.usual
  }

  #read() {
    const now = performance.now()
    if (this.#last && now - this.#last.at < this.#freshMs) return this.#last
    const last = { at: now, throughput: this.#history.throughput('1h'), ages: this.#history.oldestNow() }
    this.#last = last
    for (const each of [last.throughput, last.ages]) {
      each.catch(() => {
        if (this.#last === last) this.#last = undefined
      })
    }
    return last
  }
}
