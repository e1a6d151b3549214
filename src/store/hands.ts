/**
 * Hands: where Redis itself puts a job for a worker that waits, the moment it is pushed (`BLMOVE`).
 *
 * A hand is a list for one connection of one process, and holds one job, for the moment until `finish and reserve` has
 * written that job's record. All that are open are listed with the queue they wait on, so a job in the hand of a process
 * that died is found. A hand over which stands a key of another type gets nothing: Redis refuses the move, and the job
 * stays in its queue. So a pause withholds jobs from all that wait, at once and exactly, and a hand that was closed while
 * Redis may still believe in its connection gets nothing any more.
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { ALL, fieldOf, luaNote, noteName } from './paused-by.js'
import { type Payload, payloadFrom } from './records.js'
import { script } from './scripts.js'

/** `withhold(queue)`: from now on no hand that waits on it gets a job. For scripts that have `prefix` and `hands`. */
export const luaWithhold = `
local function withhold(queue)
  local open = redis.pcall('HGETALL', hands)
  for i = 1, #open, 2 do
    if open[i + 1] == queue then redis.call('SET', prefix .. 'hand:' .. open[i], '', 'NX') end
  end
end`

/**
 * KEYS  1 hands  2 workers  3 queues:paused  4 pause-all-workers  5 deaths
 * ARGV  1 namespace with colon  2 hand  3 worker id  4 queue
 * Reply 'open'; 'careful': open, and some jobs have killed workers before; 'paused' or 'unregistered': it is not open
 * Cost  7 commands
 */
const openScript = script(`
local prefix, key = ARGV[1], ARGV[1] .. 'hand:' .. ARGV[2]
if redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 0 then return 'unregistered' end
local all = redis.pcall('GET', KEYS[4])
if type(all) == 'string' and string.find(string.lower(all), '^%s*true%s*$') then return 'paused' end
if redis.pcall('SISMEMBER', KEYS[3], ARGV[4]) == 1 then return 'paused' end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
if redis.call('TYPE', key).ok == 'string' then redis.call('DEL', key) end
return redis.call('EXISTS', KEYS[5]) == 1 and 'careful' or 'open'`)

/**
 * KEYS  1 hands  2 queues
 * ARGV  1 namespace with colon  2 hand  3 queue  4 for how many ms nothing may come into it any more; 0: nothing can
 * Reply how many jobs it held; they are at the head of their queue again
 * Cost  5 commands, and 1 a job
 */
const closeScript = script(`
local key, queue, count = ARGV[1] .. 'hand:' .. ARGV[2], ARGV[1] .. 'queue:' .. ARGV[3], 0
if redis.call('TYPE', key).ok == 'list' then
  for _ = 1, redis.call('LLEN', key) do
    redis.call('LMOVE', key, queue, 'RIGHT', 'LEFT')
    count = count + 1
  end
  redis.call('SADD', KEYS[2], ARGV[3])
end
redis.call('HDEL', KEYS[1], ARGV[2])
if ARGV[4] == '0' then redis.call('DEL', key) else redis.call('SET', key, '', 'PX', ARGV[4]) end
return count`)

/**
 * KEYS  1 hands  2 queues:paused  3 web:paused
 * ARGV  1 namespace with colon  2 queue  3 what notes call it  4 who pauses it, or ''
 * Cost  5 commands, 1 for each process that waits on it, and 1 for each queue that is noted as paused
 */
const pauseScript = script(`
local prefix, hands, paused, notes = ARGV[1], KEYS[1], KEYS[2], KEYS[3]
${luaWithhold}
${luaNote}
if redis.call('SADD', paused, ARGV[2]) == 1 then note(ARGV[3], ARGV[4]) end
withhold(ARGV[2])`)

/**
 * KEYS  1 hands  2 pause-all-workers  3 queues:paused  4 web:paused
 * ARGV  1 namespace with colon  2 what notes call all workers  3 who pauses them, or ''
 * Cost  6 commands, 1 for each process that waits, and 1 for each queue that is noted as paused
 */
const pauseAllScript = script(`
local paused, notes = KEYS[3], KEYS[4]
${luaNote}
local before = redis.pcall('GET', KEYS[2])
redis.call('SET', KEYS[2], 'true')
if not (type(before) == 'string' and string.find(string.lower(before), '^%s*true%s*$')) then note(ARGV[2], ARGV[3]) end
for _, hand in ipairs(redis.pcall('HKEYS', KEYS[1])) do redis.call('SET', ARGV[1] .. 'hand:' .. hand, '', 'NX') end`)

