// `resque pool`: worker processes as a file plans them.

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { isAlive, jobs, type Running, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))
const run = promisify(execFile)

const plan = (text: string) => writeFile(join(line.folder, 'resque-pool.yml'), text)

/** The pids of the pool's workers by queue list, once `count` of them are registered. */
async function workersOf(count: number): Promise<Map<string, number[]>> {
  const found = await waitFor(async () => {
    const workers = await room.resque.workers()
    const alive = workers.filter(({ pid }) => isAlive(pid))
    return alive.length === count && alive
  })
  const pids = new Map<string, number[]>()
  for (const { queues, pid } of found)
    pids.set(queues.join(','), [...(pids.get(queues.join(',')) ?? []), pid])
  return pids
}

function start(...args: string[]): Running {
  return line.start(['pool', '--require', jobs, ...args])
}

test('it keeps as many workers as its plan says, and starts again one that dies', async () => {
  await plan('echo,fail: 2\n"*": 1\nproduction:\n  "*": 9\n')
  const pool = start('--', '--very-verbose')
  const before = await workersOf(3)
  expect([...before].map(([queues, pids]) => [queues, pids.length]).sort()).toEqual([
    ['*', 1],
    ['echo,fail', 2],
  ])
  const title = (await run('ps', ['-ww', '-o', 'args=', '-p', String(pool.pid)])).stdout
  expect(title).toMatch(/^resque-pool-master: managing \[\d+, \d+, \d+\]/)
  const [victim = 0] = before.get('*') ?? []
  process.kill(victim, 'SIGKILL')
  await waitFor(() => !isAlive(victim))
  const after = await workersOf(3)
  expect(after.get('*')).toHaveLength(1)
  expect(after.get('*')).not.toContain(victim)
  expect(after.get('echo,fail')?.sort()).toEqual(before.get('echo,fail')?.sort())

  pool.kill('SIGTERM')
  expect((await pool.finished).code).toBe(0)
  expect([...after.values()].flat().filter(isAlive)).toEqual([])
})

test('HUP reads the plan again; no worker outlives a pool that was killed', async () => {
  await plan('echo: 1\n')
  const pool = start()
  const [[, [first = 0] = []] = []] = await workersOf(1)
  await plan('sleep: 1\n')
  pool.kill('SIGHUP')
  await waitFor(() => !isAlive(first), { timeoutMs: 20_000 })
  const second = await workersOf(1)
  expect([...second.keys()]).toEqual(['sleep'])
  pool.kill('SIGKILL')
  await waitFor(() => ![...second.values()].flat().some(isAlive), { timeoutMs: 20_000 })
})

test('through a HUP there is a worker at every moment; a plan that cannot be read changes nothing', async () => {
  await plan('echo: 1\n')
  const pool = start()
  const [[, [first = 0] = []] = []] = await workersOf(1)
  await plan('echo: many\n')
  pool.kill('SIGHUP')
  await pool.says('the old one stays')
  await plan('echo: 1\n')
  pool.kill('SIGHUP')
  let fewest = 1
  await waitFor(
    async () => {
      fewest = Math.min(fewest, (await room.resque.workers()).length)
      return !isAlive(first)
    },
    { timeoutMs: 30_000, intervalMs: 5 },
  )
  expect(fewest).toBe(1)
  expect([...(await workersOf(1)).values()].flat()).not.toContain(first)
})

test('TTIN and TTOU start one more and one less of each queue list', async () => {
  await plan('echo: 1\nfail: 2\n')
  const pool = start()
  const counts = async (count: number) =>
    Object.fromEntries([...(await workersOf(count))].map(([queues, pids]) => [queues, pids.length]))
  await workersOf(3)
  pool.kill('SIGTTIN')
  expect(await counts(5)).toEqual({ echo: 2, fail: 3 })
  pool.kill('SIGTTOU')
  await workersOf(3)
  pool.kill('SIGTTOU')
  expect(await counts(2)).toEqual({ echo: 1, fail: 1 })
})

test('USR2 and CONT reach every worker, and QUIT lets them finish', async () => {
  await plan('echo,sleep: 1\n')
  const pool = start()
  await workersOf(1)
  pool.kill('SIGUSR2')
  await waitFor(async () => {
    const [[, [pid = 0] = []] = []] = await workersOf(1)
    return (await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)])).stdout.includes('Paused')
  })
  await room.resque.enqueueTo('echo', 'Echo', 'later')
  pool.kill('SIGCONT')
  await waitFor(async () => (await line.noted()).includes('Echo ["later"]'))
  await room.resque.enqueueTo('sleep', 'Sleep', 1_000)
  await waitFor(async () => (await line.noted()).includes('Sleep begins'))
  pool.kill('SIGQUIT')
  expect((await pool.finished).code).toBe(0)
  expect(await line.noted()).toContain('Sleep ends')
  expect(await room.resque.failed.count()).toBe(0)
})

test('no worker outlives a pool that was killed while it started', async () => {
  await plan('echo: 2\n')
  const pool = start()
  await pool.says('Started worker')
  pool.kill('SIGKILL')
  await pool.finished
  const pids = [...pool.stdout.matchAll(/Started worker (\d+)/g)].map(([, pid]) => Number(pid))
  expect(pids.length).toBeGreaterThan(0)
  await waitFor(() => !pids.some(isAlive), { timeoutMs: 20_000 })
  await waitFor(async () => (await room.resque.workers()).length === 0)
})

test('workers that can never start are not started again: the pool says so, and ends with 2', async () => {
  await plan('echo: 2\n')
  const { code, stdout, stderr } = await start('--', '--concurrency', 'many').finished
  expect(code).toBe(2)
  expect(stdout.match(/Started worker/g)).toHaveLength(2)
  expect(stdout.match(/it can never start as it is called/g)).toHaveLength(2)
  expect(stderr).toContain('No worker of this pool can start')
})

test.each([
  { text: '', says: 'map queue lists to counts' },
  { text: 'echo: many\n', says: 'whole number' },
  { text: 'echo: <%= 4 %>\n', says: 'Ruby code' },
  { text: 'production:\n  echo: 1\n', says: 'plans no worker for the environment "development"' },
])('a plan that cannot be followed is misuse: $text', async ({ text, says }) => {
  await plan(text)
  const { code, stderr } = await start().finished
  expect(code).toBe(2)
  expect(stderr).toContain(says)
})

test('a plan that is not there is misuse', async () => {
  const { code, stderr } = await start('--config', 'nowhere.yml').finished
  expect(code).toBe(2)
  expect(stderr).toContain('nowhere.yml')
})
