/**
 * The audit log of the web pages: a stream of who did what, capped, append-only. Arguments of jobs do not belong in it.
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'

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
  /** Its id in the stream; pass it as `before` to read on. */
  id: string
  at: Date
}

const FIELDS = [
  'user',
  'role',
  'ip',
  'action',
  'target',
  'filter',
  'count',
  'operation',
  'result',
  'requestId',
] as const
const MAX_ENTRIES = 10_000
const MAX_TEXT = 500

export class Audit {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Appends; the time is Redis' own. */
  async record(event: AuditEvent): Promise<void> {
    const fields = FIELDS.flatMap((field) => {
      const value = event[field]
      return value === undefined ? [] : [field, String(value).toWellFormed().slice(0, MAX_TEXT)]
    })
    await this.#connection.send('xadd', [this.#keys.audit, 'MAXLEN', '~', MAX_ENTRIES, '*', ...fields])
  }

  /** A page, newest first. `before` is the id of the last entry of the page before. */
  async page({
    before,
    limit = 50,
  }: {
    before?: string | undefined
    limit?: number
  } = {}): Promise<AuditEntry[]> {
    const end = before !== undefined && /^\d+-\d+$/.test(before) ? `(${before}` : '+'
    const rows = (await this.#connection.send('xrevrange', [this.#keys.audit, end, '-', 'COUNT', limit])) as [
      string,
      string[],
    ][]
    return rows.map(([id, values]) => {
      const fields = new Map<string, string>()
      for (let i = 0; i < values.length; i += 2) fields.set(values[i] as string, values[i + 1] as string)
      const count = fields.get('count')
      return {
        id,
        at: new Date(Number.parseInt(id, 10)),
        user: fields.get('user') ?? '',
        role: fields.get('role'),
        ip: fields.get('ip'),
        action: fields.get('action') ?? '',
        target: fields.get('target'),
        filter: fields.get('filter'),
        count: count === undefined ? undefined : Number(count),
        operation: fields.get('operation'),
        result: fields.get('result') ?? '',
        requestId: fields.get('requestId'),
      }
    })
  }

  async count(): Promise<number> {
    return (await this.#connection.send('xlen', [this.#keys.audit])) as number
  }
}
