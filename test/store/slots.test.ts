// `finish and reserve`, called directly: what one call takes, ends, gives back and refuses. That its records are JSON
// whatever is in a queue stands in properties/records.test.ts.

import { expect, test } from 'vitest'
import { deathField, readWorkingRecord } from '#built/store/records.js'
import type { Ending, OfferedSlot, ReserveReply } from '#built/store/slots.js'
import { useRoom } from '../room.js'

const room = useRoom()
const naming = { host: 'web-1', separator: '~', tail: ':7:q' }
const idOf = (number: number) => (number === 1 ? 'web-1:7:q' : `web-1~${number}:7:q`)
const payload = (id: number | string) => `{"class":"A","args":[${JSON.stringify(id)}]}`

let calls = 0
async function call(
  slots: OfferedSlot[],
  queues: string[] = ['q'],
  countQueues = false,
): Promise<ReserveReply> {
  const request = {
    slots,
    queues: JSON.stringify(queues.map((name) => `resque:queue:${name}`)),
    limit: 1_000,
    countQueues,
    nonce: 'nonce',
    naming,
    runAt: 'now',
  }
  return room.resque.store.slots.finishAndReserve({ ...request, call: `c${++calls}` }, queues)
}
const free = (...numbers: number[]): OfferedSlot[] => numbers.map((number) => ({ number }))
const ended = (number: number, ending: Ending, deaths?: string): OfferedSlot => ({
  number,
  held: { call: `c${calls}`, ending, deathField: deaths },
})
const done: Ending = { kind: 'done' }
const failed = (text: string, list = 'failed', listedIn = ''): Ending => ({
  kind: 'failed',
  entries: [{ list, text, ...(listedIn && { listedIn }) }],
})

async function register(count: number): Promise<void> {
  for (let number = 1; number <= count; number++) await room.client.sadd('resque:workers', idOf(number))
}
const push = (queue: string, ...payloads: string[]) => room.client.rpush(`resque:queue:${queue}`, ...payloads)
const recordOf = async (number: number) => {
  const text = await room.client.get(`resque:worker:${idOf(number)}`)
  return text === null ? undefined : readWorkingRecord(text)
}

test('jobs go to the free slots in order, queue by queue, and each has a record that is unique', async () => {
  await register(3)
  await push('b', payload(2), payload(3))
  await push('a', payload(1))
  const reply = await call(free(1, 2, 3), ['a', 'b'])
  expect(reply.jobs).toEqual([
    { slot: 0, queue: 'a', payload: payload(1), deaths: 0 },
    { slot: 1, queue: 'b', payload: payload(2), deaths: 0 },
    { slot: 2, queue: 'b', payload: payload(3), deaths: 0 },
  ])
  expect(await recordOf(1)).toEqual({
    queue: 'a',
    runAt: 'now',
    payload: payload(1),
    run: `nonce.c${calls}.1`,
  })
  expect((await recordOf(2))?.run).toBe(`nonce.c${calls}.2`)
})

test('a call takes no more than there are free slots, and leaves the rest in order', async () => {
  await register(2)
  await push('q', ...[1, 2, 3, 4].map(payload))
  expect((await call(free(1, 2))).jobs).toHaveLength(2)
  expect(await room.client.lrange('resque:queue:q', 0, -1)).toEqual([payload(3), payload(4)])
})

test('the end of a job and the next one are one step', async () => {
  await register(1)
  await push('q', payload(1), payload(2))
  await call(free(1))
  const reply = await call([ended(1, done)])
  expect(reply.jobs.map((job) => job.payload)).toEqual([payload(2)])
  expect(await room.client.get('resque:stat:processed')).toBe('1')
  await call([ended(1, done)])
  expect(await recordOf(1)).toBeUndefined()
  expect(await room.client.get('resque:stat:processed')).toBe('2')
})

test('a failure is appended where it belongs, counted, and its record is gone', async () => {
  await register(2)
  await push('q', payload(1), payload(2))
  await call(free(1, 2))
  await call([ended(1, failed('one')), ended(2, failed('two', 'q_failed', 'failed_queues'))])
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual(['one'])
  expect(await room.client.lrange('resque:q_failed', 0, -1)).toEqual(['two'])
  expect(await room.client.smembers('resque:failed_queues')).toEqual(['q_failed'])
  expect(await room.client.mget('resque:stat:processed', 'resque:stat:failed')).toEqual(['2', '2'])
  expect([await recordOf(1), await recordOf(2)]).toEqual([undefined, undefined])
})

test('a job that is given back stands at the head of its queue and is not counted', async () => {
  await register(1)
  await push('q', payload(1), payload(2))
  await call(free(1))
  await call([ended(1, { kind: 'returned', queue: 'q', payload: payload(1) })], [])
  expect(await room.client.lrange('resque:queue:q', 0, -1)).toEqual([payload(1), payload(2)])
  expect(await room.client.smembers('resque:queues')).toEqual(['q'])
  expect(await room.client.exists('resque:stat:processed')).toBe(0)
})

