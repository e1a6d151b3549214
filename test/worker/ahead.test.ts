// Jobs that are sent to a child ahead of their turn: in order, each once, and never kept behind one that takes long.

import type { AnyJob } from 'resque-ts'
import type { WorkerOptions } from 'resque-ts/worker'
import { beforeEach, describe, expect, test } from 'vitest'
import { type ChildJob, SentJobs } from '#built/worker/sent-jobs.js'
import { waitFor } from '../support/wait-for.js'
import { useChildRoom } from './support/child-room.js'

const children = useChildRoom()
const { room, jobs, notes } = children

const start = (options: Partial<WorkerOptions> = {}) =>
  children.start({ concurrency: 2, prefetch: 40, ...options })
/** `Note` notes its number and the pid of its process. */
const noted = () => notes().map((line) => Number(line.split(' ')[0]))
const enqueueNotes = (from: number, to: number) =>
  room.resque.enqueueMany(
    Array.from({ length: to - from }, (_, i) => [jobs.Note as AnyJob, children.file, from + i]),
  )
const enqueue = (name: string, ...args: unknown[]) => room.resque.enqueue(jobs[name] as AnyJob, ...args)
const processed = () => room.resque.stats.get('processed')
const done = (n: number) =>
  waitFor(async () => (await processed()) === n, { timeoutMs: 25_000, message: `${n} jobs ended` })
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)
const sorted = (numbers: number[]) => [...numbers].sort((a, b) => a - b)

test('one child performs them in the order of their queue, each once', async () => {
  await enqueueNotes(0, 1_000)
  await start({ concurrency: 1 })
  await done(1_000)
  expect(noted()).toEqual(upTo(1_000))
})

test('two children share them, and no job runs twice', async () => {
  await enqueueNotes(0, 2_000)
  await start()
  await done(2_000)
  expect(sorted(noted())).toEqual(upTo(2_000))
  expect(new Set(notes().map((line) => line.split(' ')[1])).size).toBe(2)
})

test('those behind a job that blocks its child go to another child while it blocks', async () => {
  await enqueueNotes(0, 200)
  await enqueue('Block', `${children.file}.blocked`)
  await enqueueNotes(200, 400)
  const worker = await start()
  await waitFor(() => noted().length === 400)
  expect(sorted(noted())).toEqual(upTo(400))
  await waitFor(async () => (await processed()) === 400)
  expect(worker.busyCount).toBe(1)
  worker.killJobs()
  await done(401)
  expect(await room.resque.failed.count()).toBe(1)
})

test('those behind a job that kills its child run elsewhere; only that one fails', async () => {
  await enqueueNotes(0, 100)
  for (let i = 0; i < 3; i++) {
    await enqueue('Die', 'SIGKILL')
    await enqueueNotes(100 + 50 * i, 150 + 50 * i)
  }
  await start()
  await done(253)
  expect(sorted(noted())).toEqual(upTo(250))
  expect((await room.resque.failed.all()).map(({ class: name }) => name)).toEqual(['Die', 'Die', 'Die'])
})

test('a child that has done its jobs is replaced, and does no more than those', async () => {
  await enqueueNotes(0, 500)
  await start({ jobsPerChild: 50 })
  await done(500)
  expect(sorted(noted())).toEqual(upTo(500))
  const perChild = new Map<string, number>()
  for (const pid of notes().map((line) => line.split(' ')[1] as string))
    perChild.set(pid, (perChild.get(pid) ?? 0) + 1)
  expect(Math.max(...perChild.values())).toBe(50)
})

test('what each of them prints is logged as its own', async () => {
  const names = upTo(300).map((i) => ['Note', 'PrintA', 'Note', 'PrintB'][i % 4] as string)
  await room.resque.enqueueMany(names.map((name, i) => [jobs[name] as AnyJob, children.file, i]))
  await start()
  await done(300)
  const printed = () => room.log.filter(({ message }) => message.startsWith('printed'))
  await waitFor(() => printed().length === 300)
  expect(printed().filter(({ message, fields }) => message !== `printed by ${fields.class}`)).toEqual([])
})

test('a job with a timeout has its whole time: it starts when its child does', async () => {
  await enqueueNotes(0, 200)
  for (let i = 0; i < 6; i++) await enqueue('Limited', 250)
  await start({ concurrency: 1 })
  await done(206)
  expect(await room.resque.failed.count()).toBe(0)
})

test('stops in the middle lose no job, run none twice, and fail none', async () => {
  await enqueueNotes(0, 3_000)
  for (let stops = 0; stops < 6; stops++) {
    const worker = await start()
    const before = await processed()
    await waitFor(async () => (await processed()) > before + 50, { timeoutMs: 20_000 })
    await worker.stop()
    expect(await room.resque.working()).toEqual([])
    expect((await processed()) + (await room.resque.size('q'))).toBe(3_000)
    expect(noted()).toHaveLength(await processed())
  }
  await start()
  await done(3_000)
  expect(sorted(noted())).toEqual(upTo(3_000))
  expect(await room.resque.failed.count()).toBe(0)
})

