// What the pages show: also where names are hostile, entries are broken, or Redis is away.

import { randomUUID } from 'node:crypto'
import { type FailureBackend, redisMultiQueueBackend } from 'resque-ts'
import { createWeb } from 'resque-ts/web'
import { expect, test } from 'vitest'
import { askFor, fillRoom, findPages } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { bearer, openSite } from './site.js'
import { asOurs, fillStats, rubyStats } from './stats-txt.js'

const room = useRoom()
const admin = { headers: bearer('admin') }

/** A list for each queue, and the one for all. */
const failureBackend: FailureBackend = {
  ...redisMultiQueueBackend,
  lists: async (store) => [...(await redisMultiQueueBackend.lists(store)), 'failed'],
}

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  '</script><svg onload=alert(1)>',
  '\u202Eevil\u0000\u0007',
  '../../etc/passwd',
  '.',
  '..',
  '~..',
  '',
  'a/b?c#d%2F&e=f',
  '__proto__',
  '{{7*7}}',
  'line\nbreak\r\nx: y',
]

async function fillHostile(): Promise<void> {
  for (const name of hostile) {
    await room.client.sadd('resque:queues', name)
    await room.client.rpush(
      `resque:queue:${name}`,
      JSON.stringify({ class: name, args: [name, { [name]: name }] }),
      name,
    )
    await room.client.sadd('resque:failed_queues', `${name}_failed`)
    const failure = {
      failed_at: name,
      payload: { class: name, args: [name, { [name]: name }] },
      exception: name,
      error: name,
      backtrace: [name, name],
      worker: name,
      queue: name,
    }
    await room.client.rpush(
      `resque:${name}_failed`,
      JSON.stringify(failure),
      name,
      `{"payload":${JSON.stringify(name)}}`,
    )
    await room.client.rpush('resque:failed', JSON.stringify({ ...failure, retried_at: name }), name)
    const worker = `${name.replaceAll(':', '')}:1:${name}`
    await room.client.sadd('resque:workers', worker)
    await room.client.set(`resque:worker:${worker}:started`, name)
    await room.client.hset('resque:workers:heartbeat', worker, name)
    await room.client.set(
      `resque:worker:${worker}`,
      JSON.stringify({ queue: name, run_at: name, payload: { class: name, args: [name] } }),
    )
  }
  await room.client.sadd('resque:workers', 'weird', 'broken:1:q', 'wrong:1:q')
  await room.client.set('resque:worker:broken:1:q', hostile[0] as string)
  await room.client.rpush('resque:worker:wrong:1:q', 'a list')
  await room.client.set('resque:queue:wrong_type', 'a string')
  await room.client.sadd('resque:queues', 'wrong_type')
}

/** Markup that only data could have brought in. */
const raw =
  /<script>|<img|onerror=(?!alert)|<svg onload|onmouseover='alert|href="javascript|[^\P{Cc}\n]|\u202E/iu

