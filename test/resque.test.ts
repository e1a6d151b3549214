// The client: placing jobs. Looking at queues, workers and failures stands in resque-queues.test.ts,
// resque-workers.test.ts and failure/failed.test.ts; what arguments are refused, in job.test.ts.

import {
  ArgumentsError,
  ClosedError,
  CommandError,
  ConfigError,
  defineJob,
  NoClassError,
  NoQueueError,
  PayloadTooLargeError,
  Resque,
} from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from './room.js'

const room = useRoom()
const queued = (queue: string) => room.client.lrange(`resque:queue:${queue}`, 0, -1)

const Archive = defineJob({
  name: 'Archive',
  queue: 'file_serve',
  perform(_id: number, _branch = 'master') {},
})
const Mail = defineJob({ name: 'Mail', queue: () => 'mail', perform(_to: string) {} })

test('enqueue appends the job to its queue, lists the queue, and resolves to true', async () => {
  expect(await room.resque.enqueue(Archive, 44, 'masterbrew')).toBe(true)
  expect(await room.resque.enqueue(Archive, 45)).toBe(true)
  expect(await queued('file_serve')).toEqual([
    '{"class":"Archive","args":[44,"masterbrew"]}',
    '{"class":"Archive","args":[45]}',
  ])
  expect(await room.client.smembers('resque:queues')).toEqual(['file_serve'])
  expect((await room.client.keys('*')).sort()).toEqual(['resque:queue:file_serve', 'resque:queues'])
})

test('a queue may be a function', async () => {
  await room.resque.enqueue(Mail, 'a@example.org')
  expect(await queued('mail')).toEqual(['{"class":"Mail","args":["a@example.org"]}'])
})

test('enqueueTo places a job on another queue, also one whose name is empty, as Ruby does', async () => {
  await room.resque.enqueueTo('urgent', Archive, 44)
  await room.resque.enqueueTo('', Archive, 44)
  expect(await queued('urgent')).toEqual(['{"class":"Archive","args":[44]}'])
  expect(await queued('')).toEqual(['{"class":"Archive","args":[44]}'])
})

test('enqueueTo takes the name of a class that lives in another language', async () => {
  expect(await room.resque.enqueueTo('reports', 'Report::Weekly', { year: 2026 }, [1])).toBe(true)
  expect(await queued('reports')).toEqual(['{"class":"Report::Weekly","args":[{"year":2026},[1]]}'])
})

test('push places a payload with all its keys', async () => {
  await room.resque.push('reports', { class: 'Report', args: [1], queued_at: 7 })
  expect(await queued('reports')).toEqual(['{"class":"Report","args":[1],"queued_at":7}'])
  await expect(room.resque.push('reports', { args: [] } as never)).rejects.toThrow(NoClassError)
  await expect(room.resque.push(undefined as never, { class: 'A' })).rejects.toThrow(NoQueueError)
})

test('without a queue, and without a class, enqueue rejects in the words of Ruby, the queue first', async () => {
  const Stray = defineJob({ name: 'Stray', perform() {} })
  const sentence = 'Jobs must be placed onto a queue. No queue could be inferred for class '
  await expect(room.resque.enqueue(Stray)).rejects.toThrow(new NoQueueError(`${sentence}Stray`))
  await expect(room.resque.enqueue(null as unknown as typeof Stray)).rejects.toThrow(
    new NoQueueError(sentence),
  )
  await expect(room.resque.enqueueTo(undefined as never, Stray)).rejects.toThrow(`${sentence}Stray`)
  await expect(room.resque.enqueueTo('q', '')).rejects.toThrow(
    new NoClassError('Jobs must be given a class.'),
  )
  const nameless = { name: '', queue: 'q', perform() {} }
  await expect(room.resque.enqueue(nameless)).rejects.toThrow(NoClassError)
  expect(await room.client.keys('*')).toEqual([])
})

