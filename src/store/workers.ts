/**
 * Workers: who is registered, what they do, and their end (protocol 5 and 6; recovery is our own).
 */
import { isJsonObject, parseJson } from '../json.js'
import { bury } from './bury.js'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { type Payload, readWorkingRecord, startedAt, type WorkingRecord } from './records.js'
import { script } from './scripts.js'
import type { FailureEntry } from './slots.js'

/** A registered worker: Ruby's, or one slot of ours. */
export interface WorkerInfo {
  id: string
  host: string
  pid: number
  /** As configured, patterns included. The last is `…` where an id has no room for a very long list. */
  queues: string[]
  /** As it was written at the start, or '' if it was not. */
  started: string
  /** The last heartbeat, ISO 8601, or undefined if it never sent one. */
  heartbeat: string | undefined
  processed: number
  failed: number
  /** What it works on, or undefined while it is idle. */
  job: WorkingRecord | undefined
  /** `ruby`, or what a worker of ours recorded of itself. */
  kind: 'ruby' | WorkerKind
}

/** What others must know of a worker of ours, to judge it and to bury it. */
export interface WorkerKind {
  /** The id of the first slot of its process: the same for all slots. */
  process: string
  /** Dead after this long without a heartbeat. */
  deadAfterMs: number
  /** Classes whose jobs go to failed when it dies, rather than back to their queue. */
  failOnDeath: string[]
}

/** A worker id in its parts: `host:pid:queues`; queue names may hold colons. */
export function readWorkerId(id: string): { host: string; pid: number; queues: string[] } {
  const [host = '', pid = '', ...rest] = id.split(':')
  return { host, pid: Number(pid), queues: rest.join(':').split(',').filter(Boolean) }
}

/** ISO 8601 seconds with a numeric offset, as Ruby writes a heartbeat, from Redis' clock. */
const luaClock = `
local function clock()
  local now = tonumber(redis.call('TIME')[1])
  local days, rest = math.floor(now / 86400), now % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp + (mp < 10 and 3 or -9)
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60)
end`

/**
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind
 * ARGV  1 namespace with colon  2 started text  3 kind JSON  4… worker ids
 * Reply the ids that another process holds; if there are any, nothing was done
 * Cost  4 commands a worker; the heartbeat stands before the id is in the set, as Ruby has it
 */
const registerScript = script(`${luaClock}
local at, taken = clock(), {}
for i = 4, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 1 or redis.call('EXISTS', ARGV[1] .. 'worker:' .. ARGV[i]) == 1 then
    taken[#taken + 1] = ARGV[i]
  end
end
if #taken > 0 then return taken end
for i = 4, #ARGV do
  redis.call('HSET', KEYS[2], ARGV[i], at)
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[3])
  redis.call('SADD', KEYS[1], ARGV[i])
  redis.call('SET', ARGV[1] .. 'worker:' .. ARGV[i] .. ':started', ARGV[2])
end
return taken`)

/**
 * KEYS  1 workers  2 workers:heartbeat
 * ARGV  1 namespace with colon, then for each worker: id, jobs processed and jobs failed since the last beat
 * Reply the ids that are not registered (any more): they got no heartbeat
 * Cost  4 commands, and 2 for each worker that worked
 *
 * SREM changes nothing. It is there to be the first write, and one that needs no memory: Redis asks only before the
 * first whether memory is full, and a full memory makes nobody dead.
 */
const beatScript = script(`${luaClock}
local ids, gone, fields, at = {}, {}, {}, clock()
for i = 2, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
redis.call('SREM', KEYS[1], '')
local registered = redis.call('SMISMEMBER', KEYS[1], unpack(ids))
for i, id in ipairs(ids) do
  if registered[i] == 0 then
    gone[#gone + 1] = id
  else
    fields[#fields + 1] = id
    fields[#fields + 1] = at
    local processed, failed = ARGV[3 * i], ARGV[3 * i + 1]
    if processed ~= '0' then redis.pcall('INCRBY', ARGV[1] .. 'stat:processed:' .. id, processed) end
    if failed ~= '0' then redis.pcall('INCRBY', ARGV[1] .. 'stat:failed:' .. id, failed) end
  end
end
if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
return gone`)

