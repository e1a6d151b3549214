/**
 * Failed lists: reading them, and acting on an entry by its content, so that what was meant is what is done even
 * while others remove entries (Ruby acts by index, protocol 16.1).
 */
import type { Arg, Connection } from './connection.js'
import type { Keys } from './keys.js'
import { type FailedJob, type Payload, readFailedJob, readRef, withRetriedAt } from './records.js'
import { script } from './scripts.js'
import type { FailureEntry } from './slots.js'

const CHUNK = 200

/**
 * KEYS  1 the failed list  2 queues
 * ARGV  1 namespace with colon, then for each entry: index, text, new text, queue, payload
 * Reply how many were put back: an entry that is no longer in the list is left out
 * Cost  4 commands an entry; one that has moved is searched for
 */
const requeueScript = script(`
local count = 0
for i = 2, #ARGV, 5 do
  local index, text, new, queue, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local at = index
  if redis.call('LINDEX', KEYS[1], index) ~= text then at = redis.call('LPOS', KEYS[1], text) end
  if at then
    redis.call('LSET', KEYS[1], at, new)
    redis.call('SADD', KEYS[2], queue)
    redis.call('RPUSH', ARGV[1] .. 'queue:' .. queue, payload)
    count = count + 1
  end
end
return count`)

export class Failures {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  async count(list: string): Promise<number> {
    return (await this.#connection.send('llen', [this.#keys.failedList(list)])) as number
  }

  /** The names in `failed_queues`, in order. */
  async listNames(): Promise<string[]> {
    return ((await this.#connection.send('smembers', [this.#keys.failedQueues])) as string[]).sort()
  }

  /** Entries from `start` on, oldest first. */
  async range(list: string, start: number, count: number): Promise<FailedJob[]> {
    if (count <= 0) return []
    const args = [this.#keys.failedList(list), start, start + count - 1]
    const entries = (await this.#connection.sendForBytes('lrange', args)) as Buffer[]
    return entries.map((entry, i) => readFailedJob(list, start + i, entry))
  }

  /** The whole list, oldest first, in chunks. Entries that are removed meanwhile shift what follows. */
  async *each(list: string): AsyncGenerator<FailedJob> {
    for (let start = 0; ; start += CHUNK) {
      const jobs = await this.range(list, start, CHUNK)
      yield* jobs
      if (jobs.length < CHUNK) return
    }
  }

  /** The entry that was at `index` and has this digest, wherever it is now; undefined if it is gone. */
  async find(list: string, index: number, wanted: string): Promise<FailedJob | undefined> {
    const there = (await this.range(list, index, 1))[0]
    const isWanted = ({ ref }: FailedJob) => readRef(ref)?.digest === wanted
    if (there && isWanted(there)) return there
    // Removals move an entry towards the head, so it is looked for there first.
    for (let end = index; end > 0; end -= CHUNK) {
      const start = Math.max(0, end - CHUNK)
      const found = (await this.range(list, start, end - start)).find(isWanted)
      if (found) return found
    }
    for await (const job of this.each(list)) if (isWanted(job)) return job
    return undefined
  }

  /** Puts jobs back on queues and marks their entries as retried. Returns how many. */
  async requeue(
    list: string,
    jobs: { job: FailedJob; queue: string; payload: Payload }[],
    at: Date,
  ): Promise<number> {
    const args = jobs.flatMap(({ job, queue, payload }) => [
      job.index,
      job.text,
      withRetriedAt(job.text, at),
      queue,
      payload,
    ])
    const keys = [this.#keys.failedList(list), this.#keys.queues]
    return (await this.#connection.run(requeueScript, keys, [this.#keys.prefix, ...args])) as number
  }

  /** Removes entries by content; each once. Returns how many were there. */
  async remove(list: string, jobs: FailedJob[]): Promise<number> {
    if (jobs.length === 0) return 0
    const key = this.#keys.failedList(list)
    const replies = await this.#connection.sendAll(jobs.map(({ text }) => ['lrem', [key, 1, text]] as const))
    return (replies as number[]).reduce((sum, each) => sum + each, 0)
  }

  async clear(list: string): Promise<void> {
    await this.#connection.send('unlink', [this.#keys.failedList(list)])
  }

  /** Appends entries; used where no working record ends with them. */
  async append(entries: readonly FailureEntry[]): Promise<void> {
    const commands: [string, Arg[]][] = []
    for (const { list, text, listedIn } of entries) {
      if (listedIn) commands.push(['sadd', [this.#keys.failedList(listedIn), list]])
      commands.push(['rpush', [this.#keys.failedList(list), text]])
    }
    await this.#connection.sendAll(commands)
  }
}