test('a refused argument is named, and nothing is written and no hook run', async () => {
  let ran = false
  const Hooked = defineJob({
    name: 'Hooked',
    queue: 'q',
    beforeEnqueue() {
      ran = true
    },
    perform(_value: unknown) {},
  })
  await expect(room.resque.enqueue(Hooked, new Date(0))).rejects.toThrow(ArgumentsError)
  await expect(room.resque.enqueue(Hooked, new Date(0))).rejects.toThrow(
    /^Expected argument 1 of Hooked to be/,
  )
  await expect(room.resque.enqueueTo('q', 'Foreign', 1n)).rejects.toThrow(
    /^Expected argument 1 of Foreign to be/,
  )
  await expect(
    room.resque.enqueueMany([
      [Archive, 1],
      [Hooked, Number.NaN],
    ]),
  ).rejects.toThrow(ArgumentsError)
  expect(ran).toBe(false)
  expect(await room.client.keys('*')).toEqual([])
})

test('maxPayloadBytes is the limit of a payload, 1 MiB unless said otherwise', async () => {
  const small = room.connect({ maxPayloadBytes: 60 })
  await expect(small.enqueue(Mail, 'x'.repeat(60))).rejects.toThrow(PayloadTooLargeError)
  await expect(small.enqueueTo('q', 'A', 'x'.repeat(60))).rejects.toThrow(PayloadTooLargeError)
  await expect(small.push('q', { class: 'A', args: ['x'.repeat(60)] })).rejects.toThrow(PayloadTooLargeError)
  await expect(small.enqueueMany([[Mail, 'x'.repeat(60)]])).rejects.toThrow(PayloadTooLargeError)
  expect(await small.enqueue(Mail, 'x')).toBe(true)
  await expect(room.resque.enqueue(Mail, 'x'.repeat(1024 * 1024))).rejects.toThrow(
    'maxPayloadBytes is 1048576',
  )
})

test('enqueueMany keeps the order within each queue and resolves to how many were placed', async () => {
  const many = await room.resque.enqueueMany([
    [Archive, 1],
    [Mail, 'a'],
    [Archive, 2, 'dev'],
    [Mail, 'b'],
  ])
  expect(many).toBe(4)
  expect(await queued('file_serve')).toEqual([
    '{"class":"Archive","args":[1]}',
    '{"class":"Archive","args":[2,"dev"]}',
  ])
  expect(await queued('mail')).toEqual(['{"class":"Mail","args":["a"]}', '{"class":"Mail","args":["b"]}'])
  expect(await room.resque.enqueueMany([])).toBe(0)
})

test('enqueueMany keeps the order of more jobs than travel in one command', async () => {
  const jobs = Array.from({ length: 2_500 }, (_, i) => [Archive, i] as const)
  expect(await room.resque.enqueueMany(jobs)).toBe(2_500)
  expect(await queued('file_serve')).toEqual(jobs.map(([, i]) => `{"class":"Archive","args":[${i}]}`))
})

test('enqueueMany leaves out those that a hook refuses, and runs after hooks for the others', async () => {
  const after: number[] = []
  const Even = defineJob({
    name: 'Even',
    queue: 'q',
    beforeEnqueue: (id) => id % 2 === 0,
    afterEnqueue(id) {
      after.push(id)
    },
    perform(_id: number) {},
  })
  expect(
    await room.resque.enqueueMany([
      [Even, 1],
      [Even, 2],
      [Even, 3],
      [Even, 4],
    ]),
  ).toBe(2)
  expect(await queued('q')).toEqual(['{"class":"Even","args":[2]}', '{"class":"Even","args":[4]}'])
  expect(after).toEqual([2, 4])
})

test('enqueueMany rejects when one queue cannot be written, and the other queues have their jobs', async () => {
  await room.client.set('resque:queue:mail', 'not a list')
  const placing = room.resque.enqueueMany([
    [Archive, 1],
    [Mail, 'a'],
  ])
  await expect(placing).rejects.toThrow(CommandError)
  await expect(placing).rejects.toThrow('WRONGTYPE')
  expect(await queued('file_serve')).toHaveLength(1)
})

