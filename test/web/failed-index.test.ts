// The index of the failed lists: exact counts, in few commands of bounded size, whatever stands in a list.

import { redisMultiQueueBackend } from 'resque-ts'
import { expect, test } from 'vitest'
import { EntryPages } from '#built/web/entry-pages.js'
import { maskMessage } from '#built/web/failed-groups.js'
import { FailedIndex, type FailedIndexOptions } from '#built/web/failed-index.js'
import { useRoom } from '../room.js'
import { range, failedRecord as record } from './records.js'

const room = useRoom()
const fill = async (texts: (string | Buffer)[], list = 'failed') => {
  for (let i = 0; i < texts.length; i += 5_000)
    await room.client.rpush(`resque:${list}`, ...texts.slice(i, i + 5_000))
}
function index(options: Partial<FailedIndexOptions> = {}): FailedIndex {
  const { resque } = room
  return new FailedIndex({ store: resque.store, failedLists: () => resque.failed.lists(), ...options })
}
async function calls(): Promise<Record<string, number>> {
  const lines = (await room.client.info('commandstats')).split('\r\n')
  const pairs = lines.flatMap((line) => {
    const match = /^cmdstat_(\S+?):calls=(\d+)/.exec(line)
    return match ? [[match[1] as string, Number(match[2])] as const] : []
  })
  return Object.fromEntries(pairs)
}

test('groups bring together what differs in numbers, hex, UUIDs and quoted text alone', () => {
  expect(maskMessage('user 42 of 1,000 has 0xff')).toBe('user <n> of <n> has <hex>')
  expect(maskMessage('no 3f2504e0-4f89-11d3-9a0c-0305e82c3301 here')).toBe('no <uuid> here')
  expect(maskMessage("undefined method `foo' for nil, can't \"x 1\" or 'y'")).toBe(
    "undefined method <text> for nil, can't <text> or <text>",
  )
  expect(maskMessage('sha 9f86d081884c7d65 deadbeef')).toBe('sha <hex> deadbeef')
  expect(maskMessage(`${'"'.repeat(100_000)}'`)).toHaveLength(250 * 6)
})

test('a hundred thousand failures are indexed in chunks of five hundred, and afterwards the tail alone is read', async () => {
  const texts = range(100_000).map((id) =>
    record(id, {
      class: `Class${id % 20}`,
      error: `no user ${id} in ${id % 3 ? '"a"' : '"b"'}`,
      queue: `q${id % 7}`,
    }),
  )
  await fill(texts)
  const made = index()
  await room.client.config('RESETSTAT')
  const before = process.memoryUsage().heapUsed
  const states: number[] = []
  while (!made.state.isReady) states.push((await made.refresh(20)).progress)
  const built = await calls()
  expect(states.some((progress) => progress > 0 && progress < 1)).toBe(true)
  expect(built.lrange).toBeLessThanOrEqual(202)
  expect(Object.values(built).reduce((sum, each) => sum + each, 0)).toBeLessThan(230)
  expect(made.state).toMatchObject({ isReady: true, indexed: 100_000, total: 100_000, isTruncated: false })
  expect(made.state.bytes).toBeLessThan(10e6)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200e6)

  expect(made.count({})).toBe(100_000)
  expect(made.count({ class: 'Class3', queue: 'q3' })).toBe(
    range(100_000).filter((id) => id % 20 === 3 && id % 7 === 3).length,
  )
  expect(made.count({ text: 'x' })).toBeUndefined()
  expect(made.groups({}, { from: 0, to: 1 }).groups).toHaveLength(20)

  await fill(range(10).map((id) => record(id, { class: 'New' })))
  await room.client.config('RESETSTAT')
  await made.refresh()
  const read = await calls()
  expect(made.count({ class: 'New' })).toBe(10)
  expect(Object.values(read).reduce((sum, each) => sum + each, 0)).toBeLessThan(15)
})

test('what was put back or removed in the middle shows at the next look, and only what is new is read', async () => {
  await fill(range(3_000).map((id) => record(id, { class: id % 2 ? 'Odd' : 'Even' })))
  const made = index()
  await made.refresh()
  await room.client.lset(
    'resque:failed',
    1_001,
    record(1_001, { class: 'Odd', retriedAt: '2026/11/24 04:00:00 UTC' }),
  )
  await room.client.lrem('resque:failed', 1, record(500, { class: 'Even' }))
  made.touch()
  await room.client.config('RESETSTAT')
  await made.refresh()
  expect((await calls()).lrange).toBeLessThan(12)
  expect(made.count({ class: 'Even' })).toBe(1_499)
  expect(made.count({ state: 'retried' })).toBe(1)
  expect(made.count({ class: 'Odd', state: 'open' })).toBe(1_499)
  // Without being told: another first entry, or a shorter list.
  await room.client.lpop('resque:failed', 10)
  await made.refresh()
  expect(made.count({})).toBe(2_989)
  await room.client.del('resque:failed')
  await made.refresh()
  expect(made.count({})).toBe(0)
})

