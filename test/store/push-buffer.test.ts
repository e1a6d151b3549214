// Enqueues of one tick travel together: counted by Redis itself.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const Job = defineJob({ name: 'Job', queue: 'q', perform(_id: number) {} })

/** How often Redis was given each command since the last reset. */
async function calls(): Promise<Record<string, number>> {
  const info = await room.client.info('commandstats')
  const found = [...info.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, count]) => [
    name,
    Number(count),
  ])
  return Object.fromEntries(found) as Record<string, number>
}

test('forty enqueues of one tick are one RPUSH and one SADD, in order', async () => {
  await room.resque.queues()
  await room.client.config('RESETSTAT')
  await Promise.all(Array.from({ length: 40 }, (_, i) => room.resque.enqueue(Job, i)))
  expect(await calls()).toMatchObject({ rpush: 1, sadd: 1 })
  const ids = (await room.resque.peek('q', 0, 40)).map((job) => job.args[0])
  expect(ids).toEqual(Array.from({ length: 40 }, (_, i) => i))
})

test('more enqueues of one tick go in fifties, in order', async () => {
  await room.resque.queues()
  await room.client.config('RESETSTAT')
  await Promise.all(Array.from({ length: 220 }, (_, i) => room.resque.enqueue(Job, i)))
  expect(await calls()).toMatchObject({ rpush: 5, sadd: 5 })
  const ids = (await room.resque.peek('q', 0, 220)).map((job) => job.args[0])
  expect(ids).toEqual(Array.from({ length: 220 }, (_, i) => i))
})

test('enqueues to several queues are one RPUSH for each', async () => {
  await room.resque.queues()
  await room.client.config('RESETSTAT')
  await Promise.all(['a', 'b', 'a', 'c', 'b'].map((queue, i) => room.resque.enqueueTo(queue, Job, i)))
  expect(await calls()).toMatchObject({ rpush: 3, sadd: 3 })
  expect(await room.resque.queueSizes()).toEqual({ a: 2, b: 2, c: 1 })
})

test('a single enqueue that is awaited is sent at once', async () => {
  await room.resque.enqueue(Job, 1)
  await room.client.config('RESETSTAT')
  await room.resque.enqueue(Job, 2)
  await room.resque.enqueue(Job, 3)
  expect(await calls()).toMatchObject({ rpush: 2, sadd: 2 })
})

test('no single RPUSH takes more than a thousand jobs, or much more than a MiB', async () => {
  await room.resque.queues()
  await room.client.config('RESETSTAT')
  await room.resque.enqueueMany(Array.from({ length: 2_001 }, (_, i) => [Job, i] as const))
  expect(await calls()).toMatchObject({ rpush: 3 })
  await room.client.config('RESETSTAT')
  const large = 'x'.repeat(700_000)
  await Promise.all([1, 2, 3].map(() => room.resque.enqueueTo('large', 'Large', large)))
  expect(await calls()).toMatchObject({ rpush: 3 })
  expect(await room.resque.size('large')).toBe(3)
})

test('an enqueue that cannot be written does not take the others of its tick with it', async () => {
  await room.client.set('resque:queue:broken', 'no list')
  const [good, bad] = await Promise.allSettled([
    room.resque.enqueue(Job, 1),
    room.resque.enqueueTo('broken', Job, 2),
  ])
  expect(good).toEqual({ status: 'fulfilled', value: true })
  expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'COMMAND' } })
})