/**
 * KEYS  1 workers  2 workers:heartbeat  3 workers:kind
 * ARGV  1 namespace with colon  2… worker ids
 * Reply the ids that still hold a job: they are left for recovery to find
 * Cost  5 commands a worker
 */
const unregisterScript = script(`
local busy = {}
for i = 2, #ARGV do
  local id, key = ARGV[i], ARGV[1] .. 'worker:' .. ARGV[i]
  if redis.call('EXISTS', key) == 1 then
    busy[#busy + 1] = id
  else
    redis.call('SREM', KEYS[1], id)
    redis.call('DEL', key .. ':started', ARGV[1] .. 'stat:processed:' .. id, ARGV[1] .. 'stat:failed:' .. id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
  end
end
return busy`)

/** What became of a worker that was buried, and of its job. */
export type Verdict =
  /** It no longer stood as it was judged; nothing was done. */
  | 'changed'
  /** It held no job. */
  | 'removed'
  /** Its job is at the head of its queue again. */
  | 'requeued'
  /** Its job is in failed. */
  | 'failed'
  /** Its job has killed too many workers and is in failed. */
  | 'parked'

/** A worker as it was judged, and what shall become of its job. */
export interface Burial {
  id: string
  /** The working record it was judged by; undefined: it held none. */
  record: Buffer | undefined
  /** The heartbeat it was judged by; undefined: it does not matter. */
  heartbeat: string | undefined
  job?: {
    fate: 'requeue' | 'fail'
    queue: string
    payload: Payload
    deathField: string
    maxDeaths: number
    /** What the marks of the process that died begin with. Default: the worker's id. */
    process?: string | undefined
    /** What to write when it fails, or is parked. */
    entries: FailureEntry[]
  }
}

/** What a look at all workers sees, at one moment of Redis' clock. */
export interface Census {
  /** Seconds since 1970. */
  now: number
  registered: Set<string>
  heartbeats: Map<string, string>
  kinds: Map<string, WorkerKind>
}

