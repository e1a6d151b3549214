// Which job a worker takes next, and how many at a time.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()

/** A job that notes its queue and first argument. */
function noting() {
  const done: string[] = []
  const Job = defineJob({
    name: 'Job',
    perform(id: unknown) {
      done.push(`${this.queue} ${id}`)
    },
  })
  return { done, Job }
}

const fill = async (queue: string, ...ids: (number | string)[]) => {
  for (const id of ids) await room.resque.enqueueTo(queue, 'Job', id)
}

test('jobs of one queue run in the order in which they were placed', async () => {
  const { done, Job } = noting()
  await fill('q', 1, 2, 3, 4, 5)
  await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => done.length === 5)
  expect(done).toEqual(['q 1', 'q 2', 'q 3', 'q 4', 'q 5'])
})

test('queues are emptied in strict order of the list', async () => {
  const { done, Job } = noting()
  await fill('low', 1, 2)
  await fill('high', 3, 4)
  await fill('mid', 5)
  await room.start({ jobs: [Job], queues: ['high', 'mid', 'low'] })
  await waitFor(() => done.length === 5)
  expect(done).toEqual(['high 3', 'high 4', 'mid 5', 'low 1', 'low 2'])
})

test('after each job the first queue is looked at first again', async () => {
  const done: string[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      done.push(`${this.queue} ${id}`)
      if (this.queue === 'low' && id === 1) await room.resque.enqueueTo('high', 'Job', 9)
    },
  })
  await fill('low', 1, 2)
  await room.start({ jobs: [Job], queues: 'high,low' })
  await waitFor(() => done.length === 3)
  expect(done).toEqual(['low 1', 'high 9', 'low 2'])
})

test('a job in the first of many queues does not wait until the last is empty', async () => {
  const { done, Job } = noting()
  const Slow = defineJob({
    name: 'Slow',
    async perform(id: number) {
      if (id === 5) await room.resque.enqueueTo('q000', 'Job', 'first')
      await new Promise((resolve) => setTimeout(resolve, 1))
      done.push(`${this.queue} ${id}`)
    },
  })
  const queues = Array.from({ length: 200 }, (_, i) => `q${String(i).padStart(3, '0')}`)
  for (let i = 0; i < 300; i++) await room.resque.enqueueTo('q199', Slow, i)
  await room.start({ jobs: [Job, Slow], queues })
  await waitFor(() => done.length === 301)
  expect(done.indexOf('q000 first')).toBeGreaterThanOrEqual(0)
  expect(done.indexOf('q000 first')).toBeLessThan(250)
})

test('with patterns the order is: by entry, then by name', async () => {
  const { done, Job } = noting()
  for (const queue of ['b', 'mail_2', 'a', 'mail_1', 'skip']) await fill(queue, 0)
  await room.start({ jobs: [Job], queues: 'mail_*,*,!skip' })
  await waitFor(() => done.length === 4)
  expect(done).toEqual(['mail_1 0', 'mail_2 0', 'a 0', 'b 0'])
  expect(await room.resque.size('skip')).toBe(1)
})

test('a queue that is not in the list is not touched', async () => {
  const { done, Job } = noting()
  await fill('other', 1)
  await fill('q', 2)
  await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => done.length === 1)
  expect(await room.resque.size('other')).toBe(1)
})

test('queues with odd names are worked off like any other', async () => {
  const { done, Job } = noting()
  const names = ['a b', 'a:b', 'a/b', 'é😀', 'a"b\\c', '{x}', "it's", '\u007f']
  for (const name of names) await fill(name, 1)
  await room.start({ jobs: [Job], queues: '*' })
  await waitFor(() => done.length === names.length)
  expect(done.sort()).toEqual(names.map((name) => `${name} 1`).sort())
})

test('a hundred queues are worked off by one worker', async () => {
  const { done, Job } = noting()
  const names = Array.from({ length: 100 }, (_, i) => `q${String(i).padStart(3, '0')}`)
  await Promise.all(names.map((name) => fill(name, 1)))
  await room.start({ jobs: [Job], queues: '*' })
  await waitFor(() => done.length === 100)
  expect(done).toEqual(names.map((name) => `${name} 1`))
})

test('never more jobs run at once than the concurrency says, and as many do', async () => {
  let running = 0
  let most = 0
  let ended = 0
  const Job = defineJob({
    name: 'Job',
    async perform() {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
      ended++
    },
  })
  await room.resque.enqueueMany(Array.from({ length: 300 }, () => [{ ...Job, queue: 'q' }] as const))
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 7 })
  expect(worker.ids).toHaveLength(7)
  await waitFor(() => ended === 300)
  expect(most).toBe(7)
})

test('without a concurrency one job runs at a time', async () => {
  const hold = gate()
  let started = 0
  const Job = defineJob({
    name: 'Job',
    perform() {
      started++
      return hold.opened
    },
  })
  await fill('q', 1, 2, 3)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => started === 1)
  await room.resque.enqueueTo('q', 'Job')
  expect(worker.busyCount).toBe(1)
  expect(await room.resque.size('q')).toBe(3)
  hold.open()
  await waitFor(() => started === 4)
})

test('two workers share a queue, and each job runs once', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: 'q', concurrency: 3 })
  await room.start({ jobs: [Job], queues: 'q', concurrency: 3 })
  await Promise.all(Array.from({ length: 500 }, (_, i) => room.resque.enqueueTo('q', 'Job', i)))
  await waitFor(() => done.length >= 500)
  expect(new Set(done).size).toBe(500)
  expect(done).toHaveLength(500)
})

test('untilEmpty: the worker works off what there is, and stops by itself', async () => {
  const { done, Job } = noting()
  await fill('q', 1, 2, 3)
  await fill('r', 4)
  const worker = await room.start({ jobs: [Job], queues: '*', untilEmpty: true, concurrency: 2 })
  await worker.stopped
  expect(done).toHaveLength(4)
  expect(await room.resque.workers()).toEqual([])
})

test('untilEmpty: with nothing to do it stops at once, and it waits for jobs that still run', async () => {
  const idle = await room.start({ jobs: [], untilEmpty: true })
  await idle.stopped
  let isDone = false
  const Slow = defineJob({
    name: 'Job',
    async perform() {
      await new Promise((resolve) => setTimeout(resolve, 100))
      isDone = true
    },
  })
  await fill('q', 1)
  const worker = await room.start({ jobs: [Slow], untilEmpty: true, concurrency: 4 })
  await worker.stopped
  expect(isDone).toBe(true)
})

test('a job that enqueues the next one keeps an untilEmpty worker going', async () => {
  const { done, Job } = noting()
  const Chain = defineJob({
    name: 'Chain',
    async perform(left: number) {
      await Job.perform.call(this, left)
      if (left > 0) await room.resque.enqueueTo('q', 'Chain', left - 1)
    },
  })
  await room.resque.enqueueTo('q', 'Chain', 5)
  await (await room.start({ jobs: [Chain], queues: 'q', untilEmpty: true })).stopped
  expect(done).toHaveLength(6)
})
