// Pausing: one worker, one queue, all workers. Every worker here would look by itself only once in a minute, so what
// resumes within seconds was told.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()

function noting() {
  const done: string[] = []
  const Job = defineJob({
    name: 'Job',
    perform(id: number) {
      done.push(`${this.queue} ${id}`)
    },
  })
  return { done, Job }
}
const foreign = (queue: string, id: number) =>
  room.client.rpush(`resque:queue:${queue}`, `{"class":"Job","args":[${id}]}`)

/** A job on another queue went through: whatever could be taken has been. */
async function passBy(done: string[], queue: string, id: number): Promise<void> {
  await foreign(queue, id)
  await waitFor(() => done.includes(`${queue} ${id}`))
}

test('a paused worker takes nothing, finishes what it runs, and goes on at once when resumed', async () => {
  const hold = gate()
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      await hold.opened
      done.push(id)
    },
  })
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2 })
  await foreign('q', 1)
  await waitFor(() => worker.busyCount === 1)
  await worker.pause()
  expect(worker.isPaused).toBe(true)
  await foreign('q', 2)
  hold.open()
  await waitFor(() => done.length === 1)
  // Its end is in Redis, and nothing was taken in that step.
  await waitFor(async () => (await room.resque.stats.get('processed')) === 1)
  expect(await room.resque.size('q')).toBe(1)
  await worker.resume()
  expect(worker.isPaused).toBe(false)
  await waitFor(() => done.length === 2, { timeoutMs: 5_000 })
})

test('a worker may be paused before it starts', async () => {
  const { done, Job } = noting()
  await foreign('q', 1)
  const worker = room.worker({ jobs: [Job], queues: 'q' })
  await worker.pause()
  await worker.start()
  expect(await room.resque.size('q')).toBe(1)
  expect(done).toEqual([])
  await worker.resume()
  await waitFor(() => done.length === 1, { timeoutMs: 5_000 })
})

test('a paused queue is passed over by all workers, the others go on; resumed, it is looked at at once', async () => {
  const { done, Job } = noting()
  await room.resque.pauseQueue('a')
  await foreign('a', 1)
  await room.start({ jobs: [Job], queues: 'a,b' })
  await passBy(done, 'b', 1)
  await foreign('a', 2)
  await passBy(done, 'b', 2)
  expect(done).toEqual(['b 1', 'b 2'])
  await room.resque.resumeQueue('a')
  await waitFor(() => done.length === 4, { timeoutMs: 5_000 })
  expect(done.slice(2)).toEqual(['a 1', 'a 2'])
})

test('one of two paused queues is resumed, and the other stays paused', async () => {
  const { done, Job } = noting()
  await room.resque.pauseQueue('a')
  await room.resque.pauseQueue('b')
  await foreign('a', 1)
  await foreign('b', 1)
  await room.start({ jobs: [Job], queues: 'a,b,c' })
  await passBy(done, 'c', 1)
  await room.resque.resumeQueue('b')
  await waitFor(() => done.length === 2, { timeoutMs: 5_000 })
  expect(done).toEqual(['c 1', 'b 1'])
  expect(await room.resque.size('a')).toBe(1)
})

test('the key that pauses all, set by any program, stops the taking; deleted, work goes on at once', async () => {
  const { done, Job } = noting()
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await passBy(done, 'q', 1)
  await room.client.set('resque:pause-all-workers', 'True')
  await foreign('q', 2)
  await room.resque.working()
  expect(await room.resque.size('q')).toBe(1)
  await room.client.del('resque:pause-all-workers')
  await waitFor(() => done.length === 2, { timeoutMs: 5_000 })
  expect(worker.isPaused).toBe(false)
})

test('pauseAll and resumeAll reach a worker that was busy when it was paused', async () => {
  const hold = gate()
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      if (id === 1) await hold.opened
      done.push(id)
    },
  })
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await foreign('q', 1)
  await waitFor(() => worker.busyCount === 1)
  await room.resque.pauseAll()
  await foreign('q', 2)
  hold.open()
  await waitFor(async () => (await room.resque.stats.get('processed')) === 1)
  expect(await room.resque.size('q')).toBe(1)
  await room.resque.resumeAll()
  await waitFor(() => done.length === 2, { timeoutMs: 5_000 })
})

test('a worker that starts while all are paused waits, and is woken by the resume', async () => {
  const { done, Job } = noting()
  await room.resque.pauseAll()
  await foreign('q', 1)
  await room.start({ jobs: [Job], queues: '*' })
  await room.client.sadd('resque:queues', 'q')
  expect(done).toEqual([])
  await room.resque.resumeAll()
  await waitFor(() => done.length === 1, { timeoutMs: 5_000 })
})

test('any other value of the key pauses nobody', async () => {
  const { done, Job } = noting()
  await room.client.set('resque:pause-all-workers', 'false')
  await foreign('q', 1)
  await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => done.length === 1)
})
