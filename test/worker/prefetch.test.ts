// Jobs that a worker holds ready for slots that are busy: never run beyond the concurrency, never kept for long.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()

const fill = async (count: number, name = 'Job') => {
  await Promise.all(Array.from({ length: count }, (_, i) => room.resque.enqueueTo('q', name, i)))
}
const waiting = async () =>
  (await room.resque.peek('q', 0, 1_000)).map(({ args }) => (args as number[])[0] as number)

/** A job that waits for a gate. */
function held() {
  const hold = gate()
  const started: number[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      started.push(id)
      await hold.opened
    },
  })
  return { hold, started, Job }
}

test('with prefetch never more jobs run at once than the concurrency says, and each runs once, in order', async () => {
  let running = 0
  let most = 0
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
      done.push(id)
    },
  })
  await fill(2_000)
  await room.start({ jobs: [Job], queues: 'q', concurrency: 1, prefetch: 20 })
  await waitFor(() => done.length === 2_000)
  expect(most).toBe(1)
  expect(done).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
  expect(await room.resque.working()).toEqual([])
})

test('a job that is held has a working record: nothing is lost with the process', async () => {
  const { hold, started, Job } = held()
  await fill(10)
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2, prefetch: 3 })
  await waitFor(async () => (await room.resque.working()).length === 5)
  expect(started).toHaveLength(2)
  expect(worker.ids).toHaveLength(5)
  expect(await room.resque.size('q')).toBe(5)
  hold.open()
  await waitFor(() => started.length === 10)
})

test('behind long jobs the held ones go back to the head of their queue, in order, and none are held meanwhile', async () => {
  const { hold, started, Job } = held()
  await fill(10)
  await room.start({ jobs: [Job], queues: 'q', concurrency: 2, prefetch: 3 })
  await waitFor(async () => (await room.resque.size('q')) === 5)
  await waitFor(async () => (await room.resque.size('q')) === 8)
  expect(await waiting()).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  expect(await room.resque.working()).toHaveLength(2)
  const other = await room.start({ jobs: [Job], queues: 'q', concurrency: 2 })
  await waitFor(() => other.busyCount === 2)
  expect([...started].sort()).toEqual([0, 1, 2, 3])
  hold.open()
  await waitFor(() => started.length === 10)
})

test('a stop gives back what is held at once, and costs it no attempt', async () => {
  const { hold, started, Job } = held()
  await fill(6)
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 1, prefetch: 4 })
  await waitFor(async () => (await room.resque.size('q')) === 1)
  const stopped = worker.stop()
  await waitFor(async () => (await room.resque.size('q')) === 5)
  hold.open()
  await stopped
  expect(started).toEqual([0])
  expect(await waiting()).toEqual([1, 2, 3, 4, 5])
  expect(await room.resque.failed.count()).toBe(0)
})

test('a pause gives back what is held, and what runs goes on', async () => {
  const { hold, started, Job } = held()
  await fill(6)
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 1, prefetch: 4 })
  await waitFor(async () => (await room.resque.size('q')) === 1)
  await worker.pause()
  await waitFor(async () => (await room.resque.size('q')) === 5)
  hold.open()
  await waitFor(async () => (await room.resque.working()).length === 0)
  expect(started).toEqual([0])
  await worker.resume()
  await waitFor(() => started.length === 6)
})

test('untilEmpty with prefetch ends once everything has run', async () => {
  const done: number[] = []
  const Job = defineJob({ name: 'Job', perform: (id: number) => void done.push(id) })
  await fill(50)
  const worker = await room.start({ jobs: [Job], queues: 'q', prefetch: 7, untilEmpty: true })
  await worker.stopped
  expect(done).toHaveLength(50)
})