export class Workers {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Registers all of these workers, or none. Returns the ids that another process holds. */
  async register(ids: string[], kind: WorkerKind, at: Date): Promise<string[]> {
    const { workers, heartbeats, kinds, prefix } = this.#keys
    const args = [prefix, startedAt(at), JSON.stringify(kind), ...ids]
    return (await this.#connection.run(registerScript, [workers, heartbeats, kinds], args)) as string[]
  }

  /** Unregisters workers that hold no job. Returns those that do: recovery will find them. */
  async unregister(ids: string[], deadlineMs?: number): Promise<string[]> {
    const { workers, heartbeats, kinds, prefix } = this.#keys
    const keys = [workers, heartbeats, kinds]
    return (await this.#connection.run(unregisterScript, keys, [prefix, ...ids], deadlineMs)) as string[]
  }

  /** Shows that these workers live, and adds to their counters. Returns those that are not registered any more. */
  async beat(beats: { id: string; processed: number; failed: number }[]): Promise<string[]> {
    const args = beats.flatMap(({ id, processed, failed }) => [id, processed, failed])
    const { workers, heartbeats, prefix } = this.#keys
    return (await this.#connection.run(beatScript, [workers, heartbeats], [prefix, ...args])) as string[]
  }

  /** Ids in byte order. */
  async ids(): Promise<string[]> {
    return ((await this.#connection.send('smembers', [this.#keys.workers])) as string[]).sort()
  }

  async isRegistered(id: string): Promise<boolean> {
    return (await this.#connection.send('sismember', [this.#keys.workers, id])) === 1
  }

  async count(): Promise<number> {
    return (await this.#connection.send('scard', [this.#keys.workers])) as number
  }

  /** What each of these works on. */
  async jobs(ids: string[]): Promise<(WorkingRecord | undefined)[]> {
    if (ids.length === 0) return []
    const texts = (await this.#connection.send(
      'mget',
      ids.map((id) => this.#keys.worker(id)),
    )) as (string | null)[]
    return texts.map((text) => (text === null ? undefined : readWorkingRecord(text)))
  }

  async all(): Promise<WorkerInfo[]> {
    return this.describe(await this.ids())
  }

  async describe(ids: string[]): Promise<WorkerInfo[]> {
    if (ids.length === 0) return []
    const keys = ids.flatMap((id) => [
      this.#keys.worker(id),
      this.#keys.started(id),
      this.#keys.stat(`processed:${id}`),
      this.#keys.stat(`failed:${id}`),
    ])
    const [values, heartbeats, kinds] = (await this.#connection.sendAll([
      ['mget', keys],
      ['hmget', [this.#keys.heartbeats, ...ids]],
      ['hmget', [this.#keys.kinds, ...ids]],
    ])) as [(string | null)[], (string | null)[], (string | null)[]]
    return ids.map((id, i) => {
      const [record, started, processed, failed] = values.slice(4 * i, 4 * i + 4)
      return {
        id,
        ...readWorkerId(id),
        started: started ?? '',
        heartbeat: heartbeats[i] ?? undefined,
        processed: Number(processed ?? 0),
        failed: Number(failed ?? 0),
        job: record ? readWorkingRecord(record) : undefined,
        kind: readKind(kinds[i] ?? null) ?? 'ruby',
      }
    })
  }

  /** True for one caller of the whole cluster in each interval. */
  async takePruneTurn(id: string, intervalMs: number): Promise<boolean> {
    return (
      (await this.#connection.send('set', [this.#keys.pruneTurn, id, 'PX', Math.ceil(intervalMs), 'NX'])) ===
      'OK'
    )
  }

  /** Ruby's own lock: whoever has it prunes Ruby's workers. It expires after a minute; nobody releases it. */
  async takeRubyPruneLock(id: string, seconds: number): Promise<boolean> {
    return (await this.#connection.send('set', [this.#keys.rubyPruneLock, id, 'EX', seconds, 'NX'])) === 'OK'
  }

  async census(): Promise<Census> {
    const { workers, heartbeats, kinds } = this.#keys
    // The Redis client makes an object of what HGETALL replies.
    const [time, registered, beats, kindTexts] = (await this.#connection.sendAll([
      ['time', []],
      ['smembers', [workers]],
      ['hgetall', [heartbeats]],
      ['hgetall', [kinds]],
    ])) as [[string, string], string[], Record<string, string>, Record<string, string>]
    const read = new Map<string, WorkerKind>()
    for (const [id, text] of Object.entries(kindTexts)) {
      const kind = readKind(text)
      if (kind) read.set(id, kind)
    }
    return {
      now: Number(time[0]),
      registered: new Set(registered),
      heartbeats: new Map(Object.entries(beats)),
      kinds: read,
    }
  }

  /** The working record of a worker, its bytes. */
  async record(id: string): Promise<Buffer | undefined> {
    const bytes = (await this.#connection.sendForBytes('get', [this.#keys.worker(id)])) as Buffer | null
    return bytes ?? undefined
  }

  async bury({ id, record, heartbeat, job }: Burial): Promise<Verdict> {
    const { workers, heartbeats, kinds, queues, deaths, prefix } = this.#keys
    const entries = job?.entries ?? []
    return (await this.#connection.run(
      bury,
      [workers, heartbeats, kinds, queues, deaths],
      [
        prefix,
        id,
        record ?? '',
        heartbeat ?? '',
        job?.fate ?? '',
        job?.queue ?? '',
        job?.payload ?? '',
        job?.deathField ?? '',
        job?.maxDeaths ?? 0,
        job?.process ?? id,
        entries.length,
        ...entries.flatMap(({ list, text, listedIn }) => [list, text, listedIn ?? '']),
      ],
    )) as Verdict
  }

  /** Starts the clock of a worker of ours that has no heartbeat, so that it can be judged later. */
  async startClock(id: string, now: number): Promise<void> {
    const at = `${new Date(now * 1_000).toISOString().slice(0, 19)}+00:00`
    await this.#connection.send('hsetnx', [this.#keys.heartbeats, id, at])
  }

  /** Forgets the kind of workers that are no more (Ruby unregisters a worker without knowing of kinds). */
  async forgetKinds(ids: string[]): Promise<void> {
    if (ids.length > 0) await this.#connection.send('hdel', [this.#keys.kinds, ...ids])
  }
}

function readKind(text: string | null): WorkerKind | undefined {
  const value = text === null ? undefined : parseJson(text)
  if (!isJsonObject(value) || typeof value.process !== 'string') return undefined
  return {
    process: value.process,
    deadAfterMs: Number(value.deadAfterMs),
    failOnDeath: Array.isArray(value.failOnDeath) ? value.failOnDeath.map(String) : [],
  }
}
