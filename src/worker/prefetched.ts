/**
 * Jobs that were taken while all of a worker's jobs-at-a-time ran: each holds a slot, and starts when another ends.
 *
 * They save the wait for Redis between two short jobs. Behind a long one they would only be kept from other workers,
 * so a job that had to wait for too long sends all of them back, and none are taken for a while.
 */
import type { RunningJob } from './perform.js'
import type { Held, Slot } from './slot.js'

/** A job that holds a slot and has not started. */
export interface ReadyJob {
  slot: Slot
  held: Held
  /** Set if somebody has looked at it closely before. */
  job?: RunningJob
}

/** A job that is held for longer than this is given back. */
const MAX_WAIT_MS = 1_000
/** For how long none are taken after that. */
const REST_MS = 10_000

export interface PrefetchedOptions {
  /** How many at a time, beyond those that run. */
  limit: number
  /** Give this job back to the head of its queue. */
  giveBack(slot: Slot, held: Held): void
}

export class Prefetched {
  readonly #options: PrefetchedOptions
  readonly #jobs: ReadyJob[] = []
  #check: NodeJS.Timeout | undefined
  #restUntil = 0
  /** Those that wait now were all taken after this one, which has not started yet. */
  #eldest: Held | undefined

  constructor(options: PrefetchedOptions) {
    this.#options = options
  }

  /** How many it has room for now, those that it holds included. */
  get limit(): number {
    return performance.now() < this.#restUntil ? 0 : this.#options.limit
  }

  /** How many it holds. */
  get count(): number {
    return this.#jobs.length
  }

  hold(slot: Slot, held: Held): void {
    this.#jobs.push({ slot, held })
    this.#check ??= this.#checkLater(held)
  }

  /** Those that were taken out first, and did not start. */
  putBack(jobs: ReadyJob[]): void {
    const [first] = jobs
    if (!first) return
    this.#jobs.unshift(...jobs)
    this.#check ??= this.#checkLater(first.held)
  }

  /** The one that was taken first. */
  next(): ReadyJob | undefined {
    return this.#jobs.shift()
  }

  giveAllBack(): void {
    clearTimeout(this.#check)
    this.#check = undefined
    for (const { slot, held } of this.#jobs.splice(0)) this.#options.giveBack(slot, held)
  }

  #checkLater(eldest: Held): NodeJS.Timeout {
    this.#eldest = eldest
    return setTimeout(() => {
      this.#check = undefined
      const first = this.#jobs[0]
      if (!first) return
      // Each job waits for one or two of these checks.
      if (first.held.order > (this.#eldest as Held).order) {
        this.#check = this.#checkLater(first.held)
        return
      }
      this.#restUntil = performance.now() + REST_MS
      this.giveAllBack()
    }, MAX_WAIT_MS).unref()
  }
}
