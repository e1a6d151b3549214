// A Redis that lost its last moments, or is slow to hear: what it says contradicts what workers know.

import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { scaled, seeded } from './support/random.js'
import { idsOf, Room } from './support/room.js'

let room: Room

afterEach(() => room.close())

test('a Redis that comes back with an older state loses no job that it knew of', async () => {
  room = await Room.open()
  const random = seeded('older state')
  const resque = room.client(room.redis.url, 1_000)
  const worker = await room.start({ resque, concurrency: 20, heartbeatMs: 500 })
  for (let round = 0; round < 4; round++) {
    const ids = idsOf(300, `round-${round}`)
    await room.resque.enqueueMany(ids.map((id) => [room.Record, id, random.between(0, 30)]))
    await waitFor(() => room.ended.size > round * 300 + 100)
    await room.redis.client.save()
    // Some jobs that the saved state has waiting or in hand come to their end, and others begin.
    await waitFor(() => room.ended.size > round * 300 + random.between(110, 250))
    await room.redis.kill()
    await room.redis.restart()
    await room.ran(ids)
    await waitFor(async () => {
      const { waiting, records } = await leftovers(room.redis.client)
      return Object.keys({ ...waiting, ...records }).length === 0
    })
  }
  await worker.stop()
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('calls that a slow Redis does when nobody waits any more neither lose nor double a job', async () => {
  room = await Room.open({ args: ['--enable-debug-command', 'yes'] })
  const random = seeded('slow Redis')
  const resque = room.client(room.redis.url, 250)
  const worker = await room.start({ resque, concurrency: 10, heartbeatMs: 500 })
  const ids = idsOf(scaled(800))
  await room.resque.enqueueMany(
    ids.map((id, i) => [i % 10 ? room.Record : room.Boom, id, random.between(0, 10)]),
  )
  while (room.ended.size < ids.length) {
    await room.redis.client.call('DEBUG', 'SLEEP', (0.2 + random.next() * 0.5).toFixed(3))
    await pause(random.between(0, 100))
  }
  await waitFor(async () => (await room.resque.stats.get('processed')) >= ids.length)
  await worker.stop()
  expect(room.notOnce(ids)).toEqual([])
  expect(await room.resque.stats.get('processed')).toBe(ids.length)
  expect(await room.resque.stats.get('failed')).toBe(ids.length / 10)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: ids.length / 10 })
})
