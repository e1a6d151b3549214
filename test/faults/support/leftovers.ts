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

export async function leftovers(redis: Redis, namespace = 'resque'): Promise<Leftovers> {
  const key = (name: string) => `${namespace}:${name}`
  const found: Leftovers = {
    waiting: {},
    records: {},
    workers: (await redis.smembers(key('workers'))).sort(),
    heartbeats: (await redis.hkeys(key('workers:heartbeat'))).sort(),
    kinds: (await redis.hkeys(key('workers:kind'))).sort(),
    failed: await redis.llen(key('failed')),
    hands: await redis.hkeys(key('hands')),
    deaths: (await redis.hkeys(key('deaths'))).filter((field) => !field.endsWith(':by')).length,
  }
  for (const name of await redis.keys(key('queue:*'))) {
    found.waiting[name.slice(key('queue:').length)] = await redis.llen(name)
  }
  for (const name of await redis.keys(key('worker:*'))) {
    if (name.endsWith(':started')) continue
    found.records[name.slice(key('worker:').length)] = (await redis.get(name)) ?? ''
  }
  for (const name of await redis.keys(key('hand:*'))) {
    if ((await redis.type(name)) === 'list') found.hands.push(name)
  }
  return found
}
