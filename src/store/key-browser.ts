/**
 * The keys of the namespace as they lie in Redis, for an admin who wants to see for himself: a page at a time, and of
 * each value its beginning.
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { script } from './scripts.js'

const ROWS = 20
const ROW_BYTES = 4_096

/**
 * KEYS  the keys that are asked about
 * Reply for each: its type, its size in members or bytes
 * Cost  2 commands a key, none of which grows with it
 */
const sizesScript = script(`
local sizes = { string = 'STRLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN' }
local reply = {}
for _, key in ipairs(KEYS) do
  local type = redis.call('TYPE', key).ok
  reply[#reply + 1] = type
  reply[#reply + 1] = sizes[type] and redis.call(sizes[type], key) or -1
end
return reply`)

/**
 * KEYS  1 a key
 * ARGV  1 first row  2 rows  3 bytes of each row  4 cursor
 * Reply its type, its size, seconds to live, the next cursor, the rows, each cut
 * Cost  1 command for that part of it
 */
const valueScript = script(`
local key, first, rows, most, cursor = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local type = redis.call('TYPE', key).ok
local ttl, size, found, next = redis.call('TTL', key), -1, {}, '0'
if type == 'string' then
  size = redis.call('STRLEN', key)
  found = { redis.call('GETRANGE', key, 0, most - 1) }
elseif type == 'list' then
  size = redis.call('LLEN', key)
  found = redis.call('LRANGE', key, first, first + rows - 1)
elseif type == 'zset' then
  size = redis.call('ZCARD', key)
  found = redis.call('ZRANGE', key, first, first + rows - 1, 'WITHSCORES')
elseif type == 'set' then
  size = redis.call('SCARD', key)
  local page = redis.call('SSCAN', key, cursor, 'COUNT', rows)
  next, found = page[1], page[2]
elseif type == 'hash' then
  size = redis.call('HLEN', key)
  local page = redis.call('HSCAN', key, cursor, 'COUNT', rows)
  next, found = page[1], page[2]
elseif type == 'stream' then
  size = redis.call('XLEN', key)
  for _, entry in ipairs(redis.call('XREVRANGE', key, '+', '-', 'COUNT', rows)) do
    found[#found + 1] = entry[1] .. '  ' .. table.concat(entry[2], '  ')
  end
end
local cut = {}
for i = 1, math.min(#found, 200) do cut[i] = string.sub(found[i], 1, most) end
return { type, size, ttl, next, cut }`)

export interface KeyLine {
  /** Without the namespace. */
  name: string
  type: string
  /** Members, or bytes of a string; -1 where it is of a type without. */
  size: number
}

export interface KeyValue {
  type: string
  size: number
  /** -1: for good. */
  ttlSeconds: number
  rows: string[]
  /** Where the rest of a set or hash begins; undefined at its end. */
  cursor: string | undefined
}

export class KeyBrowser {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Some keys from a cursor on, in no order; '0' begins and ends. */
  async page(cursor: string): Promise<{ keys: KeyLine[]; cursor: string }> {
    const { prefix } = this.#keys
    const match = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
    const [next, found] = (await this.#connection.send('scan', [cursor, 'MATCH', match, 'COUNT', 200])) as [
      string,
      string[],
    ]
    const sizes = found.length === 0 ? [] : await this.#connection.run(sizesScript, found, [])
    const flat = sizes as (string | number)[]
    const keys = found.map((key, i) => ({
      name: key.slice(prefix.length),
      type: String(flat[2 * i]),
      size: Number(flat[2 * i + 1]),
    }))
    return { keys: keys.sort((a, b) => (a.name < b.name ? -1 : 1)), cursor: next }
  }

  /** One value from a row on; undefined where there is no such key. */
  async value(name: string, start: number, cursor: string): Promise<KeyValue | undefined> {
    const args = [start, ROWS, ROW_BYTES, cursor]
    const reply = await this.#connection.run(valueScript, [`${this.#keys.prefix}${name}`], args)
    const [type, size, ttlSeconds, next, rows] = reply as [string, number, number, string, string[]]
    if (type === 'none') return undefined
    return { type, size, ttlSeconds, rows, cursor: next === '0' ? undefined : next }
  }

  /** What `INFO` says, by name. */
  async info(): Promise<Map<string, string>> {
    const text = String(await this.#connection.send('info', []))
    return new Map(
      text
        .split(/\r?\n/)
        .filter((line) => line.includes(':') && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    )
  }
}
