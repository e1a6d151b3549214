// The commands that act: retry, remove, clear, pause, resume, kill, marker, markers.

import { spawn } from 'node:child_process'
import { hostname, userInfo } from 'node:os'
import type { FailedJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { isAlive, jobs, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))

/** Failed jobs: `count` of class A from queue a, and as many of class B from queue b. */
async function fail(count: number): Promise<FailedJob[]> {
  for (let i = 0; i < count; i++) {
    await room.resque.push('a', { class: 'A', args: [i] })
    await room.resque.push('b', { class: 'B', args: [i] })
  }
  const worker = await room.start({ jobs: [], queues: ['a', 'b'], untilEmpty: true })
  await worker.stopped
  return room.resque.failed.all(0, 1_000)
}

test('retry puts back what its refs name, and says which are gone', async () => {
  const [first, second] = await fail(1)
  const gone = `7.0123456789abcdef@failed`
  const { code, stdout, stderr } = await line.run(['retry', first?.ref ?? '', gone])
  expect(code).toBe(1)
  expect(stdout).toBe('Put back 1 failed job.\n')
  expect(stderr).toBe(`resque: There is no failed job ${gone} (any more).\n`)
  expect(await room.resque.queueSizes()).toEqual({ a: 1, b: 0 })
  expect(await line.json(['retry', second?.ref ?? ''])).toEqual({ retried: 1, missing: [] })
})

test('retry --all heeds its filters, and leaves out what was put back before', async () => {
  await fail(3)
  expect(await line.json(['retry', '--all', '--class', 'A'])).toEqual({ retried: 3, missing: [] })
  expect(await line.json(['retry', '--all'])).toEqual({ retried: 3, missing: [] })
  expect(await line.json(['retry', '--all', '--queue', 'b', '--include-retried'])).toMatchObject({
    retried: 3,
  })
  expect(await room.resque.queueSizes()).toEqual({ a: 3, b: 6 })
})

test('remove deletes failed jobs: by ref, those put back, or all of a kind', async () => {
  const [first, second] = await fail(3)
  const removed = await line.run(['remove', first?.ref ?? '', second?.ref ?? ''])
  expect(removed.stdout).toBe(`** removed ${first?.ref}\n** removed ${second?.ref}\n`)
  await room.resque.failed.requeueAll({ class: 'B' })
  expect(await line.json(['remove', '--retried'])).toEqual({ removed: 3 })
  expect(await line.json(['remove', '--all', '--class', 'Nothing'])).toEqual({ removed: 0 })
  expect(await line.json(['remove', '--all', '--queue', 'a'])).toEqual({ removed: 1 })
  expect(await room.resque.failed.count()).toBe(0)
  expect(await line.run(['remove', first?.ref ?? ''])).toMatchObject({ code: 1, stdout: '' })
})

test('remove with the id of a worker unregisters it, and its job goes to failed, as in Ruby', async () => {
  const id = 'far-away:4711:mail,low'
  await room.client.sadd('resque:workers', id)
  const record = { queue: 'mail', run_at: '2026-01-01T00:00:00Z', payload: { class: 'Mail', args: [1] } }
  await room.client.set(`resque:worker:${id}`, JSON.stringify(record))
  const wrong = await line.run(['remove', 'far-away:4712:mail,low'])
  expect(wrong).toMatchObject({ code: 1, stdout: '' })
  expect(wrong.stderr).toContain(`Did you mean "${id}"?`)
  expect(await line.run(['remove', id])).toMatchObject({ code: 0, stdout: `** removed ${id}\n` })
  expect(await room.resque.workers()).toEqual([])
  expect(await room.resque.failed.all()).toMatchObject([{ class: 'Mail', exception: 'Resque::DirtyExit' }])
})

test('clear deletes only where it is allowed to', async () => {
  await fail(2)
  await room.resque.push('mail', { class: 'Mail', args: [] })
  const words = [['failed'], ['queue', 'mail'], ['stat', 'failed']]
  for (const refused of await Promise.all(words.map((each) => line.run(['clear', ...each])))) {
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('--yes')
  }
  expect(await room.resque.info()).toMatchObject({ pending: 1, failed: 4, queues: 3 })
  expect(await line.run(['clear', 'failed', '--yes'])).toMatchObject({ stdout: 'Deleted 4 failed jobs.\n' })
  expect(await line.json(['clear', 'queue', 'mail', '--yes'])).toEqual({ queue: 'mail', removed: 1 })
  expect(await line.json(['clear', 'stat', 'failed', '--yes'])).toEqual({ stat: 'failed', was: 4 })
  expect(await room.resque.info()).toMatchObject({ pending: 0, failed: 0, queues: 2 })
  expect(await line.run(['clear', 'queue', 'c', '--yes'])).toMatchObject({ code: 2 })
})

test('clear failed reaches the lists of the other failure backend', async () => {
  await room.client.sadd('resque:failed_queues', 'mail_failed')
  await room.client.rpush('resque:mail_failed', '{}', '{}')
  const args = ['clear', 'failed', '--yes', '--failure-backend', 'redis_multi_queue']
  expect(await line.json([...args, '--list', 'mail_failed'])).toEqual({ removed: 2 })
  const wrong = await line.run([...args, '--list', 'mial_failed'])
  expect(wrong).toMatchObject({ code: 2 })
  expect(wrong.stderr).toContain('Did you mean "mail_failed"?')
})

