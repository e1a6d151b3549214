// `resque demo`: it accounts for every job, and leaves nothing behind however it ends.

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { isAlive, type Running, useCommandLine } from './command-line.js'

let temporary = ''
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'resque-demo-test-'))
})
afterAll(() => rm(temporary, { recursive: true, force: true }))
const line = useCommandLine(() => ({ TMPDIR: temporary }))
const run = promisify(execFile)

/** The processes that the demo says it has started, and its Redis. */
async function childrenOf({ stdout, pid }: Running): Promise<number[]> {
  const workers = /Workers +pid (\d+) and (\d+)/.exec(stdout)?.slice(1).map(Number) ?? []
  const { stdout: list } = await run('ps', ['-A', '-o', 'pid=,ppid='])
  const own = list.split('\n').map((each) => each.trim().split(/\s+/).map(Number))
  const children = own.filter(([, parent]) => parent === pid).map(([child]) => child as number)
  return [...new Set([...workers, ...children])]
}

async function isNothingLeft(pids: readonly number[]): Promise<boolean> {
  return pids.every((pid) => !isAlive(pid)) && (await readdir(temporary)).length === 0
}

test('--exit ends by itself, with every job accounted for, whatever the environment says', async () => {
  const env = {
    REDIS_URL: 'redis://127.0.0.1:1',
    RESQUE_NAMESPACE: 'x',
    BACKGROUND: '1',
    FAILURE_BACKEND: 'none',
  }
  const { code, stdout, stderr } = await line.run(['demo', '--jobs', '120', '--exit', '--json'], { env })
  const result = JSON.parse(stdout) as Record<string, unknown>
  expect(result.missing).toEqual([])
  expect(code).toBe(0)
  expect(result).toMatchObject({ isComplete: true, jobs: 120, workersKilled: 1 })
  expect(result.processed).toBe(120 + Number(result.retried))
  expect(result.recovered).toBeGreaterThanOrEqual(1)
  expect(result.doneAtRetry).toBeGreaterThanOrEqual(1)
  expect(Object.keys(result.failedBy as object).sort()).toEqual([
    'Error',
    'InvalidPayloadError',
    'JobTimeoutError',
    'MailServerError',
    'SyntaxError',
    'UnknownJobError',
  ])
  // The address of the pages first.
  expect(stderr).toMatch(/^Pages +http:\/\/127\.0\.0\.1:\d+\//)
  expect(stderr).toMatch(/^Redis +redis:\/\/127\.0\.0\.1:\d+/m)
  expect(stderr).toMatch(/failed +--redis redis:\/\/127\.0\.0\.1:\d+/)
  expect(await isNothingLeft([])).toBe(true)
})

test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL'] as const)(
  '%s in the middle leaves nothing behind',
  async (signal) => {
    const demo = line.start(['demo', '--jobs', '5000'])
    await demo.says('processed')
    const pids = await childrenOf(demo)
    expect(pids.length).toBeGreaterThanOrEqual(4)
    demo.kill(signal)
    const { code } = await demo.finished
    expect(code).toBe(signal === 'SIGKILL' ? null : 1)
    await waitFor(() => isNothingLeft(pids), { timeoutMs: 20_000, message: `the end of ${pids}` })
  },
  60_000,
)

test('it goes on until it is told to stop, and then accounts for the new jobs too', async () => {
  const demo = line.start(['demo', '--jobs', '30'])
  await demo.says('It goes on')
  demo.kill('SIGINT')
  const { code, stdout } = await demo.finished
  expect(stdout.match(/Every job is accounted for/g)).toHaveLength(2)
  expect(code).toBe(0)
  expect(await isNothingLeft([])).toBe(true)
})

test('its jobs, workers and failures are on its pages, and what is done there is not held to account', async () => {
  const demo = line.start(['demo', '--jobs', '60'])
  await demo.says('It goes on')
  const [address = ''] = /http:\S+/.exec(demo.stdout) ?? []
  const page = async (path: string) => (await fetch(address + path)).text()
  expect(await page('overview')).toContain('href="/queues/mail"')
  expect(await page('workers')).toMatch(/10 workers/)
  expect(await page('api/v1/failed')).toContain('MailServerError')
  expect(await page('delayed')).toMatch(/HashFile|No scheduler is running/)
  expect(await page('schedule')).toContain('count words at night')
  const cleared = await fetch(`${address}delayed/clear`, {
    method: 'POST',
    headers: { origin: new URL(address).origin },
    body: new URLSearchParams({
      _token: /name="_token" value="([^"]+)"/.exec(await page('queues'))?.[1] ?? '',
      confirmed: 'yes',
    }),
  })
  expect(cleared.status).toBe(200)
  demo.kill('SIGINT')
  const { code, stdout } = await demo.finished
  expect(stdout).toContain('1 action on the pages')
  expect(code).toBe(0)
  expect(await isNothingLeft([])).toBe(true)
})

test('without a redis-server it says how to get one', async () => {
  const node = join(temporary, 'bin')
  await run('mkdir', ['-p', node])
  for (const name of ['sh', 'dirname', 'readlink', 'rm', 'sleep']) {
    const { stdout } = await run('sh', ['-c', `command -v ${name}`])
    await run('ln', ['-s', stdout.trim(), join(node, name)])
  }
  await run('ln', ['-s', process.execPath, join(node, 'node')])
  const { code, stderr } = await line.run(['demo', '--exit'], { env: { PATH: node } })
  await rm(node, { recursive: true })
  expect(code).toBe(1)
  expect(stderr).toContain('apt-get install redis-server')
  expect(stderr).toContain('brew install redis')
  expect(stderr).not.toContain('    at ')
  await waitFor(() => isNothingLeft([]))
})
