// What is written of a job while it runs and when it failed, and the sentences of those that could not even run.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const push = (...payloads: string[]) =>
  room.client
    .multi()
    .sadd('resque:queues', 'q')
    .rpush('resque:queue:q', ...payloads)
    .exec()

/** Runs all that is queued with these jobs, and gives the failures. */
async function failuresOf(options: Parameters<typeof room.start>[0]) {
  const worker = await room.start({ queues: 'q', untilEmpty: true, ...options })
  await worker.stopped
  return room.resque.failed.all(0, 99)
}

test('while a job runs its record says queue, time, payload, and a mark of ours', async () => {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await push('{"class":"Job","args":[1.0]}')
  const key = `resque:worker:${worker.ids[0]}`
  const text = await waitFor(() => room.client.get(key))
  expect(text).toMatch(
    /^\{"queue":"q","run_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","payload":\{"class":"Job","args":\[1\.0\]\},"run":"[0-9a-f]{10}\.[0-9a-z]+\.\d+"\}$/,
  )
  const [info] = await room.resque.working()
  expect(info).toMatchObject({
    id: worker.ids[0],
    job: { queue: 'q', payload: '{"class":"Job","args":[1.0]}' },
  })
  expect(Math.abs(Date.now() - Date.parse(info?.job?.runAt ?? ''))).toBeLessThan(10_000)
  hold.open()
  await waitFor(async () => (await room.client.exists(key)) === 0)
})

test('two jobs in a row that are the same have records that differ', async () => {
  let hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  const runs = new Set<string>()
  for (let i = 0; i < 2; i++) {
    hold = gate()
    await push('{"class":"Job"}')
    const text = await waitFor(() => room.client.get(`resque:worker:${worker.ids[0]}`))
    runs.add((JSON.parse(text) as { run: string }).run)
    hold.open()
    await waitFor(async () => (await room.resque.working()).length === 0)
  }
  expect(runs.size).toBe(2)
})

