// A worker that others took for dead, or removed by hand, while it lives: it comes back under the same ids, and what it
// has to tell of the job it lost counts for nothing.

import { channels, defineJob, type WorkerEvent } from 'resque-ts'
import { afterEach, expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const registered = (id: string | undefined) => room.client.sismember('resque:workers', id ?? '')
const push = (id: number) => room.client.rpush('resque:queue:q', `{"class":"Job","args":[${id}]}`)

/** What Ruby deletes of a worker. */
async function removeAsRuby(id: string): Promise<void> {
  await room.client
    .pipeline()
    .srem('resque:workers', id)
    .del(`resque:worker:${id}`, `resque:worker:${id}:started`)
    .hdel('resque:workers:heartbeat', id)
    .exec()
}

let unsubscribe = () => {}
afterEach(() => unsubscribe())
function watchEvents(): WorkerEvent[] {
  const events: WorkerEvent[] = []
  const onEvent = (event: unknown) => events.push(event as WorkerEvent)
  channels.worker.subscribe(onEvent)
  unsubscribe = () => channels.worker.unsubscribe(onEvent)
  return events
}

/** A job that the test holds by its first argument. */
function holding() {
  const done: number[] = []
  const holds = new Map<number, ReturnType<typeof gate>>()
  const Job = defineJob({
    name: 'Job',
    async perform(id: number) {
      await holds.get(id)?.opened
      done.push(id)
    },
  })
  const hold = (id: number) => {
    const one = gate()
    holds.set(id, one)
    return one.open
  }
  return { Job, done, hold }
}

test('an idle worker that was removed registers again when it wants a job, and does it', async () => {
  const { Job, done } = holding()
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2 })
  await push(0)
  await waitFor(() => done.length === 1)
  const events = watchEvents()
  for (const id of worker.ids) await removeAsRuby(id)
  await push(1)
  await waitFor(() => done.length === 2)
  await waitFor(async () => (await registered(worker.ids[0])) === 1)
  expect(events.map(({ event }) => event)).toContain('reregistered')
  expect(room.logged('warn')[0]).toMatch(/was registered no more; it registered again\.$/)
})

test('an idle worker that was removed comes back by its heartbeat alone, each slot of it', async () => {
  const worker = await room.start({ jobs: [], queues: 'q', concurrency: 3, heartbeatMs: 50 })
  for (const id of worker.ids) await removeAsRuby(id)
  for (const id of worker.ids) {
    await waitFor(async () => (await registered(id)) === 1)
    expect(await room.client.hget('resque:workers:heartbeat', id)).toMatch(/^\d{4}-/)
    expect(await room.client.get(`resque:worker:${id}:started`)).toMatch(/^\d{4}-/)
  }
  await worker.stop()
  expect(await room.client.keys('resque:worker*')).toEqual([])
})

test('a worker survives that everything is deleted', async () => {
  const { Job, done } = holding()
  const worker = await room.start({ jobs: [Job], queues: 'q', heartbeatMs: 50 })
  await room.client.flushall()
  await waitFor(async () => (await registered(worker.ids[0])) === 1)
  await push(1)
  await waitFor(() => done.length === 1)
})

test('the report of a job that was taken from its worker is refused, logged, and counts for nothing', async () => {
  const { Job, done, hold } = holding()
  const open = hold(1)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await push(1)
  await waitFor(() => worker.busyCount === 1)
  const id = worker.ids[0] ?? ''
  expect(await room.resque.removeWorker(id)).toBe(true)
  expect((await room.resque.failed.all())[0]).toMatchObject({ exception: 'Resque::DirtyExit', worker: id })
  open()
  await waitFor(() => room.logged('warn').some((line) => line.includes('was refused')))
  expect(room.logged('warn').filter((line) => line.includes('was refused'))).toEqual([
    `The end of a job (done) was refused: ${id} had been declared dead, and the job was taken from it.`,
  ])
  await push(2)
  await waitFor(() => done.includes(2))
  await waitFor(async () => (await room.resque.stats.get('processed')) === 1)
  expect(await room.resque.failed.count()).toBe(1)
  expect(await registered(id)).toBe(1)
})

test('a failure of a job that was taken away is not recorded a second time', async () => {
  const hold = gate()
  const Job = defineJob({
    name: 'Job',
    async perform() {
      await hold.opened
      throw new Error('too late')
    },
  })
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await push(1)
  await waitFor(() => worker.busyCount === 1)
  await room.resque.removeWorker(worker.ids[0] ?? '')
  hold.open()
  await waitFor(() => room.logged('warn').some((line) => line.includes('(failed) was refused')))
  expect((await room.resque.failed.all()).map((job) => job.error)).toEqual(['Job still being processed'])
})

test('a job that was given to another worker is done by that one; the first, which comes back, cannot end it', async () => {
  const { Job, done, hold } = holding()
  const open = hold(1)
  const first = await room.start({ jobs: [Job], queues: 'q' })
  await push(1)
  await waitFor(() => first.busyCount === 1)
  // What a prune does with a worker that it takes for dead.
  await removeAsRuby(first.ids[0] ?? '')
  const Other = defineJob({ name: 'Job', perform: (id: number) => void done.push(100 + id) })
  await room.start({ jobs: [Other], queues: 'q' })
  await push(1)
  await waitFor(() => done.includes(101))
  open()
  await waitFor(() => done.includes(1))
  await waitFor(() => room.logged('warn').some((line) => line.includes('was refused')))
  expect(await room.resque.stats.get('processed')).toBe(1)
})

test('while its job still runs a worker that lost its place comes back by its heartbeat, and says so once', async () => {
  const { Job, hold, done } = holding()
  const open = hold(1)
  const worker = await room.start({ jobs: [Job], queues: 'q', heartbeatMs: 50 })
  await push(1)
  await waitFor(() => worker.busyCount === 1)
  await removeAsRuby(worker.ids[0] ?? '')
  await waitFor(async () => (await registered(worker.ids[0])) === 1)
  open()
  await waitFor(() => done.length === 1)
  await push(2)
  await waitFor(() => done.length === 2)
  expect(room.logged('warn').filter((line) => line.includes('registered again'))).toHaveLength(1)
})

test('a worker that is stopping does not come back', async () => {
  const { Job, hold } = holding()
  const open = hold(1)
  const worker = await room.start({ jobs: [Job], queues: 'q', heartbeatMs: 50 })
  await push(1)
  await waitFor(() => worker.busyCount === 1)
  const stopping = worker.stop()
  await removeAsRuby(worker.ids[0] ?? '')
  open()
  await stopping
  expect(await room.client.keys('resque:worker*')).toEqual([])
})
