// What each signal does to a real worker process.

import { defineJob } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { Room } from './support/room.js'
import { type WorkerProcess, WorkerProcesses } from './support/worker-process.js'

const named = (name: string) => defineJob({ name, queue: 'runs', perform: (_id: string, _ms: number) => {} })
const Abortable = named('Abortable')
const Record = named('Record')
const forEver = 600_000
const cleanly = { code: 0, signal: null }

let room: Room
let processes: WorkerProcesses
let worker: WorkerProcess

beforeEach(async () => {
  room = await Room.open()
  processes = new WorkerProcesses()
  worker = processes.start({
    url: room.redis.url,
    worker: { concurrency: 2, intervalMs: 200, abortGraceMs: 300 },
    signals: { stopTimeoutMs: forEver, termTimeoutMs: 300 },
  })
  await worker.ready
})
afterEach(async () => {
  await processes.clear()
  await room.close()
})

const begun = (...ids: string[]) => waitFor(() => ids.every((id) => processes.runs().begun.has(id)))
const ended = (...ids: string[]) => waitFor(() => ids.every((id) => processes.runs().ended.has(id)))
const exited = async () => expect(await worker.exited).toEqual(cleanly)

test('QUIT lets the running jobs end, takes no other, and exits', async () => {
  await room.resque.enqueueMany([
    [Record, 'a', 1_000],
    [Abortable, 'b', 1_500],
    [Record, 'c', 0],
  ])
  await begun('a', 'b')
  worker.kill('SIGQUIT')
  await exited()
  expect([...processes.runs().ended]).toEqual([
    ['a', 1],
    ['b', 1],
  ])
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, waiting: { runs: 1 } })
})

test.each(['SIGINT', 'SIGTERM twice', 'SIGQUIT, SIGINT'])(
  '%s aborts the jobs, gives them back, and exits',
  async (how) => {
    await room.resque.enqueue(Abortable, 'a', forEver)
    await room.resque.enqueue(Record, 'b', forEver)
    await begun('a', 'b')
    const startedAt = performance.now()
    if (how === 'SIGTERM twice') worker.kill('SIGTERM')
    if (how === 'SIGQUIT, SIGINT') worker.kill('SIGQUIT')
    if (how !== 'SIGINT') await waitFor(() => worker.log().some(({ message }) => message === 'Exiting...'))
    expect(worker.hasExited).toBe(false)
    worker.kill(how === 'SIGTERM twice' ? 'SIGTERM' : 'SIGINT')
    await exited()
    expect(performance.now() - startedAt).toBeLessThan(8_000)
    expect(processes.runs().ended.size).toBe(0)
    expect((await room.resque.peek('runs', 0, 9)).map(({ args }) => args[0]).sort()).toEqual(['a', 'b'])
    expect(await leftovers(room.redis.client)).toEqual({ ...nothing, waiting: { runs: 2 } })
  },
)

test('USR1 kills the running jobs, which fail as a DirtyExit, and the worker goes on', async () => {
  await room.resque.enqueue(Abortable, 'a', forEver)
  await room.resque.enqueue(Record, 'b', forEver)
  await begun('a', 'b')
  worker.kill('SIGUSR1')
  await waitFor(async () => (await room.resque.failed.count()) === 2)
  await room.resque.enqueue(Record, 'c', 0)
  await ended('c')
  worker.kill('SIGTERM')
  await exited()
  const failed = await room.resque.failed.all()
  expect(failed.map(({ exception }) => exception)).toEqual(['Resque::DirtyExit', 'Resque::DirtyExit'])
  expect(await room.resque.stats.get('processed')).toBe(3)
  expect(await room.resque.stats.get('failed')).toBe(2)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, failed: 2 })
})

test('USR2 pauses the taking of jobs, CONT goes on', async () => {
  await room.resque.enqueue(Record, 'a', 500)
  await begun('a')
  worker.kill('SIGUSR2')
  await ended('a')
  await room.resque.enqueue(Record, 'b', 0)
  // It would have looked by itself several times.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(processes.runs().begun.has('b')).toBe(false)
  worker.kill('SIGCONT')
  await ended('b')
  worker.kill('SIGTERM')
  await exited()
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a paused worker stops when told to', async () => {
  worker.kill('SIGUSR2')
  await room.resque.enqueue(Record, 'a', 0)
  worker.kill('SIGTERM')
  await exited()
  expect(await leftovers(room.redis.client)).toMatchObject({ workers: [], records: {} })
})
