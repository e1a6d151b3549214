// The matrix route × role × method over the app's own table of routes, and what reading leaves behind: nothing.

import { expect, test } from 'vitest'
import { longDigest } from '#built/store/glance.js'
import { digest } from '#built/store/records.js'
import type { RouteLine } from '#built/web/app.js'
import { dumpOf, matcher } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { failedRecord } from './records.js'
import { bearer, cookiesOf, openSite, type Site, sameOrigin, tokenIn } from './site.js'

const room = useRoom()

const delayed = '{"class":"Mail","args":[1],"queue":"mail"}'
/** As long as those that have a file of their own. */
const running = JSON.stringify({
  ...{ queue: 'mail', run_at: '2026-01-01T00:00:00Z' },
  payload: { class: 'A', args: ['x'.repeat(5_000)] },
})

/** A real path for a route: its parameters filled with things that are there. */
function fill(path: string, { ref, file }: { ref: string; file: string }): string {
  const failed = encodeURIComponent(`0.${digest(failedRecord(1))}@failed`)
  return path
    .replace(/\/failed\/(jobs?)\/:ref/, `/failed/$1/${failed}`)
    .replace(/^\/failed\/:queue/, '/failed/failed')
    .replace('/operations/:id', '/operations/3f0e4f0e-0000-4000-8000-000000000000')
    .replace('/jobs/:id', `/jobs/${failed}`)
    .replace(/(?<=^\/delayed\/.*job\/):ref/, `0.${digest(delayed)}`)
    .replace(/(?<=\/delayed\/.*jobs\/):ref/, `0.${digest(delayed)}@4102444800`)
    .replace('/workers/:id{.+\\.poll}', `/workers/${encodeURIComponent('web:1:mail')}.poll`)
    .replace(':digest', longDigest(Buffer.from(running)))
    .replace('/queues/:queue/jobs/:ref', `/queues/mail/jobs/${ref}@mail`)
    .replace(':index', '0')
    .replace(':queue', 'mail')
    .replace(':ref', ref)
    .replace(/:time(stamp\{[^}]*\})?/, '4102444800')
    .replace(':class', 'Mail')
    .replace(':name', 'nightly')
    .replace(':worker', encodeURIComponent('web:1:mail'))
    .replace(':marker', 'a-deploy')
    .replace(':key', 'queues')
    .replace(/:id(\{.*\})?/, 'x.poll')
    .replace(':file', file)
    .replace('/*', '/nowhere/at/all')
}

async function seed(): Promise<string> {
  const { client, resque } = room
  await client.flushall()
  await client.sadd('resque:queues', 'mail')
  await client.rpush('resque:queue:mail', '{"class":"Mail","args":[1]}')
  await client.sadd('resque:workers', 'web:1:mail')
  await client.set('resque:worker:web:1:mail', running)
  await client.rpush('resque:failed', failedRecord(1), 'broken')
  await client.rpush('resque:delayed:4102444800', delayed)
  await client.zadd('resque:delayed_queue_schedule', 4_102_444_800, '4102444800')
  await client.hset(
    'resque:persistent_schedules',
    'nightly',
    '{"cron":"0 3 * * *","class":"Mail","queue":"mail"}',
  )
  await resque.store.markers.add('a-deploy', 'v1')
  const [job] = await resque.store.queues.glance('mail', 0, 1)
  return `0.${job?.digest}`
}

/** The last has a token of the login page, but no name. */
const roles = ['nobody', 'viewer', 'operator', 'admin', 'stranger'] as const

