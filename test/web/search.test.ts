// A search for text in a failed list or a queue: it finds what a look at every entry would find, in few round trips, and
// neither Redis nor this process holds much of what does not match.

import { expect, test } from 'vitest'
import { EntryPages, type SearchLimits, type SearchPage } from '#built/web/entry-pages.js'
import { useRoom } from '../room.js'

const room = useRoom()
const pagesOf = () => new EntryPages(room.resque.store, () => room.resque.failed.lists())
const MEGABYTE = 1_000_000

/** What a search finds, page by page, and how far it looked. */
async function all(kind: 'failed' | 'queue', text: string, limits: SearchLimits = {}) {
  const found: number[] = []
  let looked = 0
  let cursor: string | undefined
  do {
    const pages = pagesOf()
    const given = { timeMs: 10_000, ...limits, cursor }
    const page =
      kind === 'queue'
        ? await pages.searchPending('mail', { text }, given)
        : await pages.search({ text }, given)
    found.push(...page.rows.map((row) => ('job' in row ? row.job.index : row.index)))
    looked += page.looked
    cursor = page.next
  } while (cursor !== undefined)
  return { found, looked }
}

async function fill(key: string, count: number, entry: (i: number) => string | Buffer): Promise<void> {
  for (let i = 0; i < count; i += 5_000) {
    const size = Math.min(5_000, count - i)
    await room.client.rpush(key, ...Array.from({ length: size }, (_, k) => entry(i + k)))
  }
}

async function costOf<T>(act: () => Promise<T>) {
  await room.client.config('RESETSTAT')
  const before = await bytesSent()
  const result = await act()
  const info = await room.client.info('commandstats')
  const bytes = (await bytesSent()) - before
  const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0)
  return { result, bytes, scripts: calls('evalsha'), ranges: calls('lrange') }
}

async function bytesSent(): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(await room.client.info('stats'))?.[1])
}

test('a search finds what a look at every entry finds, in the order of its list', async () => {
  const long = 'a text longer than what Redis is asked for, which ends in '
  const texts = ['plain', 'Ünïcode 日本', '\\u0041', '%d+[a]', '\u0000null', `${long}A`, `${long}B`]
  const entries = Array.from({ length: 2_500 }, (_, i) =>
    i % 50 === 49
      ? Buffer.from([0x22, 0xff, 0xfe, 0x22])
      : Buffer.from(
          `{"class":"A","args":["${texts[i % texts.length]}",${i}],"big":"${'y'.repeat(i % 300)}"}`,
        ),
  )
  await fill('resque:queue:mail', entries.length, (i) => entries[i] as Buffer)
  await fill('resque:failed', entries.length, (i) => entries[i] as Buffer)
  for (const text of [...texts, '本', '\ufffd', '"', ',77]', 'no such text']) {
    const expected = entries.flatMap((entry, i) => (entry.toString().includes(text) ? [i] : []))
    for (const limits of [{}, { limit: 7, looks: 900 }]) {
      expect(await all('queue', text, limits)).toEqual({ found: expected, looked: 2_500 })
      expect(await all('failed', text, limits)).toEqual({ found: expected.toReversed(), looked: 2_500 })
    }
  }
})

test('ten thousand entries are looked at in a dozen round trips, and what does not match stays in Redis', async () => {
  const entry = (i: number) => `{"class":"A","args":[${i},"${'x'.repeat(700)}"]}`
  await fill('resque:queue:mail', 12_000, entry)
  await fill('resque:failed', 12_000, entry)
  await all('queue', 'none')
  for (const kind of ['queue', 'failed'] as const) {
    const search = async (): Promise<SearchPage<unknown>> =>
      kind === 'queue'
        ? pagesOf().searchPending('mail', { text: '[3,' }, { timeMs: 10_000 })
        : pagesOf().search({ text: '[11990,', list: 'failed' }, { timeMs: 10_000 })
    const { result, scripts, bytes } = await costOf(search)
    expect(result).toMatchObject({ looked: 10_000, total: 12_000, rows: [{}] })
    expect(result.next).toBeDefined()
    // And one trip for the length.
    expect(scripts).toBeLessThanOrEqual(10)
    expect(bytes).toBeLessThan(20_000)
  }
})

test('large entries are read a few at a time, wherever they begin, and every entry is still looked at', async () => {
  const small = (i: number) => `{"class":"A","args":[${i}]}`
  const large = (i: number) => `{"class":"A","args":[${i},"${'z'.repeat(MEGABYTE)}"]}`
  const isLarge = (i: number) => i >= 400 && i < 430
  await fill('resque:queue:mail', 800, (i) => (isLarge(i) ? large(i) : small(i)))
  await all('queue', 'none')
  const { result, bytes, ranges } = await costOf(() => all('queue', '[415,'))
  expect(result).toEqual({ found: [415], looked: 800 })
  expect(bytes).toBeLessThan(2 * MEGABYTE)
  expect(ranges).toBeGreaterThanOrEqual(200)
  // All of them match: a few are sent at a time.
  const { result: some, bytes: sent } = await costOf(() =>
    pagesOf().searchPending('mail', { text: 'zz' }, { limit: 3 }),
  )
  expect(some.rows.map(({ index }) => index)).toEqual([400, 401, 402])
  expect(sent).toBeLessThan(6 * MEGABYTE)
  expect((await all('queue', 'zz', { limit: 3 })).found).toEqual(
    Array.from({ length: 30 }, (_, i) => 400 + i),
  )
})

test('two hundred queues are looked through one after the other, in one round trip', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `queue_${i}`)
  for (const name of names.filter((_, i) => i % 3 > 0))
    await fill(`resque:queue:${name}`, 5, (i) => `["${name}",${i}]`)
  await pagesOf().searchPending('none', { text: 'none' })
  const { result, scripts } = await costOf(() =>
    pagesOf().searchPending(names, { text: ',4]' }, { limit: 1_000 }),
  )
  expect(result).toMatchObject({ looked: 665, total: 665, next: undefined })
  expect(result.rows.map(({ text }) => text)).toEqual(
    names.flatMap((name, i) => (i % 3 > 0 ? [`["${name}",4]`] : [])),
  )
  expect(scripts).toBe(1)
  // The limit is met in the middle, at the end of a list: the next page begins with the next list.
  const first = await pagesOf().searchPending(names, { text: ',4]' }, { limit: 2 })
  const second = await pagesOf().searchPending(names, { text: ',4]' }, { limit: 1, cursor: first.next })
  expect(first).toMatchObject({ looked: 10 })
  expect(second.rows.map(({ text }) => text)).toEqual(['["queue_4",4]'])
})

test('a list that was cut short meanwhile is looked through from where it ends now', async () => {
  await fill('resque:failed', 3_000, (i) => `{"class":"A","args":[${i}]}`)
  const first = await pagesOf().search({ text: '[7]' }, { looks: 500 })
  expect(first).toMatchObject({ rows: [], looked: 500, next: '0.2500' })
  await room.client.ltrim('resque:failed', 0, 99)
  const second = await pagesOf().search({ text: '[7]' }, { cursor: first.next })
  expect(second.rows.map(({ job }) => job.index)).toEqual([7])
  expect(second).toMatchObject({ looked: 100, total: 100, next: undefined })
})
