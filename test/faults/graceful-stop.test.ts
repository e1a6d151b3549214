// Stopping while jobs run: every job is accounted for, in its place, and nobody stays registered.

import { defineJob, type Resque } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { finishAndReserve } from '#built/store/finish-and-reserve.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { CuttingProxy } from './support/proxy.js'
import { scaled, seeded } from './support/random.js'
import { idsOf, Room } from './support/room.js'
import { WorkerProcesses } from './support/worker-process.js'

let room: Room
let processes: WorkerProcesses

beforeEach(async () => {
  room = await Room.open()
  processes = new WorkerProcesses()
})
afterEach(async () => {
  await processes.clear()
  await room.close()
})

const named = (name: string) => defineJob({ name, queue: 'runs', perform: (_id: string, _ms: number) => {} })
/** Hears its signal. */
const Abortable = named('Abortable')
/** Hears nothing. */
const Record = named('Record')

const cleanly = { code: 0, signal: null }

test('processes that are told to stop, one after the other, lose no job and leave nothing behind', async () => {
  const random = seeded('graceful stop')
  const ids = idsOf(scaled(1_500))
  const isAbortable = (id: string) => Number(id.slice(4)) % 4 > 0
  await room.resque.enqueueMany(
    ids.map((id) => [isAbortable(id) ? Abortable : Record, id, random.between(0, 200)] as const),
  )
  // So short that some jobs have to be aborted, and some of them given up.
  const signals = { stopTimeoutMs: 150, termTimeoutMs: 75 }
  const start = () => processes.start({ url: room.redis.url, worker: { concurrency: 20 }, signals })
  start()
  start()
  const isLeft = async () => Object.keys((await leftovers(room.redis.client)).waiting).length > 0
  while (await isLeft()) {
    const [oldest] = processes.alive
    await oldest?.ready
    const enough = processes.runs().begun.size + random.between(1, ids.length / 20)
    await waitFor(async () => processes.runs().begun.size >= enough || !(await isLeft()))
    oldest?.kill('SIGTERM')
    start()
    expect(await oldest?.exited).toEqual(cleanly)
    const registered = await room.redis.client.smembers('resque:workers')
    expect(registered.filter((id) => id.includes(`:${oldest?.pid}:`))).toEqual([])
  }
  await waitFor(() => ids.every((id) => processes.runs().ended.has(id)), { message: 'the last jobs to end' })
  await processes.end('SIGTERM')

  const { begun, ended, retried } = processes.runs()
  const aborted = [...begun.values()].reduce((sum, times) => sum + times - 1, 0)
  console.info(`graceful stop: ${processes.all.length} processes, ${aborted} jobs aborted and run again`)
  expect(ids.filter(isAbortable).filter((id) => ended.get(id) !== 1)).toEqual([])
  expect([...retried]).toEqual([])
  for (const process of processes.all) {
    expect(await process.exited).toEqual(cleanly)
    expect(process.complaint).toBe('')
  }
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('a process that is told to stop while it starts leaves nothing behind', async () => {
  const random = seeded('stop while starting')
  for (let round = 0; round < 8; round++) {
    const process = processes.start({ url: room.redis.url, worker: { concurrency: 3 } })
    await process.listening
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 40)))
    process.kill('SIGTERM')
    expect(await process.exited).toEqual(cleanly)
    expect(process.complaint).toBe('')
    expect(await leftovers(room.redis.client)).toEqual(nothing)
  }
})

test('jobs that a stop gives back stand at the head of their queue in the order they had', async () => {
  const ids = idsOf(12)
  await room.resque.enqueueMany(ids.map((id) => [Abortable, id, 600_000]))
  const process = processes.start({ url: room.redis.url, worker: { concurrency: 7 } })
  await waitFor(() => processes.runs().begun.size === 7)
  process.kill('SIGINT')
  expect(await process.exited).toEqual(cleanly)
  expect((await room.resque.peek('runs', 0, 20)).map(({ args }) => args[0])).toEqual(ids)
  expect(await leftovers(room.redis.client)).toEqual({ ...nothing, waiting: { runs: 12 } })
})

test('a job that is handed over in the moment of the stop is given back', async () => {
  const proxy = await new CuttingProxy(room.redis.port).start()
  try {
    const worker = await room.start({ resque: room.client(proxy.url), concurrency: 3 })
    let isSent = false
    let answer: (() => void) | undefined
    proxy.interference = {
      onSent(piece) {
        if (piece.includes(finishAndReserve.sha)) isSent = true
        return 'pass'
      },
      onAnswered(piece, link) {
        if (!isSent || answer) return 'pass'
        answer = () => link.client.write(piece)
        return undefined
      },
    }
    await room.resque.enqueue(room.Record, 'late')
    await waitFor(() => answer)
    const stopped = worker.stop()
    answer?.()
    await stopped
    expect(room.begun.size).toBe(0)
    expect(await leftovers(room.redis.client)).toEqual({ ...nothing, waiting: { runs: 1 } })
  } finally {
    await proxy.stop()
  }
})

test('a stop keeps its time though Redis does not answer', async () => {
  const resque: Resque = room.client(room.redis.url)
  const idle = await room.start({ resque })
  const busy = await room.start({ resque, queues: 'busy' })
  await room.resque.enqueueTo('busy', room.Record, 'busy', 600_000)
  await waitFor(() => room.begun.has('busy'))
  process.kill(room.redis.pid as number, 'SIGSTOP')
  try {
    const startedAt = performance.now()
    await Promise.all([idle, busy].map((worker) => worker.stop({ timeoutMs: 1_500, abortGraceMs: 100 })))
    expect(performance.now() - startedAt).toBeLessThan(4_000)
  } finally {
    process.kill(room.redis.pid as number, 'SIGCONT')
  }
})
