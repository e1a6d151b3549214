/**
 * The audit log of the web pages: who did what, capped, append-only. Arguments of jobs do not belong in it. It is no stream,
 * as Ruby's pages fail on the key of one.
 */
import { isJsonObject, parseJson } from '../json.js'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'

/** What happened. Every field is short text; what does not apply is left out. */
export interface AuditEvent {
  user: string
  role?: string | undefined
  ip?: string | undefined
  /** Such as `retry`, `remove`, `clear`, `pause`, `login`. */
  action: string
  /** What it was done to, such as the name of a queue. */
  target?: string | undefined
  /** The filter that said which; no search text. */
  filter?: string | undefined
  count?: number | undefined
  operation?: string | undefined
  /** `done`, `denied`, or what went wrong. */
  result: string
  requestId?: string | undefined
}

export interface AuditEntry extends AuditEvent {
  /** `<ms>-<µs>`, when it was; pass it as `before` to read on. */
  id: string
  at: Date
}

const TEXTS = [
  'user',
  'role',
  'ip',
  'action',
  'target',
  'filter',
  'operation',
  'result',
  'requestId',
] as const
const MAX_ENTRIES = 10_000
const MAX_TEXT = 500

/**
 * No two entries have the same time, and none an earlier one than that before it.
 *
 * KEYS  1 web:audit
 * ARGV  1 the entry's JSON  2 how many are kept
 * Reply nothing
 * Cost  the logarithm of how many there are
 */
const recordScript = script(`
local time = redis.call('TIME')
local at = time[1] * 1000000 + time[2]
local last = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if last then at = math.max(at, tonumber(string.match(last, '^%d+') or 0) + 1) end
at = string.format('%.0f', at)
redis.call('ZADD', KEYS[1], at, at .. ' ' .. ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[2])`)

export class Audit {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Appends; the time is Redis' own. */
  async record(event: AuditEvent): Promise<void> {
    const entry: Record<string, string | number> = {}
    for (const field of TEXTS) {
      const value = event[field]
      if (value !== undefined) entry[field] = value.toWellFormed().slice(0, MAX_TEXT)
    }
    if (event.count !== undefined) entry.count = event.count
    // Ruby's page of a key shows what lies there as it is.
    const text = JSON.stringify(entry).replaceAll('<', '\\u003c')
    await this.#connection.run(recordScript, [this.#keys.audit], [text, MAX_ENTRIES])
  }

  /** A page, newest first. `before` is the id of the last entry of the page before. */
  async page({
    before,
    limit = 50,
  }: {
    before?: string | undefined
    limit?: number
  } = {}): Promise<AuditEntry[]> {
    const [, ms, us] = /^(\d{1,15})-(\d{1,3})$/.exec(before ?? '') ?? []
    const end = ms === undefined ? '+inf' : `(${ms}${us?.padStart(3, '0')}`
    const range = [this.#keys.audit, end, '-inf', 'LIMIT', 0, limit]
    return ((await this.#connection.send('zrevrangebyscore', range)) as string[]).map(readEntry)
  }

  async count(): Promise<number> {
    return (await this.#connection.send('zcard', [this.#keys.audit])) as number
  }
}

function readEntry(text: string): AuditEntry {
  const space = text.indexOf(' ')
  const [ms, us] = [text.slice(0, space - 3), text.slice(space - 3, space)]
  const parsed = parseJson(text.slice(space + 1))
  const { count, ...entry } = isJsonObject(parsed) ? parsed : {}
  const [user = '', role, ip, action = '', target, filter, operation, result = '', requestId] = TEXTS.map(
    (field) => (entry[field] === undefined ? undefined : String(entry[field])),
  )
  return {
    ...{ id: `${ms}-${us}`, at: new Date(Number(ms)), user, role, ip, action, target, filter },
    ...{ count: count === undefined ? undefined : Number(count), operation, result, requestId },
  }
}
