// Who is dead, and who only could not show that he lives: dead workers are found and their jobs run again, once; living
// ones keep theirs.

import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prune } from '#built/worker/prune.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { idsOf, Room } from './support/room.js'
import { WorkerProcesses } from './support/worker-process.js'

/** As short as it may be on a machine that has more to do than this: a thread that gets no time cannot beat. */
const rhythm = { heartbeatMs: 400, deadAfterMs: 4_000, pruneIntervalMs: 200, intervalMs: 500 }

let room: Room
let processes: WorkerProcesses

beforeEach(async () => {
  room = await Room.open({ appendOnly: true, args: ['--appendfsync', 'always'] })
  processes = new WorkerProcesses()
})
afterEach(async () => {
  await processes.clear()
  await room.close()
})

const start = (worker = {}) => processes.start({ url: room.redis.url, worker: { ...rhythm, ...worker } })

test.each([
  {
    how: 'gone',
    go: () => room.redis.kill(),
    comeBack: (): Promise<unknown> => room.redis.restart(),
  },
  {
    how: 'silent',
    go: async () => process.kill(room.redis.pid as number, 'SIGSTOP'),
    comeBack: async (): Promise<unknown> => process.kill(room.redis.pid as number, 'SIGCONT'),
  },
])(
  'no worker is taken for dead because Redis was $how for longer than that takes',
  async ({ go, comeBack }) => {
    const ids = idsOf(6)
    for (let i = 0; i < 3; i++) await room.start({ ...rhythm, resque: room.client(room.redis.url, 1_000) })
    await room.resque.enqueueMany(ids.slice(0, 3).map((id) => [room.Record, id, 8_500]))
    await waitFor(() => room.begun.size === 3)
    await go()
    await pause(6_000)
    await comeBack()
    // One that starts this very moment knows nothing of what was, and looks for the dead at its start.
    await waitFor(() => room.redis.client.ping())
    await room.start(rhythm)
    await room.resque.enqueueMany(ids.slice(3).map((id) => [room.Record, id]))
    await room.ran(ids)
    await Promise.all(room.workers.map((worker) => worker.stop()))
    expect(room.notOnce(ids)).toEqual([])
    expect(room.lines.filter((line) => /Pruned|was refused/.test(line))).toEqual([])
    expect(await leftovers(room.redis.client)).toEqual(nothing)
  },
)

test('a worker that was stopped for too long loses its jobs to others, is told so, and goes on', async () => {
  const stopped = start({ concurrency: 3 })
  const slots = await stopped.ready
  const ids = idsOf(3)
  await room.resque.enqueueMany(ids.map((id) => [room.Record, id, 1_500]))
  await waitFor(() => processes.runs().begun.size === 3)
  stopped.kill('SIGSTOP')
  const other = start({ concurrency: 3 })
  await waitFor(() => ids.every((id) => processes.runs().ended.has(id)), {
    timeoutMs: 20_000,
    message: 'the others to run what it had',
  })
  stopped.kill('SIGCONT')
  await waitFor(() => ids.every((id) => processes.runs().ended.get(id) === 2), {
    message: 'the end of what it still runs',
  })
  const refused = () => stopped.log().filter(({ message }) => message.includes('was refused'))
  await waitFor(() => refused().length === 3, { message: 'its reports to be refused' })
  await waitFor(
    async () => {
      const workers = (await room.resque.workers()).map(({ id }) => id)
      return slots.every((id) => workers.includes(id))
    },
    { message: 'all its slots to be registered again' },
  )

  other.kill('SIGTERM')
  expect(await other.exited).toEqual({ code: 0, signal: null })
  await room.resque.enqueue(room.Record, 'after', 0)
  await waitFor(() => processes.runs().ended.has('after'), { message: 'it to work again' })
  await processes.end('SIGTERM')
  expect(await stopped.exited).toEqual({ code: 0, signal: null })
  expect([...processes.runs().begun.values()].sort()).toEqual([1, 2, 2, 2])
  expect(await room.resque.stats.get('processed')).toBe(4)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a worker that was stopped for too long, alone, keeps its job', async () => {
  // Its loop stood still, but with the whole process: nothing that it is to be ended for.
  const stopped = start({ maxStallMs: 3_000 })
  await stopped.ready
  await room.resque.enqueue(room.Record, 'long', 7_000)
  await waitFor(() => processes.runs().begun.size === 1)
  stopped.kill('SIGSTOP')
  await pause(6_000)
  stopped.kill('SIGCONT')
  await room.resque.enqueue(room.Record, 'after', 0)
  await waitFor(() => processes.runs().ended.size === 2, { message: 'both jobs to end' })
  await processes.end('SIGTERM')
  expect(await stopped.exited).toEqual({ code: 0, signal: null })
  expect([...processes.runs().begun.values()]).toEqual([1, 1])
  expect(stopped.log().filter(({ level }) => level !== 'info')).toEqual([])
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a job that keeps the event loop busy for long makes nobody dead', async () => {
  const busy = start()
  start({ queues: 'none' })
  await Promise.all(processes.all.map(({ ready }) => ready))
  await room.resque.push('runs', { class: 'Spin', args: ['spin', 7_000] })
  await waitFor(() => processes.runs().ended.has('spin'), { timeoutMs: 20_000 })
  await processes.end('SIGTERM')
  expect(await busy.exited).toEqual({ code: 0, signal: null })
  expect(processes.runs().begun.get('spin')).toBe(1)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a loop that hangs ends its process, and its job is given to another', async () => {
  const settings = { maxStallMs: 1_000, maxDeaths: 2 }
  const first = start(settings)
  await first.ready
  await room.resque.push('runs', { class: 'Spin', args: ['hang', 600_000] })
  expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(first.complaint).toContain('has stood still')
  // It hangs the second as well: then it is parked.
  const second = start(settings)
  expect(await second.exited).toEqual({ code: null, signal: 'SIGKILL' })
  const third = start(settings)
  await waitFor(async () => (await room.resque.failed.count()) === 1, { timeoutMs: 20_000 })
  await processes.end('SIGTERM')
  expect(await third.exited).toEqual({ code: 0, signal: null })
  const [failure] = await room.resque.failed.all()
  expect(failure).toMatchObject({ exception: 'Resque::DirtyExit', class: 'Spin' })
  expect(failure?.error).toContain('has killed its worker 2 times')
  expect(processes.runs().begun.get('hang')).toBe(2)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 1 })
})

