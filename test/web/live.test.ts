// What changes is told to those who look: by one look at Redis for all, to each what he may see, and to nobody who is
// gone.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { bearer, openSite, sameOrigin, signIn, tokenIn } from './site.js'

const room = useRoom()
const servers: Server[] = []
const webs: Web[] = []
afterEach(async () => {
  await Promise.all(webs.splice(0).map((web) => web.close()))
  for (const server of servers.splice(0)) server.closeAllConnections()
})

async function serve(options: Partial<WebOptions> = {}): Promise<string> {
  const web = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, history: false, ...options })
  webs.push(web)
  const server = createServer((req, res) => void web.handler(req, res)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Users by the name that they say. */
const byName: Partial<WebOptions> = {
  auth: {
    custom: (request) => {
      const user = request.headers.get('x-name')
      return user === null ? null : { user, role: 'viewer' }
    },
  },
}

interface Heard {
  event: string
  data: Record<string, unknown>
}

interface Ear {
  status: number
  heard: Heard[]
  raw: string
  isOver: boolean
  /** All that was told, put together. */
  readonly now: Record<string, unknown>
  leave(): void
}

async function listen(origin: string, { topics = '', headers = {} } = {}): Promise<Ear> {
  const stop = new AbortController()
  const response = await fetch(`${origin}/events?topics=${topics}`, { headers, signal: stop.signal })
  const ear: Ear = {
    status: response.status,
    heard: [],
    raw: '',
    isOver: false,
    get now() {
      return Object.assign({}, ...ear.heard.map(({ data }) => data))
    },
    leave: () => stop.abort(),
  }
  if (response.status === 200) void hear(response, ear)
  return ear
}

async function hear(response: Response, ear: Ear): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      const text = decoder.decode(bytes, { stream: true })
      ear.raw += text
      const parts = (rest + text).split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const [, event] = /^event: (.*)$/m.exec(part) ?? []
        const [, data] = /^data: (.*)$/m.exec(part) ?? []
        if (event && data) ear.heard.push({ event, data: JSON.parse(data) })
      }
    }
  } catch {
    // It was left.
  }
  ear.isOver = true
}

async function addQueue(name: string, jobs: number): Promise<void> {
  await room.client.sadd('resque:queues', name)
  for (let i = 0; i < jobs; i++) await room.client.rpush(`resque:queue:${name}`, '{"class":"A","args":[]}')
}

/** How often the script of the counts has run: nothing else here asks for the time. */
async function looks(): Promise<number> {
  return Number(/cmdstat_time:calls=(\d+)/.exec(await room.client.info('commandstats'))?.[1] ?? 0)
}

test('a viewer is told everything once, and then what changes', async () => {
  await addQueue('mail', 2)
  const ear = await listen(await serve())
  await waitFor(() => ear.heard.length === 1)
  expect(ear.heard[0]).toMatchObject({
    event: 'state',
    data: { 'count:pending': 2, 'count:failed': 0, 'queue:mail': 2, 'failed:failed': 0 },
  })
  await addQueue('other', 1)
  await room.client.rpush('resque:failed', '{}')
  await waitFor(() => ear.now['queue:other'] === 1)
  expect(ear.now).toMatchObject({ 'count:pending': 3, 'count:failed': 1, 'failed:failed': 1 })
  const changes = ear.heard.slice(1)
  expect(changes.every(({ event, data }) => event === 'change' && !('queue:mail' in data))).toBe(true)
  await room.client.srem('resque:queues', 'other')
  await waitFor(() => ear.now['queue:other'] === null)
})

test('workers, their jobs and their processes are told, with hostile names as text', async () => {
  const id = 'web:1:mail'
  const evil = '\n\nevent: state\ndata: {}\n\n<script>'
  await room.client.sadd('resque:workers', id, `${evil}:2:*`)
  const ear = await listen(await serve(), { topics: 'workers' })
  await waitFor(() => ear.heard.length === 1)
  expect(ear.now[`worker:${encodeURIComponent(id)}`]).toBe('idle')
  expect(ear.raw).not.toContain('<script>')
  expect(ear.now).not.toHaveProperty('count:pending')
  await room.client.set(
    `resque:worker:${id}`,
    JSON.stringify({ queue: 'mail', run_at: evil, payload: { class: 'A', args: [] } }),
  )
  await waitFor(() => ear.now[`worker:${encodeURIComponent(id)}`] === 'busy')
  expect(ear.now[`job:${encodeURIComponent(id)}`]).toMatch(/^\\u000a\\u000aevent: state/)
  expect(ear.heard.map(({ event }) => event)).toEqual(['state', 'change'])
})

