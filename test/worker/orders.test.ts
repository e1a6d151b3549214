// A worker process that is told through Redis what to do, and what it shows of itself.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const quick = { heartbeatMs: 30, deadAfterMs: 10_000 }
const orders = () => room.client.hgetall('resque:workers:orders')

test('a process that is told to pause takes no more jobs, and takes them again when it is told to resume', async () => {
  const done: number[] = []
  const Job = defineJob({ name: 'Job', perform: (id: number) => void done.push(id) })
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2, ...quick })
  // Any slot stands for its process.
  expect(await room.resque.tellWorker(worker.ids[1] as string, 'pause')).toBe(true)
  await waitFor(() => worker.isPaused)
  await room.resque.enqueueTo('q', Job, 1)
  await waitFor(async () => Object.keys(await orders()).length === 0)
  expect(done).toEqual([])
  expect(await room.resque.tellWorker(worker.ids[0] as string, 'resume')).toBe(true)
  await waitFor(() => done.length === 1)
})

test('a process that is told to stop finishes its jobs, unregisters, and ends', async () => {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q', ...quick })
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => worker.busyCount === 1)
  await room.resque.tellWorker(worker.ids[0] as string, 'stop')
  await waitFor(async () => (await vitals())?.state === 'stopping')
  hold.open()
  await worker.stopped
  expect(await room.resque.workers()).toEqual([])
  expect(await room.resque.failed.count()).toBe(0)
  expect(await orders()).toEqual({})
})

const vitals = async () => {
  const [first] = await room.resque.workers()
  return first === undefined || first.kind === 'ruby' ? undefined : first.kind.vitals
}

test('with its heartbeat a process shows its memory, its state, its version and how late its event loop was', async () => {
  const Busy = defineJob({
    name: 'Busy',
    perform() {
      const until = performance.now() + 700
      while (performance.now() < until);
    },
  })
  const worker = await room.start({ jobs: [Busy], queues: 'q', ...quick, heartbeatMs: 300 })
  await waitFor(async () => (await vitals())?.state === 'running')
  const { rssBytes, version } = (await vitals()) ?? { rssBytes: 0, version: '' }
  expect(rssBytes).toBeGreaterThan(10_000_000)
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
  await worker.pause()
  await waitFor(async () => (await vitals())?.state === 'paused')
  await worker.resume()
  await room.resque.enqueueTo('q', 'Busy')
  await waitFor(async () => ((await vitals())?.lagMs ?? 0) > 300)
})

test('an order for a process that died is not heard by the next one under the same id', async () => {
  const worker = await room.start({ jobs: [], queues: 'q', ...quick })
  const [id = ''] = worker.ids
  await room.client.hset('resque:workers:orders', id, 'stop 0123456789ab')
  await waitFor(async () => Object.keys(await orders()).length === 0)
  await room.client.hset('resque:workers:orders', id, 'dance')
  await waitFor(async () => Object.keys(await orders()).length === 0)
  expect(worker.isPaused).toBe(false)
  expect(await room.resque.workers()).toHaveLength(1)
})

test('Ruby workers, and those that are gone, cannot be told', async () => {
  await room.client.sadd('resque:workers', 'host:1:q')
  expect(await room.resque.tellWorker('host:1:q', 'stop')).toBe(false)
  expect(await room.resque.tellWorker('nobody:1:q', 'stop')).toBe(false)
  await expect(room.resque.tellWorker('x', 'dance' as never)).rejects.toThrow(
    'Expected one of pause, resume, stop',
  )
})
