// Two of everything at the same moment: administrators, clients and workers that get in each other's way.

import { setImmediate as breathe } from 'node:timers/promises'
import { defineJob } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { seeded } from './support/random.js'
import { idsOf, Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

/** Enqueues them one by one, and resolves when all are accepted. */
async function enqueueSlowly(ids: readonly string[]): Promise<void> {
  const underWay: Promise<unknown>[] = []
  for (const id of ids) {
    underWay.push(room.resque.enqueue(room.Record, id, 1))
    if (underWay.length % 10 === 0) await breathe()
  }
  await Promise.all(underWay)
}

test('a job that is removed while others are taken either runs once or is removed', async () => {
  const ids = idsOf(3_000)
  const admin = room.client(room.redis.url)
  await room.start({ concurrency: 5 })
  let removed = 0
  let isOver = false
  const count = (each: number | null) => {
    removed += each ?? 0
  }
  const removing = async () => {
    while (!isOver) {
      count(await admin.dequeue(room.Record))
      for (const { args } of await admin.peek('runs', 0, 3)) {
        count(await admin.dequeueFrom('runs', 'Record', ...args))
      }
      await breathe()
    }
  }
  const both = [removing(), removing()]
  await enqueueSlowly(ids)
  await waitFor(() => room.ended.size + removed === ids.length, {
    message: () => `${room.ended.size} + ${removed}`,
  })
  isOver = true
  await Promise.all(both)
  expect(removed).toBeGreaterThan(0)
  expect(room.ended.size).toBeGreaterThan(0)
  expect([...room.begun.values()].every((times) => times === 1)).toBe(true)
})

test('a removal by class misses no job though others before it are taken meanwhile', async () => {
  const Other = defineJob({ name: 'Other', queue: 'runs', perform: () => {} })
  await room.resque.enqueueMany(idsOf(3_000).map(() => [Other]))
  await room.resque.enqueueMany(idsOf(5_000, 'doomed').map((id) => [room.Record, id]))
  let removed: number | null | undefined
  const removing = room.resque.dequeue(room.Record).then((count) => {
    removed = count
  })
  for (let taken = 0; removed === undefined && taken < 2_900; taken += 10) {
    await room.redis.client.lpop('resque:queue:runs', 10)
  }
  await removing
  expect(removed).toBe(5_000)
})

test('a queue that is removed while it is filled is listed whenever it holds jobs', async () => {
  const random = seeded('removeQueue')
  const admin = room.client(room.redis.url)
  const long = 'x'.repeat(1_000)
  let isOver = false
  const removing = async () => {
    while (!isOver) {
      await admin.removeQueue('runs')
      await breathe()
    }
  }
  const all = removing()
  for (let round = 0; round < 300; round++) {
    const ids = idsOf(random.between(1, 60), `${round}-`)
    await room.resque.enqueueMany(ids.map((id) => [room.Record, id + long]))
  }
  isOver = true
  await all
  // As a worker on '*' sees it.
  for (let round = 0; round < 200; round++) {
    const removal = admin.removeQueue('runs')
    await room.resque.enqueueMany(idsOf(60, `${round}-`).map((id) => [room.Record, id + long]))
    await removal
    const isListed = (await room.resque.queues()).includes('runs')
    expect(isListed || (await room.resque.size('runs')) === 0).toBe(true)
  }
})

test('two that put all failed jobs back put each back at most twice, and lose none', async () => {
  const ids = idsOf(1_000)
  const worker = await room.start({ concurrency: 10 })
  await room.resque.enqueueMany(ids.map((id) => [room.Boom, id]))
  await waitFor(async () => (await room.resque.failed.count()) === ids.length)
  await worker.stop()
  const admins = [room.client(room.redis.url), room.client(room.redis.url)]
  const counts = await Promise.all(admins.map((admin) => admin.failed.requeueAll()))

  const waiting = new Map<unknown, number>()
  for (const { args } of await room.resque.peek('runs', 0, 10_000)) {
    waiting.set(args[0], (waiting.get(args[0]) ?? 0) + 1)
  }
  expect(ids.filter((id) => !waiting.has(id))).toEqual([])
  expect(Math.max(...waiting.values())).toBeLessThanOrEqual(2)
  expect([...waiting.values()].reduce((sum, each) => sum + each, 0)).toBe(
    counts.reduce((sum, each) => sum + each, 0),
  )
  const failed = await room.resque.failed.all(0, 10_000)
  expect(failed.map(({ args }) => (args as string[])[0]).sort()).toEqual([...ids].sort())
  expect(failed.every(({ retriedAt }) => retriedAt !== undefined)).toBe(true)
})

test('workers that stop and start at the same moments lose and double nothing', async () => {
  const random = seeded('stop at once')
  const ids = idsOf(3_000)
  await room.resque.enqueueMany(ids.map((id) => [room.Record, id, random.between(0, 20)]))
  while (room.ended.size < ids.length) {
    const workers = await Promise.all([1, 2, 3].map((n) => room.start({ concurrency: 5 * n })))
    const enough = Math.min(ids.length, room.ended.size + random.between(1, 500))
    await waitFor(() => room.ended.size >= enough)
    await Promise.all(workers.map((worker) => worker.stop()))
    expect(await leftovers(room.redis.client)).toMatchObject({ ...nothing, waiting: expect.anything() })
  }
  expect(room.notOnce(ids)).toEqual([])
  expect(await room.resque.stats.get('processed')).toBe(ids.length)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})
