// The API, held to its own OpenAPI document: each route and each answer, and the document to OpenAPI 3.1. It has the same
// guards as the pages.

import { Validator } from '@seriousme/openapi-schema-validator'
import { beforeEach, expect, test } from 'vitest'
import { dumpOf } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { type Answer, API, answered, type Document, hold } from './api-document.js'
import { failedRecord } from './records.js'
import { accounts, bearer, openSite, type Site, tokens } from './site.js'

const room = useRoom()
const T = 4_102_444_800

let site: Site
let document: Document
beforeEach(async () => {
  site = openSite(room)
  document = JSON.parse(await site.text(`${API}/openapi.json`, { headers: bearer('viewer') })) as Document
  const { client } = room
  await client.sadd('resque:queues', 'mail', 'low')
  await client.rpush('resque:queue:mail', '{"class":"Mail","args":[1,{"password":"hunter2"}]}', 'no job')
  await client.rpush('resque:queue:mail', ...[2, 3].map((id) => `{"class":"Mail","args":[${id}]}`))
  await client.sadd('resque:workers', 'web:1:mail', 'web:2:low')
  await client.set(
    'resque:worker:web:1:mail',
    '{"queue":"mail","run_at":"2026-01-01T00:00:00Z","payload":{"class":"A","args":[{"token":"hunter2"}]}}',
  )
  await client.rpush(
    'resque:failed',
    ...[1, 2, 3].map((id) => failedRecord(id, { error: `boom ${id} password=hunter2` })),
    'broken',
  )
  await client.rpush(
    `resque:delayed:${T}`,
    '{"class":"Late","args":[1,{"password":"hunter2"}],"queue":"mail"}',
  )
  await client.rpush(`resque:delayed:${T}`, '{"class":"Late","args":[2],"queue":"mail"}')
  await client.zadd('resque:delayed_queue_schedule', T, `${T}`)
  await client.hset(
    'resque:persistent_schedules',
    'nightly',
    '{"cron":"0 3 * * * Europe/Berlin","class":"Report","queue":"reports"}',
  )
  await client.hset('resque:persistent_schedules', 'broken', '{')
})