test('what is broken in Redis is said in words, or is a dash, and never a word of JavaScript', async () => {
  await fillRoom(room, 'broken')
  const web = createWeb({ resque: room.connect(), auth: 'none' })
  const pages = await findPages(web, 2)
  expect(pages.length).toBeGreaterThan(80)
  for (const { path } of pages) {
    const text = (await (await askFor(web, path)).text()).replace(/<[^>]*>/g, ' ')
    expect(/\bNaN\b|\bundefined\b|Invalid Date|\[object /.exec(text)?.[0], path).toBeUndefined()
  }
  await web.close()
})

test('hostile names are shown as text, on every page, and each link leads to its own thing', async () => {
  await fillHostile()
  const site = openSite(room, { resque: room.connect({ failureBackend }) })
  const seen = new Set<string>()
  const open = [
    '/audit',
    '/operations',
    '/overview',
    '/queues',
    '/working',
    '/workers',
    '/stats/keys',
    '/failed',
    '/failed?view=list',
    '/overview.poll',
    '/workers.poll',
  ]
  while (open.length > 0 && seen.size < 1_500) {
    const path = open.pop() as string
    if (seen.has(path)) continue
    seen.add(path)
    const answer = await site.ask(path, admin)
    const html = await answer.text()
    expect(answer.status, path).toBeLessThan(500)
    expect(raw.exec(html)?.[0], path).toBeUndefined()
    if (answer.status === 404) expect(path).toMatch(/queues\/q$|workers\/[^/]*$|schedule|delayed/)
    for (const [, href = ''] of html.matchAll(/href="([^"]*)"/g)) {
      expect(href, path).toMatch(/^[/#?]/)
      const target = href.replaceAll('&amp;', '&')
      // Files and the API's JSON are what stands in Redis, and no pages.
      if (target.startsWith('/') && !/^\/(assets|api)\/|\/download$/.test(target)) open.push(target)
    }
  }
  for (const name of hostile) {
    const segment = ['', '.', '..', '~..'].includes(name)
      ? `~${encodeURIComponent(name)}`
      : encodeURIComponent(name)
    expect((await site.ask(`/queues/${segment}`, admin)).status, name).toBe(200)
  }
})

test('what a URL says is echoed as text alone', async () => {
  const site = openSite(room)
  for (const name of hostile.filter(Boolean)) {
    for (const path of [
      '/',
      '/queues/',
      '/workers/',
      '/stats/keys/',
      '/queues/?start=',
      '/login?next=',
      '/queues/x?order=',
    ]) {
      const answer = await site.ask(`${path}${encodeURIComponent(name)}`, admin)
      expect(answer.status).toBeLessThan(500)
      expect(raw.exec(await answer.text())?.[0], path + name).toBeUndefined()
    }
  }
})

test('secrets in arguments are hidden, until an operator asks for them', async () => {
  await room.client.sadd('resque:queues', 'q')
  const args = [
    { user: 'ann', deep: [{ api_key: 'k-123', nested: { Password: 'hunter2' } }] },
    'token=abc123 and https://u:pw99@h/',
  ]
  await room.client.rpush('resque:queue:q', JSON.stringify({ class: 'Sync', args }))
  const lines: string[] = []
  const log = (fields: object | string, message = '') => void lines.push(message || String(fields))
  const site = openSite(room, { logger: { debug: log, info: log, warn: log, error: log } })
  const list = await site.text('/queues/q', admin)
  const path = /href="(\/queues\/q\/job\/[^"]+)"/.exec(list)?.[1] as string
  const page = await site.text(path, admin)
  for (const html of [list, page]) {
    expect(html).toContain('ann')
    for (const secret of ['k-123', 'hunter2', 'abc123', 'pw99']) expect(html).not.toContain(secret)
  }
  expect((await site.ask(`${path}/reveal`, { method: 'POST', headers: bearer('viewer') })).status).toBe(403)
  const revealed = await site.text(`${path}/reveal`, { method: 'POST', headers: bearer('operator') })
  for (const secret of ['k-123', 'hunter2', 'abc123', 'pw99']) expect(revealed).toContain(secret)
  expect(lines.some((line) => line.includes('reveal arguments'))).toBe(true)
  expect(page).toContain('Show what is hidden')
  // Where nothing is hidden nothing is offered.
  await room.client.lpush('resque:queue:q', JSON.stringify({ class: 'Plain', args: [1] }))
  const first = /href="(\/queues\/q\/job\/0[^"]+)"/.exec(await site.text('/queues/q', admin))?.[1] as string
  expect(await site.text(first, admin)).not.toContain('Show what is hidden')
})

test('what is worked on goes on over pages', async () => {
  for (let i = 0; i < 50; i++) {
    const id = `h:${i + 1}:q`
    const run_at = new Date(Date.UTC(2026, 10, 24, 0, i)).toISOString()
    await room.client.sadd('resque:workers', id)
    await room.client.set(
      `resque:worker:${id}`,
      JSON.stringify({ queue: 'q', run_at, payload: { class: `Job${i}`, args: [] } }),
    )
  }
  const site = openSite(room)
  const jobs = (html: string) => [...html.matchAll(/>(Job\d+)</g)].map(([, name]) => name)
  const first = await site.text('/working', admin)
  expect(first).toContain('1–40 of 50 jobs')
  const second = await site.text('/working?start=40', admin)
  expect(new Set([...jobs(first), ...jobs(second)]).size).toBe(50)
})

test('a form that is confirmed twice is done once and answered twice alike, unless it was refused', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const fill = (count: number) => room.client.rpush('resque:queue:mail', ...Array(count).fill('{}'))
  await fill(1_200)
  const site = openSite(room)
  const html = await site.text('/queues/mail/clear', admin)
  const once = /name="once" value="([^"]+)"/.exec(html)?.[1] ?? ''
  const send = (typed: string) =>
    site.ask('/queues/mail/clear', { method: 'POST', ...admin, form: { confirmed: 'yes', typed, once } })
  expect((await send('male')).status).toBe(422)
  const [one, two] = await Promise.all([send('mail'), send('mail')])
  expect([one.status, two.status]).toEqual([303, 303])
  await fill(3)
  const three = await send('mail')
  expect([three.status, three.headers.get('location'), three.headers.getSetCookie()]).toEqual([
    303,
    one.headers.get('location'),
    one.headers.getSetCookie(),
  ])
  expect(await room.client.llen('resque:queue:mail')).toBe(3)
  // One that is under way elsewhere is left to that; and what is claimed so is soon free again, as its end may not be told.
  const other = randomUUID()
  await room.resque.store.onces.begin(other)
  expect(await room.client.pttl(`resque:web:once:${other}`)).toBeLessThanOrEqual(30_000)
  const four = await site.ask('/queues/mail/clear', {
    method: 'POST',
    ...admin,
    form: { confirmed: 'yes', once: other },
  })
  expect([four.status, four.headers.get('location')]).toEqual([303, '/overview'])
  expect(await room.client.llen('resque:queue:mail')).toBe(3)
  const lines = (await room.resque.store.audit.page()).filter(({ action }) => action === 'clear queue')
  expect(lines.map(({ count }) => count)).toEqual([1_200])
})

