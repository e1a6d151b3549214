// Failure backends: one list, one list per queue, several at once, one of the user's own. What matters to each is that
// no failure is lost.

import {
  type Failure,
  type FailureBackend,
  multipleBackends,
  redisBackend,
  redisMultiQueueBackend,
} from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const bad = (queue: string, ...texts: string[]) => room.client.rpush(`resque:queue:${queue}`, ...texts)
/** Reserving a job from a queue of bad entries parks them through the backend. */
async function parkThrough(failureBackend: FailureBackend, queue: string, ...texts: string[]) {
  const resque = room.connect({ failureBackend })
  await bad(queue, ...texts)
  expect(await resque.reserve(queue)).toBeNull()
  return resque
}

test('without a choice failures go to the list "failed"', async () => {
  const resque = await parkThrough(redisBackend, 'mail', 'x')
  expect(await resque.failed.lists()).toEqual(['failed'])
  expect(await room.client.llen('resque:failed')).toBe(1)
})

test('a list per queue is named and listed as in Ruby', async () => {
  const resque = await parkThrough(redisMultiQueueBackend, 'mail', 'x')
  await bad('low', 'y')
  await resque.reserve('low')
  expect((await room.client.keys('*')).sort()).toEqual([
    ...['resque:failed_queues', 'resque:low_failed', 'resque:mail_failed'],
  ])
  expect(await resque.failed.lists()).toEqual(['low_failed', 'mail_failed'])
})

test('failed jobs of several lists are counted and paged as one, list by list', async () => {
  const resque = room.connect({ failureBackend: redisMultiQueueBackend })
  const record = (id: number, queue: string) => `{"payload":{"class":"A","args":[${id}]},"queue":"${queue}"}`
  await room.client.sadd('resque:failed_queues', 'a_failed', 'b_failed')
  await room.client.rpush('resque:a_failed', record(0, 'a'), record(1, 'a'))
  await room.client.rpush('resque:b_failed', record(2, 'b'), record(3, 'b'))
  const ids = async (...args: Parameters<typeof resque.failed.all>) =>
    (await resque.failed.all(...args)).map((job) => (job.args as number[])[0])
  expect(await resque.failed.count()).toBe(4)
  expect(await ids()).toEqual([0, 1, 2, 3])
  expect(await ids(1, 2)).toEqual([1, 2])
  expect(await ids(0, 3, { order: 'desc' })).toEqual([3, 2, 1])
  expect(await ids(3, 9)).toEqual([3])
  expect(await ids(0, 9, { queue: 'b' })).toEqual([2, 3])
  expect(await ids(0, 9, { list: 'a_failed' })).toEqual([0, 1])
  expect((await resque.info()).failed).toBe(4)
  const three = (await resque.failed.all())[3]
  expect(three?.ref).toMatch(/^1\..*@b_failed$/)
  expect(await resque.failed.requeue(three?.ref ?? '')).toBe(true)
  expect(await room.client.lrange('resque:queue:b', 0, -1)).toEqual(['{"class":"A","args":[3]}'])
  expect(await resque.failed.clearRetried()).toBe(1)
  expect(await resque.failed.requeueAll({ queue: 'a' })).toBe(2)
  expect(await resque.failed.removeAll({ queue: 'b' })).toBe(1)
  await resque.failed.clear('b_failed')
  expect(await resque.failed.count()).toBe(2)
  await resque.failed.clear()
  expect(await resque.failed.count()).toBe(0)
})

test("a backend of one's own gets every failure, and may keep it elsewhere", async () => {
  const kept: Failure[] = []
  const backend: FailureBackend = {
    async save(failure) {
      kept.push(failure)
      return []
    },
    lists: async () => [],
    listOf: () => undefined,
  }
  const resque = await parkThrough(backend, 'mail', 'x', '7')
  expect(kept.map((failure) => [failure.queue, failure.exception, failure.payload.toString()])).toEqual([
    ['mail', 'InvalidPayloadError', 'x'],
    ['mail', 'InvalidPayloadError', '7'],
  ])
  expect(await resque.failed.count()).toBe(0)
  expect(await resque.failed.all()).toEqual([])
  expect(await room.client.keys('*')).toEqual([])
})

const broken: FailureBackend = {
  save() {
    throw new Error('the backend is down')
  },
  lists: async () => [],
  listOf: () => undefined,
}

test('a backend that throws costs no failure: it goes to "failed"', async () => {
  await parkThrough(broken, 'mail', 'x')
  expect(await room.resque.failed.count()).toBe(1)
})

test('of several backends each saves, and the error of one keeps nothing from the others', async () => {
  const resque = await parkThrough(
    multipleBackends([broken, redisMultiQueueBackend, redisBackend]),
    'mail',
    'x',
  )
  expect(await room.client.llen('resque:mail_failed')).toBe(1)
  expect(await room.client.llen('resque:failed')).toBe(1)
  // Reading goes to the first that has lists.
  expect(await resque.failed.lists()).toEqual(['mail_failed'])
  expect(await resque.failed.count({ queue: 'mail' })).toBe(1)
})

test('if all of several backends throw, the failure goes to "failed"', async () => {
  await parkThrough(multipleBackends([broken, broken]), 'mail', 'x')
  expect(await room.client.llen('resque:failed')).toBe(1)
})

test('a failed list of the wrong type is an error, and the entry is reported with it', async () => {
  await room.client.set('resque:failed', 'no list')
  await bad('mail', 'x')
  await expect(room.resque.reserve('mail')).rejects.toThrow('WRONGTYPE')
})
