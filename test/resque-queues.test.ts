// The client: looking at queues, taking and removing what waits in them, pausing them.

import { ClosedError, defineJob, InvalidPayloadError } from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from './room.js'

const room = useRoom()
const queued = (queue: string) => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const fill = (queue: string, ...payloads: (string | Buffer)[]) =>
  room.client
    .multi()
    .sadd('resque:queues', queue)
    .rpush(`resque:queue:${queue}`, ...payloads)
    .exec()
const payload = (id: number) => `{"class":"Archive","args":[${id}]}`

const Archive = defineJob({ name: 'Archive', queue: 'q', perform(_id: number, _branch = 'master') {} })

test('pop takes the head of a queue, decoded, and null where there is none', async () => {
  await fill('q', payload(1), '{"class":"Archive","args":null}')
  expect(await room.resque.pop('q')).toEqual({ class: 'Archive', args: [1] })
  expect(await room.resque.pop('q')).toEqual({ class: 'Archive', args: null })
  expect(await room.resque.pop('q')).toBeNull()
})

test('pop takes any JSON, as Ruby does', async () => {
  await fill('q', '7', '"text"', '[1]')
  expect([await room.resque.pop('q'), await room.resque.pop('q'), await room.resque.pop('q')]).toEqual([
    7,
    'text',
    [1],
  ])
})

test('reserve takes a job with the exact text of its payload', async () => {
  await fill('q', ' {"args":[1.0],"class":"Archive","x":{}}')
  expect(await room.resque.reserve('q')).toEqual({
    queue: 'q',
    class: 'Archive',
    args: [1],
    payload: ' {"args":[1.0],"class":"Archive","x":{}}',
  })
  expect(await room.resque.reserve('q')).toBeNull()
})

test('reserve parks what is no job in failed, with a sentence and its exact bytes, and takes the next', async () => {
  const bytes = Buffer.from([0x7b, 0xff, 0x00])
  await fill('q', '{"class":', 'null', '{"args":[]}', bytes, payload(1))
  expect((await room.resque.reserve('q'))?.payload).toBe(payload(1))
  const failed = await room.resque.failed.all(0, 10)
  expect(failed.map((job) => Buffer.from(job.payload).toString('latin1'))).toEqual([
    ...['{"class":', 'null', '{"args":[]}', bytes.toString('latin1')],
  ])
  expect(failed.map((job) => job.exception)).toEqual(Array(4).fill('InvalidPayloadError'))
  expect(failed.map((job) => job.queue)).toEqual(Array(4).fill('q'))
  expect(failed[1]?.error).toBe('Expected a job as a JSON object {"class":…,"args":[…]}, got null.')
  expect(new InvalidPayloadError('x').name).toBe(failed[0]?.exception)
})

test('pop parks what is not JSON, and nothing else', async () => {
  await fill('q', 'not json', '{"args":[]}')
  expect(await room.resque.pop('q')).toEqual({ args: [] })
  expect((await room.resque.failed.all())[0]?.payload.toString()).toBe('not json')
})

test('dequeue with arguments removes every job with exactly these, byte for byte, and counts them', async () => {
  await fill(
    'q',
    payload(1),
    payload(2),
    payload(1),
    '{"class":"Archive","args":[1.0]}',
    '{"args":[1],"class":"Archive"}',
  )
  expect(await room.resque.dequeue(Archive, 1)).toBe(2)
  expect(await queued('q')).toEqual([
    payload(2),
    '{"class":"Archive","args":[1.0]}',
    '{"args":[1],"class":"Archive"}',
  ])
  expect(await room.resque.dequeue(Archive, 9)).toBe(0)
})

test('dequeue without arguments removes every job of the class, however it is spelled', async () => {
  const others = ['{"class":"Other","args":[]}', 'null', 'not json', '7']
  const spelled = '{"args":[],"class":"Arc\\u0068ive"}'
  await fill('q', payload(1), ...others, spelled, payload(1), payload(2))
  expect(await room.resque.dequeue(Archive)).toBe(4)
  expect(await queued('q')).toEqual(others)
})

test('dequeueFrom works on another queue, and on a class of another language', async () => {
  await fill('r', payload(1), '{"class":"Report","args":[1,2]}', '{"class":"Report","args":[]}')
  expect(await room.resque.dequeueFrom('r', Archive, 1)).toBe(1)
  expect(await room.resque.dequeueFrom('r', 'Report', 1, 2)).toBe(1)
  expect(await room.resque.dequeueFrom('r', 'Report')).toBe(1)
})

