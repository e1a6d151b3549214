// A Redis whose memory is full refuses what would need more. Ending jobs, and showing that one lives, must go on.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { idsOf, Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open({ args: ['--maxmemory-policy', 'noeviction'] })
})
afterEach(() => room.close())

const fill = () => room.redis.client.config('SET', 'maxmemory', '1')
const empty = () => room.redis.client.config('SET', 'maxmemory', '0')

test('a queue is drained, and every failure is kept, while memory is full', async () => {
  const ids = idsOf(2_000)
  await room.resque.enqueueMany(ids.map((id, i) => [i % 20 ? room.Record : room.Boom, id]))
  await room.resque.pauseAll()
  const worker = await room.start({ concurrency: 5 })
  await fill()
  await expect(room.resque.enqueue(room.Record, 'refused')).rejects.toThrow('OOM')
  await room.resque.resumeAll()
  await room.ran(ids)
  await waitFor(async () => (await room.resque.stats.get('processed')) === ids.length, {
    message: 'the counter of processed jobs to be right',
  })
  await worker.stop()
  expect(room.notOnce(ids)).toEqual([])
  expect(await room.resque.stats.get('failed')).toBe(100)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 100 })
})

test('a worker is not taken for dead because memory was full', async () => {
  const options = { heartbeatMs: 500, deadAfterMs: 2_000, pruneIntervalMs: 300 }
  const worker = await room.start(options)
  await room.start({ ...options, queues: 'none' })
  await room.resque.enqueue(room.Record, 'long', 6_000)
  await waitFor(() => room.begun.has('long'))
  const heartbeat = async () =>
    (await room.redis.client.hget('resque:workers:heartbeat', worker.ids[0] as string)) ?? ''
  await fill()
  const before = await heartbeat()
  await waitFor(async () => Date.parse(await heartbeat()) - Date.parse(before) >= 4_000, {
    message: 'heartbeats to go on',
  })
  await empty()
  await room.ran(['long'])
  expect(room.notOnce(['long'])).toEqual([])
  expect(room.lines.filter((line) => line.includes('Pruned'))).toEqual([])
})
