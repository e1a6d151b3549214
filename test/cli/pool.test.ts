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