test('hooks run around dequeue with its arguments; false from one of them stops it', async () => {
  const ran: unknown[] = []
  let answer: unknown = true
  const Hooked = defineJob({
    name: 'Archive',
    queue: 'q',
    beforeDequeue(...args) {
      ran.push(['before', ...args])
      return answer
    },
    afterDequeue(...args) {
      ran.push(['after', ...args])
    },
    perform(_id: number) {},
  })
  await fill('q', payload(1), payload(2))
  expect(await room.resque.dequeue(Hooked, 1)).toBe(1)
  answer = false
  expect(await room.resque.dequeue(Hooked)).toBeNull()
  expect(ran).toEqual([['before', 1], ['after', 1], ['before']])
  expect(await queued('q')).toEqual([payload(2)])
})

test('queues are listed in byte order, with their sizes', async () => {
  await fill('b', payload(1))
  await fill('Z', payload(1), payload(2))
  await fill('é', payload(1))
  await room.resque.watch('a')
  expect(await room.resque.queues()).toEqual(['Z', 'a', 'b', 'é'])
  expect(await room.resque.queueSizes()).toEqual({ Z: 2, a: 0, b: 1, é: 1 })
  expect(await room.resque.size('Z')).toBe(2)
  expect(await room.resque.size('nowhere')).toBe(0)
})

test('peek shows jobs in the order they will run, without taking them', async () => {
  await fill('q', ...[0, 1, 2, 3, 4].map(payload))
  const peek = async (...range: number[]) => (await room.resque.peek('q', ...range)).map((job) => job.args[0])
  expect(await peek()).toEqual([0])
  expect(await peek(1, 2)).toEqual([1, 2])
  expect(await peek(3, 9)).toEqual([3, 4])
  expect(await peek(9, 9)).toEqual([])
  expect(await peek(0, 0)).toEqual([])
  expect(await peek(-2, 2)).toEqual([3, 4])
  expect(await peek(-2, 9)).toEqual([3, 4])
  expect(await peek(-3, 1)).toEqual([2])
  expect(await room.resque.size('q')).toBe(5)
})

test('peek shows what is no job by its text', async () => {
  await fill('q', 'not json', '7', payload(1))
  expect(await room.resque.peek('q', 0, 3)).toEqual([
    { class: '', args: [], payload: 'not json' },
    { class: '', args: [], payload: '7' },
    { class: 'Archive', args: [1], payload: payload(1) },
  ])
})

test('sampleQueues gives the size and the first jobs of each queue', async () => {
  await fill('a', payload(1), payload(2), payload(3))
  await room.resque.watch('b')
  const samples = await room.resque.sampleQueues(2)
  expect(samples.b).toEqual({ size: 0, samples: [] })
  expect(samples.a?.size).toBe(3)
  expect(samples.a?.samples.map((job) => job.args)).toEqual([[1], [2]])
})

test('watch lists a queue once, and removeQueue deletes it with its jobs', async () => {
  await room.resque.watch('q')
  await room.resque.watch('q')
  await fill('q', payload(1))
  await fill('other', payload(1))
  await room.resque.removeQueue('q')
  expect(await room.resque.queues()).toEqual(['other'])
  expect(await room.client.exists('resque:queue:q')).toBe(0)
  await room.resque.removeQueue('never there')
})

test('queues are paused and resumed one by one', async () => {
  await room.resque.pauseQueue('b')
  await room.resque.pauseQueue('a')
  expect(await room.resque.pausedQueues()).toEqual(['a', 'b'])
  await room.resque.resumeQueue('a')
  expect(await room.resque.pausedQueues()).toEqual(['b'])
  expect(await room.resque.isPaused()).toBe(false)
})

test("pauseAll sets the key that Ruby's workers read, and any spelling of true in it counts", async () => {
  await room.resque.pauseAll()
  expect(await room.client.get('resque:pause-all-workers')).toBe('true')
  expect(await room.resque.isPaused()).toBe(true)
  await room.client.set('resque:pause-all-workers', ' TRUE\n')
  expect(await room.resque.isPaused()).toBe(true)
  await room.client.set('resque:pause-all-workers', 'yes')
  expect(await room.resque.isPaused()).toBe(false)
  await room.resque.resumeAll()
  expect(await room.client.exists('resque:pause-all-workers')).toBe(0)
})

test('a queue keeps its name through all of these, whatever is in it', async () => {
  for (const name of ['a:b', 'a b', 'a/b', '*', '{x}', 'é😀', 'a"b\\', '']) {
    await room.resque.enqueueTo(name, Archive, 1)
    expect(await room.resque.size(name)).toBe(1)
    expect((await room.resque.peek(name))[0]?.args).toEqual([1])
    expect(await room.resque.queues()).toContain(name)
    expect(await room.resque.reserve(name)).toMatchObject({ queue: name })
    await room.resque.removeQueue(name)
  }
  expect(await room.client.keys('*')).toEqual([])
})

test('every look at a closed client rejects', async () => {
  const resque = room.connect()
  await resque.close()
  const calls = [resque.size('q'), resque.peek('q'), resque.dequeue(Archive), resque.pop('q'), resque.info()]
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({ status: 'rejected', reason: expect.any(ClosedError) })
  }
})