test('a pause gives back what has not begun, within moments', async () => {
  await enqueueNotes(0, 2_000)
  const worker = await start()
  await waitFor(async () => (await processed()) > 100)
  await worker.pause()
  await waitFor(async () => (await room.resque.working()).length === 0)
  const ran = await processed()
  expect(ran).toBeLessThan(2_000)
  expect(await room.resque.size('q')).toBe(2_000 - ran)
  expect(noted()).toHaveLength(ran)
  await worker.resume()
  await done(2_000)
  expect(sorted(noted())).toEqual(upTo(2_000))
})

test('USR1 in the middle fails no more jobs than there are children', async () => {
  await enqueueNotes(0, 2_000)
  const worker = await start()
  await waitFor(async () => (await processed()) > 100)
  worker.killJobs()
  await done(2_000)
  const failed = await room.resque.failed.count()
  expect(failed).toBeLessThanOrEqual(2)
  // A job that has noted may have been killed before it had ended.
  expect(new Set(noted()).size).toBe(noted().length)
  expect(noted().length).toBeGreaterThanOrEqual(2_000 - failed)
})

describe('the jobs that a child was sent', () => {
  const job = (name: string): ChildJob => ({ queue: 'q', payload: '', workerId: 'w', deaths: 0, class: name })
  const [a, b, c] = [job('a'), job('b'), job('c')] as [ChildJob, ChildJob, ChildJob]
  const well = { kind: 'done' } as const
  const badly = { kind: 'failed', error: new Error('dead') } as const
  let sent: SentJobs
  const ends: string[] = []
  const onEnd = (name: string) => (outcome: { kind: string }) => void ends.push(`${name} ${outcome.kind}`)
  const deliver = () => {
    for (let ended = sent.takeEnded(); ended; ended = sent.takeEnded()) ended.onEnd(ended.outcome)
    return ends.splice(0)
  }
  beforeEach(() => {
    sent = new SentJobs()
    sent.add(a, onEnd('a'))
    sent.addAhead(b, 100)
    sent.addAhead(c, 100)
  })

  test('an answer that comes before its job counts as running waits for that', () => {
    sent.answer(well, false)
    sent.answer(well, false)
    expect(deliver()).toEqual(['a done'])
    expect(sent.next).toBe(b)
    expect(sent.start(b, onEnd('b'))).toBe(true)
    expect(deliver()).toEqual(['b done'])
    expect(sent.current).toBe(c)
  })

  test('they lapse behind one that has no answer, and never once the child may have begun them', () => {
    expect(sent.haveLapsed(99)).toBe(false)
    expect(sent.haveLapsed(100)).toBe(true)
    sent.answer(well, false)
    expect(sent.haveLapsed(100)).toBe(false)
    deliver()
    sent.start(b, onEnd('b'))
    expect(sent.haveLapsed(100)).toBe(true)
    expect(sent.takeBack()).toEqual([c])
  })

  test('what was taken back is refused without another word, and what follows outright is not touched', () => {
    expect(sent.takeBack()).toEqual([b, c])
    sent.answer(well, false)
    expect(deliver()).toEqual(['a done'])
    expect(sent.next).toBeUndefined()
    sent.add(c, onEnd('c'))
    expect(sent.refuse()).toEqual({ again: undefined, free: [] })
    expect(sent.refuse()).toEqual({ again: undefined, free: [] })
    sent.answer(well, false)
    expect(deliver()).toEqual(['c done'])
  })

  test('a refusal frees all that was sent ahead; one that counts as running is sent again', () => {
    sent.answer(well, false)
    deliver()
    sent.start(b, onEnd('b'))
    const { again, free } = sent.refuse()
    expect(again?.job).toBe(b)
    expect(free).toEqual([c])
    sent.add(b, onEnd('b'))
    expect(sent.refuse()).toEqual({ again: undefined, free: [] })
    sent.answer(well, false)
    expect(deliver()).toEqual(['b done'])
  })

  test('a death ends the first that has no answer, and frees the others', () => {
    sent.answer(well, false)
    expect(sent.die(badly)).toEqual([c])
    expect(deliver()).toEqual(['a done'])
    sent.start(b, onEnd('b'))
    expect(deliver()).toEqual(['b failed'])
  })

  test('a death of a child that holds only what was taken back ends nothing', () => {
    sent.takeBack()
    sent.answer(well, false)
    deliver()
    expect(sent.die(badly)).toEqual([])
    expect(deliver()).toEqual([])
  })
})
