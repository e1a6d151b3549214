// The title of the process, as ps shows it: what a Ruby worker on the same host looks for, and what a person reads.

import { defineJob } from 'resque-ts'
import { afterAll, expect, test } from 'vitest'
import { Procline } from '#built/worker/procline.js'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const before = process.title
afterAll(() => {
  process.title = before
})

test('a worker shows what it waits for, what it does, and that it is paused', async () => {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'b,a', title: true })
  await waitFor(() => process.title === 'resque-3.0.0: Waiting for b,a', { message: () => process.title })
  await room.resque.enqueueTo('a', 'Job')
  await waitFor(() => /^resque-3\.0\.0: Processing a since \d+ \[Job\]$/.test(process.title), {
    message: () => process.title,
  })
  hold.open()
  await waitFor(() => process.title === 'resque-3.0.0: Waiting for b,a')
  await worker.pause()
  await waitFor(() => process.title === 'resque-3.0.0: Paused')
})

test('a worker of patterns shows the queues they stand for', async () => {
  await room.resque.watch('mail_b')
  await room.resque.watch('mail_a')
  await room.start({ jobs: [], queues: 'mail_*', title: true })
  await waitFor(() => process.title === 'resque-3.0.0: Waiting for mail_a,mail_b', {
    message: () => process.title,
  })
})

test('a worker that runs several jobs says how many more', async () => {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  await room.start({ jobs: [Job], queues: 'q', title: true, concurrency: 3 })
  await Promise.all([1, 2, 3].map(() => room.resque.enqueueTo('q', 'Job')))
  await waitFor(() => process.title.endsWith('[Job] and 2 more'), { message: () => process.title })
  hold.open()
})

test('a prefix stands before every title', async () => {
  await room.start({ jobs: [], queues: 'q', title: true, proclinePrefix: 'app ' })
  await waitFor(() => process.title === 'app resque-3.0.0: Waiting for q', { message: () => process.title })
})

test('a worker that has stopped leaves the title alone', async () => {
  const hold = gate()
  const Job = defineJob({ name: 'Job', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q', title: true })
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => process.title.includes('Processing'), { message: () => process.title })
  hold.open()
  await waitFor(() => worker.busyCount === 0)
  await worker.stop()
  process.title = 'my own'
  // A title that was under way would come within 50 ms: nothing happening has no other end.
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(process.title).toBe('my own')
})

test('without titles the process keeps its own', async () => {
  process.title = 'my own'
  await room.start({ jobs: [] })
  expect(process.title).toBe('my own')
})

test('whether there is room for a title is found out without changing it', () => {
  process.title = 'my own'
  expect(Procline.hasRoom('')).toBe(true)
  expect(Procline.hasRoom('x'.repeat(5_000))).toBe(false)
  expect(process.title).toBe('my own')
})
