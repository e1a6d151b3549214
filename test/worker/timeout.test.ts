// Jobs that take too long, and jobs that are killed: the signal first, then the end.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const place = (id = 0) => room.resque.enqueueTo('q', 'Job', id)
const failures = () => room.resque.failed.all(0, 99)
const anyFailed = () => waitFor(async () => (await failures()).length > 0)

test('a job that runs longer than its timeoutMs is aborted, and fails with a JobTimeoutError', async () => {
  let reason: unknown
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 60,
    async perform() {
      await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
      reason = this.signal.reason
      throw reason
    },
  })
  await place()
  await room.start({ jobs: [Job], queues: 'q' })
  await anyFailed()
  expect(reason).toMatchObject({ code: 'JOB_TIMEOUT' })
  expect(await failures()).toMatchObject([
    { exception: 'JobTimeoutError', error: 'Job ran longer than its timeoutMs of 60.', queue: 'q' },
  ])
  expect(await room.client.mget('resque:stat:processed', 'resque:stat:failed')).toEqual(['1', '1'])
})

test('a job that ends in its grace, but well, fails all the same: it took too long', async () => {
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 30,
    perform() {
      return new Promise((resolve) => this.signal.addEventListener('abort', resolve))
    },
  })
  await place()
  await room.start({ jobs: [Job], queues: 'q' })
  await anyFailed()
  expect((await failures())[0]?.exception).toBe('JobTimeoutError')
})

test('a job that hears nothing is given up after its grace, its slot goes on, and its late end changes nothing', async () => {
  const hold = gate()
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 200,
    async perform(id: number) {
      if (id === 0) await hold.opened
      done.push(id)
    },
  })
  await place(0)
  await place(1)
  await room.start({ jobs: [Job], queues: 'q', abortGraceMs: 30 })
  await waitFor(() => done.length === 1)
  expect(done).toEqual([1])
  hold.open()
  await waitFor(() => done.length === 2)
  await waitFor(async () => (await room.resque.stats.get('processed')) === 2)
  expect(await room.resque.stats.get('failed')).toBe(1)
  expect(room.logged('warn')).toEqual(['(Job{q} | Job) did not end after its abort; it was given up.'])
})

test('a job in time is not touched, and its timer is gone', async () => {
  let aborted = false
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 150,
    async perform() {
      this.signal.addEventListener('abort', () => {
        aborted = true
      })
    },
  })
  await place()
  const worker = await room.start({ jobs: [Job], queues: 'q', untilEmpty: true })
  await worker.stopped
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(aborted).toBe(false)
  expect(await room.resque.failed.count()).toBe(0)
})

test('a job that may take longer than any timer lasts is not aborted', async () => {
  let aborted: boolean | undefined
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 100 * 24 * 3_600_000,
    async perform() {
      await new Promise((resolve) => setTimeout(resolve, 50))
      aborted = this.signal.aborted
    },
  })
  await place()
  await (await room.start({ jobs: [Job], queues: 'q', untilEmpty: true })).stopped
  expect(aborted).toBe(false)
  expect(await room.resque.failed.count()).toBe(0)
})

test('failure hooks hear of a timeout', async () => {
  let heard: unknown
  const Job = defineJob({
    name: 'Job',
    timeoutMs: 30,
    onFailure(error, id) {
      heard = [(error as Error).name, id]
    },
    perform(_id: number) {
      return new Promise(() => {})
    },
  })
  await place(7)
  await room.start({ jobs: [Job], queues: 'q', abortGraceMs: 0 })
  await anyFailed()
  expect(heard).toEqual(['JobTimeoutError', 7])
})

test('killJobs fails the running jobs as DirtyExits, and the worker goes on', async () => {
  const reasons: unknown[] = []
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      if (id > 1) return done.push(id)
      await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
      reasons.push(this.signal.reason)
      throw new Error('its own last words')
    },
  })
  await place(0)
  await place(1)
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2 })
  await waitFor(() => worker.busyCount === 2)
  worker.killJobs()
  await waitFor(async () => (await failures()).length === 2)
  expect(await failures()).toMatchObject(
    Array(2).fill({
      exception: 'Resque::DirtyExit',
      error: 'The job was killed by a signal to its worker.',
      backtrace: [],
    }),
  )
  expect(reasons).toMatchObject([{ code: 'DIRTY_EXIT' }, { code: 'DIRTY_EXIT' }])
  await place(2)
  await waitFor(() => done.length === 1)
})

test('a killed job that finishes well is done', async () => {
  const Job = defineJob({
    name: 'Job',
    perform() {
      return new Promise((resolve) => this.signal.addEventListener('abort', resolve))
    },
  })
  await place()
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  worker.killJobs()
  await waitFor(async () => (await room.resque.stats.get('processed')) === 1)
  expect(await room.resque.failed.count()).toBe(0)
})

test('a signal that is asked for only after the abort is aborted', async () => {
  const hold = gate()
  let late: AbortSignal | undefined
  const Job = defineJob({
    name: 'Job',
    async perform() {
      await hold.opened
      late = this.signal
    },
  })
  await place()
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  worker.killJobs()
  hold.open()
  await waitFor(() => late)
  expect(late?.aborted).toBe(true)
})
