// A worker and a queue in which anything may lie: it performs the jobs, parks the rest in failed byte for byte, in
// order, and goes on; and at no instant is its working record anything but JSON.

import fc from 'fast-check'
import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { anyEntry } from './adversarial.js'
import { bounded, jobText } from './json-text.js'

const room = useRoom()
const latin = (payload: string | Buffer) => Buffer.from(payload).toString('latin1')

test('anything in a queue is parked byte for byte, in order, and the worker goes on', async () => {
  const Last = defineJob({ name: 'Last', perform() {} })
  const worker = await room.start({ jobs: [Last], queues: 'q' })
  let count = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 30 }), async (entries) => {
      await room.client.del('resque:failed')
      await room.client.rpush('resque:queue:q', ...entries, '{"class":"Last"}')
      count += entries.length + 1
      await waitFor(async () => (await room.resque.stats.get('processed')) === count)
      const failed = await room.resque.failed.all(0, 99)
      expect(failed.map((job) => latin(job.payload))).toEqual(entries.map(latin))
      for (const job of failed)
        expect(job).toMatchObject({ isReadable: true, queue: 'q', worker: worker.ids[0] })
    }),
    bounded(40),
  )
  expect(worker.ids).toHaveLength(1)
  expect(room.logged('warn')).toEqual([])
})

test('a job of any spelling is performed with what JSON.parse makes of its args, and sees its exact payload', async () => {
  const seen: { args: unknown[]; payload: string }[] = []
  const Job = defineJob({
    name: 'Job',
    perform(...args: unknown[]) {
      seen.push({ args, payload: this.payload })
    },
  })
  await room.start({ jobs: [Job], queues: 'q', concurrency: 4 })
  await fc.assert(
    fc.asyncProperty(fc.array(jobText('Job'), { minLength: 1, maxLength: 20 }), async (texts) => {
      seen.length = 0
      await room.client.rpush('resque:queue:q', ...texts)
      await waitFor(() => seen.length === texts.length)
      expect(seen.map((job) => job.payload)).toEqual(texts)
      expect(seen.map((job) => job.args)).toEqual(
        texts.map((text) => (JSON.parse(text) as { args: unknown[] }).args),
      )
    }),
    bounded(40),
  )
})

test('while a job is held, its working record is JSON and holds the exact payload', async () => {
  let held = gate()
  const Job = defineJob({ name: 'Job', perform: () => held.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q' })
  const key = `resque:worker:${worker.ids[0]}`
  await fc.assert(
    fc.asyncProperty(jobText('Job'), async (text) => {
      held = gate()
      await room.client.rpush('resque:queue:q', text)
      const record = await waitFor(() => room.client.get(key))
      expect(JSON.parse(record)).toMatchObject({ queue: 'q', payload: { class: 'Job' } })
      expect((await room.resque.working())[0]?.job?.payload).toBe(text)
      held.open()
      await waitFor(async () => (await room.client.exists(key)) === 0)
    }),
    bounded(40),
  )
})
