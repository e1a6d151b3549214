// What is left in Redis after a test: nothing, if every job came to its end and every worker left.

import type { Redis } from 'ioredis'

export interface Leftovers {
  /** Jobs waiting, by queue; queues that are empty are left out. */
  waiting: Record<string, number>
  /** Worker id → working record. */
  records: Record<string, string>
  workers: string[]
  heartbeats: string[]
  kinds: string[]
  failed: number
  /** Hands that are listed as open, and those with a job in them. */
  hands: string[]
  /** How many jobs have deaths counted against them. */
  deaths: number
}

export const nothing: Leftovers = {
  waiting: {},
  records: {},
  workers: [],
  heartbeats: [],
  kinds: [],
  failed: 0,
  hands: [],
  deaths: 0,
}

/** Seen at one instant: what goes from one place to another is in one of both. */
const look = `
local function at(name) return ARGV[1] .. ':' .. name end
local function all(pattern, value)
  local found = {}
  for _, key in ipairs(redis.call('KEYS', at(pattern))) do
    found[#found + 1] = { string.sub(key, #ARGV[1] + 2), value(key) }
  end
  return found
end
return {
  redis.call('SMEMBERS', at('workers')), redis.call('HKEYS', at('workers:heartbeat')),
  redis.call('HKEYS', at('workers:kind')), redis.call('LLEN', at('failed')), redis.call('HKEYS', at('hands')),
  redis.call('HKEYS', at('deaths')),
  all('queue:*', function(key) return redis.call('LLEN', key) end),
  all('worker:*', function(key) return redis.call('TYPE', key).ok == 'string' and redis.call('GET', key) or '' end),
  all('hand:*', function(key) return redis.call('TYPE', key).ok end),
}`

type Look = [
  ...[workers: string[], heartbeats: string[], kinds: string[], failed: number, hands: string[]],
  ...[deaths: string[], queues: [string, number][], records: [string, string][], open: [string, string][]],
]

export async function leftovers(redis: Redis, namespace = 'resque'): Promise<Leftovers> {
  const reply = (await redis.eval(look, 0, namespace)) as Look
  const [workers, heartbeats, kinds, failed, hands, deaths, queues, records, open] = reply
  const nameOf = (key: string) => key.slice(key.indexOf(':') + 1)
  return {
    waiting: Object.fromEntries(queues.map(([key, length]) => [nameOf(key), length])),
    records: Object.fromEntries(
      records.filter(([key]) => !key.endsWith(':started')).map(([key, record]) => [nameOf(key), record]),
    ),
    workers: workers.sort(),
    heartbeats: heartbeats.sort(),
    kinds: kinds.sort(),
    failed,
    hands: [...hands, ...open.filter(([, type]) => type === 'list').map(([key]) => `${namespace}:${key}`)],
    deaths: deaths.filter((field) => !field.endsWith(':by')).length,
  }
}
