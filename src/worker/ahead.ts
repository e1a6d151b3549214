/**
 * Jobs that were sent to a child process ahead of their turn: taken from those that are held ready, each with its slot,
 * and started when the one before it has ended. What is taken back goes to where it was taken from.
 */
import type { RunningJob } from './perform.js'
import type { Prefetched, ReadyJob } from './prefetched.js'
import type { ChildJob } from './sent-jobs.js'
import type { Held, Slot } from './slot.js'

export class Ahead {
  readonly #prefetched: Prefetched
  readonly #concurrency: number
  readonly #prepare: (slot: Slot, held: Held) => RunningJob
  readonly #sent = new Map<ChildJob, ReadyJob>()

  constructor(prefetched: Prefetched, concurrency: number, prepare: (slot: Slot, held: Held) => RunningJob) {
    this.#prefetched = prefetched
    this.#concurrency = concurrency
    this.#prepare = prepare
  }

  /** Up to so many of those that are held, in their order: no more than one child's share, and none that must not go. */
  take(count: number): ChildJob[] {
    const share = Math.min(count, Math.ceil(this.#prefetched.count / this.#concurrency))
    const jobs: ChildJob[] = []
    while (jobs.length < share) {
      const first = this.#prefetched.next()
      if (!first) break
      first.job ??= this.#prepare(first.slot, first.held)
      const { aheadJob } = first.job
      if (!aheadJob) {
        this.#prefetched.putBack([first])
        break
      }
      this.#sent.set(aheadJob, first)
      jobs.push(aheadJob)
    }
    return jobs
  }

  /** The job that the same child has gone on to after this one, if one was sent ahead. */
  after(job: RunningJob): ReadyJob | undefined {
    const next = job.nextInChild
    if (!next) return undefined
    const ready = this.#sent.get(next)
    this.#sent.delete(next)
    return ready
  }

  /** These did not begin: they are held as before. */
  putBack(jobs: ChildJob[]): void {
    const ready = jobs.flatMap((job) => this.#sent.get(job) ?? [])
    for (const job of jobs) this.#sent.delete(job)
    this.#prefetched.putBack(ready)
  }
}
