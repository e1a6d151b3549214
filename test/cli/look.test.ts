// The commands that look: what they show to people, and as JSON to programs.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))

test('an empty Redis is shown as one, without complaint', async () => {
  const words = ['queues', 'workers', 'working', 'failed', 'list']
  const shown = await Promise.all(words.map((word) => line.run([word])))
  expect(shown.map(({ stdout }) => stdout.trim())).toEqual([
    'There are no queues.',
    'There are no workers.',
    'No job runs.',
    'There are no failed jobs.',
    'None',
  ])
  const values = await Promise.all(words.map((word) => line.json([word])))
  expect(values).toEqual([[], [], [], [], []])
})

test('queues shows sizes, and which are paused', async () => {
  const { resque } = room
  for (let i = 0; i < 12; i++) await resque.push('mail', { class: 'Mail', args: [i] })
  await resque.push('file serve', { class: 'Archive' })
  await resque.pauseQueue('mail')
  const { stdout } = await line.run(['queues'])
  expect(stdout).toBe('QUEUE       SIZE  STATE\nfile serve     1\nmail          12  paused\n')
  await resque.pauseAll()
  expect(await line.json(['queues'])).toEqual([
    { name: 'file serve', size: 1, paused: true },
    { name: 'mail', size: 12, paused: true },
  ])
})

test('stats shows the state of all, and counters by name', async () => {
  await room.resque.push('mail', { class: 'Mail', args: [] })
  await room.resque.stats.increment('processed', 1_234)
  await room.resque.stats.increment('mails_sent', 7)
  const { stdout } = await line.run(['stats', 'mails_sent'])
  expect(stdout).toMatch(/^pending +1$/m)
  expect(stdout).toMatch(/^processed +1,234$/m)
  expect(stdout).toMatch(/^mails_sent +7$/m)
  expect(await line.json(['stats', 'mails_sent'])).toMatchObject({
    pending: 1,
    processed: 1_234,
    failed: 0,
    queues: 1,
    counters: { processed: 1_234, failed: 0, mails_sent: 7 },
  })
})

test('peek shows waiting jobs from any place on, and what is no job', async () => {
  for (let i = 0; i < 30; i++) await room.resque.push('mail', { class: 'Mail', args: [i] })
  await room.client.rpush('resque:queue:mail', 'no job \x1b[2J')
  const { stdout } = await line.run(['peek', 'mail', '-2', '2'])
  expect(stdout).toBe(
    ' #  CLASS        ARGS\n29  Mail         [29]\n30  (not a job)  no job \\u001b[2J\n2 of 31 jobs.\n',
  )
  expect(await line.json(['peek', 'mail', '1', '2'])).toEqual([
    { index: 1, class: 'Mail', args: [1], payload: '{"class":"Mail","args":[1]}' },
    { index: 2, class: 'Mail', args: [2], payload: '{"class":"Mail","args":[2]}' },
  ])
  const wrong = await line.run(['peek', 'maill'])
  expect(wrong).toMatchObject({
    code: 2,
    stderr: 'resque: There is no queue "maill". Did you mean "mail"?\n',
  })
})

test('workers shows a process with its slots, a Ruby worker, and one that is lost', async () => {
  const { opened, open } = gate()
  const Wait = defineJob({ name: 'Wait', queue: 'wait', perform: () => opened })
  const worker = await room.start({ jobs: [Wait], queues: 'wait', concurrency: 3 })
  for (let i = 0; i < 2; i++) await room.resque.enqueue(Wait)
  await waitFor(() => worker.busyCount === 2)
  const ruby = 'ruby-host:77:critical,low'
  await room.client.sadd('resque:workers', ruby)
  await room.client.set(`resque:stat:processed:${ruby}`, 5)
  await room.client.hset('resque:workers:heartbeat', ruby, '2026-01-01T00:00:00+00:00')

  const rows = (await line.json(['workers'])) as Record<string, unknown>[]
  const [own, other] = rows[0]?.kind === 'ruby' ? [rows[1], rows[0]] : rows
  expect(own).toMatchObject({
    kind: 'resque-ts',
    pid: process.pid,
    state: 'working',
    busy: 2,
    queues: ['wait'],
  })
  expect(own?.slots).toHaveLength(3)
  expect(own?.slots).toContainEqual(
    expect.objectContaining({ job: expect.objectContaining({ class: 'Wait' }) }),
  )
  expect(other).toMatchObject({ id: ruby, kind: 'ruby', state: 'lost', processed: 5, busy: 0 })
  const [people, slots, working, list] = await Promise.all([
    line.run(['workers']),
    line.json(['workers', '--slots']),
    line.json(['working']),
    line.run(['list']),
  ])
  expect(people.stdout).toMatch(/2\/3 {2}working {2}Wait \[\] and 1 more/)
  expect(people.stdout).toMatch(/ruby-host:77:critical,low .* lost /)
  expect(people.stdout).toContain('2 of 4 slots at work.')
  expect(slots).toHaveLength(4)
  expect(working).toHaveLength(2)
  expect(working).toContainEqual(expect.objectContaining({ queue: 'wait', class: 'Wait', args: [] }))
  expect(list.stdout.split('\n').filter((each) => each.endsWith(' (working)'))).toHaveLength(2)
  expect(list.stdout).toContain(`${ruby} (idle)\n`)
  open()
})

test('failed lists the newest first, filters, pages, and shows one in full', async () => {
  const Fail = defineJob({
    name: 'Fail',
    queue: 'odd',
    perform(n: number) {
      throw new RangeError(`no ${n}\x1b[31m`)
    },
  })
  for (let n = 0; n < 3; n++) await room.resque.enqueue(Fail, n)
  await room.resque.push('even', { class: 'Unknown', args: [] })
  const worker = await room.start({ jobs: [Fail], untilEmpty: true })
  await worker.stopped

  const all = (await line.json(['failed'])) as {
    ref: string
    class: string
    args: unknown[]
    index: number
  }[]
  expect(all.map(({ index }) => index)).toEqual([3, 2, 1, 0])
  const odd = (await line.json([
    'failed',
    '--class',
    'Fail',
    '--queue',
    'odd',
    '--order',
    'asc',
  ])) as typeof all
  expect(odd.map(({ args }) => args)).toEqual([[0], [1], [2]])
  const page = await line.run(['failed', '--queue', 'odd', '--limit', '1', '--offset', '1'])
  expect(page.stdout).toContain('RangeError: no 1\\u001b[31m')
  expect(page.stdout).toContain('1 of 3 failed jobs. More: --offset 2\n')

  const ref = odd[2]?.ref ?? ''
  const shown = await line.run(['failed', 'show', ref])
  expect(shown.stdout).toContain(`ref         ${ref}\nclass       Fail\nqueue       odd\n`)
  expect(shown.stdout).toMatch(/backtrace\n {2}.*perform/)
  expect(await line.json(['failed', 'show', '0'])).toMatchObject({ class: 'Unknown', retriedAt: null })
  expect(await line.run(['failed', 'show', '99'])).toMatchObject({ code: 1, stdout: '' })
})
