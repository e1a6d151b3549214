/**
 * How often the same one may do the same thing: a bucket that fills up again evenly. In this process only, and
 * bounded: whoever changes his key all the time finds the oldest forgotten, never the memory full.
 */
const MAX_KEYS = 10_000

export class RateLimit {
  readonly #perMinute: number
  readonly #buckets = new Map<string, { left: number; at: number }>()

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Takes one; returns how many seconds to wait, 0 where it may go on. */
  take(key: string, now: number): number {
    const bucket = this.#look(key, now)
    if (bucket.left < 1) return Math.max(1, Math.ceil(((1 - bucket.left) * 60) / this.#perMinute))
    bucket.left -= 1
    return 0
  }

  /** Forgets a key: what it took was rightly taken. */
  forgive(key: string): void {
    this.#buckets.delete(key)
  }

  #look(key: string, now: number): { left: number; at: number } {
    const old = this.#buckets.get(key)
    this.#buckets.delete(key)
    const left = old
      ? Math.min(this.#perMinute, old.left + ((now - old.at) * this.#perMinute) / 60_000)
      : this.#perMinute
    const bucket = { left, at: now }
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
