// Work on many entries: what was meant when it was begun is what happens, once, and can be undone.

import { defineJob, redisMultiQueueBackend } from 'resque-ts'
import { afterEach, expect, test } from 'vitest'
import { EntryPages } from '#built/web/entry-pages.js'
import { newId, Operations, type OperationsOptions } from '#built/web/operations.js'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { job, range, failedRecord as record } from './records.js'

const room = useRoom()
const open: Operations[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

const by = 'anna'
const entries = (list = 'failed') => room.client.lrange(`resque:${list}`, 0, -1)
const queued = (queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const fill = (texts: (string | Buffer)[], list = 'failed') => room.client.rpush(`resque:${list}`, ...texts)
const idOf = (text: string) => (JSON.parse(text) as { args: unknown[] }).args[0]

function operations(options: Partial<OperationsOptions> = {}): Operations {
  const resque = room.connect()
  const made = new Operations({
    store: resque.store,
    failedLists: () => resque.failed.lists(),
    log: resque.logger,
    perSecond: 1e6,
    ...options,
  })
  open.push(made)
  return made
}

async function refs(list?: string): Promise<string[]> {
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  return (await pages.newest(list, 0, 10_000)).rows.map(({ job }) => job.ref)
}

const finished = (all: Operations, id: string) =>
  waitFor(async () => {
    const operation = await all.get(id)
    return operation?.state !== 'running' && operation
  })

test('all that match a filter are put back, the others stay as they are, and the counts add up', async () => {
  const texts = range(450).map((id) =>
    record(id, {
      class: id % 3 ? 'Mail' : 'Csv',
      ...(id % 9 === 0 ? { retriedAt: '2026/11/24 03:00:00 UTC' } : {}),
    }),
  )
  await fill(texts)
  const all = operations()
  const done = await all.start(
    { kind: 'retry', failed: { filter: { class: 'Csv' } } },
    { by, id: 'operation-1', waitMs: 10_000 },
  )
  expect(done).toMatchObject({ state: 'done', by, total: 150, done: 100, skipped: 50, gone: 0 })
  expect((await queued()).map(idOf).sort()).toEqual(
    range(450)
      .filter((id) => id % 3 === 0 && id % 9 !== 0)
      .sort(),
  )
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  const after = await entries()
  range(450).forEach((id) => {
    const isRetriedNow = id % 3 === 0 && id % 9 !== 0
    if (isRetriedNow) expect(JSON.parse(after[id] as string).retried_at).toMatch(/^\d{4}\/\d\d\/\d\d .* UTC$/)
    else expect(after[id]).toBe(texts[id])
  })
})

test('large entries are put back and removed a few a step', async () => {
  const text = 'x'.repeat(1_000_000)
  await fill(range(14).map((id) => record(id, { error: text })))
  const all = operations()
  for (const kind of ['retry', 'remove'] as const) {
    const done = await all.start({ kind, failed: { filter: { class: 'Mail' } } }, { by, waitMs: 10_000 })
    expect(done).toMatchObject({ state: 'done', total: 14, done: 14 })
    // Less than four megabytes each.
    expect(Number(await room.client.hget(`resque:web:op:${done.id}`, 'cursor'))).toBe(5)
  }
  expect((await queued()).map(idOf).sort()).toEqual(range(14).sort())
  expect(await entries()).toEqual([])
})

test('the same form sent twice is one operation', async () => {
  await fill(range(10).map((id) => record(id)))
  const all = operations()
  const spec = { kind: 'retry', failed: { filter: {} }, again: true } as const
  const id = newId()
  await Promise.all(range(3).map(() => all.start(spec, { by, id })))
  await finished(all, id)
  expect(await queued()).toHaveLength(10)
  expect(await all.recent()).toHaveLength(1)
})

test('two that put all back at once put each back once', async () => {
  await fill(range(1_000).map((id) => record(id)))
  const [mine, theirs] = [operations(), operations()]
  const spec = { kind: 'retry', failed: { filter: {} } } as const
  const both = await Promise.all([mine.start(spec, { by }), theirs.start(spec, { by: 'ben' })])
  const ended = await Promise.all(both.map(({ id }) => finished(mine, id)))
  expect(new Set(await queued()).size).toBe(1_000)
  expect(await queued()).toHaveLength(1_000)
  for (const each of ended) expect(each.done + each.skipped + each.gone).toBe(each.total)
  expect(ended.reduce((sum, each) => sum + each.done, 0)).toBe(1_000)
})

test('what fails later is not touched, though others remove entries meanwhile', async () => {
  await fill(range(2_000).map((id) => record(id)))
  const all = operations()
  const { id } = await all.start({ kind: 'remove', failed: { filter: { class: 'Mail' } } }, { by })
  for (let i = 0; i < 300; i++) {
    await room.client.lrem('resque:failed', 1, record(i * 3))
    await fill([record(10_000 + i)])
  }
  const ended = await finished(all, id)
  expect(ended).toMatchObject({ state: 'done', total: ended.done + ended.gone })
  expect(ended.total).toBeLessThanOrEqual(2_000)
  expect(await entries()).toEqual(range(300, 10_000).map((each) => record(each)))
})

test('of selected entries, those that somebody else removed are gone and their neighbours stay', async () => {
  await fill(range(300).map((id) => record(id)))
  const selected = (await refs()).filter((_, i) => i % 2 === 0)
  await room.client.lpop('resque:failed', 60)
  const all = operations()
  const ended = await all.start({ kind: 'remove', failed: { refs: selected } }, { by, waitMs: 10_000 })
  expect(ended).toMatchObject({ state: 'done', total: 150, done: 120, gone: 30, isUndoable: true })
  // What was removed is kept for a quarter of an hour, and so is the promise.
  const later = operations({ now: () => new Date(Date.now() + 15 * 60_000) })
  expect(await later.get(ended.id)).toMatchObject({ state: 'done', isUndoable: false })
  expect((await entries()).map((text) => JSON.parse(text).payload.args[0] as number)).toEqual(
    range(240, 60).filter((id) => id % 2 === 0),
  )
})

test('an undo puts removed entries back byte for byte at their places, once', async () => {
  const texts = [
    ...range(400).map((id) =>
      Buffer.from(record(id, { class: id % 4 ? 'Mail' : 'Csv', error: `grüße ${id} \0` })),
    ),
    Buffer.from([0xff, 0, 0x22, 0x0a]),
    Buffer.from(''),
    Buffer.from('[1,2'),
    Buffer.from(record('x'.repeat(1_000_000), { class: 'Csv' })),
    Buffer.from(record('last')),
  ]
  await fill(texts)
  const before = await room.client.lrangeBuffer('resque:failed', 0, -1)
  const all = operations()
  const filter = await all.start(
    { kind: 'remove', failed: { filter: { class: 'Csv' } } },
    { by, waitMs: 10_000 },
  )
  expect(filter).toMatchObject({ done: 101 })
  const some = (await refs()).filter((_, i) => i % 3 === 0)
  const selected = await all.start({ kind: 'remove', failed: { refs: some } }, { by, waitMs: 10_000 })
  expect(selected.done).toBe(some.length)
  expect(await all.undo(selected.id)).toEqual({ restored: some.length, state: 'restored' })
  expect(await Promise.all([all.undo(filter.id), all.undo(filter.id)])).toSatisfy(
    (both: { restored: number }[]) => both.reduce((sum, each) => sum + each.restored, 0) === 101,
  )
  expect(await room.client.lrangeBuffer('resque:failed', 0, -1)).toEqual(before)
  expect(await all.undo(filter.id)).toEqual({ restored: 0, state: 'expired' })
  expect(await room.client.keys('*trash*')).toEqual([])
})

test('very many entries come back in their order, before what failed meanwhile', async () => {
  const texts = range(12_000).map((id) => record(id, { class: id % 2 || id < 100 ? 'Mail' : 'Csv' }))
  for (let i = 0; i < 12_000; i += 4_000) await fill(texts.slice(i, i + 4_000))
  const all = operations()
  const removed = await all.start(
    { kind: 'remove', failed: { filter: { class: 'Csv' } } },
    { by, waitMs: 20_000 },
  )
  expect(removed.done).toBe(5_950)
  await fill([record('new')])
  await all.undo(removed.id)
  expect(await entries()).toEqual([...texts, record('new')])
})

test('a cleared queue comes back before the jobs that came meanwhile, with its name', async () => {
  await room.client.rpush('resque:queue:mail', ...range(500).map((id) => job(id)))
  await room.client.sadd('resque:queues', 'mail', 'other')
  const all = operations()
  const cleared = await all.clearQueue('mail', { by, unlist: true })
  expect(cleared).toMatchObject({ kind: 'clear', state: 'done', done: 500, total: 500, isUndoable: true })
  expect(await room.client.keys('resque:queue:*')).toEqual([])
  expect(await room.client.smembers('resque:queues')).toEqual(['other'])
  await room.client.rpush('resque:queue:mail', job(1_000))
  expect(await all.undo(cleared.id)).toEqual({ restored: 500, state: 'restored' })
  expect((await queued()).map(idOf)).toEqual([...range(500), 1_000])
  expect((await room.client.smembers('resque:queues')).sort()).toEqual(['mail', 'other'])
  expect(await room.client.ttl('resque:queue:mail')).toBe(-1)
})

test('a cleared queue comes back in order before very many new jobs', async () => {
  await room.client.rpush('resque:queue:mail', ...range(2_500).map((id) => job(id)))
  const all = operations()
  const { id } = await all.clearQueue('mail', { by })
  await room.client.rpush('resque:queue:mail', ...range(1_500, 5_000).map((each) => job(each)))
  await all.undo(id)
  expect((await queued()).map(idOf)).toEqual([...range(2_500), ...range(1_500, 5_000)])
})

test('waiting jobs of one class are removed while workers take jobs, and come back', async () => {
  await room.client.rpush('resque:queue:mail', ...range(2_000).map((id) => job(id, id % 2 ? 'Mail' : 'Csv')))
  const all = operations()
  const { id } = await all.start(
    { kind: 'remove-pending', queue: 'mail', pending: { filter: { class: 'Csv' } } },
    { by },
  )
  const taken: string[] = []
  for (let i = 0; i < 400; i++) {
    const text = await room.client.lpop('resque:queue:mail')
    if (text) taken.push(text)
    await room.client.rpush('resque:queue:mail', job(10_000 + i, 'Csv'))
  }
  const ended = await finished(all, id)
  expect(ended.done + ended.gone).toBe(ended.total)
  const left = await queued()
  const seen = [...taken, ...left].filter((text) => text.includes('"Mail"'))
  expect(seen).toHaveLength(1_000)
  const newCsv = [...taken, ...left].filter((text) => (idOf(text) as number) >= 10_000)
  expect(newCsv).toHaveLength(400)
  await all.undo(id)
  const everything = [...taken, ...(await queued())].map(idOf).sort((a, b) => Number(a) - Number(b))
  expect(everything).toEqual([...range(2_000), ...range(400, 10_000)])
})

test('a cancelled operation stops; what is done stays done', async () => {
  await fill(range(1_000).map((id) => record(id)))
  const all = operations()
  const { id } = await all.start({ kind: 'retry', failed: { filter: {} }, perSecond: 1_000 }, { by })
  await waitFor(async () => ((await all.get(id))?.done ?? 0) >= 100)
  expect(await all.cancel(id)).toBe(true)
  expect(await all.cancel(id)).toBe(false)
  const { done } = (await all.get(id)) as NonNullable<Awaited<ReturnType<Operations['get']>>>
  expect(done).toBeLessThan(1_000)
  await all.close()
  expect(await queued()).toHaveLength(done)
  expect(await all.get(id)).toMatchObject({ state: 'cancelled', done })
})

test('what is done in one go cannot be cancelled: all of it is removed, is counted, and comes back', async () => {
  const all = operations({ leaseMs: 300 })
  const { delayed } = room.resque.store
  for (const id of range(3)) await delayed.add(1_900_000_000 + id, job(id))
  const begun = gate<string>()
  const goOn = gate()
  const removing = all.remove({ kind: 'remove-delayed', lists: [] }, by, async (trash) => {
    begun.open(trash)
    await goOn.opened
    return delayed.clear(trash)
  })
  const id = await begun.opened
  expect(await all.get(id)).toMatchObject({ state: 'running', isCancellable: false })
  expect(await all.cancel(id)).toBe(false)
  // Its lease is renewed past the end of the first, so nobody takes it up.
  const other = operations({ leaseMs: 300 })
  const lease = async () => Number(await room.client.hget(`resque:web:op:${id}`, 'lease'))
  const first = await lease()
  await waitFor(async () => (await lease()) > first + 300)
  await other.takeUp()
  expect(await other.get(id)).toMatchObject({ state: 'running' })
  goOn.open()
  expect(await removing).toMatchObject({ state: 'done', done: 3, isUndoable: true })
  expect(await all.undo(id)).toEqual({ restored: 3, state: 'restored' })
  expect(await delayed.count()).toBe(3)
})

test('what was removed in one go by a process that died then can be had back', async () => {
  const { delayed, operations: stored } = room.resque.store
  await delayed.add(1_900_000_000, job(1))
  const id = 'died-in-the-middle'
  const spec = JSON.stringify({ kind: 'remove-delayed', source: 'delayed', lists: [] })
  await stored.create(id, { spec, scan: '{"lists":[]}', by, owner: 'dead', leaseMs: 1 })
  await delayed.clear(id)
  const all = operations()
  await waitFor(async () => {
    await all.takeUp()
    return (await all.get(id))?.state === 'broken'
  })
  expect(await all.get(id)).toMatchObject({ isUndoable: true })
  expect(await all.undo(id)).toEqual({ restored: 1, state: 'restored' })
})

test('two operators remove and put back while workers fail jobs: no action hits another entry', async () => {
  const Boom = defineJob({
    name: 'Mail',
    queue: 'fails',
    perform() {
      throw new Error('boom')
    },
  })
  await room.client.rpush('resque:queue:fails', ...range(600, 50_000).map((id) => job(id)))
  await room.client.sadd('resque:queues', 'fails')
  await fill(range(1_500).map((id) => record(id, { class: id % 2 ? 'Odd' : 'Even', queue: 'idle' })))
  const [mine, theirs] = [operations(), operations()]
  const worker = await room.start({ jobs: [Boom], queues: ['fails'], concurrency: 5 })
  const [retry, remove] = await Promise.all([
    mine.start({ kind: 'retry', failed: { filter: { class: 'Odd' } } }, { by }),
    theirs.start({ kind: 'remove', failed: { filter: { class: 'Even' } } }, { by: 'ben' }),
  ])
  const ended = await Promise.all([finished(mine, retry.id), finished(theirs, remove.id)])
  await waitFor(async () => (await room.client.get('resque:stat:failed')) === '600')
  await worker.stop()
  expect(ended).toMatchObject([
    { state: 'done', total: 750, done: 750, gone: 0 },
    { state: 'done', total: 750, done: 750, gone: 0 },
  ])
  const idle = await queued('idle')
  expect(idle).toHaveLength(750)
  expect(new Set(idle.map(idOf))).toEqual(new Set(range(1_500).filter((id) => id % 2)))
  const left = (await entries()).map((text) => JSON.parse(text) as { queue: string; retried_at?: string })
  expect(left.filter((each) => each.queue === 'idle' && each.retried_at !== undefined)).toHaveLength(750)
  expect(left.filter((each) => each.queue === 'fails' && each.retried_at === undefined)).toHaveLength(600)
  expect(left).toHaveLength(1_350)
})

test('equal entries are each put back once, and each removed once', async () => {
  await fill([...range(250).map(() => record('same')), record('other')])
  const all = operations()
  const retried = await all.start({ kind: 'retry', failed: { filter: {} } }, { by, waitMs: 10_000 })
  expect(retried).toMatchObject({ total: 251, done: 251 })
  expect(await queued()).toHaveLength(251)
  const removed = await all.start(
    { kind: 'remove', failed: { filter: { text: 'same' } } },
    { by, waitMs: 10_000 },
  )
  expect(removed).toMatchObject({ total: 250, done: 250 })
  expect(await entries()).toHaveLength(1)
})

test('failed lists per queue: a filter reaches all of them, and an undo each', async () => {
  const resque = room.connect({ failureBackend: redisMultiQueueBackend })
  await room.client.sadd('resque:failed_queues', 'a_failed', 'b_failed')
  await fill(
    range(150).map((id) => record(id, { queue: 'a', class: id % 2 ? 'Mail' : 'Csv' })),
    'a_failed',
  )
  await fill(
    range(150).map((id) => record(id, { queue: 'b' })),
    'b_failed',
  )
  const before = [await entries('a_failed'), await entries('b_failed')]
  const all = operations({ store: resque.store, failedLists: () => resque.failed.lists() })
  const removed = await all.start(
    { kind: 'remove', failed: { filter: { class: 'Mail' } } },
    { by, waitMs: 10_000 },
  )
  expect(removed).toMatchObject({ lists: ['a_failed', 'b_failed'], done: 225 })
  expect(await room.client.exists('resque:b_failed')).toBe(0)
  await all.undo(removed.id)
  expect([await entries('a_failed'), await entries('b_failed')]).toEqual(before)
  const cleared = await all.clearFailed(undefined, { by })
  expect(cleared.done).toBe(300)
  await fill([record('new', { queue: 'b' })], 'b_failed')
  await all.undo(cleared.id)
  expect([await entries('a_failed'), await entries('b_failed')]).toEqual([
    before[0],
    [...(before[1] as string[]), record('new', { queue: 'b' })],
  ])
  const one = await all.start(
    { kind: 'retry', failed: { filter: { list: 'b_failed' } } },
    { by, waitMs: 10_000 },
  )
  expect(one).toMatchObject({ lists: ['b_failed'], done: 151 })
  await expect(all.start({ kind: 'remove', failed: { filter: { list: 'queues' } } }, { by })).rejects.toThrow(
    /no failed list/,
  )
})

test('a job whose queue is no list is skipped, and its entry stays as it is', async () => {
  await room.client.set('resque:queue:bad', 'x')
  await fill([record(1, { queue: 'bad' }), '[1]', record(2)])
  const ended = await operations().start({ kind: 'retry', failed: { filter: {} } }, { by, waitMs: 10_000 })
  expect(ended).toMatchObject({ state: 'done', total: 3, done: 1, skipped: 2, gone: 0 })
  expect((await entries()).slice(0, 2)).toEqual([record(1, { queue: 'bad' }), '[1]'])
})

test('put back into another queue and dropped, nothing of it is left in failed', async () => {
  await fill(range(250).map((id) => record(id)))
  const spec = { kind: 'retry', failed: { filter: { class: 'Mail' } }, queue: 'night', drop: true } as const
  const ended = await operations().start(spec, { by, waitMs: 10_000 })
  expect(ended).toMatchObject({ done: 250, intoQueue: 'night', isUndoable: false })
  expect(await queued('night')).toHaveLength(250)
  expect(await entries()).toEqual([])
  expect(await room.client.smembers('resque:queues')).toEqual(['night'])
})

test('entries removed and a queue cleared leave no queue that Ruby would see, and expire', async () => {
  await fill(range(10).map((id) => record(id)))
  const all = operations()
  const { id } = await all.start({ kind: 'remove', failed: { filter: {} } }, { by, waitMs: 10_000 })
  const keys = await room.client.keys('resque:web:trash:*')
  expect(keys.sort()).toEqual([`resque:web:trash:${id}`, `resque:web:trash:${id}:0`])
  for (const key of keys) expect(await room.client.ttl(key)).toBeGreaterThan(890)
  expect(await room.client.ttl(`resque:web:op:${id}`)).toBeGreaterThan(604_000)
  expect(await room.client.smembers('resque:queues')).toEqual([])
  expect(await room.client.smembers('resque:web:ops:running')).toEqual([])
})

test('what is no ref or no id is refused', async () => {
  const all = operations()
  const refs = ['5', '0.0123456789abcdef@other', '../x']
  for (const ref of refs)
    await expect(
      all.start({ kind: 'remove-pending', queue: 'mail', pending: { refs: [ref] } }, { by }),
    ).rejects.toThrow(/no ref/)
  const elsewhere = { kind: 'remove', failed: { refs: ['0.0123456789abcdef@queue:mail'] } } as const
  await expect(all.start(elsewhere, { by })).rejects.toThrow(/no failed list/)
  await expect(all.clearFailed('workers', { by })).rejects.toThrow(/no failed list/)
  await expect(all.get('*')).rejects.toThrow(/no id/)
  await expect(all.undo('a:b:c:d:e:f')).rejects.toThrow(/no id/)
})
