// Every action of the API on real data: called, then looked at in Redis, and then in all of Ruby's own pages. Whoever adds
// an endpoint that is posted to adds it to this table.

import { beforeEach, describe, expect, test } from 'vitest'
import { useRubyPages } from '../browser/ruby-pages.js'
import { matcher } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { API } from './api-document.js'
import { failedRecord, range } from './records.js'
import { bearer, openSite, type Site } from './site.js'

const room = useRoom()
const ruby = useRubyPages(room)
const T = 4_102_444_800

// biome-ignore lint/suspicious/noExplicitAny: each answer has its own shape, which api.test.ts holds to the document
type Body = any

interface Act {
  /** What the endpoint answered, with 200; Ruby's pages have been looked at since. */
  post(path: string, body?: object): Promise<Body>
  get(path: string): Promise<Body>
}

/** What is said to happen, the endpoints that are called, and the calls with looks at Redis. */
type Story = readonly [claim: string, posts: readonly string[], act: (act: Act) => Promise<void>]

let site: Site
let posted: Set<string>
beforeEach(async () => {
  site = openSite(room)
  posted = new Set()
  await fill()
})

async function fill(): Promise<void> {
  const { client } = room
  const { delayed, schedules } = room.resque.store
  await client.sadd('resque:queues', 'mail', 'reports')
  await client.rpush('resque:queue:mail', ...[1, 2, 3].map((id) => `{"class":"Mail","args":[${id}]}`))
  await client.rpush('resque:failed', ...[1, 2, 3, 4].map((id) => failedRecord(id)))
  for (const id of [1, 2, 3]) await delayed.add(T, `{"class":"Late","args":[${id}],"queue":"mail"}`)
  await schedules.set('nightly', '{"cron":"0 3 * * *","class":"Report","queue":"reports","args":["daily"]}')
}

/** One of Ruby's that shows no sign of life, with a job. */
async function loseWorker(): Promise<void> {
  const { client } = room
  await client.sadd('resque:workers', 'lost:1:mail')
  await client.hset('resque:workers:heartbeat', 'lost:1:mail', '2020-01-01T00:00:00+00:00')
  await client.set(
    'resque:worker:lost:1:mail',
    '{"queue":"mail","run_at":"2020-01-01T00:00:00Z","payload":{"class":"Lost","args":[]}}',
  )
}

async function ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Body> {
  const response = await site.ask(API + path, {
    method,
    headers: { ...bearer('admin'), ...(method === 'POST' && { 'content-type': 'application/json' }) },
    ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
  })
  const text = await response.text()
  expect(response.status, `${method} ${path}: ${text}`).toBe(200)
  return JSON.parse(text)
}

const routes = () =>
  site.web.routes
    .filter(({ method, path }) => method === 'POST' && path.startsWith(API))
    .map(({ path }) => path.slice(API.length))

const act: Act = {
  async post(path, body) {
    const answer = await ask('POST', path, body)
    // A fixed word goes before a parameter.
    const [route = path] = routes()
      .filter((each) => matcher(each).test(path))
      .sort((a, b) => a.split(':').length - b.split(':').length)
    posted.add(route)
    await ruby.areWhole()
    return answer
  },
  get: (path) => ask('GET', path),
}

const at = encodeURIComponent
const jobsOf = (queue: string) => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const failures = async () =>
  (await room.client.lrange('resque:failed', 0, -1)).map((text) => JSON.parse(text))
const late = () => room.client.lrange(`resque:delayed:${T}`, 0, -1)
const undone = (path: string) => path.slice(API.length)
const mail = (...ids: number[]) => ids.map((id) => `{"class":"Mail","args":[${id}]}`)
const wait = { waitMs: 10_000 }

