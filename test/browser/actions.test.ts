// Every action of the pages in a real browser, as a person does it: clicked, then looked at in Redis, and then in all of
// Ruby's own pages. Ruby's worker is registered beside ours, and what resque-scheduler keeps is there. Whoever adds a
// route that is posted to adds it to the tables in actions/.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { defineJob, type Resque, redisMultiQueueBackend } from 'resque-ts'
import { createWeb, type Web } from 'resque-ts/web'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Ruby } from '../interop/support/ruby.js'
import { newest, root, whySkipped } from '../interop/support/stacks.js'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { failedRecord } from '../web/records.js'
import { accounts } from '../web/site.js'
import { accountActions } from './actions/account.js'
import { type Action, LATER, T } from './actions/action.js'
import { delayedActions } from './actions/delayed.js'
import { failedActions } from './actions/failed.js'
import { failedListActions } from './actions/failed-lists.js'
import { markerActions } from './actions/markers.js'
import { queueActions } from './actions/queues.js'
import { scheduleActions } from './actions/schedules.js'
import { workerActions } from './actions/workers.js'
import { useBrowser } from './browser.js'
import { useRubyPages } from './ruby-pages.js'
import { matcher } from './walk.js'

const room = useRoom()
const browser = useBrowser()
const oneList = useRubyPages(room)
const lists = useRubyPages(room, { config: join(root, 'test/interop/ruby/failed_lists.rb') })
const groups: Record<string, Action[]> = {
  queues: queueActions,
  failed: failedActions,
  'failed lists': failedListActions,
  delayed: delayedActions,
  schedules: scheduleActions,
  workers: workerActions,
  markers: markerActions,
  accounts: accountActions,
}

let ruby: Ruby | undefined
let rubyWorker: number | undefined
let web: Web
let server: Server
let hold: ReturnType<typeof gate<void>>
beforeAll(async () => {
  if (whySkipped === undefined) ruby = await Ruby.start(newest, room.redis.url)
})
afterAll(() => ruby?.end())
beforeEach(() => {
  hold = gate()
})
afterEach(async () => {
  hold.open()
  server?.closeAllConnections()
  await web?.close()
  if (rubyWorker === undefined) return
  process.kill(rubyWorker, 'SIGQUIT')
  await ruby?.run('wait(arg)', rubyWorker)
  rubyWorker = undefined
})

/** Workers of both sides, of which one of ours has a job; resolves to the ids of ours. */
async function startWorkers({ withRuby = true } = {}): Promise<readonly string[]> {
  const Hold = defineJob({ name: 'Hold', perform: () => hold.opened })
  const worker = await room.start({
    ...{ jobs: [Hold], queues: 'hold', concurrency: 2, heartbeatMs: 30, pruneIntervalMs: 600_000 },
  })
  await room.resque.enqueueTo('hold', 'Hold', 7)
  await waitFor(() => worker.busyCount === 1)
  if (ruby && withRuby) rubyWorker = await ruby.startWorker(['of_ruby'])
  const count = rubyWorker === undefined ? 2 : 3
  await waitFor(async () => (await room.client.scard('resque:workers')) === count)
  return worker.ids
}

async function fill(hasLists: boolean): Promise<void> {
  const { client } = room
  await client.sadd('resque:queues', 'mail', 'reports', 'empty')
  await client.rpush(
    'resque:queue:mail',
    '{"class":"Mail","args":[1]}',
    '{"class":"Secretive","args":[{"password":"hunter2"}]}',
    '{"class":"Mail","args":[2]}',
  )
  await client.rpush('resque:queue:reports', '{"class":"Report","args":[]}')
  const failures = [
    failedRecord(1),
    failedRecord(2, { class: 'Csv', error: 'Timed out, password=hunter2' }),
    failedRecord(3),
    failedRecord(4, { retriedAt: '2026/11/24 03:00:00 UTC' }),
  ]
  await client.rpush(hasLists ? 'resque:mail_failed' : 'resque:failed', ...failures)
  if (hasLists) {
    await client.sadd('resque:failed_queues', 'mail_failed', 'reports_failed')
    await client.rpush('resque:reports_failed', failedRecord(5, { queue: 'reports' }))
  }
  // One that shows no sign of life, with a job.
  await client.sadd('resque:workers', 'lost:1:mail')
  await client.hset('resque:workers:heartbeat', 'lost:1:mail', '2020-01-01T00:00:00+00:00')
  await client.set('resque:worker:lost:1:mail:started', '2020-01-01 00:00:00 +0000')
  const record = { queue: 'mail', run_at: '2020-01-01T00:00:00Z', payload: { class: 'Lost', args: [] } }
  await client.set('resque:worker:lost:1:mail', JSON.stringify(record))
  await fillScheduler()
}