test('pause and resume take names, patterns and --all', async () => {
  for (const queue of ['mail_a', 'mail_b', 'low']) await room.resque.push(queue, { class: 'X' })
  expect(await line.run(['pause', 'mail_*', 'low'])).toMatchObject({
    stdout: 'Paused mail_a, mail_b, low.\n',
  })
  expect(await room.resque.pausedQueues()).toEqual(['low', 'mail_a', 'mail_b'])
  expect(await line.json(['resume', 'mail_?'])).toEqual({ queues: ['mail_a', 'mail_b'] })
  expect(await room.resque.pausedQueues()).toEqual(['low'])
  const wrong = await line.run(['pause', 'lwo'])
  expect(wrong).toMatchObject({ code: 2, stderr: 'resque: There is no queue "lwo". Did you mean "low"?\n' })
  expect(await line.json(['pause', 'later', '--force'])).toEqual({ queues: ['later'] })
  expect(await line.json(['pause', '--all'])).toEqual({ all: true })
  expect(await room.resque.isPaused()).toBe(true)
  // For the web pages, which show it.
  const name = `${userInfo().username}@${hostname()}`
  for (const what of ['queue:low', 'all'])
    expect(await room.client.hget('resque:web:paused', what)).toContain(name)
  expect(await line.json(['resume', '--all'])).toEqual({ all: true })
  expect(await room.resque.isPaused()).toBe(false)
  expect(await room.resque.pausedQueues()).toEqual(['later', 'low'])
})

test('kill ends a worker process of this machine, and unregisters all its slots with their jobs', async () => {
  const worker = line.start(['work', '--queue', 'sleep', '--require', jobs, '--concurrency', '2'])
  await worker.says('Starting worker')
  await room.resque.push('sleep', { class: 'Sleep', args: [] })
  await waitFor(async () => (await line.noted()).includes('Sleep begins'))
  const [id = ''] = (await room.resque.workers()).map((each) => each.id)
  expect(await line.run(['kill', id])).toMatchObject({ code: 0, stdout: `** killed ${id}\n` })
  expect((await worker.finished).signal).toBe('SIGKILL')
  expect(await room.resque.workers()).toEqual([])
  expect(await room.resque.failed.all()).toMatchObject([{ class: 'Sleep', exception: 'Resque::DirtyExit' }])
})

test('kill touches neither a worker of another machine nor a process that is no worker', async () => {
  const bystander = spawn('sleep', ['60'])
  const pid = bystander.pid ?? 0
  const there = `elsewhere:${pid}:mail`
  const here = `${hostname()}:${pid}:mail`
  await room.client.sadd('resque:workers', there, here)
  const [far, other, unknown] = await Promise.all([
    line.run(['kill', there]),
    line.run(['kill', here]),
    line.run(['kill', `${hostname()}:1:nothing`]),
  ])
  expect(far).toMatchObject({ code: 1, stdout: '' })
  expect(far.stderr).toContain('runs on "elsewhere"')
  expect(other).toMatchObject({ code: 1, stdout: '' })
  expect(other.stderr).toContain('another program')
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(isAlive(pid)).toBe(true)
  bystander.kill('SIGKILL')
  await new Promise((resolve) => bystander.once('exit', resolve))
  expect(await line.run(['kill', here])).toMatchObject({ code: 0, stdout: `** worker ${here} not running\n` })
  expect((await room.resque.workers()).map(({ id }) => id)).toEqual([there])
})

test('marker puts a label on the charts, at an instant or now', async () => {
  const at = new Date(Date.now() - 60_000).toISOString()
  expect((await line.run(['marker', 'v1.2', '--at', at])).stdout).toBe(`Marked ${at} with "v1.2".\n`)
  const now = await line.json(['marker', 'v1.3'])
  expect(now).toMatchObject({ label: 'v1.3', id: expect.stringMatching(/^[0-9a-f]{16}$/) })
  const kept = await room.resque.store.markers.between(new Date(0), new Date(Date.now() + 60_000))
  expect(kept.map(({ label }) => label)).toEqual(['v1.2', 'v1.3'])
  expect(kept[0]?.at.toISOString()).toBe(at)
})

test('markers lists what stands on the charts, the oldest first, and removes what is named', async () => {
  expect(await line.run(['markers'])).toMatchObject({ code: 0, stdout: 'There are no markers.\n' })
  const at = new Date(Date.now() - 60_000)
  const { markers } = room.resque.store
  const second = await markers.add('bbbbbbbbbbbbbbbb', 'v1.3')
  const first = await markers.add('aaaaaaaaaaaaaaaa', 'v1.2 \u202e', at)
  const { stdout } = await line.run(['markers'])
  expect(stdout).toMatch(
    new RegExp(`aaaaaaaaaaaaaaaa .*${at.toISOString()} .*v1.2 .*\\n.*bbbbbbbbbbbbbbbb .*v1.3`),
  )
  expect(stdout).not.toContain('\u202e')
  const asJson = [first, second].map((each) => ({ ...each, at: each.at.toISOString() }))
  expect(await line.json(['markers'])).toEqual(asJson)
  expect(await line.json(['markers', 'remove', first.id])).toEqual({ removed: 1, missing: [] })
  expect(await markers.all()).toEqual([second])
  // What is not there is said, and what is there goes all the same.
  const gone = await line.run(['markers', 'remove', first.id, second.id])
  expect(gone).toMatchObject({ code: 1, stdout: 'Removed 1 marker.\n' })
  expect(gone.stderr).toContain(`There is no marker ${first.id}.`)
  expect(await markers.all()).toEqual([])
})