const groups: Record<string, Story[]> = {
  queues: [
    [
      'a queue is paused and goes on, and so are all',
      ['/queues/:queue/pause', '/queues/:queue/resume', '/pause', '/resume'],
      async ({ post }) => {
        await post('/queues/mail/pause')
        expect(await room.client.smembers('resque:queues:paused')).toEqual(['mail'])
        await post('/queues/mail/resume')
        expect(await room.client.exists('resque:queues:paused')).toBe(0)
        await post('/pause')
        expect(await room.client.get('resque:pause-all-workers')).toBe('true')
        await post('/resume')
        expect(await room.client.exists('resque:pause-all-workers')).toBe(0)
      },
    ],
    [
      'a queue is cleared, or removed, and comes back as it was',
      ['/queues/:queue/clear', '/queues/:queue/remove', '/operations/:id/undo'],
      async ({ post }) => {
        const cleared = await post('/queues/mail/clear')
        expect(await jobsOf('mail')).toEqual([])
        expect(await room.client.sismember('resque:queues', 'mail')).toBe(1)
        await post(undone(cleared.undo))
        expect(await jobsOf('mail')).toEqual(mail(1, 2, 3))
        const removed = await post('/queues/mail/remove')
        expect(await room.client.smembers('resque:queues')).toEqual(['reports'])
        expect(await jobsOf('mail')).toEqual([])
        await post(undone(removed.undo))
        expect(await jobsOf('mail')).toEqual(mail(1, 2, 3))
        expect((await room.client.smembers('resque:queues')).sort()).toEqual(['mail', 'reports'])
      },
    ],
    [
      'of the jobs that wait one is looked behind, and those that are meant are removed',
      ['/queues/:queue/jobs/:ref/reveal', '/queues/:queue/jobs/remove'],
      async ({ post, get }) => {
        const [, second] = (await get('/queues/mail/jobs')).items
        await post(`/queues/mail/jobs/${at(second.ref)}/reveal`)
        expect(await jobsOf('mail')).toEqual(mail(1, 2, 3))
        await post('/queues/mail/jobs/remove', { refs: [second.ref], ...wait })
        expect(await jobsOf('mail')).toEqual(mail(1, 3))
        await post('/queues/mail/jobs/remove', { filter: { text: '[3]' }, ...wait })
        expect(await jobsOf('mail')).toEqual(mail(1))
      },
    ],
  ],
  failed: [
    [
      'one failed job is looked behind, and put back with other arguments',
      ['/failed/jobs/:ref/reveal', '/failed/jobs/:ref/retry'],
      async ({ post, get }) => {
        const before = await failures()
        const [newest] = (await get('/failed')).items
        await post(`/failed/jobs/${at(newest.ref)}/reveal`)
        expect(await failures()).toEqual(before)
        await post(`/failed/jobs/${at(newest.ref)}/retry`, { args: ['other'], queue: 'reports' })
        expect((await jobsOf('reports')).map((text) => JSON.parse(text).args)).toEqual([['other']])
        expect((await failures()).map(({ retried_at }) => typeof retried_at)).toEqual([
          ...['undefined', 'undefined', 'undefined', 'string'],
        ])
      },
    ],
    [
      'failed jobs are put back, removed, brought back and cleared',
      ['/failed/retry', '/failed/remove', '/failed/clear', '/operations/:id/undo'],
      async ({ post, get }) => {
        const waiting = (await jobsOf('mail')).length
        const { items } = await get('/failed')
        await post('/failed/retry', { refs: [items[0].ref, items[1].ref], ...wait })
        expect(await jobsOf('mail')).toHaveLength(waiting + 2)
        expect((await failures()).filter(({ retried_at }) => retried_at)).toHaveLength(2)
        const before = await failures()
        const removed = await post('/failed/remove', { filter: { state: 'retried' }, ...wait })
        expect(await failures()).toEqual(before.slice(0, 2))
        await post(`/operations/${removed.id}/undo`)
        expect(await failures()).toEqual(before)
        const cleared = await post('/failed/clear')
        expect(await failures()).toEqual([])
        await post(undone(cleared.undo))
        expect(await failures()).toEqual(before)
      },
    ],
    [
      'an operation that is cancelled leaves the rest as it was',
      ['/failed/retry', '/operations/:id/cancel'],
      async ({ post, get }) => {
        await room.client.rpush('resque:failed', ...range(200, 5).map((id) => failedRecord(id)))
        const waiting = (await jobsOf('mail')).length
        const { id } = await post('/failed/retry', { filter: { state: 'open' }, perSecond: 1 })
        expect(await post(`/operations/${id}/cancel`)).toEqual({ isCancelled: true })
        await waitFor(async () => (await get(`/operations/${id}`)).state === 'cancelled')
        const retried = (await failures()).filter(({ retried_at }) => retried_at).length
        expect(retried).toBeLessThan(204)
        expect(await jobsOf('mail')).toHaveLength(waiting + retried)
        await ruby.areWhole()
      },
    ],
  ],
  delayed: [
    [
      'delayed jobs are looked at, and queued now, by name and all of a time',
      ['/delayed/:time/jobs/:ref/reveal', '/delayed/:time/queue', '/delayed/:time/queue-all'],
      async ({ post, get }) => {
        const [first] = (await get(`/delayed/${T}`)).items
        expect(await post(`/delayed/${T}/jobs/${at(first.ref)}/reveal`)).toEqual(first)
        await post(`/delayed/${T}/queue`, { refs: [first.ref] })
        expect([(await jobsOf('mail')).length, (await late()).length]).toEqual([4, 2])
        await post(`/delayed/${T}/queue-all`)
        expect([(await jobsOf('mail')).length, (await late()).length]).toEqual([6, 0])
        expect(await room.client.exists('resque:delayed_queue_schedule')).toBe(0)
      },
    ],
    [
      'delayed jobs are removed, one or all, and come back',
      ['/delayed/:time/remove', '/delayed/clear', '/operations/:id/undo'],
      async ({ post, get }) => {
        const before = (await late()).sort()
        const [first] = (await get(`/delayed/${T}`)).items
        const removed = await post(`/delayed/${T}/remove`, { refs: [first.ref] })
        expect(await late()).toHaveLength(2)
        await post(undone(removed.undo))
        expect((await late()).sort()).toEqual(before)
        const cleared = await post('/delayed/clear')
        expect(await late()).toEqual([])
        await post(undone(cleared.undo))
        expect((await late()).sort()).toEqual(before)
      },
    ],
    [
      'a schedule is run now, removed, and brought back',
      ['/schedules/:name/run', '/schedules/:name/remove', '/operations/:id/undo'],
      async ({ post }) => {
        const read = () => room.client.hgetall('resque:persistent_schedules')
        const before = await read()
        await post('/schedules/nightly/run')
        expect(await jobsOf('reports')).toEqual(['{"class":"Report","args":["daily"]}'])
        const removed = await post('/schedules/nightly/remove')
        expect(await read()).toEqual({})
        await post(undone(removed.undo))
        expect(await read()).toEqual(before)
      },
    ],
  ],
  'workers and charts': [
    [
      'a worker of ours is told to pause, to go on and to stop, and a lost one is forgotten',
      [
        '/workers/:worker/pause',
        '/workers/:worker/resume',
        '/workers/:worker/stop',
        '/workers/:worker/forget',
      ],
      async ({ post }) => {
        const worker = await room.start({
          ...{ queues: 'reports', jobs: [], concurrency: 1, heartbeatMs: 30, pruneIntervalMs: 600_000 },
        })
        // After it has looked for the dead, as it does at its start.
        await loseWorker()
        const path = `/workers/${at(worker.ids[0] as string)}`
        const state = async () => {
          const kind = await room.client.hget('resque:workers:kind', worker.ids[0] as string)
          return JSON.parse(kind ?? '{}').vitals?.state
        }
        await post(`${path}/pause`)
        await waitFor(async () => (await state()) === 'paused')
        await post(`${path}/resume`)
        await waitFor(async () => (await state()) === 'running')
        await post(`${path}/stop`)
        await waitFor(async () => (await room.client.smembers('resque:workers')).join() === 'lost:1:mail')
        await post(`/workers/${at('lost:1:mail')}/forget`)
        expect(await room.client.smembers('resque:workers')).toEqual([])
        expect(await room.client.exists('resque:worker:lost:1:mail')).toBe(0)
      },
    ],
    [
      'a marker is set on the charts, and removed',
      ['/markers', '/markers/:marker/remove'],
      async ({ post }) => {
        const { id } = await post('/markers', { label: 'v1.2' })
        expect(await room.client.zrange('resque:metrics:markers', '0', '-1')).toEqual([`${id} v1.2`])
        await post(`/markers/${id}/remove`)
        expect(await room.client.exists('resque:metrics:markers')).toBe(0)
      },
    ],
  ],
}

for (const [group, stories] of Object.entries(groups)) {
  describe(group, () => {
    test.for(stories)('%s', { timeout: 60_000 }, async ([, posts, story]) => {
      await story(act)
      expect([...posted].sort()).toEqual([...posts].sort())
    })
  })
}

test('no endpoint that is posted to is left out of this table', () => {
  const covered = new Set(Object.values(groups).flatMap((each) => each.flatMap(([, posts]) => posts)))
  expect([...covered].sort()).toEqual(routes().sort())
})
