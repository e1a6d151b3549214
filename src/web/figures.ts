/**
 * What the most visited pages show of history, read once for all who look: it changes only as often as somebody samples.
 */
import type { History, Plot } from './history.js'

const FRESH_MS = 5_000

export class SharedFigures {
  readonly #history: Pick<History, 'throughput' | 'oldestNow'>
  readonly #freshMs: number
  #last: { at: number; throughput: Promise<Plot>; ages: Promise<Map<string, number> | undefined> } | undefined

  /** `cacheMs`: as that of the counts; 0 reads anew each time. */
  constructor(history: Pick<History, 'throughput' | 'oldestNow'>, cacheMs: number) {
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
