// Redis stays, and does something to its clients: forgets scripts, drops connections, loses everything, refuses writes.

import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { CuttingProxy } from './support/proxy.js'
import { seeded } from './support/random.js'
import { idsOf, Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

/** Keeps doing something to Redis while jobs run, and checks that each ran exactly once. */
async function upset(name: string, count: number, act: () => Promise<unknown>): Promise<void> {
  const random = seeded(name)
  const worker = await room.start({ concurrency: 10 })
  const ids = idsOf(count)
  await room.resque.enqueueMany(ids.map((id) => [room.Record, id, random.between(0, 20)]))
  while (room.ended.size < count) {
    await act()
    await pause(random.between(0, 60))
  }
  await worker.stop()
  expect(room.notOnce(ids)).toEqual([])
  expect(await room.resque.stats.get('processed')).toBe(count)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
}

test('scripts that Redis forgets are given to it again', async () => {
  await upset('SCRIPT FLUSH', 2_000, () => room.redis.client.script('FLUSH'))
})

test('connections that Redis drops neither lose nor double a job', async () => {
  const { client } = room.redis
  await upset('CLIENT KILL', 200, async () => {
    for (const type of ['NORMAL', 'PUBSUB'])
      await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')
  })
})

test('a worker registers again and goes on after everything was deleted', async () => {
  const worker = await room.start({ concurrency: 5, heartbeatMs: 500 })
  const long = idsOf(3, 'running')
  await room.resque.enqueueMany(long.map((id) => [room.Record, id, 700]))
  await waitFor(() => room.begun.size === 3)
  await room.redis.client.flushall()
  const after = idsOf(100, 'after')
  await room.resque.enqueueMany(after.map((id) => [room.Record, id]))
  await room.ran([...long, ...after])
  await waitFor(async () => (await room.resque.workers()).length === 5, { message: 'all slots registered' })
  // What a slot did before is gone with its record: only what came afterwards counts.
  await waitFor(async () => (await room.resque.stats.get('processed')) === 100)
  await worker.stop()
  expect(room.notOnce([...long, ...after])).toEqual([])
  expect(room.lines.filter((line) => line.includes('was refused'))).toHaveLength(3)
  expect(room.lines.filter((line) => line.includes('registered again'))).toHaveLength(5)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a Redis that takes no writes for a while loses and doubles nothing', async () => {
  const random = seeded('READONLY')
  const ids = idsOf(2_000)
  const worker = await room.start({ concurrency: 10, heartbeatMs: 500 })
  await room.resque.enqueueMany(
    ids.map((id, i) => [i % 20 ? room.Record : room.Boom, id, random.between(0, 10)]),
  )
  await waitFor(() => room.ended.size > 200)
  // A replica of nothing that exists: it keeps its data, and refuses to change them.
  await room.redis.client.replicaof('127.0.0.1', '1')
  await expect(room.resque.enqueue(room.Record, 'refused')).rejects.toThrow('READONLY')
  await pause(2_000)
  await room.redis.client.replicaof('NO', 'ONE')
  await room.ran(ids)
  await waitFor(async () => (await room.resque.stats.get('processed')) === ids.length)
  await worker.stop()
  expect(room.notOnce(ids)).toEqual([])
  expect(await room.resque.stats.get('failed')).toBe(100)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 100 })
})

test('an idle worker leaves a Redis that became a replica, and works at the new master', async () => {
  const next = await Room.open()
  const proxy = await new CuttingProxy(room.redis.port).start()
  try {
    const worker = await room.start({ resque: room.client(proxy.url), heartbeatMs: 500 })
    await waitFor(() => room.lines.some((line) => line.includes('Starting worker')))
    proxy.target = next.redis.port
    await room.redis.client.replicaof('127.0.0.1', String(next.redis.port))
    await next.resque.enqueue(room.Record, 'at the new master')
    await room.ran(['at the new master'], 10_000)
    await worker.stop()
    expect(await leftovers(next.redis.client)).toEqual(nothing)
  } finally {
    await proxy.stop()
    await next.close()
  }
})

test('connections that are accepted and then fall silent hold nobody up for ever', async () => {
  const proxy = await new CuttingProxy(room.redis.port).start()
  try {
    const resque = room.client(proxy.url, 1_000)
    const worker = await room.start({ resque, concurrency: 2, heartbeatMs: 500 })
    await resque.enqueue(room.Record, 'before')
    await room.ran(['before'])
    proxy.isBlackHole = true
    proxy.cutAll()
    await expect(resque.size('runs')).rejects.toThrow('lost before its answer came')
    const startedAt = performance.now()
    await expect(resque.enqueue(room.Record, 'meanwhile')).rejects.toThrow('could not be reached')
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    proxy.isBlackHole = false
    await room.resque.enqueue(room.Record, 'after')
    await room.ran(['after'], 10_000)
    await worker.stop()
    expect(await leftovers(room.redis.client)).toEqual(nothing)
  } finally {
    await proxy.stop()
  }
})
