// `resque work`: from its options and the environment to its exit code.

import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { isAlive, jobs, type Running, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))
const push = (name: string, ...args: (string | number)[]) =>
  room.resque.push(name.toLowerCase(), { class: name, args })

async function start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<Running> {
  const worker = line.start(['work', '--queue', '*', '--require', jobs, ...args], { env })
  await worker.says('Starting worker')
  return worker
}

const logOf = ({ stdout }: { stdout: string }) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text) as Record<string, unknown>)

test('it performs every job that a module exports, one level deep, and stops when nothing is left', async () => {
  await room.resque.push('echo', { class: 'Echo', args: [1, 'two'] })
  for (const name of ['Shout', 'Listed', 'Grouped'])
    await room.resque.push('echo', { class: name, args: ['x'] })
  const args = ['work', '--queue', 'echo', '--require', './jobs.mjs', '--until-empty']
  const { code, stderr } = await line.run(args, { cwd: join(jobs, '..') })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(await room.resque.stats.get('processed')).toBe(4)
  expect(await room.resque.failed.all()).toEqual([])
  expect(await room.resque.workers()).toEqual([])
})

test("Ruby's variables say what to work, how much at a time, and when to stop", async () => {
  for (let i = 0; i < 3; i++) await push('Echo', i)
  await push('Fail', 'not mine')
  const env = { QUEUES: 'echo', COUNT: '3', INTERVAL: '0', RESQUE_NAMESPACE: 'resque', PIDFILE: 'w.pid' }
  const { code, stdout } = await line.run(['work', '--require', jobs], { env })
  expect(code).toBe(0)
  const [first] = logOf({ stdout })
  expect(first).toMatchObject({ level: 30, concurrency: 3 })
  expect(first?.msg).toMatch(new RegExp(`^Starting worker ${hostname()}:\\d+:echo$`))
  expect((await line.noted()).filter((each) => each.startsWith('Echo'))).toHaveLength(3)
  expect(await line.noted()).toContain('workerExit hook')
  expect(await room.resque.size('fail')).toBe(1)
})

test('the pid file holds the pid alone while it runs, and is gone afterwards', async () => {
  const worker = await start(['--pidfile', 'worker.pid'])
  const path = join(line.folder, 'worker.pid')
  expect(await readFile(path, 'utf8')).toBe(String(worker.pid))
  worker.kill('SIGTERM')
  expect((await worker.finished).code).toBe(0)
  await expect(readFile(path)).rejects.toThrow('ENOENT')
})

test('every signal that stops ends with exit code 0 and nothing registered', async () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    const worker = await start(['--concurrency', '2'])
    worker.kill(signal)
    const { code, stdout } = await worker.finished
    expect(code, signal).toBe(0)
    expect(logOf({ stdout }).at(-1)?.msg).toBe('Exiting...')
    expect(await room.resque.workers()).toEqual([])
  }
})

test('a stop in the middle of the start leaves nothing behind', async () => {
  const worker = line.start([
    'work',
    '--queue',
    '*',
    '--require',
    jobs,
    '--concurrency',
    '4',
    '--very-verbose',
  ])
  await worker.says('Registered signals')
  worker.kill('SIGTERM')
  expect((await worker.finished).code).toBe(0)
  expect(await room.resque.workers()).toEqual([])
})

test('TERM gives a job that does not end back to its queue; USR2 and CONT pause and go on', async () => {
  const worker = await start(['--stop-timeout-ms', '200', '--abort-grace-ms', '100'])
  worker.kill('SIGUSR2')
  await waitFor(async () => (await titleOf(worker.pid)).endsWith('Paused'))
  await push('Sleep')
  worker.kill('SIGCONT')
  await waitFor(async () => (await line.noted()).includes('Sleep begins'))
  worker.kill('SIGTERM')
  expect((await worker.finished).code).toBe(0)
  expect(await room.resque.peek('sleep')).toMatchObject([{ class: 'Sleep', args: [] }])
  expect(await room.resque.failed.count()).toBe(0)
})

test('with TERM_CHILD the job fails as a TermException, after RESQUE_TERM_TIMEOUT', async () => {
  const worker = await start([], { TERM_CHILD: '1', RESQUE_TERM_TIMEOUT: '0.2' })
  await push('Sleep')
  await waitFor(async () => (await line.noted()).includes('Sleep begins'))
  worker.kill('SIGTERM')
  expect((await worker.finished).code).toBe(0)
  expect(await room.resque.failed.all()).toMatchObject([{ exception: 'Resque::TermException' }])
})

test('the log is JSON lines, or in the two forms of Ruby; --quiet tells of errors alone', async () => {
  const formats = {
    json: [],
    verbose: ['--verbose'],
    veryVerbose: ['--very-verbose'],
    quiet: ['--quiet'],
  }
  const shown: Record<string, string> = {}
  for (const [name, args] of Object.entries(formats)) {
    await push('Echo', 'a secret')
    await push('Fail', 'out of paper')
    const words = ['work', '--queue', 'echo,fail', '--require', jobs, '--until-empty', ...args]
    shown[name] = (await line.run(words)).stdout
  }
  const { json = '', verbose = '', veryVerbose = '', quiet = '' } = shown
  expect(logOf({ stdout: json }).map(({ level }) => level)).toEqual([30, 50, 30])
  expect(json).not.toContain('a secret')
  expect(verbose).toMatch(/^\*\*\* Starting worker .*\n\*\*\* got: \(Job\{echo\} \| Echo\)\n\*\*\* done: /)
  expect(verbose).toContain('failed: #<RangeError: out of paper>\n')
  expect(verbose).not.toContain('a secret')
  const each = /^\*\* \[\d\d:\d\d:\d\d \d{4}-\d\d-\d\d\] \d+: \S/
  for (const text of veryVerbose.trimEnd().split('\n')) expect(text).toMatch(each)
  expect(veryVerbose).toContain('got: (Job{echo} | Echo | ["a secret"])\n')
  expect(logOf({ stdout: quiet }).map(({ level }) => level)).toEqual([50])
})

