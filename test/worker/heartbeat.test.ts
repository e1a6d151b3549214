// Being alive: heartbeats in Ruby's format, the counters that travel with them, and a process whose event loop is
// blocked.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Worker as Thread } from 'node:worker_threads'
import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const heartbeatOf = (id: string | undefined) => room.client.hget('resque:workers:heartbeat', id ?? '')
/** Resolves when another heartbeat of this slot has arrived. */
async function nextBeat(id = ''): Promise<void> {
  await room.client.hset('resque:workers:heartbeat', id, 'old')
  await waitFor(async () => (await heartbeatOf(id)) !== 'old')
}
const redisSeconds = async () => Number((await room.client.time())[0])

test("a heartbeat stands in Ruby's format, by the clock of Redis, from the start on", async () => {
  const before = await redisSeconds()
  const worker = await room.start({ jobs: [] })
  const beat = await heartbeatOf(worker.ids[0])
  expect(beat).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/)
  const at = Date.parse(beat ?? '') / 1_000
  expect(at).toBeGreaterThanOrEqual(before)
  expect(at).toBeLessThanOrEqual(await redisSeconds())
})

test('every slot goes on beating', async () => {
  const worker = await room.start({ jobs: [], concurrency: 3, heartbeatMs: 50 })
  for (const id of worker.ids) await room.client.hset('resque:workers:heartbeat', id, 'old')
  for (const id of worker.ids) await waitFor(async () => (await heartbeatOf(id)) !== 'old')
})

test('what each slot did is told with its heartbeat', async () => {
  const Job = defineJob({
    name: 'Job',
    perform(fails: boolean) {
      if (fails) throw new Error('no')
    },
  })
  const worker = await room.start({ jobs: [Job], queues: 'q', heartbeatMs: 50, concurrency: 2 })
  await room.resque.enqueueMany(
    [true, false, false, true, false].map((fails) => [{ ...Job, queue: 'q' }, fails] as const),
  )
  const sums = async () => {
    const workers = await room.resque.workers()
    return [
      workers.reduce((sum, each) => sum + each.processed, 0),
      workers.reduce((sum, each) => sum + each.failed, 0),
    ]
  }
  await waitFor(async () => (await sums()).join() === '5,2')
  expect(worker.ids).toHaveLength(2)
  // Told once, not again with each beat.
  await nextBeat(worker.ids[0])
  expect(await sums()).toEqual([5, 2])
  await worker.stop()
  expect(await room.client.keys('resque:stat:*:*')).toEqual([])
})

test('thousands of slots beat, each of them', async () => {
  const worker = await room.start({ jobs: [], concurrency: 4_500, heartbeatMs: 50 })
  const some = [0, 999, 1_000, 4_499].map((i) => worker.ids[i] ?? '')
  for (const id of some) await room.client.hset('resque:workers:heartbeat', id, 'old')
  for (const id of some) await waitFor(async () => (await heartbeatOf(id)) !== 'old')
  expect(room.logged('warn')).toEqual([])
})

test('after its connection was cut the heartbeat goes on', async () => {
  const worker = await room.start({ jobs: [], heartbeatMs: 50 })
  await waitFor(async () =>
    ((await room.client.client('LIST')) as string).includes('name=resque-ts:worker:heartbeat'),
  )
  await room.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await nextBeat(worker.ids[0])
})

test('a heartbeat thread that dies is made again, tells nothing twice, and does not keep a worker from stopping', async () => {
  const threads: Thread[] = []
  const onThread = (thread: Thread) => threads.push(thread)
  process.on('worker', onThread)
  try {
    const Job = defineJob({ name: 'Job', perform() {} })
    const worker = await room.start({ jobs: [Job], queues: 'q', heartbeatMs: 50 })
    await room.resque.enqueueTo('q', 'Job')
    await waitFor(async () => (await room.resque.workers())[0]?.processed === 1)
    await nextBeat(worker.ids[0])
    await threads[0]?.terminate()
    await waitFor(() => threads.length === 2)
    await nextBeat(worker.ids[0])
    expect((await room.resque.workers())[0]?.processed).toBe(1)
    await threads[1]?.terminate()
    await worker.stop()
    expect(await room.resque.workers()).toEqual([])
  } finally {
    process.off('worker', onThread)
  }
})