test('what was counted is counted anew when entries come, go, change places or are put back, and lists come and go', async () => {
  const retried = { retriedAt: '2026/11/24 05:00:00 UTC' }
  await fill(range(1_000).map((id) => record(id)))
  const failed = index({ verifyMs: 0, failedLists: async () => room.client.smembers('resque:lists') })
  await room.client.sadd('resque:lists', 'failed')
  const counts = async () => {
    await failed.refresh()
    const look = () => [
      failed.count({}),
      failed.count({ state: 'retried' }),
      failed.count({ class: 'Other' }),
    ]
    expect(look()).toEqual(look())
    return look()
  }
  expect(await counts()).toEqual([1_000, 0, 0])
  await fill([record(1_000, { class: 'Other' })])
  expect(await counts()).toEqual([1_001, 0, 1])
  await room.client.lset('resque:failed', 500, record(500, retried))
  expect(await counts()).toEqual([1_001, 1, 1])
  await room.client.lpop('resque:failed')
  expect(await counts()).toEqual([1_000, 1, 1])
  await fill([record(1, { class: 'Other', ...retried })], 'q_failed')
  await room.client.sadd('resque:lists', 'q_failed')
  expect(await counts()).toEqual([1_001, 2, 2])
  await room.client.srem('resque:lists', 'failed')
  expect(await counts()).toEqual([1, 1, 1])
})

test('of very many, the newest are indexed, and it says so', async () => {
  await fill(range(3_000).map((id) => record(id)))
  const made = index({ maxEntries: 1_000 })
  expect(await made.refresh()).toMatchObject({ indexed: 1_000, total: 3_000, isTruncated: true })
  await fill(range(50, 3_000).map((id) => record(id)))
  expect(await made.refresh()).toMatchObject({ indexed: 1_000, total: 3_050 })
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  const { rows } = await pages.filtered(made, { class: 'Mail' }, 0, 3)
  expect(rows.map(({ job }) => job.args)).toEqual([[3_049], [3_048], [3_047]])
})

test('groups tell when, where and how often', async () => {
  const at = (hour: number) => `2026/11/24 0${hour}:30:00 CET`
  await fill([
    record(1, { error: 'user 1', failedAt: at(1), queue: 'a' }),
    record(2, { error: 'user 22', failedAt: at(3), queue: 'b' }),
    record(3, { error: 'user 333', failedAt: at(3), queue: 'b', retriedAt: at(4) }),
    record(4, { error: 'other', failedAt: at(2) }),
  ])
  const made = index()
  await made.refresh()
  const from = Date.UTC(2026, 10, 24) / 1000
  const { groups, total } = made.groups({}, { from, to: from + 4 * 3600, buckets: 4 })
  expect(total).toBe(2)
  expect(groups[0]).toMatchObject({
    ...{ class: 'Mail', exception: 'RuntimeError', message: 'user <n>', count: 3, open: 2 },
    firstAt: from + 1_800,
    lastAt: from + 9_000,
    sparkline: [1, 0, 2, 0],
    queues: [
      { queue: 'b', count: 2 },
      { queue: 'a', count: 1 },
    ],
    newestRef: expect.stringMatching(/^2\.[0-9a-f]{16}@failed$/),
  })
  expect(made.count({ group: groups[0]?.id as string, state: 'open' })).toBe(2)
  expect(made.count({ from: from + 2 * 3600, to: from + 3 * 3600 })).toBe(2)
  expect(made.facets({}).queue).toEqual([
    { value: 'b', count: 2 },
    { value: 'a', count: 1 },
    { value: 'mail', count: 1 },
  ])
})

