// The matrix route × role × method over the app's own table of routes, and what reading leaves behind: nothing.

import { expect, test } from 'vitest'
import { digest } from '#built/store/records.js'
import { useRoom } from '../room.js'
import { failedRecord } from './records.js'
import { bearer, openSite } from './site.js'

const room = useRoom()
const roles = ['nobody', 'viewer', 'operator', 'admin'] as const
const rank = (role: string) => roles.indexOf(role as (typeof roles)[number])

/** A real path for a route: its parameters filled with things that are there. */
function fill(path: string, ref: string): string {
  return path
    .replace('/failed/job/:ref', `/failed/job/${encodeURIComponent(`0.${digest(failedRecord(1))}@failed`)}`)
    .replace('/failed/:queue', '/failed/failed')
    .replace('/operations/:id', '/operations/3f0e4f0e-0000-4000-8000-000000000000')
    .replace(':index', '0')
    .replace(':queue', 'mail')
    .replace(':ref', ref)
    .replace(/:timestamp\{[^}]*\}/, '4102444800')
    .replace(':class', 'Mail')
    .replace(':name', 'nightly')
    .replace(':worker', encodeURIComponent('web:1:mail'))
    .replace(':marker', '0123456789abcdef')
    .replace(':key', 'queues')
    .replace(/:id(\{.*\})?/, 'x.poll')
    .replace(':file', 'none.css')
}

async function seed(): Promise<string> {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{"class":"Mail","args":[1]}')
  await room.client.sadd('resque:workers', 'web:1:mail')
  await room.client.set(
    'resque:worker:web:1:mail',
    '{"queue":"mail","run_at":"2026-01-01T00:00:00Z","payload":{"class":"A","args":[]}}',
  )
  await room.client.rpush('resque:failed', failedRecord(1), 'broken')
  await room.client.rpush('resque:delayed:4102444800', '{"class":"Mail","args":[1],"queue":"mail"}')
  await room.client.zadd('resque:delayed_queue_schedule', 4_102_444_800, '4102444800')
  await room.client.hset(
    'resque:persistent_schedules',
    'nightly',
    '{"cron":"0 3 * * *","class":"Mail","queue":"mail"}',
  )
  const [job] = await room.resque.store.queues.glance('mail', 0, 1)
  return `0.${job?.digest}`
}

/** All but the audit, in which refusals stand. */
async function dump(): Promise<string> {
  const keys = (await room.client.keys('*')).filter((key) => key !== 'resque:web:audit').sort()
  const dumps = await Promise.all(keys.map((key) => room.client.dumpBuffer(key)))
  return keys.map((key, i) => `${key} ${dumps[i]?.toString('base64')}`).join('\n')
}

test('every route asks for a role, and every role below it is refused', async () => {
  const ref = await seed()
  const site = openSite(room)
  expect(site.web.routes.length).toBeGreaterThan(25)
  for (const route of site.web.routes) {
    if (route.method === 'ALL') continue
    expect(route.role, route.path).toBeDefined()
    for (const role of roles) {
      const before = await dump()
      const headers = role === 'nobody' ? {} : bearer(role)
      const where = `${role} ${route.method} ${route.path}`
      const { status } = await site.ask(fill(route.path, ref), { method: route.method, headers })
      const wanted = route.role === 'public' ? 0 : rank(route.role ?? '')
      if (role === 'nobody' && route.method === 'POST') expect(status, where).toBe(403)
      else if (role === 'nobody' && wanted > 0) expect(status, where).toBe(401)
      else if (rank(role) < wanted) expect(status, where).toBe(403)
      else if (route.path === '/login' && route.method === 'POST') expect(status, where).toBe(401)
      else expect([200, 302, 303, 400, 404, 405, 409, 415, 422], where).toContain(status)
      if (rank(role) < wanted) expect(await dump(), where).toBe(before)
      if (status === 303) {
        await room.client.flushall()
        await seed()
      }
    }
  }
})

test('GET and HEAD of every route leave Redis as it was', async () => {
  const ref = await seed()
  const site = openSite(room)
  const before = await dump()
  for (const { path } of site.web.routes) {
    for (const method of ['GET', 'HEAD']) {
      const { status } = await site.ask(fill(path, ref), { method, headers: bearer('admin') })
      expect(status, `${method} ${path}`).toBeLessThan(500)
    }
  }
  expect(await dump()).toBe(before)
})

test('methods that no page has are not found, and change nothing', async () => {
  await seed()
  const site = openSite(room)
  const before = await dump()
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const answer = await site.ask('/queues/mail', {
      method,
      headers: { ...bearer('admin'), 'content-type': 'application/json' },
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
  }
  expect(await dump()).toBe(before)
})

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
