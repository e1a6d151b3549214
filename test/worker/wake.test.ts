// An idle worker learns of new jobs from Redis, whoever placed them. Every worker here would look by itself only once
// in a minute, so what happens within seconds was told.

import { defineJob, Resque } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const foreign = (queue: string, id: number | string) =>
  room.client.rpush(`resque:queue:${queue}`, `{"class":"Job","args":[${JSON.stringify(id)}]}`)

function noting() {
  const done: string[] = []
  const Job = defineJob({
    name: 'Job',
    perform(id: number | string) {
      done.push(`${this.queue} ${id}`)
    },
  })
  return { done, Job }
}

/** Resolves once nothing more is to be done and Redis knows whom to tell. */
const asleep = () =>
  waitFor(async () => /flags=[^ ]*[tB]/.test((await room.client.client('LIST')) as string), {
    message: 'a connection with tracking',
  })

test('a plain RPUSH of a foreign client wakes an idle worker', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: 'q' })
  await asleep()
  for (let id = 0; id < 5; id++) {
    await foreign('q', id)
    await waitFor(() => done.length === id + 1, { timeoutMs: 5_000 })
  }
})

test('a job is picked up long before a poll would have found it', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: 'q' })
  await asleep()
  const waits: number[] = []
  for (let id = 0; id < 20; id++) {
    const placedAt = performance.now()
    await foreign('q', id)
    await waitFor(() => done.length === id + 1, { intervalMs: 1 })
    waits.push(performance.now() - placedAt)
  }
  waits.sort((a, b) => a - b)
  expect(waits[10]).toBeLessThan(500)
})

test('a queue that nobody had heard of is picked up by a worker of *', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: '*' })
  await asleep()
  for (const queue of ['brand new', 'another:one', 'é']) {
    await foreign(queue, 1)
    await waitFor(() => done.includes(`${queue} 1`), { timeoutMs: 5_000 })
  }
})

test('a new queue that a pattern matches is picked up, one that it does not is left', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: 'mail_*,!mail_old' })
  await asleep()
  await foreign('other', 1)
  await foreign('mail_old', 1)
  await foreign('mail_new', 1)
  await waitFor(() => done.length === 1, { timeoutMs: 5_000 })
  await foreign('mail_newer', 2)
  await waitFor(() => done.length === 2, { timeoutMs: 5_000 })
  expect(done).toEqual(['mail_new 1', 'mail_newer 2'])
  expect(await room.resque.size('mail_old')).toBe(1)
})

test('an enqueue of our own client wakes it too, also one that shares the worker’s process', async () => {
  const { done, Job } = noting()
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  await asleep()
  await worker.resque.enqueueTo('q', 'Job', 1)
  await waitFor(() => done.length === 1, { timeoutMs: 5_000 })
})

test('a job that comes while all slots are busy is taken when one is free', async () => {
  const hold = gate()
  const done: string[] = []
  const Job = defineJob({
    name: 'Job',
    async perform(id: string) {
      if (id === 'first') await hold.opened
      done.push(id)
    },
  })
  await room.start({ jobs: [Job], queues: 'q' })
  await asleep()
  await foreign('q', 'first')
  await waitFor(async () => (await room.resque.working()).length === 1)
  // More of them than it follows while it is busy.
  for (let i = 0; i < 100; i++) await foreign('q', `later ${i}`)
  hold.open()
  await waitFor(() => done.length === 101, { timeoutMs: 5_000 })
  await foreign('q', 'after all')
  await waitFor(() => done.length === 102, { timeoutMs: 5_000 })
})

test('many idle workers all hear of it, and the job runs once', async () => {
  const { done, Job } = noting()
  for (let i = 0; i < 6; i++) await room.start({ jobs: [Job], queues: 'q' })
  await asleep()
  for (let id = 0; id < 30; id++) {
    await foreign('q', id)
    await waitFor(() => done.length > id, { timeoutMs: 5_000 })
  }
  expect(done).toHaveLength(30)
  expect(new Set(done).size).toBe(30)
})

test('while there is nothing to do, nothing is asked', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: 'a,b,c' })
  await foreign('a', 1)
  await waitFor(() => done.length === 1)
  await asleep()
  const counted = async () =>
    Number(/total_commands_processed:(\d+)/.exec(await room.client.info('stats'))?.[1])
  // It has come to rest when nothing but our own question is counted.
  await waitFor(
    async () => {
      const before = await counted()
      await new Promise((resolve) => setTimeout(resolve, 250))
      return (await counted()) - before <= 1
    },
    { timeoutMs: 20_000 },
  )
})

test('without the right to be told, a worker finds its jobs at its interval, and says so once', async () => {
  await room.client.acl('SETUSER', 'untold', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking')
  const { done, Job } = noting()
  const resque = room.connect({ redis: `redis://untold:secret@127.0.0.1:${room.redis.port}` })
  await room.start({ resque, jobs: [Job], queues: '*', intervalMs: 50 })
  await room.client.sadd('resque:queues', 'q')
  await foreign('q', 1)
  await waitFor(() => done.length === 1)
  await waitFor(() => room.logged('warn').length > 0)
  expect(room.logged('warn')).toEqual([expect.stringMatching(/^Redis does not tell of new jobs \(.*NOPERM/)])
})

test('after its connections were cut it hears of new jobs again', async () => {
  const { done, Job } = noting()
  await room.start({ jobs: [Job], queues: '*' })
  for (let round = 0; round < 3; round++) {
    await asleep()
    await room.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await room.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await room.client.sadd('resque:queues', `q${round}`)
    await foreign(`q${round}`, round)
    await waitFor(() => done.length === round + 1, { timeoutMs: 15_000 })
  }
})

test('a client of one namespace does not wake the workers of another', async () => {
  const { done, Job } = noting()
  const resque = new Resque({ redis: room.redis.url, namespace: 'other' })
  await room.start({ resque, jobs: [Job], queues: '*' })
  await asleep()
  await foreign('q', 1)
  await room.client.rpush('other:queue:q', '{"class":"Job","args":[2]}')
  await waitFor(() => done.length === 1, { timeoutMs: 5_000 })
  expect(done).toEqual(['q 2'])
  await resque.close()
})
