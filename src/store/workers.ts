/**
 * Workers: who is registered, what they do, and their end (protocol 5 and 6; recovery is our own).
 */
import { isJsonObject, parseJson } from '../json.js'
import { bury } from './bury.js'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { type Payload, readWorkingRecord, startedAt, type WorkingRecord } from './records.js'
import type { FailureEntry } from './slots.js'
import { readCount } from './stats.js'
import { beatScript, obeyedScript, orderScript, registerScript, unregisterScript } from './worker-scripts.js'

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
  /** Tells this process from another under the same host name and pid: orders are for one of them. */
  nonce?: string
  /** How it is, as of its last heartbeat; of the first slot of a process alone. */
  vitals?: Vitals
}

/** How a worker process is. */
export interface Vitals {
  state: 'running' | 'paused' | 'stopping'
  rssBytes: number
  /** The latest that a timer of its event loop was, between two heartbeats. */
  lagMs: number
  /** Of this package. */
  version: string
}

/** What a worker process can be told from afar. `stop` is a stop within the worker's own timeout. */
export const orders = ['pause', 'resume', 'stop'] as const
export type Order = (typeof orders)[number]

/** A worker id in its parts: `host:pid:queues`; queue names may hold colons. */
export function readWorkerId(id: string): { host: string; pid: number; queues: string[] } {
  const [host = '', pid = '', ...rest] = id.split(':')
  return { host, pid: Number(pid), queues: rest.join(':').split(',').filter(Boolean) }
}

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
  /** The job is in this hand, not in the record: only that is emptied and closed, for this long. */
  hand?: { name: string; sealedMs: number }
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
    const { workers, heartbeats, kinds, orders, prefix } = this.#keys
    const args = [prefix, startedAt(at), JSON.stringify(kind), ...ids]
    return (await this.#connection.run(
      registerScript,
      [workers, heartbeats, kinds, orders],
      args,
    )) as string[]
  }

  /** Unregisters workers that hold no job. Returns those that do: recovery will find them. */
  async unregister(ids: string[], deadlineMs?: number): Promise<string[]> {
    const { workers, heartbeats, kinds, orders, prefix } = this.#keys
    const keys = [workers, heartbeats, kinds, orders]
    return (await this.#connection.run(unregisterScript, keys, [prefix, ...ids], deadlineMs)) as string[]
  }

  /**
   * Shows that these workers live, adds to their counters, and keeps the vitals of the first. Returns those that are
   * not registered any more, and what the first is told to do.
   */
  async beat(
    beats: { id: string; processed: number; failed: number }[],
    first?: WorkerKind,
  ): Promise<{ gone: string[]; order: string }> {
    const { workers, heartbeats, kinds, orders, prefix } = this.#keys
    const [order, gone] = (await this.#connection.run(
      beatScript,
      [workers, heartbeats, kinds, orders],
      [
        prefix,
        first ? JSON.stringify(first) : '',
        ...beats.flatMap(({ id, processed, failed }) => [id, processed, failed]),
      ],
    )) as [string, string[]]
    return { gone, order }
  }

  /** Tells the process of this worker what to do: it hears at its next heartbeat. False if it is none of ours, or gone. */
  async order(id: string, order: Order): Promise<boolean> {
    const { kinds, orders } = this.#keys
    const kind = readKind((await this.#connection.send('hget', [kinds, id])) as string | null)
    if (kind?.nonce === undefined) return false
    const { process, nonce } = kind
    return (await this.#connection.run(orderScript, [kinds, orders], [process, nonce, order])) === 1
  }

  /** What a process was told was heard. */
  async obeyed(process: string, order: string): Promise<void> {
    await this.#connection.run(obeyedScript, [this.#keys.orders], [process, order])
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
        processed: readCount(processed ?? null),
        failed: readCount(failed ?? null),
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

  async bury({ id, record, heartbeat, hand, job }: Burial): Promise<Verdict> {
    const { workers, heartbeats, kinds, queues, deaths, orders, hands, prefix } = this.#keys
    const entries = job?.entries ?? []
    return (await this.#connection.run(
      bury,
      [workers, heartbeats, kinds, queues, deaths, orders, hands],
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
        hand?.name ?? '',
        hand?.sealedMs ?? 0,
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
    if (ids.length > 0)
      await this.#connection.sendAll([
        ['hdel', [this.#keys.kinds, ...ids]],
        ['hdel', [this.#keys.orders, ...ids]],
      ])
  }
}

export function readKind(text: string | null): WorkerKind | undefined {
  const value = text === null ? undefined : parseJson(text)
  if (!isJsonObject(value) || typeof value.process !== 'string') return undefined
  const { vitals, nonce } = value
  return {
    process: value.process,
    deadAfterMs: Number(value.deadAfterMs),
    failOnDeath: Array.isArray(value.failOnDeath) ? value.failOnDeath.map(String) : [],
    ...(typeof nonce === 'string' && { nonce }),
    ...(isJsonObject(vitals) && { vitals: readVitals(vitals) }),
  }
}

function readVitals({ state, rssBytes, lagMs, version }: Record<string, unknown>): Vitals {
  return {
    state: state === 'paused' || state === 'stopping' ? state : 'running',
    rssBytes: Number(rssBytes) || 0,
    lagMs: Number(lagMs) || 0,
    version: String(version ?? ''),
  }
}
