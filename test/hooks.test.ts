// Hooks of jobs: order, veto, nesting, failure (protocol 4). Most run inline, where the hooks are those of a worker.

import { DontPerform, defineJob, defineWorkerHooks, type JobContext, type Plugin, Resque } from 'resque-ts'
import { beforeEach, expect, test } from 'vitest'
import { silentLogger } from '#built/context.js'
import { hooksOf, isWorkerHooks, performJob, runFailureHooks } from '#built/hooks.js'

const resque = new Resque({ inline: true })
const context: JobContext = {
  class: 'Job',
  queue: 'q',
  payload: '{}',
  workerId: 'w',
  attempt: 1,
  signal: new AbortController().signal,
  log: silentLogger,
}

let steps: string[] = []
beforeEach(() => {
  steps = []
})
const step = (name: string) => () => void steps.push(name)

test('before, around, perform, after: in the order of Ruby', async () => {
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    before_perform_b: step('before b'),
    before_perform_a: step('before a'),
    async around_perform_b(next: () => Promise<unknown>) {
      steps.push('b in')
      await next()
      steps.push('b out')
    },
    async around_perform_a(next: () => Promise<unknown>) {
      steps.push('a in')
      await next()
      steps.push('a out')
    },
    after_perform_b: step('after b'),
    after_perform_a: step('after a'),
    before_enqueue_a: step('before enqueue'),
    after_enqueue_a: step('after enqueue'),
    perform: step('perform'),
  })
  await resque.enqueue(Job)
  expect(steps).toEqual([
    ...[
      'before enqueue',
      'before a',
      'before b',
      'a in',
      'b in',
      'perform',
      'b out',
      'a out',
      'after a',
      'after b',
    ],
    'after enqueue',
  ])
})

test('names are sorted as bytes, not as words', async () => {
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    before_perform_b: step('b'),
    before_perform_9: step('9'),
    before_perform_A: step('A'),
    before_perform: step(''),
    before_perform_10: step('10'),
    before_perform_é: step('é'),
    before_perform_z: step('z'),
    perform() {},
  })
  await resque.enqueue(Job)
  expect(steps).toEqual(['', '10', '9', 'A', 'b', 'z', 'é'])
})

test('whatever begins with the name of a hook is one, in either spelling', async () => {
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    before_performance: step('before_performance'),
    beforePerformLog: step('beforePerformLog'),
    beforePerform: step('beforePerform'),
    unrelated: step('unrelated'),
    beforeAll: step('beforeAll'),
    perform() {},
  })
  await resque.enqueue(Job)
  expect(steps).toEqual(['beforePerform', 'beforePerformLog', 'before_performance'])
})

test('hooks of a job and of its plugins are sorted together; equal names keep that order', async () => {
  const first: Plugin = {
    name: 'first',
    before_perform_a: step('first a'),
    before_perform_c: step('first c'),
  }
  const second: Plugin = { before_perform_a: step('second a') }
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    plugins: [first, second],
    before_perform_b: step('job b'),
    before_perform_a: step('job a'),
    perform() {},
  })
  await resque.enqueue(Job)
  expect(steps).toEqual(['job a', 'first a', 'second a', 'job b', 'first c'])
})

test('a hook may be an array of functions', async () => {
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    beforePerform: [step('one'), step('two')],
    afterPerform: [],
    perform: step('perform'),
  })
  await resque.enqueue(Job)
  expect(steps).toEqual(['one', 'two', 'perform'])
})

test('each hook is given the arguments of the job, an around hook after its next, a failure hook after the error', async () => {
  const got: Record<string, unknown[]> = {}
  const keep =
    (name: string) =>
    (...args: unknown[]) => {
      got[name] = args
    }
  const failure = new Error('no')
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    beforeEnqueue: keep('beforeEnqueue'),
    beforePerform: keep('beforePerform'),
    async aroundPerform(next: () => Promise<unknown>, ...args: unknown[]) {
      got.aroundPerform = args
      await next()
    },
    afterPerform: keep('afterPerform'),
    afterEnqueue: keep('afterEnqueue'),
    onFailure: keep('onFailure'),
    perform(_id: number, fails: boolean) {
      if (fails) throw failure
    },
  })
  await resque.enqueue(Job, 1, false)
  await expect(resque.enqueue(Job, 2, true)).rejects.toBe(failure)
  expect(got).toEqual({
    beforeEnqueue: [2, true],
    beforePerform: [2, true],
    aroundPerform: [2, true],
    afterPerform: [1, false],
    afterEnqueue: [1, false],
    onFailure: [failure, 2, true],
  })
})

