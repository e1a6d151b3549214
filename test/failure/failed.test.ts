// The failed jobs as `resque.failed` shows them: counting, reading, putting back, removing. What happens while others
// change the list meanwhile stands in failed-changes.test.ts; failed jobs in several lists, in backends.test.ts.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()

/** A failed record as Ruby writes it. */
function record(id: number, { queue = 'mail', name = 'Mail', retriedAt = '' } = {}): string {
  const retried = retriedAt && `,"retried_at":"${retriedAt}"`
  return (
    `{"failed_at":"2026/11/24 02:14:40 CET","payload":{"class":"${name}","args":[${id}.0]},` +
    '"exception":"NoMethodError","error":"undefined","backtrace":["a.rb:1","b.rb:2"],' +
    `"worker":"web:1:mail","queue":"${queue}"${retried}}`
  )
}

const fill = (...texts: string[]) => room.client.rpush('resque:failed', ...texts)
const entries = () => room.client.lrange('resque:failed', 0, -1)
const ids = async (...args: Parameters<typeof room.resque.failed.all>) =>
  (await room.resque.failed.all(...args)).map((job) => (job.args as number[])[0])

test('a failed job is shown with all that stands in its record', async () => {
  await fill(record(1), record(2, { retriedAt: '2026/11/24 03:00:00 CET' }))
  const [first, second] = await room.resque.failed.all()
  expect(first).toEqual({
    ref: expect.stringMatching(/^0\.[0-9a-f]{16}@failed$/),
    index: 0,
    list: 'failed',
    failedAt: '2026/11/24 02:14:40 CET',
    retriedAt: undefined,
    class: 'Mail',
    args: [1],
    exception: 'NoMethodError',
    error: 'undefined',
    backtrace: ['a.rb:1', 'b.rb:2'],
    worker: 'web:1:mail',
    queue: 'mail',
    payload: '{"class":"Mail","args":[1.0]}',
    isReadable: true,
    text: record(1),
  })
  expect(second?.retriedAt).toBe('2026/11/24 03:00:00 CET')
})

test('all gives a page, oldest first, or newest first', async () => {
  await fill(...[0, 1, 2, 3, 4].map((id) => record(id)))
  expect(await ids()).toEqual([0, 1, 2, 3, 4])
  expect(await ids(1, 2)).toEqual([1, 2])
  expect(await ids(4, 9)).toEqual([4])
  expect(await ids(9, 9)).toEqual([])
  expect(await ids(0, 0)).toEqual([])
  expect(await ids(0, 2, { order: 'desc' })).toEqual([4, 3])
  expect(await ids(3, 9, { order: 'desc' })).toEqual([1, 0])
})

test('count and all go by class, by queue and by whether a job was put back', async () => {
  await fill(
    record(0),
    record(1, { queue: 'low' }),
    record(2, { name: 'Other' }),
    record(3, { retriedAt: 'then' }),
    record(4),
  )
  const { failed } = room.resque
  expect(await failed.count()).toBe(5)
  expect(await failed.count({ class: 'Mail' })).toBe(4)
  expect(await failed.count({ queue: 'low' })).toBe(1)
  expect(await failed.count({ class: 'Mail', queue: 'mail', skipRetried: true })).toBe(2)
  expect(await failed.count({ list: 'other_failed' })).toBe(0)
  expect(await ids(0, 9, { class: 'Mail', skipRetried: true })).toEqual([0, 1, 4])
  expect(await ids(1, 1, { class: 'Mail', skipRetried: true })).toEqual([1])
  expect(await ids(0, 2, { class: 'Mail', order: 'desc' })).toEqual([4, 3])
  expect(await ids(0, 9, { queue: 'low', order: 'desc' })).toEqual([1])
})

test('filters look through more entries than one chunk', async () => {
  await fill(
    ...Array.from({ length: 450 }, (_, id) => record(id, { name: id % 100 === 99 ? 'Rare' : 'Mail' })),
  )
  expect(await room.resque.failed.count({ class: 'Rare' })).toBe(4)
  expect(await ids(0, 9, { class: 'Rare' })).toEqual([99, 199, 299, 399])
  expect(await ids(0, 3, { class: 'Rare', order: 'desc' })).toEqual([399, 299, 199])
})

test('a failed job is found by its index, by its ref, and by itself', async () => {
  await fill(record(0), record(1))
  const { failed } = room.resque
  const job = await failed.get(1)
  expect(job?.args).toEqual([1])
  expect(await failed.get(job?.ref ?? '')).toEqual(job)
  expect(await failed.get(job as NonNullable<typeof job>)).toBe(job)
  expect(await failed.get(9)).toBeUndefined()
  expect(await failed.get('9.0123456789abcdef@failed')).toBeUndefined()
  await expect(failed.get('9')).rejects.toThrow(
    'Expected the ref of a failed job, got "9". A ref is what failed.all()',
  )
})

test('requeue puts the payload back as it was, and marks the entry, which stays', async () => {
  await fill(record(0), record(1))
  expect(await room.resque.failed.requeue(1)).toBe(true)
  expect(await room.client.lrange('resque:queue:mail', 0, -1)).toEqual(['{"class":"Mail","args":[1.0]}'])
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  const [first, second] = await entries()
  expect(first).toBe(record(0))
  expect(second).toMatch(/"queue":"mail","retried_at":"\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d UTC"\}$/)
  expect(second?.startsWith(record(1).slice(0, -1))).toBe(true)
})

