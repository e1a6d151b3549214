// Reads everything a Redis holds, in the shape of the recordings: sets and hashes sorted, values masked.

import type { Redis } from 'ioredis'
import type { Key } from './recording.js'

/** The whole keyspace, without what is of the moment in `workers:kind`. `masked` is applied to every name, member, field and value. */
export async function readKeyspace(
  redis: Redis,
  masked: (text: string) => string,
): Promise<Record<string, Key>> {
  // History is ours alone; it expires by itself, and means nothing to Ruby.
  const names = (await redis.keys('*')).filter((name) => !/(^|:)metrics:/.test(name)).sort()
  const keys: Record<string, Key> = {}
  for (const name of names) {
    const type = await redis.type(name)
    if (type === 'none') continue // it expired meanwhile
    const ttl = await redis.ttl(name)
    const key: Key = { type, value: await readValue(redis, name, type, masked) }
    if (ttl >= 0) key.ttl = ttl
    keys[masked(name)] = key
  }
  return keys
}

async function readValue(redis: Redis, name: string, type: string, masked: (text: string) => string) {
  if (type === 'string') return masked((await redis.get(name)) ?? '')
  if (type === 'list') return (await redis.lrange(name, 0, -1)).map(masked)
  if (type === 'set') return (await redis.smembers(name)).map(masked).sort()
  if (type === 'hash') {
    const fields = Object.entries(await redis.hgetall(name)).map(([field, value]) => [
      masked(field),
      masked(value).replace(/,"nonce":"[0-9a-f]{12}"(,"vitals":\{[^}]*\})?/, ''),
    ])
    return Object.fromEntries(fields.sort()) as Record<string, string>
  }
  throw new Error(`No scenario expects the key ${name} of type ${type}.`)
}