/** `open`: the route itself answers. `no such`: there is no such page. */
const answers = {
  // What is asked of a route that needs …      nobody, viewer, operator, admin, stranger
  read: {
    public: /*   */ ['open', 'open', 'open', 'open', 'open'],
    viewer: /*   */ [401, 'open', 'open', 'open', 401],
    operator: /* */ [401, 403, 'open', 'open', 401],
    admin: /*    */ [401, 403, 403, 'open', 401],
    none: /*     */ ['no such', 'no such', 'no such', 'no such', 'no such'],
  },
  // Without a token, or the bearer's, it does not come as far as the route.
  change: {
    public: /*   */ [403, 'open', 'open', 'open', 'open'],
    viewer: /*   */ [403, 'open', 'open', 'open', 401],
    operator: /* */ [403, 403, 'open', 'open', 401],
    admin: /*    */ [403, 403, 403, 'open', 401],
    none: /*     */ [403, 'no such', 'no such', 'no such', 'no such'],
  },
} as const

const methods = {
  ...({ GET: 'read', HEAD: 'read', OPTIONS: 'read' } as const),
  ...({ POST: 'change', PUT: 'change', PATCH: 'change', DELETE: 'change' } as const),
}

/** For all, signed in or not. */
const publicRoutes = [
  ...['GET /assets/:file', 'GET /favicon.ico', 'GET /robots.txt', 'GET /healthz', 'GET /readyz'],
  ...['GET /login', 'POST /login', 'POST /theme'],
]
/** What cannot be taken back, what ends work in progress, and the keys. */
const adminPaths = [
  ...['/queues/:queue/clear', '/queues/:queue/remove', '/workers/:worker/stop', '/workers/:worker/forget'],
  ...['/delayed/clear', '/stats/keys', '/stats/keys/:key'],
]
/** Lists to which more can be added. */
const viewerReads = ['/schedule', '/markers']
/** They show what is the business of those who act. */
const operatorReads = ['/audit', '/pause']
/** They change nothing but the session of who sends them, or search. */
const viewerChanges = ['/logout', '/delayed/search']

/** What a route must ask for; one that is new, and stands in none of these lists, too. */
function roleFor({ method, path }: RouteLine, all: readonly RouteLine[]): string {
  const bare = path.replace('/api/v1', '').replace(':time', ':timestamp')
  if (publicRoutes.includes(`${method} ${path}`)) return 'public'
  if (adminPaths.includes(bare)) return 'admin'
  if (method === 'POST') return viewerChanges.includes(bare) ? 'viewer' : 'operator'
  // A page that asks whether to do something is for those who may do it.
  const asks = all.some((each) => each.method === 'POST' && each.path === path)
  const isList = viewerReads.includes(bare) || viewerChanges.includes(bare)
  return (asks && !isList) || operatorReads.includes(bare) ? 'operator' : 'viewer'
}

test('every route asks for the role that its kind of thing needs', () => {
  const { routes } = openSite(room).web
  expect(routes.length).toBeGreaterThan(150)
  const named = routes.filter(({ method }) => method !== 'ALL')
  const line = ({ method, path, role }: { method: string; path: string; role: string | undefined }) =>
    `${method} ${path} ${role}`
  expect(named.map(line)).toEqual(named.map((route) => line({ ...route, role: roleFor(route, named) })))
})

test('every route × every role × every method is answered as the table has it', {
  timeout: 120_000,
}, async () => {
  const site = openSite(room)
  const ask = await askAs(site)
  const file = /\/assets\/([\w.-]+\.css)/.exec(await site.text('/login'))?.[1] as string
  const { routes } = site.web
  const things = { ref: await seed(), file }
  let before = await dumpOf(room)
  const wrong: string[] = []
  const gone = new Set<string>()
  for (const path of new Set(routes.map((route) => route.path))) {
    const target = fill(path, things)
    for (const [method, kind] of Object.entries(methods)) {
      // A path that no route has with this method may be that of another.
      const route = routes.find(
        (each) =>
          each.method === (method === 'HEAD' ? 'GET' : method) &&
          matcher(each.path).test(decodeURIComponent(target)),
      )
      for (const [i, role] of roles.entries()) {
        const wanted = answers[kind][route?.role ?? 'none'][i]
        const answer = await ask(role, method, target)
        const got = await whatIs(answer)
        const isRight = method === 'HEAD' && wanted === 'no such' ? answer.status === 404 : got === wanted
        if (!isRight) wrong.push(`${role} ${method} ${target}: ${answer.status}, not ${wanted}`)
        if (role === 'admin' && method === 'GET' && route && answer.status >= 400)
          gone.add(`${answer.status} ${path}`)
        const after = await dumpOf(room)
        if (after === before) continue
        if (kind === 'read' || wanted !== 'open') wrong.push(`${role} ${method} ${target} changed something`)
        await seed()
        before = await dumpOf(room)
      }
    }
  }
  expect(wrong).toEqual([])
  expect([...gone].sort()).toEqual(notThere)
})