test('each is told what he may see, and what his own account may', async () => {
  await addQueue('open', 1)
  await addQueue('secret', 5)
  const origin = await serve({ ...byName, sees: ({ name }, queue) => name === 'ada' || queue !== 'secret' })
  const [ada, bob] = await Promise.all(
    ['ada', 'bob'].map((name) => listen(origin, { headers: { 'x-name': name } })),
  )
  await waitFor(() => ada?.heard.length === 1 && bob?.heard.length === 1)
  expect(ada?.now).toMatchObject({ 'queue:secret': 5, 'count:pending': 6 })
  expect(bob?.now['count:pending']).toBe(1)
  expect(bob?.raw).not.toContain('secret')
})

test('fifty viewers cost as much as one, and nobody costs nothing', async () => {
  await addQueue('mail', 1)
  const origin = await serve(byName)
  const ears = await Promise.all(
    Array.from({ length: 50 }, (_, i) => listen(origin, { headers: { 'x-name': `user${i % 10}` } })),
  )
  await waitFor(() => ears.every(({ heard }) => heard.length > 0))
  const before = await looks()
  await addQueue('mail', 1)
  await waitFor(() => ears.every(({ now }) => now['queue:mail'] === 2))
  expect((await looks()) - before).toBeLessThanOrEqual(3)
  for (const ear of ears) ear.leave()
  await noMoreLooks()
})

/** Waits until nobody looks: the number of looks stands still for longer than there is between two. */
async function noMoreLooks(): Promise<void> {
  let last = await looks()
  let since = performance.now()
  await waitFor(
    async () => {
      const now = await looks()
      if (now !== last) since = performance.now()
      last = now
      return performance.now() - since > 2_500
    },
    { intervalMs: 100 },
  )
}

test('a user has six streams at most, and gets one again when he leaves one', async () => {
  const origin = await serve(byName)
  const headers = { 'x-name': 'ada' }
  const ears = await Promise.all(Array.from({ length: 6 }, () => listen(origin, { headers })))
  expect(ears.map(({ status }) => status)).toEqual(Array(6).fill(200))
  expect((await listen(origin, { headers })).status).toBe(429)
  expect((await listen(origin, { headers: { 'x-name': 'bob' } })).status).toBe(200)
  ears[0]?.leave()
  await waitFor(async () => (await listen(origin, { headers })).status === 200)
})

test('two hundred streams are all there are', async () => {
  const { web } = openSite(room, byName)
  webs.push(web)
  const open = async (i: number) => {
    const request = new Request('http://localhost/events', {
      headers: { host: 'localhost', 'x-name': `user${Math.floor(i / 5)}` },
    })
    return (await web.fetch(request, { localAddress: '127.0.0.1' })).status
  }
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => open(i)))
  expect(new Set(all)).toEqual(new Set([200]))
  expect(await open(5_000)).toBe(503)
})

test('a HEAD holds no place', async () => {
  const origin = await serve()
  for (let i = 0; i < 10; i++) {
    expect((await fetch(`${origin}/events`, { method: 'HEAD' })).status).toBe(200)
  }
  expect((await listen(origin)).status).toBe(200)
})

test('SSE origin: a foreign page is not told anything, nor does it hold a place', async () => {
  const site = openSite(room)
  webs.push(site.web)
  for (const path of ['/events', '/events.json']) {
    for (const [from, status] of [
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'cross-site', origin: 'http://localhost:5678' }, 403],
      [{ origin: 'http://evil.example' }, 403],
      [{ origin: 'http://localhost:9999' }, 403],
      [{ origin: 'null' }, 403],
      [{ 'sec-fetch-site': 'same-origin', origin: 'http://evil.example' }, 403],
      [{ origin: 'http://localhost:5678' }, 200],
      [{ 'sec-fetch-site': 'same-origin' }, 200],
      [{ 'sec-fetch-site': 'none' }, 200],
      [{}, 200],
    ] as [Record<string, string>, number][]) {
      const answer = await site.ask(path, { headers: { ...bearer('viewer'), ...from } })
      await answer.body?.cancel()
      expect(answer.status, `${path} ${JSON.stringify(from)}`).toBe(status)
    }
    expect((await site.ask(path)).status).toBe(401)
  }
})

