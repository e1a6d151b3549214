// The hooks of a worker: when each runs, in which order, with what (protocol 6.5).

import { defineJob, defineWorkerHooks, type WorkedJob, type WorkerHooks } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const place = (id: number) => room.resque.enqueueTo('q', 'Job', id)

/** Hooks of every kind that note their names. */
function noting(steps: string[]): WorkerHooks {
  const step = (name: string) => () => void steps.push(name)
  return defineWorkerHooks({
    beforeFirstFork: step('beforeFirstFork'),
    beforeFork: step('beforeFork'),
    afterFork: step('afterFork'),
    beforePause: step('beforePause'),
    afterPause: step('afterPause'),
    queueEmpty: step('queueEmpty'),
    shutdown: step('shutdown'),
    workerExit: step('workerExit'),
  })
}

test('hooks run at the turns of a life, in this order', async () => {
  const steps: string[] = []
  const Job = defineJob({
    name: 'Job',
    beforePerform: () => void steps.push('beforePerform'),
    perform: () => void steps.push('perform'),
  })
  await place(1)
  const worker = await room.start({ jobs: [Job], queues: 'q', hooks: noting(steps) })
  await waitFor(() => steps.includes('queueEmpty'))
  await worker.pause()
  await worker.resume()
  await worker.stop()
  expect(steps).toEqual([
    ...['beforeFirstFork', 'beforeFork', 'afterFork', 'beforePerform', 'perform', 'queueEmpty'],
    ...['beforePause', 'afterPause', 'shutdown', 'workerExit'],
  ])
})

test('the fork hooks are given the job, whatever its class', async () => {
  const seen: WorkedJob[] = []
  const Job = defineJob({ name: 'Job', perform(_id: number) {} })
  await place(7)
  const hooks = {
    beforeFork: (job: WorkedJob) => seen.push(job),
    afterFork: (job: WorkedJob) => seen.push(job),
  }
  await room.start({ jobs: [Job], queues: 'q', hooks })
  await waitFor(() => seen.length === 2)
  const job = { queue: 'q', class: 'Job', args: [7], payload: '{"class":"Job","args":[7]}' }
  expect(seen).toEqual([job, job])
})

test('beforeFirstFork runs once, before the worker is registered', async () => {
  const registered: number[] = []
  const Job = defineJob({ name: 'Job', perform() {} })
  const worker = await room.start({
    jobs: [Job],
    queues: 'q',
    hooks: { beforeFirstFork: async () => registered.push(await room.client.scard('resque:workers')) },
  })
  await place(1)
  await place(2)
  await waitFor(async () => (await room.resque.stats.get('processed')) === 2)
  await worker.stop()
  expect(registered).toEqual([0])
})

test('an error in beforeFirstFork stops the start, and nothing is registered', async () => {
  const worker = room.worker({
    jobs: [],
    hooks: {
      beforeFirstFork() {
        throw new Error('not today')
      },
    },
  })
  await expect(worker.start()).rejects.toThrow('not today')
  expect(await room.client.scard('resque:workers')).toBe(0)
  await worker.stopped
})

test.each(['beforeFork', 'afterFork'])(
  'an error in %s fails the job, and its failure hooks run',
  async (kind) => {
    const seen: unknown[] = []
    const Job = defineJob({
      name: 'Job',
      onFailure(error) {
        seen.push((error as Error).message)
      },
      perform: () => void seen.push('performed'),
    })
    await place(1)
    const fail = async () => {
      throw new TypeError('no child today')
    }
    await room.start({ jobs: [Job], queues: 'q', hooks: { [kind]: fail } })
    await waitFor(async () => (await room.resque.failed.count()) === 1)
    expect((await room.resque.failed.all())[0]).toMatchObject({
      exception: 'TypeError',
      error: 'no child today',
    })
    expect(seen).toEqual(['no child today'])
  },
)

test('afterPause runs on resume even if the worker was not paused, beforePause before the pause', async () => {
  const steps: string[] = []
  const worker = room.worker({
    jobs: [],
    hooks: {
      beforePause: (paused) => steps.push(`before ${worker.isPaused} ${paused === worker}`),
      afterPause: (paused) => steps.push(`after ${paused === worker}`),
    },
  })
  await worker.start()
  await worker.resume()
  await worker.pause()
  expect(steps).toEqual(['after true', 'before false true'])
  expect(worker.isPaused).toBe(true)
})

test('queueEmpty runs once each time the work is done, and not where there was none', async () => {
  let count = 0
  const Job = defineJob({ name: 'Job', perform() {} })
  await room.start({ jobs: [Job], queues: 'q', intervalMs: 20, hooks: { queueEmpty: () => count++ } })
  const rests = async (n: number) => {
    await waitFor(() => count === n)
    // Several looks that find nothing.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(count).toBe(n)
  }
  await rests(0).catch(() => {})
  expect(count).toBe(0)
  await place(1)
  await rests(1)
  await place(2)
  await rests(2)
})

test('shutdown runs when the stop begins, workerExit when the worker is unregistered', async () => {
  const hold = gate()
  const seen: string[] = []
  const count = async (name: string) => void seen.push(`${name} ${await room.client.scard('resque:workers')}`)
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  await place(1)
  const worker = await room.start({
    jobs: [Job],
    queues: 'q',
    hooks: { shutdown: () => count('shutdown'), workerExit: () => count('workerExit') },
  })
  await waitFor(() => worker.busyCount === 1)
  const stopping = worker.stop()
  await waitFor(() => seen.length === 1)
  hold.open()
  await stopping
  expect(seen).toEqual(['shutdown 1', 'workerExit 0'])
})

test('hooks of several objects run in their order, arrays within an object too', async () => {
  const steps: string[] = []
  const step = (name: string) => async () => void steps.push(name)
  const hooks = [{ shutdown: [step('a'), step('b')] }, {}, { shutdown: step('c') }]
  const worker = await room.start({ jobs: [], hooks })
  await worker.stop()
  expect(steps).toEqual(['a', 'b', 'c'])
})

test.each(['beforePause', 'afterPause', 'queueEmpty', 'shutdown', 'workerExit'])(
  'an error in %s is logged, and stops nothing',
  async (kind) => {
    const Job = defineJob({ name: 'Job', perform() {} })
    await place(1)
    const fail = () => {
      throw new Error('from a hook')
    }
    const worker = await room.start({ jobs: [Job], queues: 'q', hooks: { [kind]: fail } })
    await waitFor(async () => (await room.resque.stats.get('processed')) === 1)
    await worker.pause()
    await worker.resume()
    await place(2)
    await waitFor(async () => (await room.resque.stats.get('processed')) === 2)
    await waitFor(() => kind !== 'queueEmpty' || room.logged('error').length > 0)
    await worker.stop()
    expect(new Set(room.logged('error'))).toEqual(new Set([`A ${kind} hook threw: from a hook`]))
    expect(await room.client.scard('resque:workers')).toBe(0)
  },
)
