// The supervisor of worker processes, with small processes in the place of workers.

import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Pool, type PoolOptions } from '#built/worker/pool.js'
import { waitFor } from '../support/wait-for.js'

/** What a process does, by the name of its queue list. */
const scripts: Record<string, string> = {
  works: `
    const stop = () => process.exit(0)
    for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT']) process.on(signal, stop)
    process.on('SIGUSR2', () => process.send('paused')).on('SIGCONT', () => process.send('resumed'))
    process.on('disconnect', stop)
    process.send('ready')`,
  crashes: 'process.exit(1)',
  misused: 'process.exit(2)',
  'ends with 2': `process.send('ready', () => process.exit(2))`,
  'is slow': `
    setTimeout(() => process.send('ready'), 300)
    process.on('SIGUSR2', () => process.send('paused'))
    process.on('disconnect', () => process.exit(0))`,
}

interface Started {
  queues: string
  process: ChildProcess
  said: unknown[]
}

let started: Started[]
let logged: string[]
let plan: Record<string, number>
/** In place of what stands in `scripts`. */
let script: string | undefined
let pool: Pool

beforeEach(() => {
  started = []
  logged = []
  script = undefined
})
afterEach(async () => {
  await pool.stop('SIGKILL')
  expect(alive()).toEqual([])
})

