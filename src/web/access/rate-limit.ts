/**
 * How often the same one may do the same thing, a minute or `perMs`: a bucket that fills up again evenly, or (`tires`) half
 * as fast each time that it was emptied. In this process only, and bounded: whoever changes his key all the time finds the oldest forgotten,
 * never the memory full.
 */
const MAX_KEYS = 10_000
/** The longest that one who tires it waits for a try. */
const MAX_WAIT_MS = 900_000
/** So much may be missing where floats were added up. */
const HAIR = 1e-9
/** After so long without a try it is rested. */
const REST_MS = 3_600_000

interface Bucket {
  left: number
  at: number
  /** How often it was emptied. */
  tired: number
}

export class RateLimit {
  /** What it holds, and fills up to in `#perMs`. */
  readonly #most: number
  readonly #perMs: number
  readonly #tires: boolean
  readonly #buckets = new Map<string, Bucket>()

  constructor(most: number, { perMs = 60_000, tires = false } = {}) {
    this.#most = most
    this.#perMs = perMs
    this.#tires = tires
  }

  /** Takes one; returns how many seconds to wait, 0 where it may go on. */
  take(key: string, now: number): number {
    const bucket = this.#look(key, now)
    const missing = 1 - bucket.left
    if (missing > HAIR) return Math.max(1, Math.ceil((missing - HAIR) / this.#rateOf(bucket) / 1_000))
    bucket.left -= 1
    if (this.#tires && bucket.left < 1) bucket.tired++
    return 0
  }

  /** Forgets a key: what it took was rightly taken. */
  forgive(key: string): void {
    this.#buckets.delete(key)
  }

  /** How many a millisecond it fills up by. */
  #rateOf({ tired }: Bucket): number {
    const rate = this.#most / this.#perMs
    return Math.max(Math.min(rate, 1 / MAX_WAIT_MS), rate / 2 ** tired)
  }

  #look(key: string, now: number): Bucket {
    const old = this.#buckets.get(key)
    this.#buckets.delete(key)
    const left = old ? Math.min(this.#most, old.left + (now - old.at) * this.#rateOf(old)) : this.#most
    const tired = old && now - old.at < REST_MS ? old.tired : 0
    const bucket = { left, at: now, tired }
    this.#buckets.set(key, bucket)
    const oldest = this.#buckets.keys().next()
    if (this.#buckets.size > MAX_KEYS && !oldest.done) this.#buckets.delete(oldest.value)
    return bucket
  }
}

export interface RateLimits {
  /** By user and address. */
  login: RateLimit
  /** By address alone, ten times as many: for one who tries many names. */
  loginFrom: RateLimit
  /** By user. */
  mutations: RateLimit
}