test('a failed record has the keys of Ruby, in its order', async () => {
  const Job = defineJob({
    name: 'Job',
    perform() {
      throw new RangeError('too far')
    },
  })
  await push('{"class":"Job","args":[1.0,{}]}')
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  const [text = ''] = await waitFor(async () => {
    const texts = await room.client.lrange('resque:failed', 0, -1)
    return texts.length > 0 && texts
  })
  expect(Object.keys(JSON.parse(text) as object)).toEqual([
    ...['failed_at', 'payload', 'exception', 'error', 'backtrace', 'worker', 'queue'],
  ])
  expect(text).toMatch(
    /^\{"failed_at":"\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d UTC","payload":\{"class":"Job","args":\[1\.0,\{\}\]\},/,
  )
  expect(text.endsWith(`"worker":"${worker.ids[0]}","queue":"q"}`)).toBe(true)
})

test('the backtrace ends where the job begins: no frame of this package is in it', async () => {
  function deeper() {
    throw new Error('deep')
  }
  const Job = defineJob({
    name: 'Job',
    async perform() {
      await null
      deeper()
    },
    beforePerform() {},
  })
  await push('{"class":"Job"}')
  const [failure] = await failuresOf({ jobs: [Job] })
  expect(failure?.backtrace[0]).toMatch(/^deeper \(.*perform\.test\.ts/)
  expect(failure?.backtrace.join('\n')).not.toMatch(/dist\/(hooks|worker)/)
})

test('a job that the worker does not know fails with a sentence that says what it knows', async () => {
  const Known = defineJob({ name: 'Known', perform() {} })
  const Other = defineJob({ name: 'Other', perform() {} })
  await push('{"class":"Missing::Job","args":[1]}')
  expect(await failuresOf({ jobs: [Known, Other] })).toMatchObject([
    {
      exception: 'UnknownJobError',
      error:
        'This worker knows no job named "Missing::Job". It knows: Known, Other. ' +
        'Give it the job (jobs: […], or --require), or let it work other queues; then retry.',
      payload: '{"class":"Missing::Job","args":[1]}',
      backtrace: [],
    },
  ])
})

test('a worker that knows many jobs names some, and one that knows none says so', async () => {
  const many = Array.from({ length: 12 }, (_, i) => defineJob({ name: `Job${i}`, perform() {} }))
  await push('{"class":"Missing"}')
  const [of12] = await failuresOf({ jobs: many })
  expect(of12?.error).toContain('Job8, Job9, and 2 more.')
  await push('{"class":"Missing"}')
  const failures = await failuresOf({ jobs: [] })
  expect(failures[1]?.error).toContain('It knows: none.')
})

test('names that objects have by nature are no jobs', async () => {
  await push('{"class":"constructor"}', '{"class":"__proto__"}', '{"class":"toString"}')
  const failures = await failuresOf({ jobs: [] })
  expect(failures.map((job) => job.exception)).toEqual(Array(3).fill('UnknownJobError'))
})

test('a payload above maxPayloadBytes is parked unread', async () => {
  const resque = room.connect({ maxPayloadBytes: 100 })
  let runs = 0
  const Job = defineJob({ name: 'Job', perform: () => void runs++ })
  const large = `{"class":"Job","args":["${'é'.repeat(60)}"]}`
  await push(large, '{"class":"Job"}')
  expect(await failuresOf({ resque, jobs: [Job] })).toMatchObject([
    {
      exception: 'PayloadTooLargeError',
      error: `Expected a payload of at most 100 bytes (maxPayloadBytes), got ${Buffer.byteLength(large)}.`,
      payload: large,
    },
  ])
  expect(runs).toBe(1)
})

test.each([
  ['not json', 'Expected a job as JSON, got something that is not JSON'],
  ['', 'Expected a job as JSON, got something that is not JSON'],
  ['null', 'Expected a job as a JSON object {"class":…,"args":[…]}, got null.'],
  ['[1]', 'got an array.'],
  ['{"args":[]}', 'Expected a job with a class name, a string that is not empty, got none.'],
  ['{"class":5}', 'got 5.'],
])('what is no job is parked with a sentence, and the worker goes on: %j', async (text, sentence) => {
  let runs = 0
  const Job = defineJob({ name: 'Job', perform: () => void runs++ })
  await push(text, '{"class":"Job"}')
  const failures = await failuresOf({ jobs: [Job] })
  expect(failures).toHaveLength(1)
  expect(failures[0]).toMatchObject({ exception: 'InvalidPayloadError', queue: 'q', backtrace: [] })
  expect(failures[0]?.error).toContain(sentence)
  expect(failures[0]?.payload.toString()).toBe(text)
  expect(runs).toBe(1)
})

test('every job that was taken counts as processed, those that failed as failed too', async () => {
  const Job = defineJob({
    name: 'Job',
    perform(fails: boolean) {
      if (fails) throw new Error('no')
    },
  })
  await push('{"class":"Job","args":[true]}', '{"class":"Job","args":[false]}', 'junk', '{"class":"Missing"}')
  await failuresOf({ jobs: [Job] })
  expect(await room.client.mget('resque:stat:processed', 'resque:stat:failed')).toEqual(['4', '3'])
})

test("the client's failure backend is the worker's", async () => {
  const { redisMultiQueueBackend } = await import('resque-ts')
  const resque = room.connect({ failureBackend: redisMultiQueueBackend })
  await push('{"class":"Missing"}')
  await (await room.start({ resque, jobs: [], queues: 'q', untilEmpty: true })).stopped
  expect(await room.client.llen('resque:q_failed')).toBe(1)
  expect(await room.client.smembers('resque:failed_queues')).toEqual(['q_failed'])
  expect(await room.client.exists('resque:failed')).toBe(0)
})

test('a failure that Redis cannot write is held and tried again, and other jobs go on', async () => {
  const done: number[] = []
  const Job = defineJob({
    name: 'Job',
    perform(id: number) {
      if (id === 0) throw new Error('no')
      done.push(id)
    },
  })
  await room.client.set('resque:failed', 'no list')
  await push('{"class":"Job","args":[0]}', '{"class":"Job","args":[1]}')
  await room.start({ jobs: [Job], queues: 'q', concurrency: 2 })
  await waitFor(
    () => done.length === 1 && room.logged('error').some((line) => line.includes('could not be written')),
  )
  expect((await room.resque.working()).length).toBe(1)
  await room.client.del('resque:failed')
  await waitFor(async () => (await room.client.llen('resque:failed')) === 1)
  await waitFor(async () => (await room.resque.working()).length === 0)
})
