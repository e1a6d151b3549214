/**
 * The clock of the sampler: every process that could look tries, and whoever holds the lease does.
 */
import { randomBytes } from 'node:crypto'
import type { StoredHistory } from './history.js'

export interface SamplerOptions {
  history: StoredHistory
  /** How often to look. */
  intervalMs: number
  /** A look failed; the next one is tried all the same. */
  onTrouble(error: unknown): void
}

export class Sampler {
  readonly #options: SamplerOptions
  readonly #name = randomBytes(8).toString('hex')
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> | undefined
  #isStopped = false

  constructor(options: SamplerOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(), options.intervalMs)
    this.#timer.unref()
  }

  /** Looks now, unless a look is under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { history, intervalMs, onTrouble } = this.#options
    try {
      // A holder that misses two looks loses the lease to who comes next.
      await history.sample(this.#name, 2.5 * intervalMs)
    } catch (error) {
      if (!this.#isStopped) onTrouble(error)
    }
  }

  /** Looks no more; the lease passes on when it expires. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }
}
