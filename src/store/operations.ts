/**
 * What Redis holds of the operations of the web pages: what each is to do, how far it is, and whose it is.
 *
 * An operation first notes which entries it is to act on (`noting`), then acts on them (`acting`). Its runner is its
 * owner as long as its lease has not run out, by Redis' clock; every step is refused to one that is not. So whoever takes
 * up an operation whose runner died continues with exactly what was not done.
 */
import { createHash } from 'node:crypto'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'

export type OperationState = 'running' | 'done' | 'cancelled' | 'broken'

/** An operation as it stands in Redis. */
export interface OperationRecord {
  id: string
  state: OperationState
  phase: 'noting' | 'acting'
  /** Its specification, JSON. */
  spec: string
  /** How far noting is, JSON. */
  scan: string
  by: string
  createdAt: Date
  endedAt: Date | undefined
  /** How many entries it is to act on, as far as they are noted; those skipped while noting included. */
  total: number
  done: number
  skipped: number
  gone: number
  /** How many elements of refs are acted on. */
  cursor: number
  /** What went wrong, or ''. */
  error: string
}

const TTL_S = 7 * 24 * 3600
const KEPT = 500

/** Redis' clock in ms. */
const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/**
 * KEYS  1 the operation  2 web:ops  3 web:ops:running
 * ARGV  1 its id  2 TTL in s  3 how many ids are kept  4 lease in ms  then fields and values
 * Reply 1, or 0 where there is one of this id
 * Cost  constant
 */
const createScript = script(`
${now}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'at', now, 'lease', now + ARGV[4], 'state', 'running', unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[1])
return 1`)

/**
 * KEYS  1 the operation  2 web:ops:running
 * ARGV  1 its id  2 who wants it  3 lease in ms
 * Reply 1 when it is the caller's now, else 0
 * Cost  constant
 */
const claimScript = script(`
${now}
local state = redis.call('HMGET', KEYS[1], 'state', 'lease', 'owner')
if state[1] ~= 'running' then
  redis.call('SREM', KEYS[2], ARGV[1])
  return 0
end
if state[3] ~= ARGV[2] and tonumber(state[2]) > now then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'lease', now + ARGV[3])
return 1`)

/**
 * KEYS  1 the operation  2 its refs
 * ARGV  1 its owner  2 lease in ms  3 how many more it is to act on  4 skipped among them  5 how far noting is
 *       6 phase  7 TTL in s  8 SHA-1 of how far noting was  then elements of refs
 * Reply 1, or 0 when it is not the caller's, or was noted before, and nothing was done
 * Cost  one RPUSH
 */
const noteScript = script(`
${now}
local state = redis.call('HMGET', KEYS[1], 'owner', 'state', 'scan')
if state[1] ~= ARGV[1] or state[2] ~= 'running' then return 0 end
if redis.sha1hex(state[3]) ~= ARGV[8] then return 0 end
redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'skipped', ARGV[4])
redis.call('HSET', KEYS[1], 'scan', ARGV[5], 'phase', ARGV[6], 'lease', now + ARGV[2])
for i = 9, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('EXPIRE', KEYS[2], ARGV[7])
return 1`)

/**
 * KEYS  1 the operation  2 its refs  3 web:ops:running
 * ARGV  1 its id  2 owner, or '' for whoever it is  3 the state it ends in  4 what went wrong, or ''
 *       5 how many it has done at once, besides what its steps counted
 * Reply 1, or 0 when it has ended before or is not the caller's
 * Cost  constant
 */
const endScript = script(`
${now}
local state = redis.call('HMGET', KEYS[1], 'owner', 'state')
if state[2] ~= 'running' or (ARGV[2] ~= '' and state[1] ~= ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'error', ARGV[4], 'ended', now)
redis.call('HINCRBY', KEYS[1], 'done', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'total', ARGV[5])
redis.call('UNLINK', KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
return 1`)

