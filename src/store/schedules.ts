/**
 * Schedules, as resque-scheduler keeps those that persist (protocol 11.1, 11.4), and who is its master. Those it has from a
 * file live in its memory alone, and only their last times show here.
 */
import { isJsonObject, parseJson, withMember } from '../json.js'
import type { Connection } from './connection.js'
import { payloadOf } from './delayed.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'
import { TRASH_TTL_MS } from './trash.js'

export interface Schedule {
  name: string
  /** Its JSON, as it stands there; '' for one that is known by its last time alone. */
  text: string
  /** Read; empty where it is no JSON object. */
  config: Record<string, unknown>
  /** Its name where it has no class of its own. */
  class: string
  queue: string | undefined
  args: unknown
  cron: string | undefined
  every: string | undefined
  description: string | undefined
  /** Only in these environments, as a list with commas. */
  environments: string | undefined
  /** `YYYY-MM-DD HH:MM:SS +ZZZZ` */
  lastEnqueuedAt: string | undefined
  isReadable: boolean
}

/** How many schedules are read at most. */
const MAX_SCHEDULES = 2_000

/**
 * KEYS  1 persistent_schedules  2 queues  3 the queue
 * ARGV  1 name  2 its JSON as it was read  3 name of the queue  4 payload
 * Reply 1, or 0 when it was changed or removed meanwhile
 * Cost  constant
 */
const runScript = script(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[4])
redis.call('SADD', KEYS[2], ARGV[3])
return 1`)

/**
 * KEYS  1 persistent_schedules  2 schedules_changed  3 trash  4 its part
 * ARGV  1 name  2 ms the trash is kept
 * Reply 1, or 0 when it was not there
 * Cost  constant
 */
const removeScript = script(`
local config = redis.call('HGET', KEYS[1], ARGV[1])
if not config then return 0 end
redis.call('RPUSH', KEYS[4], config)
redis.call('HSET', KEYS[3], '0', 'schedule schedule ' .. ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('PEXPIRE', KEYS[4], ARGV[2])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[1])
return 1`)

export class Schedules {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** All that are in Redis, by name. Two round trips. */
  async all(): Promise<{ schedules: Schedule[]; total: number }> {
    const [total, texts, last] = (await this.#connection.sendAll([
      ['hlen', [this.#keys.schedules]],
      ['hscan', [this.#keys.schedules, 0, 'COUNT', MAX_SCHEDULES]],
      ['hscan', [this.#keys.lastEnqueued, 0, 'COUNT', MAX_SCHEDULES]],
    ])) as [number, [string, string[]], [string, string[]]]
    const found = pairs(texts[1])
    const times = pairs(last[1])
    const names = [...new Set([...found.keys(), ...times.keys()])].sort()
    return { schedules: names.map((name) => readSchedule(name, found.get(name), times.get(name))), total }
  }

  async get(name: string): Promise<Schedule | undefined> {
    const [text, last] = (await this.#connection.sendAll([
      ['hget', [this.#keys.schedules, name]],
      ['hget', [this.#keys.lastEnqueued, name]],
    ])) as (string | null)[]
    if (!text && !last) return undefined
    return readSchedule(name, text ?? undefined, last ?? undefined)
  }

  /**
   * Enqueues a schedule's job now, as resque-scheduler's page does: its last time stays. False when the schedule is not the
   * one that was read any more, or tells no queue. `jobArgs`: JSON text of other arguments.
   */
  async runNow(schedule: Schedule, queue = schedule.queue, jobArgs?: string): Promise<boolean> {
    const text = schedule.text || '{}'
    const payload = payloadOf(
      jobArgs === undefined || !schedule.isReadable ? text : withMember(text, 'args', jobArgs),
      schedule.name,
    )
    if (!schedule.isReadable || !queue || !payload) return false
    const keys = [this.#keys.schedules, this.#keys.queues, this.#keys.queue(queue)]
    const args = [schedule.name, schedule.text, queue, payload]
    return (await this.#connection.run(runScript, keys, args)) === 1
  }

  /** Keeps a schedule, as resque-scheduler does one that persists, and tells it. `config` is its JSON. */
  async set(name: string, config: string): Promise<void> {
    await this.#connection.sendAll([
      ['hset', [this.#keys.schedules, name, config]],
      ['sadd', [this.#keys.schedulesChanged, name]],
    ])
  }

  /** Removes a schedule into the trash, and tells the scheduler. False when it was not there. */
  async remove(name: string, trashId: string): Promise<boolean> {
    const trash = this.#keys.trash(trashId)
    const keys = [this.#keys.schedules, this.#keys.schedulesChanged, trash, `${trash}:0`]
    return (await this.#connection.run(removeScript, keys, [name, TRASH_TTL_MS])) === 1
  }

  /**
   * Who is master, as `<host>:<pid>`, and how long its lock lasts without being renewed; undefined when no scheduler runs. The
   * namespace stands twice in its key (protocol 11.1). `prefix`: RESQUE_SCHEDULER_MASTER_LOCK_PREFIX.
   */
  async master(prefix = ''): Promise<{ holder: string; ttlMs: number } | undefined> {
    const name = `${prefix && `${prefix}:`}resque_scheduler_master_lock`
    const key = `${this.#keys.prefix}${this.#keys.prefix}${name}`
    const [holder, ttlMs] = (await this.#connection.sendAll([
      ['get', [key]],
      ['pttl', [key]],
    ])) as [string | null, number]
    return holder === null ? undefined : { holder, ttlMs }
  }
}

function pairs(flat: string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (let i = 0; i < flat.length; i += 2) found.set(flat[i] as string, flat[i + 1] as string)
  return found
}

function readSchedule(name: string, text: string | undefined, last: string | undefined): Schedule {
  const value = parseJson(text ?? '')
  const config = isJsonObject(value) ? value : {}
  const string = (key: string) => {
    const found = config[key]
    const first = Array.isArray(found) ? found[0] : found
    return first === undefined || first === null ? undefined : String(first)
  }
  const listed = config.rails_env ?? config.env
  return {
    name,
    text: text ?? '',
    config,
    class: string('class') ?? name,
    queue: string('queue'),
    args: config.args ?? [],
    cron: string('cron'),
    every: string('every'),
    description: string('description'),
    environments: listed === undefined || listed === null ? undefined : String(listed),
    lastEnqueuedAt: last,
    isReadable: isJsonObject(value),
  }
}