test('DontPerform in before_perform ends the job silently: no further hook, no perform, no failure', async () => {
  const Job = defineJob({
    name: 'Job',
    before_perform_a: step('a'),
    before_perform_b() {
      throw new DontPerform()
    },
    before_perform_c: step('c'),
    aroundPerform: step('around'),
    afterPerform: step('after'),
    onFailure: step('failure'),
    perform: step('perform'),
  })
  expect(await performJob(Job, [], context)).toEqual({ kind: 'skipped' })
  expect(steps).toEqual(['a'])
})

test.each(['aroundPerform', 'perform', 'afterPerform'])(
  'DontPerform in %s is a failure like any other',
  async (place) => {
    const error = new DontPerform()
    const definition = {
      name: 'Job',
      perform() {},
      [place]() {
        throw error
      },
    } as { name: string; perform(): void }
    const Job = defineJob(definition)
    expect(await performJob(Job, [], context)).toEqual({ kind: 'failed', error })
  },
)

test('an around hook that does not go on leaves the job undone, without a failure, and after hooks run', async () => {
  const Job = defineJob({
    name: 'Job',
    around_perform_a: step('a'),
    around_perform_b: step('b'),
    afterPerform: step('after'),
    perform: step('perform'),
  })
  expect(await performJob(Job, [], context)).toEqual({ kind: 'done' })
  expect(steps).toEqual(['a', 'after'])
})

test('what perform returns goes outwards through the around hooks, and what it throws too', async () => {
  const Job = defineJob({
    name: 'Job',
    async aroundPerform(next: () => Promise<unknown>, fails: boolean) {
      try {
        steps.push(`returned ${await next()}`)
      } catch (error) {
        steps.push(`caught ${(error as Error).message}`)
        throw new Error('outer', { cause: error })
      }
      void fails
    },
    perform(fails: boolean) {
      if (fails) throw new Error('inner')
      return 42
    },
  })
  expect(await performJob(Job, [false], context)).toEqual({ kind: 'done' })
  expect(await performJob(Job, [true], context)).toMatchObject({
    kind: 'failed',
    error: { message: 'outer' },
  })
  expect(steps).toEqual(['returned 42', 'caught inner'])
})

test('after hooks run only if nothing was thrown', async () => {
  const Job = defineJob({
    name: 'Job',
    beforePerform() {
      throw new Error('before')
    },
    afterPerform: step('after'),
    perform: step('perform'),
  })
  expect(await performJob(Job, [], context)).toMatchObject({ kind: 'failed', error: { message: 'before' } })
  expect(steps).toEqual([])
})

test('a failure hook that throws gives the sentence of Ruby, with the original as its cause', async () => {
  const original = new RangeError('too far')
  const Job = defineJob({
    name: 'Job',
    on_failure_a: step('a'),
    on_failure_b() {
      throw new TypeError('broken hook')
    },
    on_failure_c: step('c'),
    perform() {},
  })
  const error = (await runFailureHooks(Job, original, [1], '(Job{q} | Job | [1])')) as Error
  expect(error.message).toBe(
    'Additional error (TypeError: broken hook) occurred in running failure hooks for job (Job{q} | Job | [1])\n' +
      'Original error that caused job failure was TypeError: RangeError: too far',
  )
  expect(error.cause).toBe(original)
  expect(error.stack).toBe('')
  expect(steps).toEqual(['a'])
})

test('the hooks of a job are collected once', () => {
  const Job = defineJob({ name: 'Job', perform() {} })
  expect(hooksOf(Job)).toBe(hooksOf(Job))
})

test('worker hooks are recognised by their mark', () => {
  expect(isWorkerHooks(defineWorkerHooks({ shutdown() {} }))).toBe(true)
  expect([{}, null, 'x', { shutdown() {} }].map(isWorkerHooks)).toEqual([false, false, false, false])
})
