/**
 * Queues: the lists of waiting jobs, and the set of their names.
 */
import { isJsonObject, parseJson } from '../json.js'
import type { Arg, Connection } from './connection.js'
import type { Keys } from './keys.js'
import { ALL, fieldOf } from './paused-by.js'
import { PushBuffer } from './push-buffer.js'
import { digest as digestOf, type Payload, payloadFrom } from './records.js'
import { script } from './scripts.js'

/** How many entries one command of an admin call reads, so that other commands get their turn in between. */
const CHUNK = 1_000

/**
 * KEYS  1 a queue
 * ARGV  1 first  2 last  3 bytes of each that are wanted
 * Reply for each job: how many bytes it has, the SHA-1 of all, its beginning
 * Cost  1 command, and a digest of what is in that part of the queue
 */
const pendingScript = script(`
local reply, most = {}, tonumber(ARGV[3])
for _, text in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  reply[#reply + 1] = #text
  reply[#reply + 1] = redis.sha1hex(text)
  reply[#reply + 1] = string.sub(text, 1, most)
end
return reply`)

/** A waiting job, its beginning. */
export interface PendingGlance {
  index: number
  digest: string
  /** Of the whole. */
  bytes: number
  text: string
}

export class Queues {
  readonly #connection: Connection
  readonly #keys: Keys
  readonly #buffer: PushBuffer

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
    this.#buffer = new PushBuffer(connection, keys)
  }

  /** Appends payloads to a queue and lists its name. Calls of one tick travel together. */
  push(queue: string, payloads: string[]): Promise<true> {
    return this.#buffer.push(queue, payloads)
  }

  /** Resolves when every push made so far has come to its end. */
  drained(): Promise<void> {
    return this.#buffer.drained()
  }

  /** The names, in byte order (Ruby: unordered). */
  async names(): Promise<string[]> {
    const names = (await this.#connection.send('smembers', [this.#keys.queues])) as string[]
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  /** Lists a name without pushing anything. */
  async watch(queue: string): Promise<void> {
    await this.#connection.send('sadd', [this.#keys.queues, queue])
  }

  async size(queue: string): Promise<number> {
    return (await this.#connection.send('llen', [this.#keys.queue(queue)])) as number
  }

  async sizes(queues: string[]): Promise<number[]> {
    if (queues.length === 0) return []
    return (await this.#connection.sendAll(
      queues.map((name) => ['llen', [this.#keys.queue(name)]] as const),
    )) as number[]
  }

  /** Payload texts from `start` on, as `LRANGE` counts them. */
  async range(queue: string, start: number, stop: number): Promise<string[]> {
    return (await this.#connection.send('lrange', [this.#keys.queue(queue), start, stop])) as string[]
  }

  /** Takes the payload at the head of a queue away, or null. No working record holds it: it is the caller's to lose. */
  async pop(queue: string): Promise<Payload | null> {
    const bytes = (await this.#connection.sendForBytes('lpop', [this.#keys.queue(queue)])) as Buffer | null
    return bytes && payloadFrom(bytes)
  }

  /** Unlists the queue and deletes its jobs, in one transaction (Ruby's pipeline can lose a push in between). */
  async remove(queue: string): Promise<void> {
    await this.#connection.sendAll([
      ['multi', []],
      ['srem', [this.#keys.queues, queue]],
      ['srem', [this.#keys.pausedQueues, queue]],
      ['del', [this.#keys.queue(queue)]],
      ['exec', []],
    ])
  }

  /** Deletes the jobs of a queue that stays listed. Returns how many there were. */
  async clear(queue: string): Promise<number> {
    const replies = await this.#connection.sendAll([
      ['multi', []],
      ['llen', [this.#keys.queue(queue)]],
      ['unlink', [this.#keys.queue(queue)]],
      ['exec', []],
    ])
    return (replies[3] as [number, number])[0]
  }

  /**
   * Waiting jobs as a list shows them: how long each is, its digest, and its beginning alone, so that what a page
   * costs does not grow with what lies in the queue.
   */
  async glance(queue: string, start: number, count: number, bytes = 2_048): Promise<PendingGlance[]> {
    if (count <= 0) return []
    const args = [start, start + count - 1, bytes]
    const flat = (await this.#connection.run(pendingScript, [this.#keys.queue(queue)], args)) as (
      | string
      | number
    )[]
    const jobs: PendingGlance[] = []
    for (let i = 0; i < flat.length; i += 3) {
      const [bytes, sha1, text] = flat.slice(i, i + 3) as [number, string, string]
      jobs.push({ index: start + i / 3, digest: sha1.slice(0, 16), bytes, text })
    }
    return jobs
  }

  /**
   * The text of the job that was at `index` and has this digest, with where it is now; undefined if it is gone. Jobs
   * are taken at the head, so it can only have moved towards it.
   */
  async find(
    queue: string,
    index: number,
    digest: string,
  ): Promise<{ index: number; text: string } | undefined> {
    for (let end = index; end >= 0; end -= CHUNK) {
      const start = Math.max(0, end - CHUNK + 1)
      const found = (await this.glance(queue, start, end - start + 1, 0))
        .reverse()
        .find((job) => job.digest === digest)
      if (!found) continue
      const text = (await this.range(queue, found.index, found.index))[0]
      if (text !== undefined && digestOf(text) === digest) return { index: found.index, text }
    }
    return undefined
  }

  /** Removes one job whose payload is exactly this text. Returns how many: 1, or 0 where there is none. */
  async removeOne(queue: string, payload: string): Promise<number> {
    return (await this.#connection.send('lrem', [this.#keys.queue(queue), 1, payload])) as number
  }

  /** Removes every job whose payload is exactly this text. Returns how many. */
  async removePayload(queue: string, payload: string | Buffer): Promise<number> {
    return (await this.#connection.send('lrem', [this.#keys.queue(queue), 0, payload])) as number
  }

  /**
   * Removes every job of a class. Entries that are no jobs are left alone (Ruby raises at them). Returns how many.
   * It goes from the tail towards the head, where jobs are taken meanwhile: so none is passed over, and none that is
   * to be removed is far away.
   */
  async removeClass(queue: string, name: string): Promise<number> {
    let count = 0
    for (let kept = 0; ; ) {
      const chunk = await this.range(queue, -(kept + CHUNK), -(kept + 1))
      const doomed = new Map<string, number>()
      for (const text of chunk) {
        const value = parseJson(text)
        if (isJsonObject(value) && value.class === name) doomed.set(text, (doomed.get(text) ?? 0) + 1)
        else kept++
      }
      const removals = [...doomed].map(([payload, times]): [string, Arg[]] => [
        'lrem',
        [this.#keys.queue(queue), -times, payload],
      ])
      for (const removed of (await this.#connection.sendAll(removals)) as number[]) count += removed
      if (chunk.length < CHUNK) return count
    }
  }

  /** Jobs are taken from this queue again. What pauses it is `Hands.pause`. */
  async resume(queue: string): Promise<void> {
    await this.#connection.sendAll([
      ['srem', [this.#keys.pausedQueues, queue]],
      ['hdel', [this.#keys.pausedBy, fieldOf(queue)]],
    ])
  }

  async paused(): Promise<string[]> {
    return ((await this.#connection.send('smembers', [this.#keys.pausedQueues])) as string[]).sort()
  }

  /** Every worker, Ruby's and ours, takes jobs again. */
  async resumeAll(): Promise<void> {
    await this.#connection.sendAll([
      ['del', [this.#keys.pauseAll]],
      ['hdel', [this.#keys.pausedBy, ALL]],
    ])
  }

  async allPaused(): Promise<boolean> {
    const value = (await this.#connection.send('get', [this.#keys.pauseAll])) as string | null
    return value?.trim().toLowerCase() === 'true'
  }
}
