// Keys that somebody wrote something else into: what they hold cannot be used, and everything else goes on.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { idsOf, Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

/** A worker of ours that died long ago, with a job of this queue in hand. */
async function addDead(number: number, queue: string, id: string, failOnDeath: string[] = []): Promise<void> {
  const { client } = room.redis
  const worker = `gone~${number}:1:${queue}`
  const kind = { process: worker, deadAfterMs: 1_000, failOnDeath }
  await client.sadd('resque:workers', worker)
  await client.hset('resque:workers:heartbeat', worker, '2020-01-01T00:00:00+00:00')
  await client.hset('resque:workers:kind', worker, JSON.stringify(kind))
  const payload = `{"class":"Record","args":["${id}"]}`
  await client.set(
    `resque:worker:${worker}`,
    `{"queue":"${queue}","run_at":"2020-01-01T00:00:00Z","payload":${payload},"run":"x.1.${number}"}`,
  )
}

/** The keys of the working records there are. */
async function heldJobs(): Promise<string[]> {
  return (await room.redis.client.keys('resque:worker:*')).filter((key) => !key.endsWith(':started'))
}

test('a queue that is no list keeps no worker from the others', async () => {
  await room.redis.client.set('resque:queue:bad', 'a string')
  await room.redis.client.sadd('resque:queues', 'bad')
  for (const queues of ['bad,runs', '*']) {
    const worker = await room.start({ queues, concurrency: 3 })
    const ids = idsOf(200, queues)
    await room.resque.enqueueMany(ids.map((id) => [room.Record, id]))
    await room.ran(ids)
    await worker.stop()
    expect(room.notOnce(ids)).toEqual([])
  }
  expect(await room.redis.client.get('resque:queue:bad')).toBe('a string')
})

test('a failure that cannot be written is held, and written later; other jobs do not wait for it', async () => {
  await room.redis.client.set('resque:failed', 'a string')
  const worker = await room.start({ concurrency: 2 })
  await room.resque.enqueue(room.Boom, 'boom')
  await room.ran(['boom'])
  const ids = idsOf(100)
  const startedAt = performance.now()
  for (const id of ids) {
    await room.resque.enqueue(room.Record, id)
    await room.ran([id])
  }
  // One at a time, while the other slot tries again once a second.
  expect(performance.now() - startedAt).toBeLessThan(15_000)
  // A job has run a moment before its end is accepted.
  await waitFor(async () => (await heldJobs()).length === 1)
  await room.redis.client.del('resque:failed')
  await waitFor(async () => (await room.resque.failed.count()) === 1)
  await worker.stop()
  expect((await room.resque.failed.all())[0]).toMatchObject({
    class: 'Boom',
    error: 'boom failed, as it should.',
  })
  expect(room.notOnce([...ids, 'boom'])).toEqual([])
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 1 })
})

test('a dead worker whose job cannot go back keeps nobody from recovering the others', async () => {
  await room.redis.client.set('resque:queue:bad', 'a string')
  for (let i = 1; i <= 9; i++) await addDead(i, i % 3 === 0 ? 'bad' : 'runs', `dead-${i}`)
  const ids = [1, 2, 4, 5, 7, 8].map((i) => `dead-${i}`)
  const worker = await room.start({ heartbeatMs: 250, deadAfterMs: 1_000, pruneIntervalMs: 200 })
  await room.ran(ids)
  expect(await heldJobs()).toHaveLength(3)
  await room.redis.client.del('resque:queue:bad')
  await waitFor(async () => (await room.redis.client.llen('resque:queue:bad')) === 3, {
    message: 'the other three, once their queue can take them',
  })
  await worker.stop()
  expect(room.notOnce(ids)).toEqual([])
})

test('a dead worker whose failure cannot be written keeps nobody from starting', async () => {
  await room.redis.client.set('resque:failed', 'a string')
  await addDead(1, 'runs', 'to fail', ['Record'])
  await addDead(2, 'runs', 'to run')
  const worker = await room.start({ heartbeatMs: 250, deadAfterMs: 1_000, pruneIntervalMs: 200 })
  await room.ran(['to run'])
  await room.redis.client.del('resque:failed')
  await waitFor(async () => (await room.resque.failed.count()) === 1)
  await worker.stop()
  expect(room.begun.has('to fail')).toBe(false)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 1 })
})
