// What is hidden from a viewer he cannot search for either: neither whether it is there, nor its first letters. Who may
// look behind what is hidden finds it, and acts on exactly what he was shown.

import { beforeEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { failedRecord } from './records.js'
import { bearer, openSite } from './site.js'

const room = useRoom()

const args = {
  password: 'hunter-two',
  note: 'call password=hunter-two back',
  ünsafe: 'hunter-two',
  seen: 'plain-sight',
}
const payload = (more: object = {}) =>
  JSON.stringify({ class: 'Mail', queue: 'mail', args: [{ ...args, ...more }] })

beforeEach(async () => {
  const { client } = room
  await client.sadd('resque:queues', 'mail')
  await client.rpush(
    'resque:queue:mail',
    payload(),
    '{"class":"Mail","args":[{"pass\\u0077ord" : "hunter-two"}]}',
  )
  await client.rpush(
    'resque:queue:mail',
    'no job, token=hunter-two, plain-sight',
    payload({ n: 12345678901234567890n.toString() }),
  )
  const failure = (error: string) =>
    failedRecord(1, { error }).replace(/"payload":\{.*?\}/, `"payload":${payload()}`)
  await client.rpush('resque:failed', failure('boom password=hunter-two, plain-sight'), failure('other'))
  await client.zadd('resque:delayed_queue_schedule', 1_900_000_000, 1_900_000_000)
  await client.rpush('resque:delayed:1900000000', payload())
})

const places = (text: string) => {
  const query = new URLSearchParams({ text })
  return [
    `/failed?${query}`,
    `/queues/mail?${query}`,
    `/delayed/search?${new URLSearchParams({ q: text })}`,
    `/api/v1/failed/search?${query}`,
    `/api/v1/queues/mail/search?${query}`,
    `/api/v1/delayed/search?${query}`,
  ]
}

/** How many entries each place finds. */
async function found(role: string, text: string): Promise<number[]> {
  const site = openSite(room, { redact: ['ünsafe'] })
  const counts: number[] = []
  for (const place of places(text)) {
    const answer = await site.text(place, { headers: bearer(role) })
    counts.push(place.startsWith('/api') ? (JSON.parse(answer).items as unknown[]).length : rowsIn(answer))
  }
  await site.web.close()
  return counts
}

const rowsIn = (html: string) =>
  (/<tbody[^>]*>([\s\S]*?)<\/tbody>/.exec(html)?.[1]?.match(/<tr/g) ?? []).length

test('a viewer who searches for a secret, or the beginning of one, finds nothing anywhere', async () => {
  for (const text of ['hunter-two', 'hunter', '"password":"h', 'password=h', 'token=h', '\\u0077ord" : "h'])
    expect(await found('viewer', text), text).toEqual([0, 0, 0, 0, 0, 0])
})

test('a viewer finds what he sees, however it is spelt in the entry', async () => {
  expect(await found('viewer', 'plain-sight')).toEqual([2, 3, 1, 2, 3, 1])
  expect(await found('viewer', '"seen":"plain-sight"')).toEqual([2, 2, 1, 2, 2, 1])
  expect(await found('viewer', '12345678901234567890')).toEqual([0, 1, 0, 0, 1, 0])
  expect(await found('viewer', '"pass\\u0077ord" : ')).toEqual([0, 1, 0, 0, 1, 0])
})

test('who may look behind what is hidden finds it', async () => {
  for (const role of ['operator', 'admin'])
    expect(await found(role, 'hunter-two')).toEqual([2, 4, 1, 2, 4, 1])
})

test('nor can he compare the arguments of delayed jobs with a guess', async () => {
  const site = openSite(room)
  const guess = (value: string) =>
    JSON.stringify([{ ...args, note: 'call password=[hidden] back', password: value }])
  const rows = async (role: string, text: string) =>
    rowsIn(await site.text(`/delayed/jobs/Mail?args=${encodeURIComponent(text)}`, { headers: bearer(role) }))
  expect(await rows('viewer', guess('hunter-two'))).toBe(0)
  expect(await rows('viewer', JSON.stringify([args]))).toBe(0)
  expect(await rows('viewer', guess('[hidden]'))).toBe(1)
  expect(await rows('operator', JSON.stringify([args]))).toBe(1)
})

test('how far a search of his came tells him nothing of what it came upon', async () => {
  const failure = (i: number) => failedRecord(i, { error: `boom ${i} api_token: sk_live_zebra` })
  for (let i = 0; i < 3; i++) {
    await room.client.rpush('resque:failed', ...Array.from({ length: 1_000 }, (_, n) => failure(n)))
    await room.client.rpush(
      'resque:queue:mail',
      ...Array.from({ length: 1_000 }, () => payload({ api_token: 'sk_live_zebra' })),
    )
  }
  const site = openSite(room)
  const ask = async (path: string) =>
    JSON.parse(await site.text(`/api/v1${path}`, { headers: bearer('viewer') }))
  for (const path of ['/failed/search?text=', '/queues/mail/search?text=']) {
    const [right, wrong] = [await ask(`${path}sk_live_z`), await ask(`${path}sk_live_a`)]
    expect(right).toEqual(wrong)
    expect(right).toMatchObject({ items: [], looked: 2_000 })
  }
  const [right, wrong] = [await ask('/jobs/sk_live_zebra'), await ask('/jobs/sk_live_aebra')]
  expect(right.looked).toEqual(wrong.looked)
})

test('groups of failures hide what stands in their message', async () => {
  const site = openSite(room)
  const answer = await site.text('/api/v1/failed/groups', { headers: bearer('viewer') })
  expect(answer).toContain('[hidden]')
  expect(answer).not.toContain('hunter')
})

test('what is done to all that match is done to exactly what was found', async () => {
  const site = openSite(room)
  const ask = async (path: string, body: object) => {
    const headers = { ...bearer('operator'), 'content-type': 'application/json' }
    return JSON.parse(await site.text(path, { method: 'POST', headers, body: JSON.stringify(body) }))
  }
  await room.client.rpush('resque:queue:mail', '{"class":"Mail","args":["innocent"]}')
  const text = '"password":"hunter-two"'
  const shown = JSON.parse(
    await site.text(`/api/v1/queues/mail/search?${new URLSearchParams({ text })}`, {
      headers: bearer('operator'),
    }),
  ).items as unknown[]
  expect(shown).toHaveLength(2)
  const done = await ask('/api/v1/queues/mail/jobs/remove', { filter: { text }, waitMs: 5_000 })
  expect(done).toMatchObject({ state: 'done' })
  expect(await room.client.llen('resque:queue:mail')).toBe(3)
  expect((await room.client.lrange('resque:queue:mail', 0, -1)).join()).not.toContain(text)
  // He who may not look may not act either.
  const refused = await site.ask('/api/v1/failed/remove', {
    method: 'POST',
    headers: { ...bearer('viewer'), 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { text: 'hunter' } }),
  })
  expect(refused.status).toBe(403)
})

test('ten thousand entries that hold a secret are all looked at, page after page, and none is shown', async () => {
  await room.client.del('resque:queue:mail')
  for (let i = 0; i < 10; i++)
    await room.client.rpush('resque:queue:mail', ...Array.from({ length: 1_000 }, () => payload({ i })))
  const site = openSite(room, { redact: ['ünsafe'] })
  let looked = 0
  let cursor: string | null = ''
  do {
    const query = new URLSearchParams({ text: 'hunter-two', ...(cursor && { cursor }) })
    const page = JSON.parse(
      await site.text(`/api/v1/queues/mail/search?${query}`, { headers: bearer('viewer') }),
    )
    expect(page.items).toEqual([])
    looked += page.looked as number
    cursor = page.next as string | null
  } while (cursor !== null)
  expect(looked).toBe(10_000)
})