export class OperationRecords {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** False where there is one of this id already: the same form sent twice is one operation. */
  async create(
    id: string,
    {
      spec,
      scan,
      by,
      owner,
      leaseMs,
    }: { spec: string; scan: string; by: string; owner: string; leaseMs: number },
  ): Promise<boolean> {
    const keys = [this.#keys.operation(id), this.#keys.operations, this.#keys.runningOperations]
    const fields = ['phase', 'noting', 'spec', spec, 'scan', scan, 'by', by, 'owner', owner]
    const counts = ['total', 0, 'done', 0, 'skipped', 0, 'gone', 0, 'cursor', 0]
    return (
      (await this.#connection.run(createScript, keys, [id, TTL_S, KEPT, leaseMs, ...fields, ...counts])) === 1
    )
  }

  async read(id: string): Promise<OperationRecord | undefined> {
    return (await this.#readAll([id]))[0]
  }

  /** The newest first. */
  async recent(limit = 50): Promise<OperationRecord[]> {
    const ids = (await this.#connection.send('zrevrange', [this.#keys.operations, 0, limit - 1])) as string[]
    return this.#readAll(ids)
  }

  /** The ids of those that have not ended. */
  async running(): Promise<string[]> {
    return (await this.#connection.send('smembers', [this.#keys.runningOperations])) as string[]
  }

  /** True when it is the caller's from now on, because it was nobody's, or its runner's lease has run out. */
  async claim(id: string, owner: string, leaseMs: number): Promise<boolean> {
    const keys = [this.#keys.operation(id), this.#keys.runningOperations]
    return (await this.#connection.run(claimScript, keys, [id, owner, leaseMs])) === 1
  }

  /** Adds entries to act on. False when it is no longer the caller's. */
  async note(
    id: string,
    owner: string,
    leaseMs: number,
    note: {
      before: string
      elements: string[]
      total: number
      skipped: number
      scan: string
      phase: 'noting' | 'acting'
    },
  ): Promise<boolean> {
    const keys = [this.#keys.operation(id), this.#keys.operationRefs(id)]
    const { before, elements, total, skipped, scan, phase } = note
    const args = [owner, leaseMs, total, skipped, scan, phase, TTL_S, sha1(before), ...elements]
    return (await this.#connection.run(noteScript, keys, args)) === 1
  }

  /** Elements of its refs. */
  async refs(id: string, start: number, count: number): Promise<string[]> {
    return (await this.#connection.send('lrange', [
      this.#keys.operationRefs(id),
      start,
      start + count - 1,
    ])) as string[]
  }

  /** True if it ended by this call. */
  async end(id: string, state: OperationState, { owner = '', error = '', done = 0 } = {}): Promise<boolean> {
    const keys = [this.#keys.operation(id), this.#keys.operationRefs(id), this.#keys.runningOperations]
    return (await this.#connection.run(endScript, keys, [id, owner, state, error, done])) === 1
  }

  async #readAll(ids: string[]): Promise<OperationRecord[]> {
    if (ids.length === 0) return []
    const names = ['state', 'phase', 'spec', 'scan', 'by', 'at', 'ended', 'total', 'done', 'skipped', 'gone']
    const replies = (await this.#connection.sendAll(
      ids.map((id) => ['hmget', [this.#keys.operation(id), ...names, 'cursor', 'error']] as const),
    )) as (string | null)[][]
    return replies.flatMap((values, i) => {
      const [state, phase, spec, scan, by, at, ended, total, done, skipped, gone, cursor, error] = values
      if (!state) return []
      return {
        id: ids[i] as string,
        state: state as OperationState,
        phase: phase === 'acting' ? 'acting' : 'noting',
        spec: spec ?? '{}',
        scan: scan ?? '',
        by: by ?? '',
        createdAt: new Date(Number(at)),
        endedAt: ended ? new Date(Number(ended)) : undefined,
        total: Number(total),
        done: Number(done),
        skipped: Number(skipped),
        gone: Number(gone),
        cursor: Number(cursor),
        error: error ?? '',
      }
    })
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