/** Calls an endpoint and holds the answer to what the document says of it. */
async function call(
  method: 'GET' | 'POST',
  path: string,
  { role = 'admin', body, on = site }: { role?: string; body?: object; on?: Site } = {},
): Promise<Answer> {
  const request = new Request(`http://localhost:5678${API}${path}`, {
    method,
    headers: {
      ...bearer(role),
      host: 'localhost:5678',
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
  })
  const response = await on.web.fetch(request, { address: '127.0.0.1', localAddress: '127.0.0.1' })
  const text = await response.text()
  expect(response.headers.get('content-type'), text).toMatch(/^application\/json/)
  const answer = { status: response.status, body: JSON.parse(text) as unknown }
  hold(document, method, path, answer)
  return answer
}

test('the document is OpenAPI 3.1, and has every route of the API and no other', async () => {
  const { valid, errors } = await new Validator().validate(document as unknown as Record<string, unknown>)
  expect(errors).toBeUndefined()
  expect(valid).toBe(true)
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => `${method} ${path} ${operation['x-role']}`),
  )
  const served = site.web.routes
    .filter(({ path, method }) => path.startsWith(API) && method !== 'ALL' && !path.endsWith('openapi.json'))
    .map(({ method, path, role }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')} ${role}`)
  expect(documented.sort()).toEqual(served.sort())
  const ids = Object.values(document.paths).flatMap((each) =>
    Object.values(each).map(({ operationId }) => operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
})

test('every reading answers as the document says, with secrets hidden', async () => {
  const pending = await call('GET', '/queues/mail/jobs')
  expect(pending.body).toMatchObject({ total: 4, start: 0 })
  expect(pending.body.items[1]).toMatchObject({ isReadable: false, args: null })
  const failed = await call('GET', '/failed?start=1&limit=2')
  expect(failed.body).toMatchObject({ total: 4, start: 1 })
  expect(failed.body.items).toHaveLength(2)
  const [ref, failedRef] = [pending.body.items[0].ref, failed.body.items[0].ref].map(encodeURIComponent)
  const texts: string[] = [JSON.stringify(pending), JSON.stringify(failed)]
  for (const path of [
    ...['/me', '/overview', '/queues', '/queues/mail', `/queues/mail/jobs/${ref}`, '/working', '/workers'],
    ...[
      '/queues/mail/search?class=Mail&text=args',
      '/workers/web%3A1%3Amail',
      '/failed?class=Mail&state=open',
    ],
    ...[
      '/failed/search?text=boom',
      '/failed/groups',
      '/failed/groups?queue=mail',
      `/failed/jobs/${failedRef}`,
    ],
    ...[`/jobs/${ref}`, `/jobs/${failedRef}`, '/jobs/none'],
    ...['/operations', '/delayed', '/delayed/search?class=Late', `/delayed/${T}`, '/schedules'],
    ...['/schedules/nightly', '/audit', '/history', '/history?range=1h', '/queues/mail/history?range=3d'],
  ]) {
    const { status, body } = await call('GET', path)
    expect(status, path).toBe(200)
    texts.push(JSON.stringify(body))
  }
  expect(texts.join()).toContain('[hidden]')
  expect(texts.join()).not.toContain('hunter2')
})

test('what is hidden of one job is shown to an operator who asks, and that stands in the audit', async () => {
  const [waiting] = (await call('GET', '/queues/mail/jobs')).body.items
  const [failed] = (await call('GET', '/failed?class=Mail')).body.items
  const places = [`/queues/mail/jobs/${encodeURIComponent(waiting.ref)}`]
  places.push(`/failed/jobs/${encodeURIComponent(failed.ref)}`)
  const [later] = (await call('GET', `/delayed/${T}`)).body.items
  places.push(`/delayed/${T}/jobs/${encodeURIComponent(later.ref)}`)
  const before = await dumpOf(room)
  for (const place of places) {
    expect(JSON.stringify((await call('GET', place)).body)).toContain('[hidden]')
    expect((await call('POST', `${place}/reveal`, { role: 'viewer' })).status).toBe(403)
    const { body } = await call('POST', `${place}/reveal`, { role: 'operator' })
    expect(JSON.stringify(body)).not.toContain('[hidden]')
    expect(JSON.stringify(body)).toContain('hunter2')
    // It is not shown to the next who looks.
    expect(JSON.stringify((await call('GET', place)).body)).not.toContain('hunter2')
  }
  expect(await dumpOf(room)).toBe(before)
  const line = { user: 'operator-token', action: 'reveal arguments', result: 'done' }
  const { items } = (await call('GET', '/audit')).body
  expect(items.filter(({ action }: { action: string }) => action === line.action)).toMatchObject([
    { ...line, target: `delayed ${later.ref}` },
    { ...line, target: failed.ref },
    { ...line, target: `mail ${waiting.ref}` },
  ])
  expect(JSON.stringify(items)).not.toContain('hunter2')
  for (const path of [
    '/queues/none/jobs/x/reveal',
    '/queues/mail/jobs/x/reveal',
    '/failed/jobs/x/reveal',
    `/delayed/${T}/jobs/x/reveal`,
  ])
    expect((await call('POST', path)).status, path).toBe(404)
})

test('queues are paused, resumed, cleared and removed, with a way back', async () => {
  await call('POST', '/queues/mail/pause', { role: 'operator' })
  expect(await room.client.smembers('resque:queues:paused')).toEqual(['mail'])
  await call('POST', '/queues/mail/resume', { role: 'operator' })
  await call('POST', '/pause', { role: 'operator' })
  expect(await room.client.get('resque:pause-all-workers')).toBe('true')
  await call('POST', '/resume', { role: 'operator' })
  const cleared = await call('POST', '/queues/mail/clear')
  expect(cleared.body.count).toBe(4)
  expect(await room.client.llen('resque:queue:mail')).toBe(0)
  const undone = await call('POST', cleared.body.undo.slice(API.length))
  expect(undone.body).toEqual({ restored: 4, state: 'restored' })
  expect(await room.client.llen('resque:queue:mail')).toBe(4)
  await call('POST', '/queues/low/remove')
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
})

test('waiting jobs are removed by ref or by filter', async () => {
  const { body } = await call('GET', '/queues/mail/jobs')
  const wait = { waitMs: 5_000 }
  const first = await call('POST', '/queues/mail/jobs/remove', {
    body: { refs: [body.items[0].ref], ...wait },
  })
  expect(first.body).toMatchObject({ state: 'done', done: 1, by: 'admin-token' })
  expect((await call('GET', `/operations/${first.body.id}`)).body).toMatchObject({ done: 1 })
  const rest = { filter: { class: 'Mail' }, ...wait }
  expect((await call('POST', '/queues/mail/jobs/remove', { body: rest })).body.done).toBe(2)
  expect(await room.client.lrange('resque:queue:mail', 0, -1)).toEqual(['no job'])
})

test('one failed job is put back once, again if it is said, and with other arguments', async () => {
  const { body } = await call('GET', '/failed?class=Mail')
  const path = `/failed/jobs/${encodeURIComponent(body.items[0].ref)}/retry`
  expect((await call('POST', path, { role: 'operator' })).body).toMatchObject({ result: 'done' })
  expect(await room.client.llen('resque:queue:mail')).toBe(5)
  // Its entry says that it was retried, so it is another one now.
  expect((await call('POST', path)).status).toBe(404)
  const [again] = (await call('GET', '/failed?state=retried')).body.items
  const at = `/failed/jobs/${encodeURIComponent(again.ref)}/retry`
  expect((await call('POST', at)).status).toBe(409)
  expect((await call('POST', at, { role: 'viewer', body: { again: true } })).status).toBe(403)
  // Other arguments and another queue make another job: as on the pages, that is for admins.
  const moved = { again: true, args: [9], queue: 'low' }
  expect((await call('POST', at, { role: 'operator', body: moved })).status).toBe(403)
  expect(await room.client.exists('resque:queue:low')).toBe(0)
  expect((await call('POST', at, { body: moved })).status).toBe(200)
  expect(await room.client.lrange('resque:queue:low', 0, -1)).toEqual(['{"class":"Mail","args":[9]}'])
})

test('failed jobs are retried, removed, brought back and cleared', async () => {
  const wait = { waitMs: 5_000 }
  const retried = await call('POST', '/failed/retry', { body: { filter: { class: 'Mail' }, ...wait } })
  expect(retried.body).toMatchObject({ kind: 'retry', state: 'done', done: 3 })
  const { body } = await call('GET', '/failed')
  const removal = { refs: [body.items[0].ref, body.items[1].ref], operation: 'my-own-id-1', ...wait }
  const removed = await call('POST', '/failed/remove', { body: removal })
  expect(removed.body).toMatchObject({ id: 'my-own-id-1', done: 2 })
  // Sent twice, done once.
  expect((await call('POST', '/failed/remove', { body: removal })).body).toMatchObject({ done: 2 })
  expect((await call('POST', '/operations/my-own-id-1/cancel')).body).toEqual({ isCancelled: false })
  expect((await call('POST', '/operations/my-own-id-1/undo')).body).toEqual({
    restored: 2,
    state: 'restored',
  })
  expect(await room.client.llen('resque:failed')).toBe(4)
  const cleared = await call('POST', '/failed/clear', { body: { list: 'failed' } })
  expect(cleared.body.count).toBe(4)
  expect((await call('POST', cleared.body.undo.slice(API.length))).body.restored).toBe(4)
})

test('workers of this package are told, the lost are forgotten, and Ruby\u2019s hear nothing', async () => {
  const worker = await room.start({ queues: 'low', jobs: [], concurrency: 1 })
  const [own] = (await call('GET', '/workers')).body.items.filter((each: { process: string }) => each.process)
  const at = `/workers/${encodeURIComponent(own.id)}`
  expect((await call('POST', `${at}/pause`, { role: 'operator' })).body).toEqual({ isTold: true })
  expect((await call('POST', `${at}/resume`, { role: 'operator' })).status).toBe(200)
  expect((await call('POST', `${at}/stop`, { role: 'operator' })).status).toBe(403)
  expect((await call('POST', `${at}/forget`)).status).toBe(409)
  expect((await call('POST', `${at}/stop`)).status).toBe(200)
  await worker.stop({ timeoutMs: 0 })
  const ruby = '/workers/web%3A1%3Amail'
  expect((await call('POST', `${ruby}/pause`)).status).toBe(409)
  await room.client.hset('resque:workers:heartbeat', 'web:1:mail', '2020-01-01T00:00:00Z')
  expect((await call('POST', `${ruby}/forget`)).body).toEqual({ isForgotten: true })
  expect(await room.client.sismember('resque:workers', 'web:1:mail')).toBe(0)
})

test('markers are added, listed and removed', async () => {
  const { body } = await call('POST', '/markers', { role: 'operator', body: { label: 'v1.2' } })
  expect((await call('GET', '/markers', { role: 'viewer' })).body.items).toEqual([body])
  expect((await call('POST', `/markers/${body.id}/remove`, { role: 'operator' })).body).toEqual(body)
})

test('delayed jobs and schedules are queued, removed and brought back', async () => {
  const { body } = await call('GET', `/delayed/${T}`)
  const [first] = body.items
  const queued = await call('POST', `/delayed/${T}/queue`, { body: { refs: [first.ref] } })
  expect(queued.body).toEqual({ queued: 1, left: 0 })
  expect((await call('POST', `/delayed/${T}/queue`, { body: { refs: [first.ref] } })).status).toBe(409)
  const [second] = (await call('GET', `/delayed/${T}`)).body.items
  const removed = await call('POST', `/delayed/${T}/remove`, { body: { refs: [second.ref] } })
  expect((await call('POST', removed.body.undo.slice(API.length))).body.restored).toBe(1)
  expect((await call('POST', `/delayed/${T}/queue-all`)).body).toEqual({ queued: 1, left: 0 })
  expect((await call('POST', '/delayed/clear')).body).toEqual({ count: 0, undo: null })
  expect((await call('POST', '/schedules/nightly/run')).body).toEqual({ isDone: true })
  expect(await room.client.lrange('resque:queue:reports', 0, -1)).toEqual(['{"class":"Report","args":[]}'])
  const gone = await call('POST', '/schedules/nightly/remove')
  expect((await call('POST', gone.body.undo.slice(API.length))).body).toEqual({
    restored: 1,
    state: 'restored',
  })
  // All that there is to be called has been called by now.
  const all = Object.values(document.paths).flatMap((each) =>
    Object.values(each).map(({ operationId }) => operationId),
  )
  expect(all.filter((id) => !answered.has(id))).toEqual([])
})

test('what cannot be right is refused in a sentence, and never means more than was said', async () => {
  const before = await room.client.lrange('resque:failed', 0, -1)
  for (const [path, status] of [
    ['/failed?clas=Mail', 400],
    ['/failed?start=-1', 400],
    ['/failed?limit=1000', 400],
    ['/failed?class=a&class=b', 400],
    ['/failed?state=odd', 400],
    ['/failed?from=yesterday', 400],
    ['/failed?list=workers', 404],
    ['/queues/none', 404],
    ['/queues/none/jobs', 404],
    ['/workers/none', 404],
    ['/operations/none-of-these', 404],
    ['/delayed/x', 404],
    ['/delayed/search?cursor=x', 400],
    ['/history?range=1y', 400],
    ['/audit?before=x', 400],
    ['/failed/jobs/0.0000000000000000%40failed', 404],
    ['/failed/jobs/0.0000000000000000%40workers', 404],
  ] as const) {
    const { status: got, body } = await call('GET', path)
    expect(got, path).toBe(status)
    expect(body.error.message, path).toMatch(/\w+ .*\.$/)
    expect(body.error.code, path).toMatch(/^[a-z_]+$/)
  }
  for (const body of [
    {},
    { filter: {} },
    { filter: { class: '' } },
    { filter: { clas: 'Mail' } },
    { filter: { queues: ['mail'] } },
    { filter: 'Mail' },
    { refs: [] },
    { refs: 'x' },
    { refs: ['x'] },
    { refs: [1] },
    { refs: ['0.0000000000000000@workers'] },
    { filter: { class: 'Mail' }, refs: ['x'] },
    { all: true },
    { filter: { class: 'Mail' }, operation: '../x' },
    { filter: { class: 'Mail' }, waitMs: -1 },
  ]) {
    const { status } = await call('POST', '/failed/remove', { body })
    expect([400, 422], JSON.stringify(body)).toContain(status)
  }
  expect(await room.client.lrange('resque:failed', 0, -1)).toEqual(before)
})

test('a form cannot act on the API, nor a browser without its token', async () => {
  const post = (headers: Record<string, string>) =>
    site.ask(`${API}/queues/mail/clear`, { method: 'POST', headers })
  expect((await post(bearer('admin'))).status).toBe(415)
  const basic = { authorization: `Basic ${Buffer.from('admin:correct horse').toString('base64')}` }
  expect((await post({ ...basic, 'content-type': 'application/json' })).status).toBe(400)
  const request = new Request(`http://localhost:5678${API}/queues/mail/clear`, {
    method: 'POST',
    headers: {
      ...basic,
      host: 'localhost:5678',
      'content-type': 'application/json',
      'sec-fetch-site': 'cross-site',
    },
    body: '{}',
  })
  const refused = await site.web.fetch(request, { address: '127.0.0.1', localAddress: '127.0.0.1' })
  expect(refused.status).toBe(403)
  expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  expect(await room.client.llen('resque:queue:mail')).toBe(4)
})

test('who does not see a queue learns nothing of it, and moves nothing in it', async () => {
  await room.client.sadd('resque:queues', 'secret')
  await room.client.rpush('resque:queue:secret', '{"class":"Hidden","args":[]}')
  await room.client.rpush('resque:failed', failedRecord(9, { queue: 'secret', class: 'Hidden' }))
  await room.client.rpush(`resque:delayed:${T}`, '{"class":"Hidden","args":[2],"queue":"secret"}')
  await room.client.hset('resque:persistent_schedules', 'hidden', '{"class":"Hidden","queue":"secret"}')
  const seen = openSite(room, {
    auth: { users: accounts, tokens: tokens.map((token) => ({ ...token, queues: ['mail', 'low'] })) },
  })
  const ask = (method: 'GET' | 'POST', path: string, body?: object) =>
    call(method, path, { on: seen, ...(body && { body }) })
  for (const path of [
    '/overview',
    '/queues',
    '/failed',
    '/failed/groups',
    '/failed/search?text=args',
    '/schedules',
  ])
    expect(JSON.stringify((await ask('GET', path)).body), path).not.toMatch(/Hidden|secret/)
  expect(JSON.stringify((await ask('GET', `/delayed/${T}`)).body)).not.toMatch(/Hidden|secret/)
  const [hidden] = (await call('GET', '/failed?class=Hidden')).body.items
  expect((await ask('GET', `/failed/jobs/${encodeURIComponent(hidden.ref)}`)).status).toBe(404)
  expect((await ask('POST', '/failed/remove', { refs: [hidden.ref] })).status).toBe(404)
  const [held] = (await call('GET', '/queues/secret/jobs')).body.items
  for (const path of [`/failed/jobs/${hidden.ref}/reveal`, `/queues/secret/jobs/${held.ref}/reveal`])
    expect((await ask('POST', path)).status, path).toBe(404)
  await ask('POST', '/failed/remove', { filter: { state: 'open' }, waitMs: 5_000 })
  expect(await room.client.lrange('resque:failed', 0, -1)).toHaveLength(2)
  for (const path of ['/queues/secret', '/queues/secret/jobs', '/schedules/hidden'])
    expect((await ask('GET', path)).status, path).toBe(404)
  for (const path of ['/queues/secret/clear', '/queues/secret/pause', '/schedules/hidden/run'])
    expect((await ask('POST', path)).status, path).toBe(404)
  for (const path of ['/failed/clear', '/delayed/clear']) expect((await ask('POST', path)).status).toBe(403)
  expect((await ask('GET', '/audit')).status).toBe(403)
  await ask('POST', `/delayed/${T}/queue-all`)
  expect(await room.client.lrange(`resque:delayed:${T}`, 0, -1)).toEqual([
    '{"class":"Hidden","args":[2],"queue":"secret"}',
  ])
})

test('every action stands in the audit, with who did it and never a value', async () => {
  await call('POST', '/queues/mail/pause', { role: 'operator' })
  const filter = { text: 'hunter2' }
  await call('POST', '/failed/remove', { role: 'operator', body: { filter, waitMs: 5_000 } })
  const { body } = await call('GET', '/audit?limit=2')
  expect(body.items).toMatchObject([
    { user: 'operator-token', action: 'remove failed', result: 'done' },
    { user: 'operator-token', action: 'pause queue', target: 'mail', result: 'done' },
  ])
  expect(JSON.stringify(body)).not.toContain('hunter2')
  expect((await call('GET', `/audit?before=${body.next}`)).body.items).toEqual([])
})