test('a before_enqueue hook that returns false stops the enqueue, after all of them have run', async () => {
  const ran: string[] = []
  const answer = (name: string, value: unknown) => async () => {
    ran.push(name)
    return value
  }
  const Refused = defineJob({
    name: 'Refused',
    queue: 'q',
    before_enqueue_a: answer('a', false),
    before_enqueue_b: answer('b', true),
    after_enqueue_c: answer('c', undefined),
    perform() {},
  })
  expect(await room.resque.enqueue(Refused)).toBe(false)
  expect(ran).toEqual(['a', 'b'])
  expect(await room.client.keys('*')).toEqual([])
})

test('only false stops an enqueue: undefined, null and 0 do not', async () => {
  for (const value of [undefined, null, 0, '']) {
    const Job = defineJob({ name: 'Job', queue: 'q', beforeEnqueue: () => value, perform() {} })
    expect(await room.resque.enqueue(Job)).toBe(true)
  }
})

test('an error of a before hook stops the enqueue; one of an after hook reaches the caller, and the job stays', async () => {
  const fail = () => {
    throw new Error('from a hook')
  }
  const Before = defineJob({ name: 'Before', queue: 'before', beforeEnqueue: fail, perform() {} })
  const After = defineJob({ name: 'After', queue: 'after', afterEnqueue: fail, perform() {} })
  await expect(room.resque.enqueue(Before)).rejects.toThrow('from a hook')
  await expect(room.resque.enqueue(After)).rejects.toThrow('from a hook')
  expect(await queued('before')).toEqual([])
  expect(await queued('after')).toHaveLength(1)
})

test('an after_enqueue hook runs once Redis has the job', async () => {
  let size = -1
  const Job = defineJob({
    name: 'Job',
    queue: 'q',
    async afterEnqueue() {
      size = await room.client.llen('resque:queue:q')
    },
    perform() {},
  })
  await room.resque.enqueue(Job)
  expect(size).toBe(1)
})

test('namespaces do not see each other', async () => {
  const other = room.connect({ namespace: 'other:app' })
  await other.enqueue(Archive, 1)
  expect(await room.resque.queues()).toEqual([])
  expect(await other.queues()).toEqual(['file_serve'])
  expect(await room.client.llen('other:app:queue:file_serve')).toBe(1)
})

test('an unknown option is refused by name, with those there are', () => {
  expect(() => new Resque({ namespcae: 'x' } as never)).toThrow(ConfigError)
  expect(() => new Resque({ namespcae: 'x' } as never)).toThrow(
    /^Unknown option `namespcae` of Resque\. It has: redis, namespace, .*logger\.$/,
  )
})

test('an option that cannot be right is refused by name', () => {
  expect(() => new Resque({ namespace: '' })).toThrow('Expected `namespace` to be a string that is not empty')
  expect(() => new Resque({ maxPayloadBytes: 0 })).toThrow('Expected `maxPayloadBytes` to be a number')
  expect(() => new Resque({ commandTimeoutMs: 'x' as never })).toThrow('Expected `commandTimeoutMs`')
  expect(() => new Resque({ redis: 7 as never })).toThrow('Expected `redis`')
})

test('close waits for the enqueues under way; later calls reject', async () => {
  const resque = room.connect()
  const placing = Promise.all(Array.from({ length: 50 }, (_, i) => resque.enqueue(Archive, i)))
  await resque.close()
  expect(await placing).toEqual(Array(50).fill(true))
  expect(await queued('file_serve')).toHaveLength(50)
  await expect(resque.enqueue(Archive, 1)).rejects.toThrow(ClosedError)
  await expect(resque.queues()).rejects.toThrow('This connection to Redis was closed.')
  await resque.close()
})

test('a client that was never used closes at once, and disposing is closing', async () => {
  await new Resque({ redis: 'redis://127.0.0.1:1' }).close()
  const resque = room.connect()
  await resque.queues()
  await resque[Symbol.asyncDispose]()
  await expect(resque.queues()).rejects.toThrow(ClosedError)
})
