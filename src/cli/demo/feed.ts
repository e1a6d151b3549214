/**
 * Places the demo's jobs on their queues, and remembers when.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Resque } from '../../resque.js'
import { now } from './ledger.js'
import type { PlannedJob } from './plan.js'

const TICK_MS = 10

export class Feed {
  readonly #resque: Resque
  /** All that was placed, in order. */
  readonly placed: PlannedJob[] = []
  /** When each was about to be placed, in the clock of the ledger. */
  readonly placedAt = new Map<number, number>()

  constructor(resque: Resque) {
    this.#resque = resque
  }

  /** One by one, at a steady pace, in about this time. */
  async placeSteadily(jobs: readonly PlannedJob[], durationMs: number, signal: AbortSignal): Promise<void> {
    const startedAt = now()
    let next = 0
    while (next < jobs.length) {
      signal.throwIfAborted()
      const due = Math.ceil(((now() - startedAt) / durationMs) * jobs.length)
      for (; next < Math.min(due, jobs.length); next++) await this.place([jobs[next] as PlannedJob])
      await sleep(TICK_MS, undefined, { signal })
    }
  }

  /** All at once. */
  async placeAtOnce(jobs: readonly PlannedJob[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < jobs.length; start += BATCH) {
      signal.throwIfAborted()
      await this.place(jobs.slice(start, start + BATCH))
    }
  }

  async place(jobs: readonly PlannedJob[]): Promise<void> {
    const at = now()
    for (const job of jobs) {
      this.placed.push(job)
      this.placedAt.set(job.id, at)
    }
    await Promise.all(
      jobs.map(({ queue, job, args, raw }) => {
        if (job) return this.#resque.enqueueTo(queue, job, ...args)
        // As some other program would: nothing checks it.
        return this.#resque.store.queues.push(queue, [raw ?? ''])
      }),
    )
  }
}

const BATCH = 1_000
