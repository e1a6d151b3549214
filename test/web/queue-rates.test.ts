// How many jobs come into each queue and go out of it: a mean of the last minutes where it is known, and a dash elsewhere.

import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const MINUTE = 60_000
/** A minute's first second: the last full minute is the one before. */
const noon = new Date('2026-05-05T12:00:01Z')
const midnight = new Date('2026-05-05T00:02:01Z')

const webs: Web[] = []
afterEach(async () => {
  await Promise.all(webs.splice(0).map((web) => web.close()))
})

function open(options: Partial<WebOptions> = {}) {
  const web = createWeb({
    ...{ resque: room.resque, auth: 'none', history: false, cacheMs: 0, now: () => noon },
    ...options,
  })
  webs.push(web)
  return async (path: string) => {
    const peer = { address: '127.0.0.1', localAddress: '127.0.0.1' }
    return (await web.fetch(new Request(`http://localhost${path}`), peer)).text()
  }
}

let reports = 0
/** A minute so many minutes before `now`: how many jobs wait in mail at its end, and how many have ended in it. */
async function minute(ago: number, waiting: number, ended?: { done: number; failed: number }, now = noon) {
  const at = new Date(now.getTime() - ago * MINUTE)
  await room.client.sadd('resque:queues', 'mail')
  await room.client.del('resque:queue:mail')
  for (let i = 0; i < waiting; i++) await room.client.rpush('resque:queue:mail', '{"class":"Mail","args":[]}')
  const { history } = room.resque.store
  await history.sample('test', 25_000, at)
  if (ended) await history.report('test', ++reports, [{ scope: 'queue', name: 'mail', ...ended }], at)
}

async function worker(id: string, kind?: object) {
  await room.client.sadd('resque:workers', id)
  await room.client.hset('resque:workers:heartbeat', id, new Date().toISOString())
  if (kind) await room.client.hset('resque:workers:kind', id, JSON.stringify(kind))
}

/** In and out, as the table, the API and the live pages tell it; undefined where live pages are told nothing. */
async function told(options: Partial<WebOptions> = {}) {
  const ask = open(options)
  const [row = ''] = /<tr>(?:(?!<tr>).)*data-live="queue:mail".*?<\/tr>/s.exec(await ask('/queues')) ?? []
  const cell = (way: string) => new RegExp(`data-live="${way}:mail">(?:<span[^>]*>)?([^<]*)<`).exec(row)?.[1]
  const [queue] = JSON.parse(await ask('/api/v1/queues')).items
  const live = JSON.parse(await ask('/events.json?topics=queues'))
  return {
    page: [cell('in'), cell('out')],
    api: [queue.inPerMinute, queue.outPerMinute],
    live: [live['in:mail'], live['out:mail']],
  }
}

const unknown = { page: ['–', '–'], api: [null, null], live: [undefined, undefined] }

test('what ended went out, and with what the queue grew by it came in, a mean of the last five minutes', async () => {
  await minute(6, 10, { done: 500, failed: 500 })
  await minute(5, 10, { done: 4, failed: 1 })
  await minute(4, 12, { done: 5, failed: 0 })
  await minute(3, 16, { done: 0, failed: 0 })
  await minute(2, 16, { done: 3, failed: 3 })
  await minute(1, 13, { done: 3, failed: 4 })
  // It is not over yet.
  await minute(0, 99, { done: 700, failed: 0 })
  // 23 ended, and three more wait: 26 came.
  const known = { page: ['5.2', '4.6'], api: [5.2, 4.6], live: ['5.2', '4.6'] }
  expect(await told()).toEqual(known)
  await worker('host:1:mail', { process: 'host:1:mail', deadAfterMs: 60_000, failOnDeath: false, nonce: 'n' })
  expect(await told()).toEqual(known)
})

test('the minutes may lie on two days', async () => {
  await minute(6, 1, { done: 0, failed: 0 }, midnight)
  for (const ago of [5, 4, 3, 2, 1]) await minute(ago, 7 - ago, { done: 10, failed: 0 }, midnight)
  expect(await told({ now: () => midnight })).toMatchObject({ api: [11, 10] })
})

test('of minutes that nobody looked at, or told of, nothing is made', async () => {
  await minute(5, 100)
  await minute(3, 10, { done: 9, failed: 0 })
  await minute(2, 10, { done: 4, failed: 0 })
  await minute(1, 90)
  // The third had no minute before it, and in the last no worker told: the second alone is known.
  expect(await told()).toMatchObject({ api: [4, 4] })
})

test('a queue where nothing happens has a zero, where workers of ours tell so', async () => {
  for (const ago of [3, 2, 1]) await minute(ago, 2, { done: 0, failed: 0 })
  expect(await told()).toEqual({ page: ['0', '0'], api: [0, 0], live: ['0', '0'] })
})

test('without history there is a dash, and so there is where no worker of ours tells, or one of Ruby’s takes too', async () => {
  await room.client.sadd('resque:queues', 'mail')
  expect(await told()).toEqual(unknown)
  for (const ago of [3, 2, 1]) await minute(ago, ago)
  expect(await told()).toEqual(unknown)
  for (const ago of [3, 2, 1]) await minute(ago, 2, { done: 1, failed: 0 })
  expect(await told()).toMatchObject({ api: [1, 1] })
  await worker('ruby:1:other,ma*')
  expect(await told()).toEqual(unknown)
})

test('how many came is not known where the queue was cut', async () => {
  await minute(3, 50, { done: 1, failed: 0 })
  await minute(2, 5, { done: 2, failed: 0 })
  await minute(1, 5, { done: 0, failed: 0 })
  expect(await told()).toEqual({ page: ['–', '1'], api: [null, 1], live: [undefined, '1'] })
})

test('all queues cost one script, for all who look', async () => {
  for (const ago of [2, 1]) await minute(ago, 1, { done: 1, failed: 0 })
  // Now Redis knows the scripts.
  await open()('/queues')
  const ask = open({ cacheMs: 60_000 })
  await ask('/workers')
  await room.client.config('RESETSTAT')
  await Promise.all(Array.from({ length: 20 }, () => ask('/queues')))
  await ask('/api/v1/queues')
  const info = await room.client.info('commandstats')
  expect(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1]).toBe('1')
  expect(/cmdstat_getrange:calls=(\d+)/.exec(info)?.[1]).toBe('6')
})

test('the help of a column says what it counts', async () => {
  await minute(1, 1)
  const page = await open()('/queues')
  expect(page).toContain('title="Jobs a minute that came, in the last 5 minutes"')
  expect(page).toContain('title="Jobs a minute that ended, well or not, in the last 5 minutes"')
})

test('a dash says why nothing is known, and so does a note, which stands where there is a dash', async () => {
  const titles = async () =>
    [...(await open()('/queues')).matchAll(/<span title="Not known: ([^"]*)">–/g)].map(([, why]) => why)
  const note = 'Ruby’s do not say of which queue'
  await room.client.sadd('resque:queues', 'mail')
  expect(new Set(await titles())).toEqual(new Set(['no worker of this package has told of it of late']))
  await worker('host:1:mail')
  expect(await titles()).toHaveLength(2)
  expect(new Set(await titles())).toEqual(new Set(['Ruby’s workers take from it, which do not tell']))
  expect(await open()('/queues')).toContain(note)
  await room.client.del('resque:workers')
  await minute(2, 1, { done: 1, failed: 0 })
  await minute(1, 1, { done: 1, failed: 0 })
  expect(await titles()).toEqual([])
  expect(await open()('/queues')).not.toContain(note)
})
