// The children of a worker, without a worker: starts that fail, starts that hang, and deaths between two jobs.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaults } from '#built/config.js'
import { ChildPool, type ChildPoolOptions } from '#built/worker/child-pool.js'
import type { ChildJob } from '#built/worker/sent-jobs.js'
import { waitFor } from '../support/wait-for.js'

const jobs = fileURLToPath(new URL('./support/child-jobs.mjs', import.meta.url))
const childFile = fileURLToPath(import.meta.resolve('#built/worker/child.js'))
let folder: string
let notes: string
let logged: string[]
let pool: ChildPool

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resque-child-pool-'))
  notes = join(folder, 'notes')
  logged = []
})
afterEach(async () => {
  await pool.close()
  rmSync(folder, { recursive: true })
})

function open(modules: string[], options: Partial<ChildPoolOptions> = {}): ChildPool {
  const log = (_fields: object | string, message?: string) => void logged.push(message ?? '')
  const { jobsPerChild, maxChildMemoryBytes, childIdleMs, killGraceMs } = defaults
  pool = new ChildPool({
    ...{ modules, concurrency: 1, jobsPerChild, maxChildMemoryBytes, childIdleMs, killGraceMs },
    proclinePrefix: '',
    log: { debug: log, info: log, warn: log, error: log },
    ...options,
  })
  return pool
}

const jobOf = (name: string, ...args: unknown[]): ChildJob => {
  const payload = JSON.stringify({ class: name, args })
  return { queue: 'q', payload, workerId: 'w', deaths: 0, class: name }
}
const perform = (name: string, ...args: unknown[]) => pool.perform(jobOf(name, ...args), () => {})
const noted = () => (existsSync(notes) ? readFileSync(notes, 'utf8') : '').trim().split('\n')

/** A module that notes each time it is loaded, and then does this. */
function moduleThat(code: string): string {
  const path = join(folder, 'module.mjs')
  const note = `import { appendFileSync, readFileSync } from 'node:fs'\nappendFileSync(${JSON.stringify(notes)}, 'loaded\\n')\n`
  const count = `const loads = readFileSync(${JSON.stringify(notes)}, 'utf8').split('\\n').length - 1\n`
  writeFileSync(path, `${note}${count}${code}\n`)
  return path
}
const loads = () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n').length : 0)
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a child that is killed while it has nothing to do is replaced before it is missed', async () => {
  open([jobs], { concurrency: 2 })
  expect(await perform('Note', notes, 1).outcome).toEqual({ kind: 'done' })
  const pids = pool.pids
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await waitFor(() => pool.pids.length === 2 && !pool.pids.some((pid) => pids.includes(pid)))
  expect(await perform('Note', notes, 2).outcome).toEqual({ kind: 'done' })
})

test('a child that had nothing to do is started again only for a job that needs it', async () => {
  open([moduleThat(`export * from ${JSON.stringify(jobs)}`)], { concurrency: 3, childIdleMs: 200 })
  await waitFor(() => loads() === 3)
  await waitFor(() => pool.pids.length === 0)
  expect(await perform('Rest', 1).outcome).toEqual({ kind: 'done' })
  expect(loads()).toBe(4)
})

test('while a child does its last job the next child starts', async () => {
  open([moduleThat(`export * from ${JSON.stringify(jobs)}`)], { jobsPerChild: 3 })
  await perform('Rest', 1_000).outcome
  await perform('Rest', 1_000).outcome
  const last = perform('Rest', 60_000)
  await waitFor(() => loads() === 2)
  expect(pool.pids).toHaveLength(2)
  last.kill(true)
  expect(await last.outcome).toMatchObject({ kind: 'failed' })
  expect(await perform('Rest', 1).outcome).toEqual({ kind: 'done' })
  expect(loads()).toBeLessThanOrEqual(3)
})

test('with a child for each job the next one starts while one works, also behind a job that had to wait', async () => {
  open([moduleThat(`export * from ${JSON.stringify(jobs)}`)], { jobsPerChild: 1 })
  const first = perform('Rest', 60_000)
  await waitFor(() => loads() === 2)
  first.kill(true)
  await first.outcome
  void perform('Rest', 60_000)
  await waitFor(() => loads() === 3)
})

test('where no process can be started, each job fails with the reason, and the pool can be closed', async () => {
  const { execPath } = process
  process.execPath = join(folder, 'no-node-here')
  try {
    open([jobs])
    const ends = await Promise.all([perform('Note', notes, 1).outcome, perform('Note', notes, 2).outcome])
    for (const end of ends) {
      expect(end).toMatchObject({ kind: 'failed', error: { code: 'DIRTY_EXIT' } })
      expect(String(end.kind === 'failed' && end.error)).toMatch(/could be started.*ENOENT/)
    }
  } finally {
    process.execPath = execPath
  }
  // There is one again: the next job has it.
  expect(await perform('Note', notes, 3).outcome).toEqual({ kind: 'done' })
  await pool.close()
  expect(pool.pids).toEqual([])
})

