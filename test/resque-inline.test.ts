// The client in inline mode: jobs run in the caller, and nothing reaches Redis (Ruby: `Resque.inline = true`).

import { DontPerform, defineJob, type JobContext, Resque } from 'resque-ts'
import { expect, test } from 'vitest'

// Nothing listens there: whatever went to Redis would fail.
const resque = new Resque({ redis: 'redis://127.0.0.1:1', commandTimeoutMs: 200, inline: true })

test('an enqueue performs the job, and resolves to true', async () => {
  const performed: unknown[] = []
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    async perform(...args: unknown[]) {
      await null
      performed.push(args)
    },
  })
  expect(await resque.enqueue(Job, 1, 'a')).toBe(true)
  expect(await resque.enqueueTo('elsewhere', Job, 2)).toBe(true)
  expect(
    await resque.enqueueMany([
      [Job, 3],
      [Job, 4],
    ]),
  ).toBe(2)
  expect(performed).toEqual([[1, 'a'], [2], [3], [4]])
})

test('arguments go through JSON, and what JSON cannot carry is refused', async () => {
  let got: unknown
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    perform(value: unknown) {
      got = value
    },
  })
  const given = { a: [1], b: undefined }
  await resque.enqueue(Job, given)
  expect(got).toStrictEqual({ a: [1] })
  expect(got).not.toBe(given)
  await expect(resque.enqueue(Job, new Date(0))).rejects.toThrow('Expected argument 1 of Job')
})

test('a job sees itself as one on the queue "inline"', async () => {
  let context: JobContext | undefined
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    perform(_id: number) {
      context = this
    },
  })
  await resque.enqueue(Job, 1)
  expect(context).toMatchObject({
    ...{ class: 'Job', queue: 'inline', payload: '{"class":"Job","args":[1]}', workerId: '', attempt: 1 },
  })
  expect(context?.signal.aborted).toBe(false)
})

test('all hooks run, in the order in which they would around Redis', async () => {
  const steps: string[] = []
  const step = (name: string) => () => void steps.push(name)
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    beforeEnqueue: step('before enqueue'),
    afterEnqueue: step('after enqueue'),
    beforePerform: step('before perform'),
    afterPerform: step('after perform'),
    perform: step('perform'),
  })
  await resque.enqueue(Job)
  expect(steps).toEqual(['before enqueue', 'before perform', 'perform', 'after perform', 'after enqueue'])
})

test('an error reaches the caller after the failure hooks, and no after_enqueue hook runs', async () => {
  const error = new Error('broken')
  const seen: unknown[] = []
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    onFailure(...args) {
      seen.push(args)
    },
    afterEnqueue() {
      seen.push('after enqueue')
    },
    perform(_id: number) {
      throw error
    },
  })
  await expect(resque.enqueue(Job, 1)).rejects.toBe(error)
  expect(seen).toEqual([[error, 1]])
})

test('a job that its before_perform hook stops, and one that before_enqueue refuses, do not run', async () => {
  let runs = 0
  const Stopped = defineJob({
    name: 'Stopped',
    queue: 'q',
    beforePerform() {
      throw new DontPerform()
    },
    perform() {
      runs++
    },
  })
  const Refused = defineJob({
    name: 'Refused',
    queue: 'q',
    beforeEnqueue: () => false,
    perform() {
      runs++
    },
  })
  expect(await resque.enqueue(Stopped)).toBe(true)
  expect(await resque.enqueue(Refused)).toBe(false)
  expect(runs).toBe(0)
})

test('inline mode is switched while running', async () => {
  const switched = new Resque({ redis: 'redis://127.0.0.1:1', commandTimeoutMs: 200 })
  const Job = defineJob({ name: 'Job', queue: 'q', perform() {} })
  switched.inline = true
  expect(await switched.enqueue(Job)).toBe(true)
  switched.inline = false
  await expect(switched.enqueue(Job)).rejects.toThrow('could not be reached')
  await switched.close()
})