test('streams end when the pages are closed, and none begins after that', async () => {
  const origin = await serve()
  const ear = await listen(origin)
  await waitFor(() => ear.heard.length === 1)
  await webs[0]?.close()
  await waitFor(() => ear.isOver)
  expect((await listen(origin)).status).toBe(503)
})

test('within a heartbeat a stream ends whose session has, and all others are told that somebody is there', async () => {
  const site = openSite(room)
  webs.push(site.web)
  const open = async (): Promise<[cookie: string, ear: Ear]> => {
    const cookie = await signIn(site, 'viewer')
    const ear: Ear = { status: 200, heard: [], raw: '', isOver: false, now: {}, leave: () => {} }
    void hear(await site.ask('/events', { headers: { cookie } }), ear)
    await waitFor(() => ear.raw.includes('event: state'))
    return [cookie, ear]
  }
  const [cookie, ear] = await open()
  const [, other] = await open()
  const token = tokenIn(await site.text('/overview', { headers: { cookie } }))
  await site.ask('/logout', { method: 'POST', headers: { cookie, ...sameOrigin }, form: { _token: token } })
  await waitFor(() => ear.isOver, { timeoutMs: 20_000 })
  expect(other.isOver).toBe(false)
  expect(other.raw).toContain('\n:\n')
})

test('while Redis is gone it is said since when, and what is true again when it is back', async () => {
  await addQueue('mail', 1)
  const resque = room.connect({ commandTimeoutMs: 500 })
  const ear = await listen(await serve({ resque }))
  await waitFor(() => ear.heard.length === 1)
  await room.redis.kill()
  await waitFor(() => ear.heard.at(-1)?.event === 'stale', { timeoutMs: 15_000 })
  expect(Date.parse(String(ear.heard.at(-1)?.data.since))).toBeGreaterThan(Date.now() - 15_000)
  await room.redis.restart()
  await waitFor(() => ear.heard.at(-1)?.event === 'state', { timeoutMs: 15_000 })
  expect(ear.heard.at(-1)?.data['count:pending']).toBe(0)
})

test('as JSON it is the same, and nothing is sent twice', async () => {
  await addQueue('mail', 3)
  const origin = await serve()
  const first = await fetch(`${origin}/events.json?topics=queues`)
  expect(first.headers.get('content-type')).toMatch(/^application\/json/)
  expect(await first.json()).toEqual({
    'queue:mail': 3,
    'taken:mail': '⚠ No worker listens',
    'failed:failed': 0,
  })
  const etag = first.headers.get('etag') ?? ''
  const again = await fetch(`${origin}/events.json?topics=queues`, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  expect(await again.text()).toBe('')
  await addQueue('mail', 1)
  const changed = await fetch(`${origin}/events.json?topics=queues`, { headers: { 'if-none-match': etag } })
  expect(changed.status).toBe(200)
})

test('topics that nobody knows are all topics, and never an error', async () => {
  const origin = await serve()
  for (const topics of ['', '__proto__', 'x,y', ','.repeat(500)]) {
    const state = await (await fetch(`${origin}/events.json?topics=${topics}`)).json()
    expect(state).toHaveProperty('count:pending')
  }
})

test('a page is loaded again by itself where that is asked for, within bounds', async () => {
  const site = openSite(room)
  webs.push(site.web)
  const seconds = async (refresh: string) =>
    /<noscript><meta http-equiv="refresh" content="(\d+)"/.exec(
      await site.text(`/overview?refresh=${refresh}`, { headers: bearer('viewer') }),
    )?.[1]
  expect(await seconds('10')).toBe('10')
  expect(await seconds('0')).toBe('5')
  expect(await seconds('-5')).toBe('5')
  expect(await seconds('99999999999')).toBe('3600')
  for (const other of ['', 'x', 'NaN', '%22%3E%3Cscript%3E']) expect(await seconds(other)).toBeUndefined()
})