test('what is no failed record, too long, not UTF-8 or hostile breaks nothing', async () => {
  const odd = [
    ...[
      '',
      'null',
      '[]',
      '5',
      '"x"',
      '{}',
      '{"payload":5}',
      '{"payload":{"class":{"a":1}},"queue":[],"error":{}}',
    ],
    Buffer.from([0xff, 0xfe, 0]),
    Buffer.concat([
      Buffer.from('{"payload":{"class":"B'),
      Buffer.from([0xff]),
      Buffer.from('","args":[]},"queue":"q"}'),
    ]),
    record('\u0000\u202e</script>', { error: 'x'.repeat(1_000_000) }),
    record(1, { class: 'C'.repeat(1_000_000), queue: 'q'.repeat(1_000_000) }),
  ]
  await fill([...odd, record('good')])
  const made = index()
  expect((await made.refresh()).indexed).toBe(odd.length + 1)
  const { groups } = made.groups({}, { from: 0, to: 1 })
  expect(groups.reduce((sum, each) => sum + each.count, 0)).toBe(odd.length + 1)
  for (const group of groups) expect(group.class.length + group.message.length).toBeLessThan(1_500)
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  const { rows, total } = await pages.newest(undefined, 0, 50)
  expect(total).toBe(odd.length + 1)
  expect(rows[0]?.job.args).toEqual(['good'])
  expect(rows[1]).toMatchObject({ isWhole: false, sizeBytes: expect.any(Number) })
  for (const row of rows) expect(await pages.failed(row.job.ref)).toMatchObject({ ref: row.job.ref })
  expect((await pages.failed(rows[1]?.job.ref ?? ''))?.class).toHaveLength(1_000_000)
})

test('failed lists per queue are one index and one list', async () => {
  const resque = room.connect({ failureBackend: redisMultiQueueBackend })
  await room.client.sadd('resque:failed_queues', 'a_failed', 'b_failed')
  await fill([record(1, { queue: 'a', failedAt: '2026/11/24 01:00:00 UTC' })], 'a_failed')
  await fill([record(2, { queue: 'b', failedAt: '2026/11/24 00:00:00 UTC' })], 'b_failed')
  await fill([record(3, { queue: 'a', failedAt: '2026/11/24 03:00:00 UTC' })], 'a_failed')
  const lists = () => resque.failed.lists()
  const made = new FailedIndex({ store: resque.store, failedLists: lists })
  await made.refresh()
  expect(made.count({ list: 'a_failed' })).toBe(2)
  const pages = new EntryPages(resque.store, lists)
  const { rows, total } = await pages.filtered(made, { class: 'Mail' }, 0)
  expect(total).toBe(3)
  expect(rows.map(({ job }) => job.args)).toEqual([[3], [1], [2]])
  expect((await pages.newest('b_failed', 0)).rows).toHaveLength(1)
  expect((await pages.newest(undefined, 1, 2)).rows.map(({ job }) => job.args)).toEqual([[1], [2]])
})

test('a filtered page is read in one command, and finds what moved since the index looked', async () => {
  // Every fourth is like the one before it, byte by byte.
  const text = (id: number) => record(id % 4 === 3 ? id - 1 : id, { class: id % 4 > 1 ? 'Wanted' : 'Other' })
  await fill(range(400).map(text))
  const made = index()
  await made.refresh()
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  const page = async () => {
    await room.client.config('RESETSTAT')
    const { rows, total } = await pages.filtered(made, { class: 'Wanted' }, 0)
    const { eval: byText = 0, evalsha = 0, llen } = await calls()
    return {
      ids: rows.map(({ job }) => (job.args as number[])[0]),
      places: rows.map(({ job }) => job.index),
      ...{ total, scripts: byText + evalsha, llen },
    }
  }
  const ids = range(50).map((i) => 398 - Math.floor(i / 2) * 4)
  const places = range(50).map((i) => 399 - Math.floor(i / 2) * 4 - (i % 2))
  await page()
  expect(await page()).toEqual({ ids, places, total: 200, scripts: 1, llen: undefined })

  await room.client.lpop('resque:failed', 40)
  const moved = await page()
  expect(moved).toEqual({ ids, places: places.map((i) => i - 40), total: 200, scripts: 1, llen: undefined })

  // Changed, not moved: the index looks again, and what it says then is true.
  await room.client.lset('resque:failed', 399 - 40, record('changed', { class: 'Other' }))
  const changed = await page()
  expect(changed).toMatchObject({ ids: [...ids.slice(1), 298], total: 179 })
})

test('a search looks at so many entries a call, newest first, and goes on where it ended', async () => {
  await fill(range(3_000).map((id) => record(id, { error: id % 100 === 7 ? 'needle' : 'hay' })))
  const pages = new EntryPages(room.resque.store, () => room.resque.failed.lists())
  const found: unknown[] = []
  let cursor: string | undefined
  let looked = 0
  do {
    const page = await pages.search(
      { text: 'needle', class: 'Mail' },
      { cursor, looks: 400, limit: 3, timeMs: 10_000 },
    )
    expect(page.looked).toBeLessThanOrEqual(600)
    expect(page.total).toBeGreaterThanOrEqual(3_000)
    found.push(...page.rows.map(({ job }) => (job.args as number[])[0]))
    looked += page.looked
    cursor = page.next
    await fill([record('new', { error: 'needle' })])
  } while (cursor)
  expect(found).toEqual(range(30).map((i) => 2_907 - i * 100))
  expect(looked).toBe(3_000)
})