test('settings of all kinds reach the heartbeat: bytes, functions, objects of classes', async () => {
  const resque = room.connect({
    redis: {
      port: room.redis.port,
      password: undefined,
      retryStrategy: () => 1,
      tags: [Buffer.from('x'), () => {}],
      agent: new (class Agent {})(),
    },
  })
  const worker = await room.start({ resque, jobs: [], heartbeatMs: 50 })
  await nextBeat(worker.ids[0])
  expect(room.logged('warn')).toEqual([])
})

/** A worker process of its own. */
function spawnWorker(program: string): ChildProcess {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const setup = `
    import { defineJob, Resque } from 'resque-ts'
    import { Worker } from 'resque-ts/worker'
    const resque = new Resque({ redis: ${JSON.stringify(room.redis.url)} })
    const Block = defineJob({
      name: 'Block',
      perform(ms) {
        const until = Date.now() + ms
        while (Date.now() < until);
      },
    })
    ${program}`
  return spawn(process.execPath, ['--input-type=module', '--eval', setup], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

test('a job that blocks the event loop for three times the deadline does not make its worker a dead one', async () => {
  await room.start({ jobs: [], queues: 'other', pruneIntervalMs: 100, title: true })
  const child = spawnWorker(`
    const worker = new Worker({ resque, queues: 'q', jobs: [Block], heartbeatMs: 250, deadAfterMs: 3000, title: false })
    await worker.start()`)
  try {
    const isChild = ({ pid }: { pid: number }) => pid === child.pid
    const { id } = await waitFor(async () => (await room.resque.workers()).find(isChild), {
      timeoutMs: 20_000,
    })
    await nextBeat(id)
    await room.resque.enqueueTo('q', 'Block', 9_500)
    await waitFor(async () => (await room.resque.working()).length === 1)
    const beats = new Set<string | null>()
    const isDone = async () => {
      beats.add(await heartbeatOf(id))
      return (await room.resque.stats.get('processed')) === 1
    }
    await waitFor(isDone, { timeoutMs: 30_000, intervalMs: 50 })
    // It went on beating while its event loop stood still; so nobody took its job away.
    expect(beats.size).toBeGreaterThan(3)
    expect(beats).not.toContain(null)
    expect(room.logged('warn')).toEqual([])
    expect(await room.resque.size('q')).toBe(0)
  } finally {
    child.kill('SIGKILL')
  }
}, 70_000)

const stalls = `
    const worker = new Worker({ resque, queues: 'q', jobs: [Block], heartbeatMs: 100, deadAfterMs: 1000, maxStallMs: 500, title: false })`

test('an event loop that stands still for maxStallMs ends its process, and the job is recovered', async () => {
  await room.resque.enqueueTo('q', 'Block', 60_000)
  const child = spawnWorker(`${stalls}
    await worker.start()`)
  try {
    let complaint = ''
    child.stderr?.on('data', (chunk) => {
      complaint += chunk
    })
    const seen = async () => {
      const [waiting, taken] = [await room.resque.size('q'), await room.resque.working()]
      return `alive: ${waiting} waiting, ${taken.length} taken, ${await heartbeatOf(taken[0]?.id)}; ${complaint}`
    }
    const ended = () => child.signalCode ?? child.exitCode ?? undefined
    expect(await waitFor(ended, { timeoutMs: 45_000 }).catch(seen)).toBe('SIGKILL')
    expect(complaint).toContain('has stood still for 500 ms; ending it.')
    await room.start({ jobs: [], queues: 'other', pruneIntervalMs: 100 })
    await waitFor(async () => (await room.resque.size('q')) === 1, { timeoutMs: 20_000 })
  } finally {
    child.kill('SIGKILL')
  }
}, 60_000)

test('an event loop that stands still ends its process though Redis hangs and nobody reads what it says', async () => {
  const child = spawnWorker(`${stalls}
    import { closeSync } from 'node:fs'
    closeSync(2)
    await worker.start()`)
  try {
    const worker = await waitFor(async () => (await room.resque.workers())[0], { timeoutMs: 20_000 })
    await nextBeat(worker.id)
    const exit = once(child, 'exit')
    await room.resque.enqueueTo('q', 'Block', 60_000)
    await waitFor(async () => (await room.resque.working()).length === 1)
    process.kill(room.redis.pid as number, 'SIGSTOP')
    const [, signal] = (await exit) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
  } finally {
    process.kill(room.redis.pid as number, 'SIGCONT')
    child.kill('SIGKILL')
  }
}, 60_000)