test('VERBOSE and VVERBOSE ask for the same, and the command line goes before them', async () => {
  const words = ['work', '--queue', 'echo', '--require', jobs, '--until-empty']
  const [verbose, veryVerbose, json] = await Promise.all([
    line.run(words, { env: { VERBOSE: '1' } }),
    line.run(words, { env: { VVERBOSE: '1', LOGGING: '1' } }),
    line.run([...words, '--log-format', 'json'], { env: { VERBOSE: '1' } }),
  ])
  expect(verbose.stdout).toMatch(/^\*\*\* Starting/)
  expect(veryVerbose.stdout).toMatch(/^\*\* \[.*Registered signals\n/)
  expect(logOf(json)).toHaveLength(2)
})

test('failures go where the failure backend says', async () => {
  await push('Fail', 'x')
  const words = ['work', '--queue', 'fail', '--require', jobs, '--until-empty']
  await line.run(words, { env: { FAILURE_BACKEND: 'redis_multi_queue' } })
  expect(await room.client.llen('resque:fail_failed')).toBe(1)
  const wrong = await line.run(words, { env: { FAILURE_BACKEND: 'redis_multi' } })
  expect(wrong).toMatchObject({ code: 2, stdout: '' })
  expect(wrong.stderr).toContain('Did you mean "redis_multi_queue"?')
})

test('a promise that nobody waits for is logged, and the worker goes on', async () => {
  const worker = await start()
  await push('Careless', 'reject')
  await worker.says('nobody waits for me')
  await push('Echo', 'still here')
  await waitFor(async () => (await line.noted()).includes('Echo ["still here"]'))
  worker.kill('SIGTERM')
  expect((await worker.finished).code).toBe(0)
})

test('an exception that nobody catches is logged; the worker finishes what it runs, and exits with 1', async () => {
  const worker = await start(['--concurrency', '2'])
  await push('Sleep', 300)
  await waitFor(async () => (await line.noted()).includes('Sleep begins'))
  await push('Careless', 'throw')
  const { code, stdout } = await worker.finished
  expect(code).toBe(1)
  expect(stdout).toContain('nobody catches me')
  expect(await line.noted()).toContain('Sleep ends')
  expect(await room.resque.workers()).toEqual([])
})

test('a job that ends the process is named, is no success, and stays to be recovered', async () => {
  const worker = await start()
  await push('Careless', 'exit')
  const { code, stderr } = await worker.finished
  expect(code).toBe(1)
  expect(stderr).toContain('process.exit(0)')
  expect(await room.resque.working()).toMatchObject([{ job: { queue: 'careless' } }])
})

test('with --isolation process the job runs in a child of the worker', async () => {
  const worker = await start(['--isolation', 'process', '--jobs-per-child', '1'])
  await push('Careless', 'exit')
  await push('Echo', 'after')
  await waitFor(async () => (await line.noted()).includes('Echo ["after"]'))
  worker.kill('SIGQUIT')
  expect((await worker.finished).code).toBe(0)
  expect(await room.resque.failed.all()).toMatchObject([
    { class: 'Careless', exception: 'Resque::DirtyExit' },
  ])
})

test('--background returns once the worker works, in a session of its own', async () => {
  const words = ['work', '--queue', 'echo', '--require', jobs, '--background', '--pidfile', 'back.pid']
  const { code, stdout } = await line.run(words)
  expect(code).toBe(0)
  const pid = Number(await readFile(join(line.folder, 'back.pid'), 'utf8'))
  expect(stdout).toBe(`Started worker ${hostname()}:${pid}:echo in the background.\n`)
  expect((await room.resque.workers()).map((each) => each.pid)).toEqual([pid])
  await push('Echo', 'from behind')
  await waitFor(async () => (await line.noted()).includes('Echo ["from behind"]'))
  process.kill(pid, 'SIGTERM')
  await waitFor(() => !isAlive(pid))
})

test('--background says why the worker could not start', async () => {
  const words = ['work', '--queue', 'echo', '--require', jobs, '--redis', '127.0.0.1:1']
  const { code, stderr } = await line.run(words, { env: { BACKGROUND: 'yes' } })
  expect(code).toBe(1)
  expect(stderr).toMatch(/^resque: Redis at redis:\/\/127\.0\.0\.1:1\/0 could not be reached/)
})

test('a worker of a pool says when it is ready, and stops when the channel closes', async () => {
  const { fork } = await import('node:child_process')
  const main = new URL('../../dist/cli/main.js', import.meta.url)
  const words = ['work', '--queue', 'echo', '--require', jobs, '--redis', room.redis.url, '--pooled']
  const worker = fork(main, words, { stdio: 'ignore', cwd: line.folder })
  const exited = new Promise((resolve) => worker.once('exit', resolve))
  expect(await new Promise((resolve) => worker.once('message', resolve))).toEqual({ kind: 'ready' })
  worker.disconnect()
  expect(await exited).toBe(0)
})

async function titleOf(pid: number): Promise<string> {
  const { execFile } = await import('node:child_process')
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-o', 'args=', '-p', String(pid)], (_error, stdout) => resolve(stdout.trim()))
  })
}
