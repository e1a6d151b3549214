// Stopping: take no more, wait, abort, give back, unregister; within one deadline.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const payload = (id: number | string) => `{"class":"Job","args":[${JSON.stringify(id)}]}`
const fill = (queue: string, ...ids: (number | string)[]) =>
  room.client
    .multi()
    .sadd('resque:queues', queue)
    .rpush(`resque:queue:${queue}`, ...ids.map(payload))
    .exec()
const waiting = (queue: string) => room.client.lrange(`resque:queue:${queue}`, 0, -1)

/** What may stay behind when all workers are gone: queues, counters, failures, and locks and history that expire. */
async function leftovers(): Promise<string[]> {
  const lasting =
    /^resque:(queues|queue:.*|stat:processed|stat:failed|failed|deaths|pruning_dead_workers_in_progress|workers:prune|metrics:.*)$/
  return (await room.client.keys('*')).filter((key) => !lasting.test(key))
}

/** A job that ends when the test says so, whatever it is told. */
function deaf() {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: (_id: number | string) => hold.opened })
  return { Job, end: hold.open }
}

/** A job that ends as soon as its signal is aborted, in the way that is given. */
function hearing(end: 'throw' | 'return') {
  return defineJob({
    name: 'Job',
    async perform(_id: number | string) {
      await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
      if (end === 'throw') throw this.signal.reason
    },
  })
}

test('an idle worker stops at once and leaves no trace', async () => {
  const worker = await room.start({ jobs: [] })
  expect(await room.client.scard('resque:workers')).toBe(1)
  await worker.stop()
  await worker.stopped
  expect(await leftovers()).toEqual([])
  expect(await room.resque.workers()).toEqual([])
})

test('stop waits for running jobs, takes no more, and leaves no trace', async () => {
  const { Job, end } = deaf()
  await fill('q', 1, 2)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  let isStopped = false
  const stopping = worker.stop().then(() => {
    isStopped = true
  })
  await room.resque.enqueueTo('q', 'Job', 3)
  expect(isStopped).toBe(false)
  end()
  await stopping
  expect(await waiting('q')).toEqual([payload(2), payload(3)])
  expect(await room.resque.stats.get('processed')).toBe(1)
  expect(await leftovers()).toEqual([])
})

