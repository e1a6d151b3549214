// A web process that dies in the middle of an operation: another goes on with what was not done, and the sums are true.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { OperationRecord } from '#built/store/operations.js'
import { Run } from '#built/web/operation-run.js'
import type { OperationSpec } from '#built/web/operation-spec.js'
import { Operations, type OperationsOptions } from '#built/web/operations.js'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { job, range, failedRecord as record } from './records.js'

const room = useRoom()
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const runner = fileURLToPath(new URL('operation-runner.mjs', import.meta.url))

/** Begins an operation in a process of its own. */
async function begin(spec: OperationSpec): Promise<{ child: ChildProcess; id: string }> {
  const child = spawn(process.execPath, [runner, room.redis.url, JSON.stringify(spec)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  closing.push(() => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })) {
    return { child, id: line }
  }
  throw new Error('the runner said nothing')
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function operations(options: Partial<OperationsOptions> = {}): Operations {
  const resque = room.connect()
  const made = new Operations({
    store: resque.store,
    failedLists: () => resque.failed.lists(),
    log: resque.logger,
    perSecond: 1e6,
    leaseMs: 400,
    ...options,
  })
  closing.push(() => made.close())
  return made
}

const ended = (all: Operations, id: string) =>
  waitFor(async () => {
    const operation = await all.get(id)
    return operation?.state !== 'running' && operation
  })

test('an operation whose web process was killed is taken up by another, and each job is put back once', async () => {
  await room.client.rpush('resque:failed', ...range(3_000).map((id) => record(id)))
  const { child, id } = await begin({ kind: 'retry', failed: { filter: { class: 'Mail' } } })
  await waitFor(async () => Number(await room.client.hget(`resque:web:op:${id}`, 'done')) >= 300)
  await kill(child)
  await room.client.rpush('resque:failed', record('later'))
  expect(await room.client.llen('resque:queue:mail')).toBeLessThan(3_000)
  const after = await ended(operations(), id)
  expect(after).toMatchObject({ state: 'done', total: 3_000, done: 3_000, skipped: 0, gone: 0 })
  const queued = await room.client.lrange('resque:queue:mail', 0, -1)
  expect(queued.sort()).toEqual(
    range(3_000)
      .map((each) => job(each))
      .sort(),
  )
  expect(await room.client.lindex('resque:failed', -1)).toBe(record('later'))
})

test('one that was killed while it noted what is meant is noted to the end, without what failed since', async () => {
  await room.client.rpush('resque:failed', ...range(3_000).map((id) => record(id)))
  const { child, id } = await begin({ kind: 'remove', failed: { filter: { class: 'Mail' } } })
  await kill(child)
  await room.client.ltrim('resque:failed', 100, -1)
  await room.client.rpush('resque:failed', ...range(150, 9_000).map((each) => record(each)))
  const all = operations()
  const after = await ended(all, id)
  expect(after.state).toBe('done')
  expect(after.done + after.gone).toBe(after.total)
  const left = await room.client.lrange('resque:failed', 0, -1)
  expect(left).toEqual(range(150, 9_000).map((each) => record(each)))
  await all.undo(id)
  expect((await room.client.lrange('resque:failed', 0, -1)).length).toBe(150 + after.done)
})

test('an operation that another process runs is not taken up while that lives', async () => {
  await room.client.rpush('resque:failed', ...range(2_000).map((id) => record(id)))
  const { id } = await begin({ kind: 'retry', failed: { filter: {} } })
  const other = operations()
  const owner = () => room.client.hget(`resque:web:op:${id}`, 'owner')
  const first = await owner()
  expect((await ended(other, id)).done).toBe(2_000)
  expect(await owner()).toBe(first)
})

test('an operation waits for a Redis that goes away, and its sums are true afterwards', async () => {
  await room.client.rpush('resque:failed', ...range(2_000).map((id) => record(id)))
  const all = operations({ perSecond: 4_000, leaseMs: 2_000 })
  const { id } = await all.start({ kind: 'retry', failed: { filter: {} } }, { by: 'anna' })
  await waitFor(async () => ((await all.get(id))?.done ?? 0) >= 300)
  await room.client.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
  const after = await ended(all, id)
  expect(after).toMatchObject({ state: 'done', total: 2_000, done: 2_000, gone: 0, skipped: 0 })
  expect(new Set(await room.client.lrange('resque:queue:mail', 0, -1)).size).toBe(2_000)
})

test('one that died before it had noted what was selected has done nothing, and says so', async () => {
  await room.client.rpush('resque:failed', record(1))
  const spec = JSON.stringify({ kind: 'remove', source: 'failed', lists: ['failed'] })
  const made = { spec, scan: '{"lists":[]}', by: 'anna', owner: 'dead', leaseMs: 1 }
  expect(await room.resque.store.operations.create('operation-1', made)).toBe(true)
  const after = await ended(operations(), 'operation-1')
  expect(after).toMatchObject({ state: 'broken', total: 0, done: 0, error: expect.stringMatching(/died/) })
  expect(await room.client.llen('resque:failed')).toBe(1)
})

test('a step that two runs of one owner do at once is done once, and none is left out', async () => {
  await room.client.rpush('resque:failed', ...range(2_000).map((id) => record(id)))
  const { id } = await begin({ kind: 'retry', failed: { filter: {} } })
  await waitFor(async () => Number(await room.client.hget(`resque:web:op:${id}`, 'done')) >= 200)
  const noted = (await room.resque.store.operations.read(id)) as OperationRecord
  const owner = (await room.client.hget(`resque:web:op:${id}`, 'owner')) ?? ''
  const { store } = room.resque
  const options = {
    store,
    owner,
    leaseMs: 10_000,
    now: () => new Date(),
    pause: async () => {},
    changed: () => {},
  }
  await Promise.all(range(3).map(() => new Run(noted, options).run()))
  expect(await ended(operations(), id)).toMatchObject({ state: 'done', total: 2_000, done: 2_000, gone: 0 })
  expect(new Set(await room.client.lrange('resque:queue:mail', 0, -1)).size).toBe(2_000)
})
