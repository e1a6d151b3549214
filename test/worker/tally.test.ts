// What a worker tells of its jobs for the charts: right, once, in bounded names, and not at all when it is told so.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { BUCKET_COUNT, bucketOf } from '#built/store/histogram.js'
import { type Layout, layout } from '#built/store/history-layout.js'
import { Tally, waitedMs } from '#built/worker/tally.js'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const Job = defineJob({
  name: 'Job',
  perform(fails: boolean) {
    if (fails) throw new Error('no')
  },
})
const inQ = { ...Job, queue: 'q' }

/** The sum of a series over the last minutes. */
async function total(series: string, of: Layout = layout.minute): Promise<number> {
  const from = Math.floor(Date.now() / 60_000) - 2
  const [numbers] = await room.resque.store.history.read([{ layout: of, series, from, count: 4 }])
  return (numbers as Uint32Array).reduce((sum, each) => sum + each, 0)
}
const metrics = () => room.client.keys('resque:metrics:*')

test('what jobs came to is told by queue and by class, at the latest when the worker stops', async () => {
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 3 })
  await room.resque.enqueueMany([true, false, false, false, true].map((fails) => [inQ, fails] as const))
  await waitFor(async () => (await room.client.get('resque:stat:processed')) === '5')
  await worker.stop()
  expect([await total('done:q:q'), await total('failed:q:q')]).toEqual([3, 2])
  expect([await total('done:c:Job'), await total('failed:c:Job')]).toEqual([3, 2])
  expect(await total('run:c:Job', layout.minuteHistogram)).toBe(5)
  expect(await total('wait', layout.minuteHistogram)).toBe(0)
})

test('a worker at work tells in between, and samples', async () => {
  await room.start({ jobs: [Job], queues: 'q', historyIntervalMs: 20 })
  await room.resque.enqueue(inQ, false)
  await waitFor(async () => (await total('done:q:q')) === 1)
  await waitFor(async () => (await total('seen')) > 0)
})

test('how long a job waited is told where its payload says when it was enqueued', async () => {
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  const payload = { class: 'Job', args: [false], enqueued_at: Date.now() / 1_000 - 30 }
  await room.resque.push('q', payload)
  await waitFor(async () => (await room.client.get('resque:stat:processed')) === '1')
  await worker.stop()
  const from = Math.floor(Date.now() / 60_000) - 1
  const [numbers] = await room.resque.store.history.read([
    { layout: layout.minuteHistogram, series: 'wait', from, count: 2 },
  ])
  const at = (numbers as Uint32Array).findIndex((each) => each > 0)
  expect(at % BUCKET_COUNT).toBe(bucketOf(30_500))
})

test('the time of an enqueue is read as seconds, milliseconds, ISO 8601, or from the envelope of ActiveJob', () => {
  const now = () => Date.parse('2026-01-01T00:01:00Z')
  const read = (enqueuedAt: unknown, args: unknown[] = []) => waitedMs({ class: 'C', args, enqueuedAt }, now)
  expect(read(now() / 1_000 - 60)).toBe(60_000)
  expect(read(now() - 60_000)).toBe(60_000)
  expect(read('2026-01-01T00:00:00Z')).toBe(60_000)
  expect(read(undefined, [{ job_class: 'X', enqueued_at: '2026-01-01T00:00:30.5Z' }])).toBe(29_500)
  expect(read('2026-01-01T09:00:00Z')).toBe(0)
  for (const odd of [undefined, null, '', 'soon', {}, Number.NaN, -5, 0]) expect(read(odd)).toBe(-1)
  expect(read(undefined, [{ enqueued_at: '2026-01-01T00:00:00Z' }])).toBe(-1)
  expect(read(undefined, [null])).toBe(-1)
})

test('a class that the worker does not know makes no series', async () => {
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await room.resque.push('q', { class: 'Garbage', args: [] })
  await room.client.rpush('resque:queue:q', 'no job')
  await waitFor(async () => (await room.client.llen('resque:failed')) === 2)
  await worker.stop()
  expect((await metrics()).filter((key) => key.includes('Garbage'))).toEqual([])
  expect(await total('failed:c-')).toBe(2)
  expect(await total('failed:q:q')).toBe(2)
})

test('with history: false nothing is written', async () => {
  const worker = await room.start({ jobs: [Job], queues: 'q', history: false, historyIntervalMs: 1 })
  await room.resque.enqueue(inQ, false)
  await waitFor(async () => (await room.client.get('resque:stat:processed')) === '1')
  await worker.stop()
  expect(await metrics()).toEqual([])
})

test('a report whose reply was lost is sent again and counts once', async () => {
  const store = room.connect({ commandTimeoutMs: 300 }).store
  const tally = new Tally({ store, intervalMs: 60_000, knows: () => true, log: silent })
  tally.count('q', 'Job', false, 3, -1)
  await tally.tell()
  // Redis does what it is told, and its answer comes too late.
  await room.client.client('PAUSE', 500, 'WRITE')
  tally.count('q', 'Job', false, 3, -1)
  await tally.tell()
  tally.count('q', 'Job', true, 3, -1)
  await waitFor(async () => {
    await tally.tell()
    return (await total('failed:q:q')) === 1
  })
  expect(await total('done:q:q')).toBe(2)
  await tally.stop(1_000)
})

const silent = { debug() {}, info() {}, warn() {}, error() {} }

test('counting a job costs well under a microsecond', () => {
  const store = room.resque.store
  const tally = new Tally({ store, intervalMs: 60_000, knows: () => true, log: silent })
  const count = (times: number) => {
    const startedAt = performance.now()
    for (let i = 0; i < times; i++) tally.count('q', 'Job', i % 100 === 0, i % 40, -1)
    return ((performance.now() - startedAt) * 1e6) / times
  }
  count(100_000)
  const nanoseconds = Math.min(count(200_000), count(200_000), count(200_000))
  console.info(`counting one job: ${nanoseconds.toFixed(0)} ns`)
  expect(nanoseconds).toBeLessThan(1_000)
})