test('the end of a job whose record is gone, or is of another run, is refused and counts for nothing', async () => {
  await register(3)
  await push('q', payload(1), payload(2), payload(3))
  await call(free(1, 2, 3))
  await room.client.del(`resque:worker:${idOf(1)}`)
  await room.client.set(
    `resque:worker:${idOf(2)}`,
    `{"queue":"q","payload":${payload(2)},"run":"other.c1.2"}`,
  )
  const reply = await call([ended(1, done), ended(2, failed('x')), ended(3, done)], [])
  expect(reply.refused).toEqual([
    { slot: 0, reason: 'lost' },
    { slot: 1, reason: 'lost' },
  ])
  expect(await room.client.get('resque:stat:processed')).toBe('1')
  expect(await room.client.exists('resque:failed')).toBe(0)
  expect((await recordOf(2))?.run).toBe('other.c1.2')
})

test('a refused slot takes no job; the others do, each the one that is reported for it', async () => {
  await register(2)
  await push('q', payload(1), payload(2))
  await room.client.set(`resque:worker:${idOf(2)}`, '{"queue":"q","payload":{},"run":"x"}')
  const reply = await call(free(3, 2, 1))
  expect(reply.refused).toEqual([
    { slot: 0, reason: 'unregistered' },
    { slot: 1, reason: 'occupied' },
  ])
  expect(reply.jobs.map((job) => job.slot)).toEqual([2])
  expect((await recordOf(1))?.payload).toBe(payload(1))
})

test('a failure that cannot be written keeps its job, and does not stop the others', async () => {
  await register(2)
  await push('q', payload(1), payload(2))
  await call(free(1, 2))
  await room.client.set('resque:failed', 'no list')
  const reply = await call([ended(1, failed('x')), ended(2, done)], [])
  expect(reply.refused).toEqual([{ slot: 0, reason: 'unwritable' }])
  expect((await recordOf(1))?.payload).toBe(payload(1))
  expect(await recordOf(2)).toBeUndefined()
})

test('a queue of the wrong type is passed over', async () => {
  await register(1)
  await room.client.set('resque:queue:broken', 'no list')
  await push('q', payload(1))
  expect((await call(free(1), ['broken', 'q'])).jobs.map((job) => job.queue)).toEqual(['q'])
})

test('paused queues are passed over, and when all are paused nothing is taken but ends are accepted', async () => {
  await register(2)
  await push('a', payload(1))
  await push('b', payload(2), payload(3))
  await room.client.sadd('resque:queues:paused', 'a')
  expect((await call(free(1), ['a', 'b'])).jobs.map((job) => job.queue)).toEqual(['b'])
  await room.client.set('resque:pause-all-workers', ' True ')
  const reply = await call([ended(1, done), ...free(2)], ['a', 'b'])
  expect(reply).toMatchObject({ jobs: [], isPaused: true })
  expect(await recordOf(1)).toBeUndefined()
})

test('how many workers died of a job comes with it, and is forgotten when it ends', async () => {
  await register(1)
  const field = deathField('q', payload(1))
  await room.client.hset('resque:deaths', field, 2)
  await push('q', payload(1))
  expect((await call(free(1))).jobs[0]?.deaths).toBe(2)
  await call([ended(1, done, field)])
  expect(await room.client.exists('resque:deaths')).toBe(0)
})

test('many queues are looked through in order, the empty ones without taking from them', async () => {
  await register(2)
  const names = Array.from({ length: 200 }, (_, i) => `q${i}`)
  await push('q150', payload(2))
  await push('q70', payload(1))
  expect((await call(free(1, 2), names)).jobs.map((job) => job.queue)).toEqual(['q70', 'q150'])
})

test('the number of queues is told when it is asked for', async () => {
  await register(1)
  await room.client.sadd('resque:queues', 'a', 'b', 'c')
  expect((await call(free(1), [], true)).queueCount).toBe(3)
  expect((await call(free(1), [])).queueCount).toBe(-1)
})

test('a Redis that forgot the script is given it again', async () => {
  await register(1)
  await push('q', payload(1), payload(2))
  await call(free(1))
  await room.client.script('FLUSH')
  expect((await call([ended(1, done)])).jobs.map((job) => job.payload)).toEqual([payload(2)])
})

test('a thousand slots take part in one call', async () => {
  const numbers = Array.from({ length: 1_000 }, (_, i) => i + 1)
  await room.client.sadd('resque:workers', ...numbers.map(idOf))
  await push('q', ...numbers.map(payload))
  const reply = await call(free(...numbers))
  expect(reply.jobs.map((job) => job.payload)).toEqual(numbers.map(payload))
  await call(numbers.map((number) => ended(number, done)))
  expect(await room.client.get('resque:stat:processed')).toBe('1000')
  expect(await room.client.keys('resque:worker:*')).toEqual([])
})

test('queue names of every kind come back as they are', async () => {
  const names = ['a b', 'a/b', 'a:b', 'é😀', 'a"b\\c', '', '*', '\u007f']
  await register(names.length)
  for (const name of names) await push(name, payload(name))
  const reply = await call(free(...names.map((_, i) => i + 1)), names)
  expect(reply.jobs.map((job) => job.queue)).toEqual(names)
  for (const [i, name] of names.entries()) expect((await recordOf(i + 1))?.queue).toBe(name)
})