/** As resque-scheduler keeps it. */
async function fillScheduler(): Promise<void> {
  const { delayed, schedules } = room.resque.store
  for (const name of ['First', 'Second', 'Third'])
    await delayed.add(T, `{"class":"${name}","args":[1],"queue":"mail"}`)
  await delayed.add(LATER, '{"class":"Later","args":[],"queue":"reports"}')
  await schedules.set('nightly', '{"cron":"0 3 * * *","class":"Report","queue":"reports","args":["daily"]}')
  await room.client.hset('resque:delayed:last_enqueued_at', 'nightly', '2026-11-24 03:00:00 +0000')
  await room.client.set('resque:resque_scheduler_master_lock', 'host:1', 'EX', 600)
}

interface Opening {
  needsLogin: boolean
  hasScripts: boolean
  resque: Resque
}

/** Opens a page of it in the browser; what was posted, and what is not looked at yet, are kept. */
async function open({ isHasty = false }: Action, { needsLogin, hasScripts, resque }: Opening) {
  web = createWeb({
    ...{ resque, cacheMs: 0, history: false },
    auth: needsLogin ? { users: accounts } : 'none',
  })
  server = createServer((req, res) => void web.handler(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const page = await browser.open({ javaScriptEnabled: hasScripts })
  page.setDefaultTimeout(10_000)
  const posted = new Set<string>()
  const unseen: string[] = []
  const faults: string[] = []
  page.on('response', (response) => {
    if (response.request().method() !== 'POST') return
    const { pathname } = new URL(response.url())
    const route = routeOf(pathname)
    if (unseen.length > 0 && !isHasty)
      faults.push(`Nobody looked at what ${unseen.splice(0)} left, before ${route}.`)
    if (response.status() >= 400) faults.push(`${route}: ${response.status()}`)
    posted.add(route)
    if (response.status() === 303) unseen.push(route)
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { page, origin, posted, unseen, faults }
}

/** A fixed word goes before a parameter. */
function routeOf(path: string): string {
  const [first] = web.routes
    .filter((route) => route.method === 'POST' && matcher(route.path).test(path))
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length)
  return first?.path ?? path
}

for (const hasScripts of [true, false]) {
  for (const [group, actions] of Object.entries(groups)) {
    describe(hasScripts ? group : `${group}, without scripts`, () => {
      test.for(actions.map((each) => [each.claim, each] as const))('%s', ([, action]) =>
        play(action, { needsLogin: actions === accountActions, hasScripts }),
      )
    })
  }
}

/** Ruby's pages are opened on what it leaves; that is the same without scripts, and they are not opened again. */
async function play(action: Action, how: Omit<Opening, 'resque'>): Promise<void> {
  const { posts, act, hasLists = false } = action
  const ours = await startWorkers({ withRuby: how.hasScripts })
  await fill(hasLists)
  const resque = hasLists ? room.connect({ failureBackend: redisMultiQueueBackend }) : room.resque
  const { page, origin, posted, unseen, faults } = await open(action, { ...how, resque })
  const look = async () => {
    unseen.length = 0
    if (how.hasScripts) await (hasLists ? lists : oneList).areWhole(resque)
  }
  const { hasScripts } = how
  await act({ room, page, origin, hasScripts, ours, look, release: () => hold.open() })
  expect(faults).toEqual([])
  expect(unseen).toEqual([])
  expect([...posted].sort()).toEqual([...posts].sort())
  expect(browser.complaints).toEqual([])
}

test('what is kept for charts leaves Ruby’s pages whole', async () => {
  await startWorkers()
  await fill(false)
  web = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0 })
  const kinds = async () =>
    new Set((await room.client.keys('resque:metrics:*')).map((key) => key.split(':')[2]))
  await waitFor(async () => (await kinds()).size > 5, { timeoutMs: 60_000 })
  await oneList.areWhole()
})

test('no route that is posted to is left out of these tables', () => {
  const all = createWeb({ resque: room.resque, auth: 'none', history: false }).routes
  const routes = all.filter(({ method, path }) => method === 'POST' && !path.startsWith('/api/'))
  const covered = new Set(Object.values(groups).flatMap((each) => each.flatMap(({ posts }) => posts)))
  expect([...covered].sort()).toEqual(routes.map(({ path }) => path).sort())
})