function open(text: Record<string, number>, options: Partial<PoolOptions> = {}): Pool {
  plan = text
  const log = (_fields: object | string, message?: string) => void logged.push(message ?? '')
  pool = new Pool({
    plan: () => new Map(Object.entries(plan)),
    spawn(queues) {
      const code = script ?? scripts[queues] ?? (scripts.works as string)
      const process_ = spawn(process.execPath, ['-e', code], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      const one: Started = { queues, process: process_, said: [] }
      process_.on('message', (message) => one.said.push(message))
      started.push(one)
      return process_
    },
    log: { debug: log, info: log, warn: log, error: log },
    backOffMs: 20,
    ...options,
  })
  return pool
}

const isAlive = ({ process: { exitCode, signalCode } }: Started) => exitCode === null && signalCode === null
const alive = (queues?: string) =>
  started.filter((one) => (isAlive(one) && queues !== undefined ? one.queues === queues : isAlive(one)))
const ready = (queues?: string) => alive(queues).filter(({ said }) => said.includes('ready'))
const are = (count: number, queues?: string) =>
  waitFor(() => alive(queues).length === count && ready(queues).length === count, {
    message: () => `${count} of ${queues}; ${alive(queues).length} live`,
  })
const pauses = () =>
  logged.flatMap((line) => /starting another in (\d+) ms/.exec(line)?.[1] ?? []).map(Number)

test('one that dies early is started again after a pause that doubles up to its limit', async () => {
  await open({ crashes: 1 }, { backOffMs: 10, maxBackOffMs: 40 }).start()
  await waitFor(() => pauses().length >= 5)
  expect(pauses().slice(0, 5)).toEqual([10, 20, 40, 40, 40])
})

test('one that had settled is started again at once', async () => {
  await open({ works: 1 }, { settledMs: 0, backOffMs: 60_000 }).start()
  await are(1)
  started[0]?.process.kill('SIGKILL')
  await waitFor(() => started.length === 2)
  expect(pauses()).toEqual([0])
})

test('workers that die together wait no longer than one', async () => {
  await open({ works: 4 }, { backOffMs: 200 }).start()
  await are(4)
  for (const one of alive()) one.process.kill('SIGKILL')
  await waitFor(() => pauses().length === 4)
  expect(pauses()).toEqual([200, 200, 200, 200])
  await are(4)
  expect(started).toHaveLength(8)
})

test('one that ends with 2 before it works is given up, and the others go on; a reload tries again', async () => {
  await open({ works: 1, misused: 2 }).start()
  await waitFor(() => logged.filter((line) => line.includes('can never start')).length === 2)
  await are(1)
  pool.resize(1)
  await are(2, 'works')
  expect(pauses()).toEqual([])
  script = scripts.works
  await pool.reload()
  await are(3, 'misused')
})

test('a pool whose every worker is given up ends, and says so', async () => {
  await open({ misused: 2, 'misused, too': 0 }).start()
  expect(await pool.stopped).toBe('given up')
  expect(started).toHaveLength(2)
})

test('an exit code of 2 after it has worked is a death like any other', async () => {
  await open({ 'ends with 2': 1 }).start()
  await waitFor(() => pauses().length >= 2)
  expect(logged.join()).not.toContain('never')
})

test('a reload replaces every worker, and none goes before another is ready in its place', async () => {
  await open({ works: 3 }).start()
  await are(3)
  const old = [...started]
  let fewest = 3
  const watch = setInterval(() => {
    fewest = Math.min(fewest, ready().length)
  }, 1)
  await pool.reload()
  clearInterval(watch)
  await waitFor(() => !old.some(isAlive))
  await are(3)
  expect(fewest).toBe(3)
  expect(started).toHaveLength(6)
})

test('a reload to other queue lists starts those before it ends the old ones', async () => {
  await open({ old: 2 }).start()
  await are(2)
  plan = { new: 2 }
  const told = started.map(
    ({ process: { exitCode } }, i) =>
      new Promise<number>((resolve) =>
        started[i]?.process.once('exit', () => resolve(exitCode ?? ready('new').length)),
      ),
  )
  await pool.reload()
  expect(await Promise.all(told)).toEqual([2, 2])
  await are(2, 'new')
})

test('a new worker that does not come up ends a reload: the old plan and its workers stay', async () => {
  await open({ works: 2 }).start()
  await are(2)
  const old = alive()
  plan = { works: 1, crashes: 1 }
  script = scripts.crashes
  await pool.reload()
  expect(logged.at(-1)).toContain('did not come up')
  script = undefined
  expect(alive()).toEqual(old)
  old[0]?.process.kill('SIGKILL')
  await are(2, 'works')
})

test('a plan that cannot be read changes nothing', async () => {
  await open({ works: 1 }, {}).start()
  await are(1)
  plan = undefined as never
  await pool.reload()
  expect(logged.at(-1)).toContain('the old one stays')
  expect(started).toHaveLength(1)
  await are(1)
})

test('a plan that changes during a reload is followed, too', async () => {
  await open({ works: 1 }).start()
  await are(1)
  const first = pool.reload()
  plan = { works: 1, more: 2 }
  void pool.reload()
  await first
  await are(2, 'more')
  await are(1, 'works')
})

test('a worker that dies during a reload is replaced once', async () => {
  await open({ works: 2 }, { backOffMs: 1 }).start()
  await are(2)
  const reloaded = pool.reload()
  started[1]?.process.kill('SIGKILL')
  await reloaded
  await waitFor(() => pauses().length === 1)
  await are(2)
  expect(started).toHaveLength(4)
})

test('one more and one less of each list, never less than one, and none where none is planned', async () => {
  await open({ many: 3, one: 1, none: 0 }).start()
  const counts = () => ['many', 'one', 'none'].map((queues) => ready(queues).length)
  const become = (...expected: number[]) =>
    waitFor(() => String(counts()) === String(expected), { message: () => `${expected}, got ${counts()}` })
  await become(3, 1, 0)
  pool.resize(1)
  await become(4, 2, 0)
  pool.resize(-1)
  pool.resize(-1)
  await become(2, 1, 0)
  for (let i = 0; i < 5; i++) pool.resize(-1)
  await become(1, 1, 0)
  pool.resize(1)
  await become(2, 1, 0)
})

test('USR2 reaches workers that start later, CONT ends that, and neither kills one that does not listen yet', async () => {
  await open({ 'is slow': 1 }).start()
  pool.signal('SIGUSR2')
  await waitFor(() => started[0]?.said.includes('paused'))
  expect(started[0]?.said).toEqual(['ready', 'paused'])
  started[0]?.process.kill('SIGKILL')
  await waitFor(() => started[1]?.said.includes('paused'))
  pool.signal('SIGCONT')
  started[1]?.process.kill('SIGKILL')
  await waitFor(() => started[2]?.said.includes('ready'))
  expect(started[2]?.said).toEqual(['ready'])
})

test('a stop during a reload leaves no worker behind', async () => {
  await open({ works: 3 }).start()
  await are(3)
  const reloaded = pool.reload()
  await waitFor(() => started.length === 5)
  await pool.stop('SIGTERM')
  await reloaded
  expect(await pool.stopped).toBe('stopped')
  expect(alive()).toEqual([])
})