test('stats.txt has the lines of Ruby’s own, as text, and no name can forge one', async () => {
  await fillStats(room.client)
  const site = openSite(room)
  const answer = await site.ask('/stats.txt', admin)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; ?charset=utf-8$/i)
  const text = await answer.text()
  expect(text).toBe(asOurs(rubyStats))
  expect(text.match(/^resque\.workers=/gm)).toHaveLength(1)
  expect((await site.ask('/stats.txt')).status).toBe(401)
  expect((await openSite(room, { statsTxt: 'public' }).ask('/stats.txt')).status).toBe(200)
})

test('a queue is paused and resumed, cleared and removed', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{"class":"A","args":[]}', '{"class":"B","args":[]}')
  const site = openSite(room)
  const post = (path: string, form = {}) => site.ask(path, { method: 'POST', ...admin, form })
  await post('/queues/mail/pause')
  expect(await room.client.smembers('resque:queues:paused')).toEqual(['mail'])
  await post('/queues/mail/resume')
  expect(await room.client.smembers('resque:queues:paused')).toEqual([])
  const asked = await post('/queues/mail/clear')
  expect(await asked.text()).toContain('Clear 2 jobs')
  expect(await room.client.llen('resque:queue:mail')).toBe(2)
  await post('/queues/mail/clear', { confirmed: 'yes' })
  expect(await room.client.llen('resque:queue:mail')).toBe(0)
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  await post('/queues/mail/remove', { confirmed: 'yes' })
  expect(await room.client.smembers('resque:queues')).toEqual([])
})

test('a large queue goes only when its name was typed', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush(
    'resque:queue:mail',
    ...Array.from({ length: 1_001 }, (_, i) => `{"class":"A","args":[${i}]}`),
  )
  const site = openSite(room)
  const clear = (typed: string) =>
    site.ask('/queues/mail/clear', { method: 'POST', ...admin, form: { confirmed: 'yes', typed } })
  expect((await clear('mial')).status).toBe(422)
  expect(await room.client.llen('resque:queue:mail')).toBe(1_001)
  expect((await clear('mail')).status).toBe(303)
  expect(await room.client.llen('resque:queue:mail')).toBe(0)
})

test('a job is removed by what it is, though others were taken before it', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', ...[0, 1, 2, 3].map((i) => `{"class":"A","args":[${i}]}`))
  const site = openSite(room)
  const paths = [...(await site.text('/queues/mail', admin)).matchAll(/href="(\/queues\/mail\/job\/[^"]+)"/g)]
  await room.client.lpop('resque:queue:mail', 2)
  const answer = await site.ask(`${paths[2]?.[1]}/remove`, { method: 'POST', ...admin })
  expect(answer.status).toBe(303)
  expect(await room.client.lrange('resque:queue:mail', 0, -1)).toEqual(['{"class":"A","args":[3]}'])
  expect((await site.ask(`${paths[0]?.[1]}/remove`, { method: 'POST', ...admin })).status).toBe(404)
  expect(await room.client.llen('resque:queue:mail')).toBe(1)
})

test('the queue page pages, and long jobs cost it little', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const long = JSON.stringify({ class: 'Long', args: ['x'.repeat(500_000)] })
  await room.client.rpush('resque:queue:mail', ...Array.from({ length: 120 }, () => long))
  const site = openSite(room)
  const html = await site.text('/queues/mail?start=40', admin)
  expect(html).toContain('41–80 of 120 jobs')
  expect(html.length).toBeLessThan(100_000)
  expect(html.match(/<a /g)?.length).toBeLessThan(100)
})

test('Redis away is a page that tries again by itself, and heals', async () => {
  const resque = room.connect({ commandTimeoutMs: 300 })
  const site = openSite(room, { resque })
  expect((await site.ask('/overview', admin)).status).toBe(200)
  await room.redis.kill()
  const answer = await site.ask('/overview', admin)
  expect(answer.status).toBe(503)
  expect(await answer.text()).toContain('<meta http-equiv="refresh" content="5"')
  expect((await site.ask('/stats.txt', admin)).status).toBe(503)
  expect((await site.ask('/readyz')).status).toBe(503)
  expect((await site.ask('/healthz')).status).toBe(200)
  await room.redis.restart()
  await waitFor(async () => (await site.ask('/overview', admin)).status === 200)
})