test('a job that is put back again gets a new mark instead of a second one', async () => {
  await fill(record(0, { retriedAt: '2001/01/01 00:00:00 UTC' }))
  expect(await room.resque.failed.requeue(0)).toBe(true)
  const [text = ''] = await entries()
  expect(text.match(/retried_at/g)).toHaveLength(1)
  expect(text).not.toContain('2001')
})

test('requeue can put a job on another queue, and appends it there', async () => {
  await fill(record(0))
  await room.client.rpush('resque:queue:slow', 'before')
  expect(await room.resque.failed.requeue(0, { queue: 'slow' })).toBe(true)
  expect(await room.client.lrange('resque:queue:slow', 0, -1)).toEqual([
    'before',
    '{"class":"Mail","args":[0.0]}',
  ])
})

test('requeueAll puts back what is meant, oldest first, and says how far it is', async () => {
  await fill(...Array.from({ length: 250 }, (_, id) => record(id, { queue: id % 2 ? 'odd' : 'even' })))
  const seen: number[][] = []
  expect(
    await room.resque.failed.requeueAll({ queue: 'odd' }, (done, total) => seen.push([done, total])),
  ).toBe(125)
  expect(seen).toEqual([
    [100, 250],
    [200, 250],
    [250, 250],
  ])
  const back = await room.client.lrange('resque:queue:odd', 0, -1)
  expect(back).toEqual(Array.from({ length: 125 }, (_, i) => `{"class":"Mail","args":[${2 * i + 1}.0]}`))
  expect(await room.client.exists('resque:queue:even')).toBe(0)
  expect(await room.resque.failed.requeueAll({ skipRetried: true })).toBe(125)
  expect(await room.client.llen('resque:queue:even')).toBe(125)
  expect(await room.resque.failed.count()).toBe(250)
})

test('remove takes one entry away, also of several that are the same', async () => {
  await fill(record(0), record(1), record(1), record(2))
  const { failed } = room.resque
  expect(await failed.remove(2)).toBe(true)
  expect(await ids()).toEqual([0, 1, 2])
  expect(await failed.remove(9)).toBe(false)
  const job = await failed.get(0)
  expect(await failed.remove(job?.ref ?? '')).toBe(true)
  expect(await failed.remove(job?.ref ?? '')).toBe(false)
  expect(await ids()).toEqual([1, 2])
})

test('removeAll removes what is meant and nothing else, and says how far it is', async () => {
  await fill(...Array.from({ length: 250 }, (_, id) => record(id, { name: id % 5 ? 'Mail' : 'Five' })))
  const seen: number[][] = []
  expect(
    await room.resque.failed.removeAll({ class: 'Five' }, (done, total) => seen.push([done, total])),
  ).toBe(50)
  expect(seen).toEqual([
    [100, 250],
    [200, 250],
    [250, 250],
  ])
  expect(await ids(0, 999)).toEqual(Array.from({ length: 250 }, (_, id) => id).filter((id) => id % 5))
  expect(await room.resque.failed.removeAll()).toBe(200)
  expect(await room.client.exists('resque:failed')).toBe(0)
})

test('clearRetried removes the jobs that were put back', async () => {
  await fill(record(0), record(1, { retriedAt: 'x' }), record(2), record(3, { retriedAt: 'y' }))
  expect(await room.resque.failed.clearRetried()).toBe(2)
  expect(await ids()).toEqual([0, 2])
})

test('clear empties the list, and the counter of failed jobs stays', async () => {
  await fill(record(0))
  await room.client.set('resque:stat:failed', 7)
  await room.resque.failed.clear('mail_failed')
  expect(await room.resque.failed.count()).toBe(1)
  await room.resque.failed.clear()
  expect(await room.resque.failed.count()).toBe(0)
  expect(await room.client.get('resque:stat:failed')).toBe('7')
})

test.each(['', 'not json', 'null', '7', '[]', '"text"'])(
  'an entry that is no failed record is shown as such: %j',
  async (text) => {
    await fill(text, record(1))
    const [job] = await room.resque.failed.all()
    expect(job).toMatchObject({ isReadable: false, payload: text, class: '', text })
    expect(job?.error).toBe('This entry is not a failed record: it is no JSON object.')
    expect(await room.resque.failed.count({ class: 'Mail' })).toBe(1)
  },
)

test.each(['not json', '', 'null', '{}', '{"queue":"mail"}', '{"payload":{"class":"A"}}'])(
  'an entry that has no job or no queue to put back is left alone: %j',
  async (text) => {
    await fill(text, record(1))
    await expect(room.resque.failed.requeue(0)).rejects.toThrow('cannot be put back')
    expect(await room.resque.failed.requeueAll()).toBe(1)
    expect((await entries())[0]).toBe(text)
    expect((await room.client.keys('resque:queue:*')).sort()).toEqual(['resque:queue:mail'])
  },
)

test('an entry that is no failed record can be removed', async () => {
  await fill('', 'not json', record(1))
  expect(await room.resque.failed.remove(0)).toBe(true)
  expect(await room.resque.failed.remove((await room.resque.failed.all())[0]?.ref ?? '')).toBe(true)
  expect(await ids()).toEqual([1])
})

test('members of an odd type do not keep a record from being shown', async () => {
  await fill(
    '{"failed_at":5,"payload":{"class":["x"],"args":null},"backtrace":null,"error":{},"queue":"q","worker":null}',
  )
  expect((await room.resque.failed.all())[0]).toMatchObject({
    ...{
      failedAt: '5',
      class: 'x',
      args: [],
      backtrace: [],
      exception: '',
      worker: '',
      queue: 'q',
      isReadable: true,
    },
  })
})
