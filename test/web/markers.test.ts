// Markers by the API: who adds them, where they stand, what is refused. That its answers are as its document says is held
// by the tests of the API.

import { beforeEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { bearer, openSite, type Site, sameOrigin, signIn, tokenIn } from './site.js'

const room = useRoom()
const API = '/api/v1'

let site: Site
beforeEach(() => {
  site = openSite(room)
})

async function call(
  method: 'GET' | 'POST',
  path: string,
  { role = 'admin', body = {} }: { role?: string; body?: object } = {},
  // biome-ignore lint/suspicious/noExplicitAny: each answer has its own shape
): Promise<{ status: number; body: any }> {
  const headers = { ...bearer(role), 'content-type': 'application/json' }
  const answer = await site.ask(API + path, { method, headers, body: JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}

test('markers are added, listed by time and removed, and stand in the audit', async () => {
  const at = new Date(Date.now() - 3_600_000).toISOString()
  const label = 'v1.2 <b>"x"</b> é'
  const first = await call('POST', '/markers', { role: 'operator', body: { label, at } })
  expect(first.body).toMatchObject({ label, at })
  const second = await call('POST', '/markers', { body: { label: 'v1.3' } })
  const [seconds] = await room.client.time()
  expect(Math.abs(Date.parse(second.body.at) / 1_000 - Number(seconds))).toBeLessThan(60)
  expect((await call('GET', '/markers', { role: 'viewer' })).body.items).toEqual([first.body, second.body])
  expect((await call('GET', `/markers?from=${second.body.at}`)).body.items).toEqual([second.body])
  expect((await call('GET', `/markers?to=${at}`)).body.items).toEqual([first.body])
  const path = `/markers/${first.body.id}/remove`
  expect((await call('POST', path, { role: 'viewer' })).status).toBe(403)
  expect((await call('POST', path, { role: 'operator' })).body).toEqual(first.body)
  expect((await call('POST', path)).status).toBe(404)
  expect((await call('GET', '/markers')).body.items).toEqual([second.body])
  expect((await call('GET', '/audit?limit=5')).body.items).toMatchObject([
    { user: 'operator-token', action: 'remove marker', target: label, result: 'done' },
    { action: expect.stringContaining('POST'), result: expect.stringContaining('refused') },
    { user: 'admin-token', action: 'add marker', target: 'v1.3' },
    { user: 'operator-token', action: 'add marker', target: label },
  ])
})

test('who has signed in adds a marker with the token of his pages, and not without', async () => {
  const cookie = await signIn(site, 'operator')
  const token = tokenIn(await site.text('/overview', { headers: { cookie } }))
  const post = (headers: Record<string, string>) =>
    site.ask(`${API}/markers`, {
      method: 'POST',
      headers: { ...sameOrigin, cookie, 'content-type': 'application/json', ...headers },
      body: '{"label":"v2"}',
    })
  expect((await post({})).status).toBe(403)
  expect((await post({ 'x-csrf-token': token, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  expect(await room.client.exists('resque:metrics:markers')).toBe(0)
  expect((await post({ 'x-csrf-token': token })).status).toBe(200)
  expect(await room.client.zcard('resque:metrics:markers')).toBe(1)
})

test('the metrics page lists the markers of its time, the newest first, and lets an operator remove one', async () => {
  // Also where what was read is kept for a while.
  site = openSite(room, { cacheMs: 60_000 })
  const { markers } = room.resque.store
  const now = Date.now()
  await markers.add('aaaaaaaaaaaaaaaa', 'last month', new Date(now - 30 * 86_400_000))
  await markers.add('bbbbbbbbbbbbbbbb', 'v1 <b>', new Date(now - 7_200_000))
  await markers.add('cccccccccccccccc', 'v2', new Date(now - 3_600_000))
  const list = async (path: string, role: string) => {
    const html = await site.text(path, { headers: bearer(role) })
    const [section = ''] = /<section[^>]*markers-title.*?<\/section>/s.exec(html) ?? []
    return { section, labels: [...section.matchAll(/<bdi>([^<]*)/g)].map(([, label]) => label) }
  }
  expect((await list('/metrics', 'viewer')).labels).toEqual(['v2', 'v1 &lt;b&gt;'])
  expect((await list('/metrics?range=90d', 'viewer')).labels).toEqual(['v2', 'v1 &lt;b&gt;', 'last month'])
  expect((await list('/metrics', 'viewer')).section).not.toContain('/remove')
  const path = '/metrics/markers/bbbbbbbbbbbbbbbb/remove'
  expect((await list('/metrics', 'operator')).section).toContain(`href="${path}"`)
  const post = (role: string, form: Record<string, string>) =>
    site.ask(path, { method: 'POST', headers: bearer(role), form })
  expect((await post('viewer', { confirmed: 'yes' })).status).toBe(403)
  expect(await (await post('operator', {})).text()).toContain('Remove v1 &lt;b&gt;?')
  expect(await markers.all()).toHaveLength(3)
  expect((await post('operator', { confirmed: 'yes' })).status).toBe(303)
  expect((await list('/metrics', 'operator')).labels).toEqual(['v2'])
  expect((await post('operator', { confirmed: 'yes' })).status).toBe(404)
})

test('a marker that cannot be right is refused, and nothing is kept of it', async () => {
  for (const [body, status] of [
    [{}, 400],
    [{ label: 7 }, 400],
    [{ label: 'x'.repeat(81) }, 400],
    [{ label: 'x', when: 'now' }, 400],
    [{ label: '' }, 422],
    [{ label: ' ' }, 422],
    [{ label: 'two\nlines' }, 422],
    [{ label: 'bell\u0007' }, 422],
    [{ label: 'half \ud800' }, 422],
    [{ label: 'x', at: 'yesterday' }, 422],
    [{ label: 'x', at: '2026-01-01T00:00:00' }, 422],
    [{ label: 'x', at: '2026-13-01T00:00:00Z' }, 422],
    [{ label: 'x', at: new Date(Date.now() + 120_000).toISOString() }, 422],
    [{ label: 'x', at: new Date(Date.now() - 401 * 86_400_000).toISOString() }, 422],
  ] as const) {
    const { status: got, body: answer } = await call('POST', '/markers', { body })
    expect(got, JSON.stringify(body)).toBe(status)
    expect(answer.error.message).toMatch(/^Expected |^There is no member/)
  }
  for (const path of ['/markers?from=yesterday', '/markers?to=1', '/markers?since=1'])
    expect((await call('GET', path)).status, path).toBe(400)
  expect(await room.client.exists('resque:metrics:markers')).toBe(0)
})
