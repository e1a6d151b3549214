/**
 * The failed jobs of a Resque, as `resque.failed`: counting, reading, putting back, removing.
 *
 * Ruby names an entry by its index, and does something else than meant when another was removed meanwhile. Here a
 * `ref` names the entry by its content too; an index alone is taken as what stands there at this moment.
 */
import { ConfigError, InvalidPayloadError } from '../errors.js'
import { type FailedJob, readRef } from '../store/records.js'
import type { Store } from '../store/store.js'
import { FAILED, type FailureBackend } from './backend.js'

/** Which failed jobs are meant; what is left out does not restrict. */
export interface FailedFilter {
  /** Only of this class. */
  class?: string | undefined
  /** Only of jobs that came from this queue. */
  queue?: string | undefined
  /** Only in this failed list, such as `mail_failed`. */
  list?: string | undefined
  /** Leave out those that were put back before. */
  skipRetried?: boolean | undefined
}

/** Called now and then by work on many entries, with how many were looked at and how many there are. */
export type Progress = (done: number, total: number) => void

/** A failed job, its `ref`, or its index in the list `failed`. */
export type FailedRef = FailedJob | string | number

const CHUNK = 100

export class Failed {
  readonly #store: Store
  readonly #backend: FailureBackend

  constructor(store: Store, backend: FailureBackend) {
    this.#store = store
    this.#backend = backend
  }

  /** The names of the failed lists. */
  lists(): Promise<string[]> {
    return this.#backend.lists(this.#store)
  }

