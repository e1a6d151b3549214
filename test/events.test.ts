// What the system tells the world over diagnostics channels.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { channels, DontPerform, defineJob } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { useRoom } from './room.js'
import { waitFor } from './support/wait-for.js'

const room = useRoom()
let events: [name: string, message: Record<string, unknown>][] = []
const names = ['resque:enqueued', 'resque:job:started', 'resque:job:finished', 'resque:worker']
const listen = (message: unknown, name: string | symbol) =>
  void events.push([String(name), message as Record<string, unknown>])
beforeEach(() => {
  events = []
  for (const name of names) subscribe(name, listen)
})
afterEach(() => {
  for (const name of names) unsubscribe(name, listen)
})
const told = (name: string) => events.filter(([each]) => each === name).map(([, message]) => message)

test('the channels have these names', () => {
  expect(Object.values(channels).map((channel) => channel.name)).toEqual(names)
})

test('an enqueue that Redis has accepted is told, with queue and count', async () => {
  const Job = defineJob({ name: 'Job', queue: 'q', perform(_id: number) {} })
  await room.resque.enqueue(Job, 1)
  await room.resque.enqueueMany([
    [Job, 1],
    [Job, 2],
  ])
  await room.resque.push('r', { class: 'Other' })
  await room.client.set('resque:queue:broken', 'no list')
  await room.resque.enqueueTo('broken', Job, 1).catch(() => {})
  expect(told('resque:enqueued')).toEqual([
    { queue: 'q', count: 1 },
    { queue: 'q', count: 2 },
    { queue: 'r', count: 1 },
  ])
})

test('a job is told when it starts and when it ends, with its outcome', async () => {
  const error = new Error('no')
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    beforePerform(how) {
      if (how === 'skip') throw new DontPerform()
    },
    perform(how: string) {
      if (how === 'fail') throw error
    },
  })
  await room.resque.enqueueMany([
    [Job, 'do'],
    [Job, 'skip'],
    [Job, 'fail'],
  ])
  await room.resque.enqueueTo('q', 'Missing')
  const worker = await room.start({ jobs: [Job], queues: 'q', untilEmpty: true })
  await worker.stopped
  const common = { workerId: worker.ids[0], queue: 'q' }
  const jobs = ['do', 'skip', 'fail'].map((how) => ({
    ...common,
    class: 'Job',
    payload: `{"class":"Job","args":["${how}"]}`,
  }))
  jobs.push({ ...common, class: 'Missing', payload: '{"class":"Missing","args":[]}' })
  expect(told('resque:job:started')).toEqual(jobs)
  expect(told('resque:job:finished')).toMatchObject([
    { ...jobs[0], outcome: 'done' },
    { ...jobs[1], outcome: 'skipped' },
    { ...jobs[2], outcome: 'failed', error },
    { ...jobs[3], outcome: 'failed', error: { code: 'UNKNOWN_JOB' } },
  ])
  for (const { durationMs, error: told, outcome } of events
    .filter(([name]) => name === 'resque:job:finished')
    .map(([, message]) => message)) {
    expect(durationMs).toBeGreaterThanOrEqual(0)
    expect(told === undefined).toBe(outcome !== 'failed')
  }
})

test('a job that is given back is told as returned', async () => {
  const Job = defineJob({ name: 'Job', queue: 'q', perform: () => new Promise(() => {}) })
  await room.resque.enqueue(Job)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => worker.busyCount === 1)
  await worker.stop({ timeoutMs: 0 })
  expect(told('resque:job:finished')).toMatchObject([{ outcome: 'returned', class: 'Job' }])
})

test('a worker tells of its start, its pauses and its stop', async () => {
  const worker = await room.start({ jobs: [] })
  const workerId = worker.ids[0]
  await worker.pause()
  await worker.resume()
  await worker.stop()
  expect(told('resque:worker').map(({ event }) => event)).toEqual(['started', 'paused', 'resumed', 'stopped'])
  expect(told('resque:worker').every((message) => message.workerId === workerId)).toBe(true)
})

test('a listener that throws harms nothing', async () => {
  const angry = () => {
    throw new Error('from a listener')
  }
  const heard: unknown[] = []
  const onUncaught = (error: unknown) => heard.push(error)
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', onUncaught)
  subscribe('resque:job:finished', angry)
  try {
    const Job = defineJob({ name: 'Job', queue: 'q', perform() {} })
    await room.resque.enqueue(Job)
    const worker = await room.start({ jobs: [Job], queues: 'q', untilEmpty: true })
    await worker.stopped
    await waitFor(() => heard.length === 1)
    expect(await room.resque.stats.get('processed')).toBe(1)
  } finally {
    unsubscribe('resque:job:finished', angry)
    process.off('uncaughtException', onUncaught)
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})
