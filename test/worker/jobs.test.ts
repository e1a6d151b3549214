// Jobs in all their forms, run by a worker: classes as in Ruby, defined jobs, and hooks with their effect on what is
// recorded. The order of hooks stands in hooks.test.ts of the folder above.
// biome-ignore-all lint/complexity/noThisInStatic: that `this` is the class is what some of these tests claim.

import { currentJob, DontPerform, defineJob, type JobContext } from 'resque-ts'
import { beforeEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
let steps: unknown[] = []
beforeEach(() => {
  steps = []
})

/** Runs all that is queued, to the end. */
async function work(...jobs: Parameters<typeof room.worker>[0]['jobs'][number][]): Promise<void> {
  const worker = await room.start({ jobs, queues: '*', untilEmpty: true })
  await worker.stopped
}
const counters = async () =>
  (await room.client.mget('resque:stat:processed', 'resque:stat:failed')).map(Number)

class Base {
  static queue = 'images'
  static before_perform_base(id: number) {
    steps.push(`base before ${id} of ${this.name}`)
  }
  static helper(id: number) {
    return `helped ${id}`
  }
}

class Thumbnail extends Base {
  static size = 64
  static before_perform_a(id: number) {
    steps.push(`own before ${id}`)
  }
  static after_perform() {
    steps.push(`after, size ${Thumbnail.size}`)
  }
  static async perform(id: number) {
    steps.push(`${this.helper(id)} at ${this.size} in ${currentJob()?.queue}`)
  }
}

test('a class with static members is a job, its hooks and queue inherited, `this` the class', async () => {
  await room.resque.enqueue(Thumbnail, 7)
  expect(await room.resque.size('images')).toBe(1)
  await work(Thumbnail)
  expect(steps).toEqual([
    'own before 7',
    'base before 7 of Thumbnail',
    'helped 7 at 64 in images',
    'after, size 64',
  ])
  expect(await counters()).toEqual([1, 0])
})

test('a class may compute its queue and keep its name through inheritance', async () => {
  class Computed extends Thumbnail {
    static override perform = async () => void steps.push('own')
  }
  Object.defineProperty(Computed, 'queue', { value: () => 'computed' })
  await room.resque.enqueueTo('computed', Computed)
  expect((await room.resque.peek('computed'))[0]?.class).toBe('Computed')
  await work(Computed)
  expect(steps).toContain('own')
})

test('a defined job has its context as `this`', async () => {
  let seen: JobContext | undefined
  const Job = defineJob({
    name: 'Job',
    perform(_id: number) {
      seen = this
      steps.push(this === currentJob())
    },
  })
  await room.resque.enqueueTo('q', Job, 5)
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await waitFor(() => seen)
  expect(seen?.class).toBe('Job')
  expect(seen?.queue).toBe('q')
  expect(seen?.payload).toBe('{"class":"Job","args":[5]}')
  expect(seen?.workerId).toBe(worker.ids[0])
  expect(seen?.attempt).toBe(1)
  expect(seen?.signal.aborted).toBe(false)
  expect(steps).toEqual([true])
})

test('what a job logs carries its class, queue and worker where the logger has children', async () => {
  const lines: object[] = []
  const base = { debug() {}, info() {}, warn() {}, error() {} }
  const logger = {
    ...base,
    child: (fields: object) => ({ ...base, info: (text: string | object) => lines.push({ fields, text }) }),
  }
  const Job = defineJob({
    name: 'Job',
    perform() {
      this.log.info('hello')
    },
  })
  await room.resque.enqueueTo('q', Job)
  const worker = await room.start({ jobs: [Job], queues: 'q', logger })
  await waitFor(() => lines.length === 1)
  expect(lines).toEqual([{ fields: { class: 'Job', queue: 'q', workerId: worker.ids[0] }, text: 'hello' }])
})

test('DontPerform in before_perform: processed, not failed, and nothing else runs', async () => {
  const Job = defineJob({
    name: 'Job',
    beforePerform() {
      throw new DontPerform()
    },
    perform: () => void steps.push('perform'),
    afterPerform: () => void steps.push('after'),
    onFailure: () => void steps.push('failure'),
  })
  await room.resque.enqueueTo('q', Job)
  await work(Job)
  expect(steps).toEqual([])
  expect(await counters()).toEqual([1, 0])
})

test('DontPerform in perform is a failure, named as in Ruby', async () => {
  const Job = defineJob({
    name: 'Job',
    perform() {
      throw new DontPerform('enough')
    },
  })
  await room.resque.enqueueTo('q', Job)
  await work(Job)
  expect((await room.resque.failed.all())[0]).toMatchObject({
    exception: 'Resque::Job::DontPerform',
    error: 'enough',
  })
  expect(await counters()).toEqual([1, 1])
})

test('a failing job runs its failure hooks once, before the failure is recorded', async () => {
  const Job = defineJob({
    name: 'Job',
    async onFailure(error, id) {
      steps.push([(error as Error).message, id, await room.client.exists('resque:failed')])
    },
    perform(_id: number) {
      throw new RangeError('too far')
    },
  })
  await room.resque.enqueueTo('q', Job, 3)
  await work(Job)
  expect(steps).toEqual([['too far', 3, 0]])
  expect((await room.resque.failed.all())[0]).toMatchObject({ exception: 'RangeError', error: 'too far' })
})

test('an error in a failure hook is recorded as Ruby records it, and the job is failed all the same', async () => {
  const Job = defineJob({
    name: 'Job',
    onFailure() {
      throw new TypeError('broken hook')
    },
    perform(_id: number) {
      throw new RangeError('too far')
    },
  })
  await room.resque.enqueueTo('q', Job, 3)
  await work(Job)
  expect((await room.resque.failed.all())[0]).toMatchObject({
    exception: 'RuntimeError',
    error:
      'Additional error (TypeError: broken hook) occurred in running failure hooks for job (Job{q} | Job | [3])\n' +
      'Original error that caused job failure was TypeError: RangeError: too far',
    backtrace: [],
  })
  expect(await counters()).toEqual([1, 1])
})

test('an around hook that does not go on: the job is processed, undone, and no failure', async () => {
  const Job = defineJob({
    name: 'Job',
    aroundPerform: () => void steps.push('around'),
    perform: () => void steps.push('perform'),
    afterPerform: () => void steps.push('after'),
  })
  await room.resque.enqueueTo('q', Job)
  await work(Job)
  expect(steps).toEqual(['around', 'after'])
  expect(await counters()).toEqual([1, 0])
})

test('args that are no array reach perform as in Ruby', async () => {
  const Job = defineJob({ name: 'Job', perform: (...args: unknown[]) => void steps.push(args) })
  const payloads = [
    '{"class":"Job"}',
    '{"class":"Job","args":null}',
    '{"class":"Job","args":"str"}',
    '{"class":"Job","args":{"k":1}}',
  ]
  await room.client.sadd('resque:queues', 'q')
  await room.client.rpush('resque:queue:q', ...payloads)
  await work(Job)
  expect(steps).toEqual([[], [], ['str'], [['k', 1]]])
})

test.each<[string, unknown, string, string]>([
  ['a string', 'just text', 'string', 'just text'],
  ['undefined', undefined, 'undefined', 'undefined'],
  ['null', null, 'null', 'null'],
  ['an object', { a: 1 }, 'object', '[object Object]'],
  ['an error with a lone surrogate', new Error('a\ud83d'), 'Error', 'a\ufffd'],
  ['an error of a class of its own', new (class Odd extends Error {})('odd'), 'Odd', 'odd'],
])('whatever a job throws is recorded: %s', async (_, thrown, exception, error) => {
  const Job = defineJob({
    name: 'Job',
    perform() {
      throw thrown
    },
  })
  await room.resque.enqueueTo('q', Job)
  await work(Job)
  expect((await room.resque.failed.all())[0]).toMatchObject({ exception, error })
})

test('a job that rejects later, and one that throws before its first await, fail alike', async () => {
  const Job = defineJob({
    name: 'Job',
    perform(isLate: boolean) {
      if (!isLate) throw new Error('at once')
      return new Promise((_, reject) => setTimeout(() => reject(new Error('later')), 5))
    },
  })
  await room.resque.enqueueMany([
    [{ ...Job, queue: 'q' }, true],
    [{ ...Job, queue: 'q' }, false],
  ])
  await work(Job)
  expect((await room.resque.failed.all()).map((job) => job.error)).toEqual(['later', 'at once'])
})