test('a job that ends when its signal is aborted goes back to the head of its queue, and counts for nothing', async () => {
  await fill('q', 1, 2)
  const worker = await room.start({ jobs: [hearing('throw')], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  await worker.stop({ timeoutMs: 10_000, abortGraceMs: 10_000 })
  expect(await waiting('q')).toEqual([payload(1), payload(2)])
  expect(await room.client.mget('resque:stat:processed', 'resque:stat:failed')).toEqual([null, null])
  expect(await room.resque.failed.count()).toBe(0)
  expect(await leftovers()).toEqual([])
})

test('a job that finishes well after the abort is done, and does not run again', async () => {
  await fill('q', 1)
  const worker = await room.start({ jobs: [hearing('return')], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  await worker.stop({ timeoutMs: 10_000, abortGraceMs: 10_000 })
  expect(await waiting('q')).toEqual([])
  expect(await room.resque.stats.get('processed')).toBe(1)
})

test('a job that hears nothing is given up within the deadline, and goes back', async () => {
  const { Job, end } = deaf()
  await fill('q', 1)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  const startedAt = performance.now()
  await worker.stop({ timeoutMs: 400, abortGraceMs: 200 })
  const ms = performance.now() - startedAt
  expect(ms).toBeGreaterThan(350)
  expect(ms).toBeLessThan(5_000)
  expect(await waiting('q')).toEqual([payload(1)])
  expect(await leftovers()).toEqual([])
  // Its own end, later, changes nothing.
  end()
  await room.resque.queues()
  expect(await waiting('q')).toEqual([payload(1)])
})

test('the signal tells why it was aborted, and before that the job may finish in peace', async () => {
  const seen: unknown[] = []
  const Job = defineJob({
    name: 'Job',
    async perform() {
      await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
      seen.push(this.signal.reason)
    },
  })
  await fill('q', 1)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  await worker.stop({ timeoutMs: 300, abortGraceMs: 100 })
  expect(seen).toMatchObject([{ code: 'TERM', wireName: 'Resque::TermException' }])
})

test.each(['throw', 'deaf'])(
  'jobs that are given back stand in the order they were taken in (%s)',
  async (kind) => {
    const { Job, end } = deaf()
    await fill('a', 1, 2, 3)
    await fill('b', 4, 5, 6)
    const worker = await room.start({
      jobs: [kind === 'deaf' ? Job : hearing('throw')],
      queues: 'a,b',
      concurrency: 5,
    })
    await waitFor(() => worker.busyCount === 5)
    await worker.stop({ timeoutMs: 200, abortGraceMs: 100 })
    expect(await waiting('a')).toEqual([payload(1), payload(2), payload(3)])
    expect(await waiting('b')).toEqual([payload(4), payload(5), payload(6)])
    end()
  },
)

test("unfinished: 'fail' sends what had to be aborted to failed, as Ruby does", async () => {
  await fill('q', 1)
  const worker = await room.start({ jobs: [hearing('throw')], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  await worker.stop({ timeoutMs: 5_000, abortGraceMs: 5_000, unfinished: 'fail' })
  expect(await room.resque.failed.all()).toMatchObject([
    { exception: 'Resque::TermException', error: 'SIGTERM', payload: payload(1) },
  ])
  expect(await waiting('q')).toEqual([])
  expect(await room.client.mget('resque:stat:processed', 'resque:stat:failed')).toEqual(['1', '1'])
})

test('a second stop brings the abort forward', async () => {
  await fill('q', 1)
  const worker = await room.start({ jobs: [hearing('throw')], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  const first = worker.stop({ timeoutMs: Number.POSITIVE_INFINITY })
  await room.resque.queues()
  expect(worker.busyCount).toBe(1)
  const second = worker.stop({ timeoutMs: 0, abortGraceMs: 1_000 })
  await Promise.all([first, second])
  expect(await waiting('q')).toEqual([payload(1)])
})

test.each([Number.POSITIVE_INFINITY, 1e12])('stop may wait as long as it takes: %d ms', async (timeoutMs) => {
  const { Job, end } = deaf()
  await fill('q', 1)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  const stopping = worker.stop({ timeoutMs })
  await waitFor(() => room.logged('info').includes('Exiting...'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(worker.busyCount).toBe(1)
  end()
  await stopping
  expect(await room.resque.stats.get('processed')).toBe(1)
})

test('a second stop that would wait longer changes nothing', async () => {
  const { Job, end } = deaf()
  await fill('q', 1)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  const first = worker.stop({ timeoutMs: 300, abortGraceMs: 100 })
  void worker.stop({ timeoutMs: 60_000 })
  await first
  expect(await waiting('q')).toEqual([payload(1)])
  end()
})

test('a worker that was never started, and one that has stopped, stop at once', async () => {
  const worker = room.worker({ jobs: [] })
  await worker.stop()
  await worker.stopped
  await expect(worker.start()).rejects.toThrow(
    'Expected a worker that was not started yet, got one that is stopped.',
  )
  const other = await room.start({ jobs: [] })
  await other.stop()
  await other.stop()
})

test('a worker is started once', async () => {
  const worker = await room.start({ jobs: [] })
  await expect(worker.start()).rejects.toThrow('got one that is running. Make a new Worker to start again.')
})

test.each([0, 1, 3, 8, 20])(
  'a worker that is stopped while it starts (after %i ms) leaves no trace',
  async (ms) => {
    const worker = room.worker({ jobs: [], concurrency: 3 })
    const starting = worker.start().catch(() => {})
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    await worker.stop()
    await starting
    await worker.stopped
    expect(await leftovers()).toEqual([])
  },
)

test('a start that fails leaves no trace', async () => {
  await room.client.set('resque:queues', 'no set')
  const worker = room.worker({ jobs: [], queues: '*', heartbeatMs: 20 })
  await expect(worker.start()).rejects.toThrow('WRONGTYPE')
  await room.client.del('resque:queues')
  await worker.stopped
  await worker.stop()
  expect(await leftovers()).toEqual([])
})

test('a start without Redis rejects within the deadline of a call', async () => {
  const resque = room.connect({ redis: 'redis://127.0.0.1:1', commandTimeoutMs: 1_000 })
  const startedAt = performance.now()
  await expect(room.worker({ resque, jobs: [] }).start()).rejects.toThrow(
    'could not be reached within 1000 ms',
  )
  expect(performance.now() - startedAt).toBeLessThan(1_900)
})

test('a queueEmpty hook that never ends does not hold up a stop', async () => {
  const Job = defineJob({ name: 'Job', perform: () => {} })
  let isCalled = false
  const queueEmpty = () => {
    isCalled = true
    return new Promise(() => {})
  }
  const worker = await room.start({ jobs: [Job], queues: 'q', hooks: { queueEmpty } })
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => isCalled)
  await worker.stop({ timeoutMs: 500 })
  expect(await room.resque.workers()).toEqual([])
})

test('a stop that says no time, one told from afar too, takes what the worker was given', async () => {
  const Job = defineJob({
    name: 'Job',
    perform() {
      return new Promise((_, reject) =>
        this.signal.addEventListener('abort', () => reject(this.signal.reason)),
      )
    },
  })
  const quick = { heartbeatMs: 30, deadAfterMs: 10_000 }
  const worker = await room.start({
    jobs: [Job],
    queues: 'q',
    stopTimeoutMs: 100,
    abortGraceMs: 50,
    ...quick,
  })
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => worker.busyCount === 1)
  await room.resque.tellWorker(worker.ids[0] as string, 'stop')
  await worker.stopped
  expect(await room.resque.size('q')).toBe(1)
})