/** A hand, and the queue it waits on. */
export interface OpenHand {
  hand: string
  queue: string
}

export class Hands {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Opens a hand, or finds that it may stay open. `careful`: it may be given a job that has killed workers before. */
  async open({ hand, queue }: OpenHand): Promise<'open' | 'careful' | 'paused' | 'unregistered'> {
    const { hands, workers, pausedQueues, pauseAll, deaths, prefix } = this.#keys
    const keys = [hands, workers, pausedQueues, pauseAll, deaths]
    return (await this.#connection.run(openScript, keys, [prefix, hand, workerOf(hand), queue])) as
      | 'open'
      | 'careful'
      | 'paused'
      | 'unregistered'
  }

  /**
   * Waits on a connection of its own until a job is in the hand; undefined when there was none in time. Rejects with a
   * CommandError when jobs are withheld from it.
   */
  async receive(
    connection: Connection,
    { hand, queue }: OpenHand,
    timeoutMs: number,
  ): Promise<Payload | undefined> {
    const bytes = (await connection.sendForBytes(
      'blmove',
      [this.#keys.queue(queue), this.#keys.hand(hand), 'LEFT', 'RIGHT', timeoutMs / 1_000],
      timeoutMs + connection.options.deadlineMs,
    )) as Buffer | null
    return bytes === null ? undefined : payloadFrom(bytes)
  }

  /**
   * Closes a hand. Returns how many jobs were still in it: they are at the head of their queue again. Where Redis may
   * still be moving a job into it, nothing can come into it for this long.
   */
  async close({ hand, queue }: OpenHand, sealedMs: number, deadlineMs?: number): Promise<number> {
    const { hands, queues, prefix } = this.#keys
    const args = [prefix, hand, queue, sealedMs]
    return (await this.#connection.run(closeScript, [hands, queues], args, deadlineMs)) as number
  }

  /** The hands of a process, told by what is unique for it. */
  async ofProcess(workerId: string, nonce: string): Promise<OpenHand[]> {
    const open = await this.#listed()
    return open.filter(({ hand }) => hand.startsWith(`${nonce}.`) && workerOf(hand) === workerId)
  }

  /** The hands of workers that are registered no more. */
  async orphans(): Promise<OpenHand[]> {
    const open = await this.#listed()
    if (open.length === 0) return []
    const workers = open.map(({ hand }) => workerOf(hand))
    const registered = (await this.#connection.send('smismember', [
      this.#keys.workers,
      ...workers,
    ])) as number[]
    return open.filter((_, i) => registered[i] === 0)
  }

  async #listed(): Promise<OpenHand[]> {
    const listed = (await this.#connection.send('hgetall', [this.#keys.hands])) as Record<string, string>
    return Object.entries(listed).map(([hand, queue]) => ({ hand, queue }))
  }

  /** The job in a hand. */
  async content({ hand }: OpenHand): Promise<Payload | undefined> {
    const key = this.#keys.hand(hand)
    const [bytes] = (await this.#connection.sendAllForBytes([['lindex', [key, 0]]])) as [Buffer | null]
    return bytes === null ? undefined : payloadFrom(bytes)
  }

  /** Pauses a queue; no process that waits on it gets a job from now on. */
  async pause(queue: string, by?: string): Promise<void> {
    const { hands, pausedQueues, pausedBy, prefix } = this.#keys
    const args = [prefix, queue, fieldOf(queue), noteName(by)]
    await this.#connection.run(pauseScript, [hands, pausedQueues, pausedBy], args)
  }

  /** Pauses every worker, by Ruby's key; no process of ours that waits gets a job from now on. */
  async pauseAll(by?: string): Promise<void> {
    const { hands, pauseAll, pausedQueues, pausedBy, prefix } = this.#keys
    const keys = [hands, pauseAll, pausedQueues, pausedBy]
    await this.#connection.run(pauseAllScript, keys, [prefix, ALL, noteName(by)])
  }
}

/** The name of a hand: unique for ever, and of this worker, which stands for its process. */
export function handOf(workerId: string, nonce: string, count: number): string {
  return `${nonce}.${count} ${workerId}`
}

export function workerOf(hand: string): string {
  return hand.slice(hand.indexOf(' ') + 1)
}