  /** How many failed jobs there are. Counting by class or queue reads them all. */
  async count(filter: FailedFilter = {}): Promise<number> {
    let count = 0
    for (const list of await this.#listsOf(filter)) {
      if (isPlain(filter)) {
        count += await this.#store.failures.count(list)
        continue
      }
      for await (const job of this.#store.failures.each(list)) if (matches(job, filter)) count++
    }
    return count
  }

  /** `limit` failed jobs from `offset` on, oldest first, or newest first with `order: 'desc'`. Always an array. */
  async all(
    offset = 0,
    limit = 20,
    filter: FailedFilter & { order?: 'asc' | 'desc' } = {},
  ): Promise<FailedJob[]> {
    const newestFirst = filter.order === 'desc'
    const found: FailedJob[] = []
    let toSkip = offset
    const lists = await this.#listsOf(filter)
    for (const list of newestFirst ? lists.reverse() : lists) {
      if (found.length >= limit) break
      if (isPlain(filter)) {
        const count = await this.#store.failures.count(list)
        const take = Math.min(limit - found.length, Math.max(0, count - toSkip))
        const start = newestFirst ? count - toSkip - take : toSkip
        const jobs = take > 0 ? await this.#store.failures.range(list, start, take) : []
        found.push(...(newestFirst ? jobs.reverse() : jobs))
        toSkip = Math.max(0, toSkip - count)
        continue
      }
      for await (const job of this.#chunks(list, newestFirst)) {
        if (!matches(job, filter)) continue
        if (toSkip > 0) toSkip--
        else found.push(job)
        if (found.length >= limit) break
      }
    }
    return found
  }

  /** One failed job, by its ref or index; undefined if it is gone. */
  async get(ref: FailedRef): Promise<FailedJob | undefined> {
    if (typeof ref === 'object') return ref
    if (typeof ref === 'number') return (await this.#store.failures.range(FAILED, ref, 1))[0]
    const parts = readRef(ref)
    if (!parts) {
      throw new ConfigError(`Expected the ref of a failed job, got "${ref}".`, {
        hint: 'A ref is what failed.all() gives for each job, such as 12.9f86d081884c7d65@failed.',
      })
    }
    return this.#store.failures.find(parts.list, parts.index, parts.digest)
  }

  /**
   * Puts a failed job back at the end of its queue, its payload exactly as it was, and marks the entry with
   * `retried_at`. The entry stays, as in Ruby. False if it is gone. No enqueue hooks run, as in Ruby. Rejects where
   * the entry holds no job and queue to be put back.
   */
  async requeue(ref: FailedRef, options: { queue?: string } = {}): Promise<boolean> {
    const job = await this.get(ref)
    if (!job) return false
    if (!job.isReadable) {
      throw new InvalidPayloadError('This entry cannot be put back: it is not a failed record.', {
        hint: 'Remove it, or push its job yourself.',
      })
    }
    return (await this.#requeueMany(job.list, [job], options.queue)) === 1
  }

  /** Puts back every failed job that is meant, oldest first, in chunks. Returns how many. */
  async requeueAll(filter: FailedFilter = {}, progress?: Progress): Promise<number> {
    let count = 0
    for (const list of await this.#listsOf(filter)) {
      // As many as there are now: what fails again meanwhile is not meant.
      const total = await this.#store.failures.count(list)
      for (let start = 0; start < total; start += CHUNK) {
        const jobs = await this.#store.failures.range(list, start, Math.min(CHUNK, total - start))
        count += await this.#requeueMany(
          list,
          jobs.filter((job) => job.isReadable && matches(job, filter)),
        )
        progress?.(Math.min(start + CHUNK, total), total)
      }
    }
    return count
  }

  /** Removes a failed job. False if it is gone. */
  async remove(ref: FailedRef): Promise<boolean> {
    const job = await this.get(ref)
    return job !== undefined && (await this.#store.failures.remove(job.list, [job])) === 1
  }

  /** Removes every failed job that is meant, in chunks. Returns how many. */
  async removeAll(
    filter: FailedFilter & { onlyRetried?: boolean } = {},
    progress?: Progress,
  ): Promise<number> {
    let count = 0
    for (const list of await this.#listsOf(filter)) {
      const total = await this.#store.failures.count(list)
      let start = 0
      for (let seen = 0; seen < total; ) {
        const jobs = await this.#store.failures.range(list, start, Math.min(CHUNK, total - seen))
        if (jobs.length === 0) break
        const meant = jobs.filter(
          (job) => matches(job, filter) && (!filter.onlyRetried || job.retriedAt !== undefined),
        )
        const removed = await this.#store.failures.remove(list, meant)
        seen += jobs.length
        start += jobs.length - removed
        count += removed
        progress?.(seen, total)
      }
    }
    return count
  }

  /** Removes the failed jobs that were put back. Returns how many. Ruby: `Failure.clear_retried`. */
  clearRetried(progress?: Progress): Promise<number> {
    return this.removeAll({ onlyRetried: true }, progress)
  }

  /** Empties one failed list, or all. The counter `stat:failed` stays, as in Ruby. */
  async clear(list?: string): Promise<void> {
    for (const each of list === undefined ? await this.lists() : [list])
      await this.#store.failures.clear(each)
  }

  async #requeueMany(list: string, jobs: FailedJob[], queue?: string): Promise<number> {
    if (jobs.length === 0) return 0
    const moves = jobs.map((job) => ({ job, queue: queue ?? job.queue, payload: job.payload }))
    return this.#store.failures.requeue(list, moves, new Date())
  }

  async #listsOf({ list, queue }: FailedFilter): Promise<string[]> {
    if (list !== undefined) return [list]
    const lists = await this.lists()
    const own = queue === undefined ? undefined : this.#backend.listOf(queue)
    return own === undefined ? lists : [own]
  }

  async *#chunks(list: string, newestFirst: boolean): AsyncGenerator<FailedJob> {
    if (!newestFirst) {
      yield* this.#store.failures.each(list)
      return
    }
    for (let end = await this.#store.failures.count(list); end > 0; end -= CHUNK) {
      const start = Math.max(0, end - CHUNK)
      yield* (await this.#store.failures.range(list, start, end - start)).reverse()
    }
  }
}

function isPlain(filter: FailedFilter): boolean {
  return filter.class === undefined && filter.queue === undefined && !filter.skipRetried
}

function matches(job: FailedJob, filter: FailedFilter): boolean {
  return (
    (filter.class === undefined || job.class === filter.class) &&
    (filter.queue === undefined || job.queue === filter.queue) &&
    !(filter.skipRetried && job.retriedAt !== undefined)
  )
}
