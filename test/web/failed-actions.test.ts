// Putting one failed job back: as it was, elsewhere, or with other arguments; the one that was shown, or none.

import { expect, test } from 'vitest'
import { EntryPages } from '#built/web/entry-pages.js'
import { retryFailed, withArgs } from '#built/web/failed-actions.js'
import { useRoom } from '../room.js'
import { job, range, failedRecord as record } from './records.js'

const room = useRoom()
const queued = (queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const now = new Date('2026-11-24T05:00:00Z')

const web = () => ({ store: room.resque.store, failedLists: () => room.resque.failed.lists() })

/** Fills the failed list, and gives the refs, oldest first. */
async function fill(...texts: (string | Buffer)[]): Promise<string[]> {
  await room.client.rpush('resque:failed', ...texts)
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  return (await pages.newest('failed', 0, 5_000)).rows.map(({ job }) => job.ref).reverse()
}

test('a failed job is put back as it was, once, and marked', async () => {
  const [ref = ''] = await fill(record(1))
  expect(await retryFailed(web(), ref, { now })).toMatchObject({ result: 'done' })
  expect(await queued()).toEqual([job(1)])
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual([
    record(1, { retriedAt: '2026/11/24 05:00:00 UTC' }),
  ])
  expect(await retryFailed(web(), ref)).toMatchObject({ result: 'gone' })
  const [again = ''] = await fill(record(2))
  expect(await retryFailed(web(), again)).toMatchObject({ result: 'retried' })
  expect(await retryFailed(web(), again, { again: true, queue: 'other', drop: true })).toMatchObject({
    result: 'done',
  })
  expect(await queued('other')).toEqual([job(1)])
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual([record(2)])
})

test('it is found after thousands were removed before it and failed behind it', async () => {
  const refs = await fill(...range(3_000).map((id) => record(id)))
  await room.client.ltrim('resque:failed', 2_500, -1)
  await room.client.rpush('resque:failed', ...range(3_000, 5_000).map((id) => record(id)))
  expect(await retryFailed(web(), refs[2_900] ?? '')).toMatchObject({ result: 'done' })
  expect(await retryFailed(web(), refs[100] ?? '')).toMatchObject({ result: 'gone' })
  expect(await queued()).toEqual([job(2_900)])
})

test('edited arguments go into the payload as they were typed, its other keys stay', async () => {
  const payload = '{"class":"Mail","args":[1.0,12345678901234567890],"id":"x","n":[]}'
  const [ref = ''] = await fill(`{"failed_at":"x","payload":${payload},"queue":"mail"}`)
  const args = '[12345678901234567891, {"a":[]}, "ü"]'
  expect(await retryFailed(web(), ref, { args })).toMatchObject({ result: 'done' })
  expect(await queued()).toEqual([`{"class":"Mail","args":${args},"id":"x","n":[]}`])
  expect(withArgs('{"class":"Mail"}', '[1]')).toBe('{"class":"Mail","args":[1]}')
})

test('arguments that no worker could take are refused, and nothing is done', async () => {
  const [ref = ''] = await fill(record(1))
  for (const args of ['{"a":1}', '[1', '', '["\\ud83d"]'])
    await expect(retryFailed(web(), ref, { args })).rejects.toMatchObject({
      code: expect.any(String),
    })
  const big = { args: JSON.stringify(['x'.repeat(2_000)]), maxPayloadBytes: 1_000 }
  await expect(retryFailed(web(), ref, big)).rejects.toThrow(/1,?000/)
  expect(await queued()).toEqual([])
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual([record(1)])
})

test('a payload with bytes that are not UTF-8 comes back byte for byte', async () => {
  const payload = Buffer.concat([
    Buffer.from('{"class":"B'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('","args":[]}'),
  ])
  const entry = Buffer.concat([Buffer.from('{"payload":'), payload, Buffer.from(',"queue":"mail"}')])
  const [ref = ''] = await fill(entry)
  expect(await retryFailed(web(), ref, { now })).toMatchObject({ result: 'done' })
  expect(await room.client.lrangeBuffer('resque:queue:mail', 0, -1)).toEqual([payload])
  const [marked] = await room.client.lrangeBuffer('resque:failed', 0, -1)
  const stamp = Buffer.from(',"retried_at":"2026/11/24 05:00:00 UTC"}')
  expect(marked).toEqual(Buffer.concat([entry.subarray(0, -1), stamp]))
})

test('what is no record, or whose queue is no list, stays as it is', async () => {
  const [odd = '', ref = ''] = await fill('[1]', record(1))
  await expect(retryFailed(web(), odd)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
  await room.client.set('resque:queue:mail', 'x')
  expect(await retryFailed(web(), ref)).toMatchObject({ result: 'refused' })
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual(['[1]', record(1)])
})

test('pages of waiting jobs are in their order; broken ones and long ones break nothing', async () => {
  const long = job('x'.repeat(1_000_000))
  await room.client.rpush(
    'resque:queue:mail',
    job(0),
    'not json',
    Buffer.from([0xff]),
    long,
    ...range(300).map((i) => job(i, 'Csv')),
  )
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  const { rows, total } = await pages.pending('mail', 0, 5)
  expect(total).toBe(304)
  expect(rows.map(({ class: name, isReadable, isWhole }) => [name, isReadable, isWhole])).toEqual([
    ['Mail', true, true],
    ['', false, true],
    ['', false, true],
    ['', false, false],
    ['Csv', true, true],
  ])
  await room.client.lpop('resque:queue:mail')
  expect(await pages.pendingJob(rows[3]?.ref ?? '')).toMatchObject({ index: 2, class: 'Mail', text: long })
  expect(await pages.pendingJob(rows[0]?.ref ?? '')).toBeUndefined()
  const first = await pages.searchPending('mail', { class: 'Csv' }, { limit: 2 })
  expect(first.rows.map(({ args }) => args)).toEqual([[0], [1]])
  const second = await pages.searchPending('mail', { class: 'Csv' }, { limit: 2, cursor: first.next })
  expect(second.rows.map(({ args }) => args)).toEqual([[2], [3]])
  expect((await pages.searchPending('mail', { text: '[299]' })).rows).toHaveLength(1)
})

test('a ref that names another key than a failed list reaches nothing', async () => {
  await room.client.rpush('resque:queue:mail', record(1))
  const pages = new EntryPages(room.resque.store, web().failedLists)
  const [row] = (await pages.pending('mail', 0)).rows
  const ref = row?.ref.replace('@mail', '@queue:mail') ?? ''
  expect(await pages.failed(ref)).toBeUndefined()
  await expect(pages.newest('queue:mail', 0)).rejects.toThrow(/no failed list/)
  await expect(retryFailed(web(), ref)).rejects.toThrow(/no failed list/)
  expect(await queued()).toEqual([record(1)])
})
