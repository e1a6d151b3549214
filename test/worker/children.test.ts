// Jobs in child processes: what they see, how they end, and that nothing is left of them.

import type { AnyJob } from 'resque-ts'
import type { Worker } from 'resque-ts/worker'
import { describe, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { useChildRoom } from './support/child-room.js'

const children = useChildRoom()
const { room, jobs, notes, start } = children

const enqueue = (name: string, ...args: unknown[]) => room.resque.enqueue(jobs[name] as AnyJob, ...args)
const done = (n: number) =>
  waitFor(async () => (await room.resque.stats.get('processed')) === n, {
    timeoutMs: 25_000,
    message: `${n} jobs ended`,
  })
const failures = () => room.resque.failed.all(0, 100)
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const allGone = (pids: number[]) =>
  waitFor(() => pids.every((pid) => !isAlive(pid)), { message: 'all child processes gone' })

describe('what a job in a child sees', () => {
  test('its context is the one it would have in the worker, and its title tells what it does', async () => {
    const worker = await start()
    await enqueue('Tell', children.file)
    await done(1)
    const seen = JSON.parse(notes()[0] as string) as Record<string, unknown>
    expect(seen).toMatchObject({
      name: 'Tell',
      queue: 'q',
      workerId: worker.ids[0],
      attempt: 1,
      isCurrent: true,
    })
    expect(seen.payload).toBe(JSON.stringify({ class: 'Tell', args: [children.file] }))
    expect(seen.title).toMatch(/^resque-3\.0\.0: Processing q since \d+ \[Tell\]$/)
  })

  test('what it logs and prints comes out of the log of the worker, in whole lines', async () => {
    await start()
    await enqueue('Tell', children.file)
    await done(1)
    await waitFor(() => room.logged('warn').includes('to stderr'), { message: 'the line from stderr' })
    expect(room.logged('info')).toEqual(expect.arrayContaining(['said by the job', 'half a line']))
    const said = room.log.find(({ message }) => message === 'said by the job')
    expect(said?.fields).toMatchObject({ answer: 42, class: 'Tell', queue: 'q' })
  })

  test('its hooks run in the child, in order; failure hooks too, once', async () => {
    await start()
    await enqueue('Hooked', children.file, false)
    await done(1)
    expect(notes()).toEqual(['before', 'around in', 'perform', 'around out', 'after'])
    await enqueue('Hooked', children.file, true)
    await done(2)
    expect(notes().slice(5)).toEqual(['before', 'around in', 'perform', 'failed on purpose'])
    const [failed] = await failures()
    expect(failed).toMatchObject({ exception: 'RangeError', error: 'on purpose', class: 'Hooked' })
    expect(failed?.backtrace[0]).toContain('child-jobs.mjs')
  })

  test('afterFork runs in the child, beforeFork in the worker', async () => {
    const forked: number[] = []
    await start({ hooks: { beforeFork: () => forked.push(process.pid) } })
    await enqueue('Note', children.file, 'x', 'afterFork')
    await done(1)
    const pid = Number(notes()[1]?.split(' ')[1])
    expect(notes()[0]).toBe(`afterFork ${pid}`)
    expect(pid).not.toBe(process.pid)
    expect(forked).toEqual([process.pid])
  })

  test('the Redis client is loaded when a job connects, and works as ever', async () => {
    await start()
    await enqueue('Connect', children.file, room.redis.url)
    await done(1)
    expect(notes()).toEqual(['false', '1', 'true'])
  })

  test('a job may say itself where it runs', async () => {
    await start()
    await enqueue('Here', children.file)
    await done(1)
    expect(notes()).toEqual([`here ${process.pid}`])
  })
})

describe('how a job in a child ends', () => {
  test.each([0, 3])('process.exit(%i) in the middle is a failure', async (code) => {
    await start()
    await enqueue('Exit', code)
    await done(1)
    const [failed] = await failures()
    expect(failed?.exception).toBe('Resque::DirtyExit')
    expect(failed?.error).toMatch(
      new RegExp(`^Child process exited with code ${code} before its job ended, pid \\d+$`),
    )
  })

  test('a signal that kills the child is a DirtyExit in the words of Ruby; its failure hooks run in the worker', async () => {
    await start()
    await enqueue('Die', 'SIGKILL', children.file)
    await done(1)
    const [failed] = await failures()
    expect(failed).toMatchObject({ exception: 'Resque::DirtyExit', backtrace: [] })
    expect(failed?.error).toMatch(/^Child process received unhandled signal pid \d+ SIGKILL \(signal 9\)$/)
    expect(notes()).toEqual([`${process.pid} ${failed?.error}`])
  })

  test('an exception that nobody catches ends the child, and fails the job', async () => {
    await start()
    await enqueue('Throw')
    await enqueue('Note', children.file, 'next')
    await done(2)
    expect((await failures()).map(({ exception }) => exception)).toEqual(['Resque::DirtyExit'])
    expect(notes()).toHaveLength(1)
  })

  test('a job that runs out of memory fails, and the worker goes on', async () => {
    const { execArgv } = process
    process.execArgv = [...execArgv, '--max-old-space-size=48']
    try {
      await start()
      await enqueue('Gorge')
      await enqueue('Note', children.file, 'next')
      await done(2)
    } finally {
      process.execArgv = execArgv
    }
    expect((await failures()).map(({ exception }) => exception)).toEqual(['Resque::DirtyExit'])
    expect(notes()).toHaveLength(1)
  }, 60_000)

  test('a job that blocks its event loop is killed after timeout, grace and TERM', async () => {
    await start({ abortGraceMs: 100, killGraceMs: 100 })
    await enqueue('Spin')
    await done(1)
    expect(await failures()).toMatchObject([{ exception: 'JobTimeoutError', class: 'Spin' }])
  })

  test('killJobs kills the child; the job fails and the worker goes on', async () => {
    const worker = await start()
    await enqueue('Wait', children.file)
    await waitFor(() => notes().length === 1, { message: 'the job runs' })
    worker.killJobs()
    await enqueue('Note', children.file, 'next')
    await done(2)
    expect((await failures())[0]?.error).toContain('SIGKILL')
  })

  test('a stop gives an unfinished job back, and ends every child', async () => {
    const worker = await start({ concurrency: 3 })
    await enqueue('Wait', children.file)
    await waitFor(() => notes().length === 1, { message: 'the job runs' })
    const pids = worker.childPids
    await worker.stop({ timeoutMs: 200 })
    expect(await room.resque.size('q')).toBe(1)
    expect(await room.resque.failed.count()).toBe(0)
    await allGone(pids)
  })

  test('a module that cannot be loaded fails the job with the reason, and no child of it is used', async () => {
    await start({ require: [`${children.file}.mjs`] })
    await enqueue('Note', children.file, 'never')
    await done(1)
    expect((await failures())[0]?.error).toMatch(
      /No child process could be started for this job: Could not load/,
    )
    expect(notes()).toEqual([])
  })
})

describe('the children', () => {
  const runNotes = async (worker: Worker, n: number) => {
    for (let i = 0; i < n; i++) await enqueue('Note', children.file, i)
    await done(n)
    expect(worker.busyCount).toBe(0)
    return notes().map((line) => Number(line.split(' ')[1]))
  }

  test('one is used again', async () => {
    const pids = await runNotes(await start(), 5)
    expect(new Set(pids).size).toBe(1)
  })

  test('jobsPerChild: 1 gives each job a process of its own', async () => {
    const pids = await runNotes(await start({ jobsPerChild: 1 }), 4)
    expect(new Set(pids).size).toBe(4)
    await allGone(pids)
  })

  test('one that has done its jobs is replaced', async () => {
    const pids = await runNotes(await start({ jobsPerChild: 2 }), 4)
    expect(new Set(pids).size).toBe(2)
  })

  test('one that holds too much memory is replaced', async () => {
    const pids = await runNotes(await start({ maxChildMemoryBytes: 1 }), 3)
    expect(new Set(pids).size).toBe(3)
  })

  test('one that has nothing to do is ended, and another started when it is needed', async () => {
    const worker = await start({ childIdleMs: 100 })
    await enqueue('Note', children.file, 'first')
    await done(1)
    const [first] = notes().map((line) => Number(line.split(' ')[1])) as [number]
    await allGone([first])
    await enqueue('Note', children.file, 'second')
    await done(2)
    expect(notes()).toHaveLength(2)
    expect(worker.busyCount).toBe(0)
  })
})

test('a worker that needs children must say which modules define their jobs', async () => {
  expect(() => room.worker({ jobs: Object.values(jobs), isolation: 'process', queues: ['q'] })).toThrow(
    /Expected `require` to name the module that defines/,
  )
})
