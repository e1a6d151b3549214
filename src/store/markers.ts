/**
 * Markers of the charts: what happened when, such as a deploy. One sorted set beside the history, as old as that at most,
 * and bounded: a member is `<id> <label>`, its score the millisecond.
 */
import { ArgumentsError } from '../errors.js'
import type { Connection } from './connection.js'
import { layout } from './history-layout.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'

export interface Marker {
  /** Names it, to remove it by. */
  id: string
  label: string
  at: Date
}

export const markerLimits = {
  labelLength: 80,
  /** So many are kept, the newest. */
  count: 500,
  /** As far back as charts go. */
  ageDays: 400,
  /** Clocks differ. */
  aheadSeconds: 60,
} as const

const DAY = 86_400
/** The last instant that a Date can hold. */
const LAST_MS = 8.64e15

/**
 * KEYS  1 metrics:markers
 * ARGV  1 id  2 label  3 milliseconds, or '' for now  4 how many are kept  5 how old, in ms  6 how far ahead, in ms
 *       7 seconds that the key is kept
 * Reply the milliseconds it stands at; or why it was not added: 'ahead', 'old', 'full'
 * Cost  6 commands
 */
const addScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = ARGV[3] == '' and now or tonumber(ARGV[3])
if at > now + ARGV[6] then return 'ahead' end
if at < now - ARGV[5] then return 'old' end
local member = ARGV[1] .. ' ' .. ARGV[2]
redis.call('ZADD', KEYS[1], string.format('%d', at), member)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%d', now - ARGV[5]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[7])
if not redis.call('ZSCORE', KEYS[1], member) then return 'full' end
return string.format('%d', at)`)

/**
 * KEYS  1 metrics:markers
 * ARGV  1 id
 * Reply label and milliseconds, or nothing where there is none
 * Cost  1 command over the set, which is bounded, and 1 more
 */
const removeScript = script(`
local all, start = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), ARGV[1] .. ' '
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #start) == start then
    redis.call('ZREM', KEYS[1], all[i])
    return {string.sub(all[i], #start + 1), all[i + 1]}
  end
end
return {}`)

export class Markers {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Without `at` it stands at now, by Redis' clock. Throws ArgumentsError at a label or an instant that cannot be right. */
  async add(id: string, label: string, at?: Date): Promise<Marker> {
    checkLabel(label)
    const { count, ageDays, aheadSeconds } = markerLimits
    const bounds = [count, ageDays * DAY * 1_000, aheadSeconds * 1_000, layout.day.ttlSeconds]
    const reply = String(
      await this.#connection.run(addScript, [this.#key], [id, label, at?.getTime() ?? '', ...bounds]),
    )
    const complaint = complaints[reply]
    if (complaint !== undefined) throw new ArgumentsError(complaint)
    return { id, label, at: new Date(Number(reply)) }
  }

  /** Both ends included; the oldest first. A key that is not ours holds none. */
  async between(from: Date, to: Date): Promise<Marker[]> {
    const range = [this.#key, from.getTime(), to.getTime(), 'WITHSCORES']
    const [reply] = await this.#connection.sendAllForBytes([['zrangebyscore', range]])
    const rows = Array.isArray(reply) ? reply.map(String) : []
    const markers: Marker[] = []
    for (let i = 0; i < rows.length; i += 2) {
      const [member = '', at = ''] = rows.slice(i, i + 2)
      const end = member.indexOf(' ')
      markers.push({ id: member.slice(0, end), label: member.slice(end + 1), at: new Date(Number(at)) })
    }
    return markers
  }

  /** All there are, the oldest first. */
  all(): Promise<Marker[]> {
    return this.between(new Date(0), new Date(LAST_MS))
  }

  /** What was removed, or undefined where there is no such marker. */
  async remove(id: string): Promise<Marker | undefined> {
    const reply = (await this.#connection.run(removeScript, [this.#key], [id])) as [string?, string?]
    const [label, at] = reply
    return label === undefined ? undefined : { id, label, at: new Date(Number(at)) }
  }

  get #key(): string {
    return this.#keys.metrics('markers')
  }
}

const { count, ageDays, labelLength } = markerLimits
const complaints: Record<string, string> = {
  ahead: "Expected a marker not to lie in the future, by Redis' clock.",
  old: `Expected a marker not to be older than ${ageDays} days, as far as charts go.`,
  full: `There are ${count} markers that are newer, and no more are kept. Remove some of them.`,
}

/** ISO 8601 with its zone. Throws ArgumentsError at anything else. */
export function readInstant(text: string): Date {
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/
  const at = new Date(shape.test(text) ? text : Number.NaN)
  if (!Number.isNaN(at.getTime())) return at
  throw new ArgumentsError(
    `Expected an instant with its zone, such as 2026-11-24T02:14:40Z, got ${JSON.stringify(text.slice(0, 60))}.`,
  )
}

function checkLabel(label: string): void {
  // Control characters, line separators, and halves of characters.
  if (label.trim() !== '' && label.length <= labelLength && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(label)) return
  throw new ArgumentsError(
    `Expected the label of a marker to be a line of 1 to ${labelLength} characters, without control characters.`,
  )
}