test('equal jobs that died together in one process are not taken for one that kills its workers', async () => {
  const equal = () => room.resque.push('runs', { class: 'Record', args: ['equal', 600_000] })
  for (let i = 0; i < 10; i++) await equal()
  const doomed = start({ concurrency: 10 })
  await waitFor(() => processes.runs().begun.get('equal') === 10)
  doomed.kill('SIGKILL')
  await doomed.exited
  await room.start({ ...rhythm, queues: 'none' })
  await waitFor(async () => (await room.redis.client.llen('resque:queue:runs')) === 10, {
    timeoutMs: 20_000,
    message: 'all of them to be back in their queue',
  })
  expect(await room.resque.failed.count()).toBe(0)
})

test('the dead are found also over connections that break all the time', async () => {
  const dead = start()
  await dead.ready
  await room.resque.enqueue(room.Record, 'held', 600_000)
  await waitFor(() => processes.runs().begun.has('held'))
  dead.kill('SIGKILL')
  await dead.exited
  await room.start({ ...rhythm, queues: 'none' })
  await waitFor(
    async () => {
      await room.redis.client.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'yes')
      return (await room.redis.client.llen('resque:queue:runs')) === 1
    },
    { timeoutMs: 30_000, intervalMs: 1_000, message: 'the job to be back in its queue' },
  )
})

test('ten that look at once put the jobs of a dead worker back once', async () => {
  const dead = start({ concurrency: 20 })
  await dead.ready
  const ids = idsOf(20)
  await room.resque.enqueueMany(ids.map((id) => [room.Record, id, 600_000]))
  await waitFor(() => processes.runs().begun.size === 20)
  dead.kill('SIGKILL')
  await dead.exited
  await waitFor(async () => {
    const beats = Object.values(await room.redis.client.hgetall('resque:workers:heartbeat'))
    const [seconds] = await room.redis.client.time()
    return beats.every((beat) => Number(seconds) - Date.parse(beat) / 1_000 > 4)
  })
  const clients = Array.from({ length: 10 }, () => room.client(room.redis.url))
  const verdicts = await Promise.all(
    clients.map(({ store, failureBackend }, i) =>
      prune({
        store,
        workerId: `pruner-${i}`,
        failureBackend,
        jobs: new Map(),
        maxDeaths: 3,
        log: room.logger,
      }),
    ),
  )
  const requeued = verdicts.flatMap((each) => [...each]).filter(([, verdict]) => verdict === 'requeued')
  expect(requeued.map(([id]) => id).sort()).toEqual((await dead.ready).sort())
  const waiting = await room.resque.peek('runs', 0, 100)
  expect(waiting.map(({ args }) => args[0]).sort()).toEqual([...ids].sort())
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, waiting: { runs: 20 }, deaths: 20 })
})