/** All but these were there to be seen: what has no GET of its own, what never was, what a Ruby worker is not told. */
const notThere = [
  '400 /queues/:queue/remove-matching',
  '404 /api/v1/delayed/clear',
  '404 /api/v1/operations/:id',
  '404 /api/v1/queues/:queue/jobs/remove',
  '404 /failed/selected',
  '404 /operations/:id',
  '409 /workers/:worker/forget',
  '409 /workers/:worker/pause',
  '409 /workers/:worker/stop',
]

/** Asks as each of the roles would: programs by their token, a stranger by what the login page gave him. */
async function askAs(site: Site) {
  const login = await site.ask('/login')
  const stranger = {
    ...sameOrigin,
    cookie: cookiesOf(login),
    'x-csrf-token': tokenIn(await login.text()),
  }
  return (role: (typeof roles)[number], method: string, path: string) =>
    site.ask(path, {
      method,
      headers: {
        ...(role === 'stranger' ? stranger : role === 'nobody' ? {} : bearer(role)),
        ...(path.startsWith('/api/') && { 'content-type': 'application/json' }),
      },
      ...(path.startsWith('/api/') && { body: '{}' }),
    })
}

/** `open` where a route answered, `no such` where none did, or the status of the refusal. */
async function whatIs(answer: Response): Promise<'open' | 'no such' | number> {
  const { status, headers } = answer
  if (status >= 500) return status
  if (headers.get('content-type')?.startsWith('text/event-stream')) {
    await answer.body?.cancel()
    return 'open'
  }
  const text = await answer.text()
  if (status === 404 && /There is no such page\.|^Not found\n$/.test(text)) return 'no such'
  // A login that failed was answered by its route.
  const isRefused = status === 403 || (status === 401 && !text.includes('do not belong together'))
  return isRefused ? status : 'open'
}

test('a user sees the queues that he may know of, and no others', async () => {
  await seed()
  await room.client.sadd('resque:queues', 'secret_queue')
  await room.client.rpush('resque:queue:secret_queue', '{"class":"X","args":[]}')
  const site = openSite(room, { sees: ({ role }, queue) => role === 'admin' || queue !== 'secret_queue' })
  for (const path of ['/overview', '/queues', '/stats.txt', '/overview.poll', '/workers']) {
    expect(await site.text(path, { headers: bearer('viewer') })).not.toContain('secret_queue')
  }
  expect((await site.ask('/queues/secret_queue', { headers: bearer('viewer') })).status).toBe(404)
  expect((await site.ask('/queues/secret_queue', { headers: bearer('admin') })).status).toBe(200)
})

test('numbers that cannot be right are refused with a page', async () => {
  await seed()
  const site = openSite(room)
  for (const start of ['-1', 'x', '1e9', '99999999999', '1.5', 'NaN', '0x10', '%00']) {
    const answer = await site.ask(`/queues/mail?start=${start}`, { headers: bearer('viewer') })
    expect(answer.status, start).toBe(400)
    expect(await answer.text()).toContain('Expected start')
  }
  for (const path of [
    '/queues/mail?start=1&start=2',
    '/queues/mail?order=up',
    '/stats/keys?cursor=x',
    '/stats/keys?cursor=99999999999999999999',
  ]) {
    expect((await site.ask(path, { headers: bearer('admin') })).status, path).toBe(400)
  }
  expect((await site.ask('/queues/mail?start=999999', { headers: bearer('viewer') })).status).toBe(200)
})