test('a module that cannot be loaded fails every job that waits, after three starts', async () => {
  open([moduleThat(`throw new Error('not today')`)], { concurrency: 1 })
  const ends = await Promise.all([1, 2, 3].map((i) => perform('Note', notes, i).outcome))
  for (const end of ends) expect(String(end.kind === 'failed' && end.error)).toContain('not today')
  expect(loads()).toBeLessThanOrEqual(6)
})

test('children that are killed while they start cost one job for each three, not all that wait', async () => {
  const dies = `if (loads <= 3) process.kill(process.pid, 'SIGKILL')\n`
  open([moduleThat(`${dies}export { Note } from ${JSON.stringify(jobs)}`)])
  const ends = await Promise.all([1, 2, 3].map((i) => perform('Note', join(folder, 'ran'), i).outcome))
  expect(ends.map(({ kind }) => kind)).toEqual(['failed', 'done', 'done'])
})

test('a child that is not ready in time is killed, and its job fails with the reason', async () => {
  open([moduleThat('await new Promise(() => {})')], { startMs: 1_000 })
  const end = await perform('Note', notes, 1).outcome
  expect(String(end.kind === 'failed' && end.error)).toContain('not ready after 1000 ms')
  await waitFor(() => pool.pids.length === 0)
  expect(loads()).toBe(3)
})

test('a job that is aborted, or killed, before a child is ready ends at once and never runs', async () => {
  open([moduleThat('await new Promise(() => {})')], { concurrency: 2 })
  const remote = [perform('Note', notes, 1), perform('Note', notes, 2)]
  remote[0]?.abort(new Error('never mind'))
  remote[1]?.kill()
  expect(await Promise.all(remote.map(({ outcome }) => outcome))).toMatchObject([
    { kind: 'failed', error: { message: 'never mind' } },
    { kind: 'failed', error: { code: 'DIRTY_EXIT' } },
  ])
})

test('a job that ends in its grace after TERM does not take the next one with it', async () => {
  open([jobs], { killGraceMs: 500 })
  const slow = perform('Reluctant', notes)
  await waitFor(() => existsSync(notes))
  slow.kill()
  expect(await slow.outcome).toEqual({ kind: 'done' })
  expect(await perform('Rest', 1_000).outcome).toEqual({ kind: 'done' })
})

test('a child whose jobs are short has begun the next ones before it is told to', async () => {
  const next = [1, 2, 3].map((i) => jobOf('Note', notes, `ahead ${i}`))
  let isOpen = false
  open([jobs], { upcoming: (count) => (isOpen ? next.splice(0, count) : []) })
  const ahead = [...next]
  for (let i = 0; i < 20; i++) await perform('Note', notes, i).outcome
  isOpen = true
  const last = perform('Note', notes, 'last')
  await last.outcome
  await waitFor(() => noted().length === 24)
  expect(last.next).toBe(ahead[0])
  for (const [i, job] of ahead.entries()) {
    const remote = pool.perform(job, () => {})
    expect(await remote.outcome).toEqual({ kind: 'done' })
    expect(remote.next).toBe(ahead[i + 1])
  }
  expect(noted()).toHaveLength(24)
})

test('jobs behind one that goes on for long are taken back, and not performed', async () => {
  const next = [1, 2, 3].map((i) => jobOf('Note', notes, `ahead ${i}`))
  const ahead = [...next]
  const back: ChildJob[] = []
  let isOpen = false
  open([jobs], {
    upcoming: (count) => (isOpen ? next.splice(0, count) : []),
    onTakenBack: (taken) => void back.push(...taken),
  })
  for (let i = 0; i < 20; i++) await perform('Note', notes, i).outcome
  isOpen = true
  const long = perform('Rest', 2_000)
  await waitFor(() => back.length === 3, { timeoutMs: 1_900 })
  expect(back).toEqual(ahead)
  expect(await long.outcome).toEqual({ kind: 'done' })
  expect(long.next).toBeUndefined()
  // It refuses them, and then performs what it is given.
  expect(await perform('Note', notes, 'after').outcome).toEqual({ kind: 'done' })
  expect(noted()).toHaveLength(21)
})

test('what a job printed to its end is logged as its own, also when another follows at once', async () => {
  const lines: [string, string][] = []
  const log = (fields: object | string, message?: string) => {
    if (message?.startsWith('printed')) lines.push([message, (fields as { class: string }).class])
  }
  open([jobs], { log: { debug: log, info: log, warn: log, error: log } })
  const names = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 'PrintA' : 'PrintB'))
  await Promise.all(names.map((name) => perform(name).outcome))
  await waitFor(() => lines.length === 400)
  expect(lines.filter(([line, name]) => line !== `printed by ${name}`)).toEqual([])
})

test('a child whose parent left before it had begun to listen ends', async () => {
  open([jobs], { concurrency: 1 })
  const child = fork(childFile, { stdio: 'ignore' })
  child.disconnect()
  const [code] = await once(child, 'exit')
  expect(code).toBe(1)
  expect(isAlive(child.pid as number)).toBe(false)
})
