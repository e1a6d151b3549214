// The pages of delayed jobs and schedules, on what resque-scheduler has written, and what Redis holds after each action.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { accounts, bearer, openSite, type Site, sameOrigin, tokenIn } from './site.js'

const room = useRoom()
const T = 4_102_444_800
const entry = (name: string, args: unknown, queue = 'mail') =>
  `{"class":"${name}","args":${JSON.stringify(args)},"queue":"${queue}"}`

async function delay(time: number, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await room.client.rpush(`resque:delayed:${time}`, text)
    await room.client.sadd(`resque:timestamps:${text}`, `delayed:${time}`)
    await room.client.zadd('resque:delayed_queue_schedule', time, `${time}`)
  }
}
const schedule = (name: string, config: object | string) =>
  room.client.hset(
    'resque:persistent_schedules',
    name,
    typeof config === 'string' ? config : JSON.stringify(config),
  )
const waiting = (time = T) => room.client.lrange(`resque:delayed:${time}`, 0, -1)
const queued = (queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const refsIn = (html: string) =>
  [...html.matchAll(/name="ref" value="([^"]+)"/g)].map((match) => match[1] ?? '')

/** Posts as a form of that site's pages would. */
async function post(site: Site, path: string, form: Record<string, string> = {}): Promise<Response> {
  return site.ask(path, { method: 'POST', headers: bearer('admin'), form })
}
/** The notice after an action, and its Undo. */
async function after(site: Site, answer: Response): Promise<{ text: string; undo: string | undefined }> {
  expect(answer.status).toBe(303)
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const page = await site.text(answer.headers.get('location') ?? '', {
    headers: { ...bearer('admin'), cookie },
  })
  const [, notice = ''] = /role="status">(.*?)<\/div>/s.exec(page) ?? []
  return { text: notice, undo: /action="([^"]*\/undo)"/.exec(notice)?.[1] }
}

test('times stand with their jobs, by hour, and say when nobody moves them', async () => {
  const now = new Date('2026-11-24T08:30:00Z')
  const second = now.getTime() / 1_000
  await delay(second - 100, entry('Late', [1]))
  await delay(second + 3_600, entry('Soon', [1]), entry('Soon', [2]))
  await delay(second + 86_400 * 30, entry('Far', [1]))
  const site = openSite(room, { now: () => now })
  const html = await site.text('/delayed', { headers: bearer('viewer') })
  expect(html).toContain('2026-11-24 09:30:00 UTC')
  expect(html).toContain('in 1 h')
  expect(html).toContain('1 time overdue')
  expect(html).toContain('1 time more than 48 hours ahead')
  expect(html).toMatch(/2026-11-24 09:00 – 10:00 UTC\n2 jobs/)
  expect(html).toContain('No scheduler is running')
  await room.client.set('resque:resque:resque_scheduler_master_lock', 'web-1:42')
  expect(await site.text('/delayed', { headers: bearer('viewer') })).not.toContain('No scheduler is running')
  // A viewer has nothing to press.
  expect(html).not.toContain('Clear')
})

test('what is no time stands among the times as what it is', async () => {
  await delay(T, entry('A', [1]))
  await room.client.zadd('resque:delayed_queue_schedule', -5, '<text>', 'inf', 'never')
  await room.client.rpush('resque:delayed:never', entry('B', [2]), entry('B', [3]))
  const html = await openSite(room).text('/delayed', { headers: bearer('admin') })
  expect(html).toContain('1–3 of 3 times')
  expect(html.match(/not a time/g)).toHaveLength(2)
  expect(html).toContain('&lt;text&gt;')
  expect(html).toMatch(/never<\/bdi>.*?data-label="Jobs">.*?>2</s)
  expect(html).not.toMatch(/Invalid Date|NaN/)
})

test('times go on to the next page', async () => {
  for (let i = 0; i < 60; i++) await delay(T + i, entry('A', [i]))
  const site = openSite(room)
  const first = await site.text('/delayed', { headers: bearer('viewer') })
  expect(first).toContain('1–50 of 60 times')
  const second = await site.text('/delayed?start=50', { headers: bearer('viewer') })
  expect(second).toContain(`/delayed/${T + 59}"`)
  expect(second).not.toContain(`/delayed/${T + 49}"`)
})

test('one job is queued now after it was asked, where others stay', async () => {
  await delay(T, entry('A', [1]), entry('B', [2]), entry('A', [1]))
  const site = openSite(room)
  const html = await site.text(`/delayed/${T}`, { headers: bearer('operator') })
  const ref = refsIn(html)[1] ?? ''
  const asked = await post(site, `/delayed/${T}/queue`, { only: ref })
  expect(asked.status).toBe(200)
  const confirm = await asked.text()
  expect(confirm).toContain('Queue 1 job now?')
  expect(await queued()).toEqual([])
  const { text } = await after(site, await post(site, `/delayed/${T}/queue`, { ref, confirmed: 'yes' }))
  expect(text).toContain('Queued 1 job')
  expect(await queued()).toEqual(['{"class":"B","args":[2]}'])
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  expect(await waiting()).toEqual([entry('A', [1]), entry('A', [1])])
  // Sent again, it hits nothing else.
  expect((await post(site, `/delayed/${T}/queue`, { ref, confirmed: 'yes' })).status).toBe(409)
  expect(await queued()).toHaveLength(1)
})

test('a job that names no queue goes to the one that is given, or stays', async () => {
  await delay(T, '{"class":"A","args":[1]}')
  const site = openSite(room)
  const [ref = ''] = refsIn(await site.text(`/delayed/${T}`, { headers: bearer('operator') }))
  expect(
    (await after(site, await post(site, `/delayed/${T}/queue`, { ref, confirmed: 'yes' }))).text,
  ).toContain('1 job stayed')
  await post(site, `/delayed/${T}/queue`, { ref, queue: 'low', confirmed: 'yes' })
  expect(await queued('low')).toEqual(['{"class":"A","args":[1]}'])
  expect(await room.client.exists('resque:delayed_queue_schedule')).toBe(0)
})

test('removed jobs come back by Undo, to their time', async () => {
  await delay(T, entry('A', [1]), entry('B', [2]), entry('C', [3]))
  const site = openSite(room)
  const [, second = '', third = ''] = refsIn(
    await site.text(`/delayed/${T}`, { headers: bearer('operator') }),
  )
  // Somebody else was faster: what is meant is found by what it is.
  await room.client.lpop(`resque:delayed:${T}`)
  const { text, undo } = await after(
    site,
    await post(site, `/delayed/${T}/remove`, { ref: `${second} ${third}` }),
  )
  expect(text).toContain('Removed 2 jobs')
  expect(await waiting()).toEqual([])
  const back = await after(site, await post(site, undo ?? ''))
  expect(back.text).toContain('Undone: 2 jobs came back.')
  expect((await waiting()).sort()).toEqual([entry('B', [2]), entry('C', [3])])
  expect(await room.client.smembers(`resque:timestamps:${entry('B', [2])}`)).toEqual([`delayed:${T}`])
  expect((await after(site, await post(site, undo ?? ''))).text).toContain('nothing left to bring back')
})

test('what was removed stands on the page of operations, with its Undo, and in the audit under one id', async () => {
  await delay(T, entry('A', [1]), entry('B', [2]))
  await schedule('report', '{"cron":"0 3 * * *","class":"Report","queue":"reports"}')
  const site = openSite(room)
  await post(site, `/delayed/${T}/clear`, { confirmed: 'yes' })
  await post(site, '/schedule/report/remove', { confirmed: 'yes' })
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{"class":"A","args":[]}')
  await post(site, '/queues/mail/remove', { confirmed: 'yes' })
  const html = await site.text('/operations', { headers: bearer('operator') })
  const undos = ['Remove delayed jobs, 2 jobs', 'Remove schedule report, 1 schedule', 'Clear mail, 1 job']
  for (const said of undos) expect(html).toContain(`aria-label="Undo: ${said}"`)
  expect(await site.text('/operations', { headers: bearer('viewer') })).not.toContain('Undo:')
  const noted = (await room.resque.store.operations.recent()).map(({ id }) => id).sort()
  const audited = (await room.resque.store.audit.page()).map(({ operation }) => operation).sort()
  expect(audited).toEqual(noted)
  for (const id of noted) {
    expect((await site.ask(`/operations/${id}`, { headers: bearer('viewer') })).status).toBe(200)
    await post(site, `/operations/${id}/undo`)
  }
  expect(await waiting()).toEqual([entry('A', [1]), entry('B', [2])])
  expect(await room.client.hlen('resque:persistent_schedules')).toBe(1)
  expect(await queued()).toHaveLength(1)
  // Made anew meanwhile, it is left as it is.
  const { undo } = await after(site, await post(site, '/schedule/report/remove', { confirmed: 'yes' }))
  await schedule('report', '{"every":"1h","class":"Other","queue":"reports"}')
  expect((await after(site, await post(site, undo ?? ''))).text).toContain('one of that name again')
  expect(await room.client.hget('resque:persistent_schedules', 'report')).toContain('Other')
})

test('all jobs of a time are queued, or removed, after the number was shown', async () => {
  await delay(T, ...Array.from({ length: 130 }, (_, i) => entry('A', [i])), 'no job')
  await delay(T + 1, entry('B', [1]))
  const site = openSite(room)
  const ask = await site.text(`/delayed/${T}/queue-all`, { headers: bearer('operator') })
  expect(ask).toContain('Queue all 131 jobs now?')
  const { text } = await after(site, await post(site, `/delayed/${T}/queue-all`, { confirmed: 'yes' }))
  expect(text).toContain('Queued 130 jobs. 1 job stayed')
  expect((await queued()).slice(0, 2)).toEqual(['{"class":"A","args":[0]}', '{"class":"A","args":[1]}'])
  expect(await waiting()).toEqual(['no job'])
  const removed = await after(site, await post(site, `/delayed/${T}/clear`, { confirmed: 'yes' }))
  expect(removed.text).toContain('Removed 1 job')
  expect(await waiting(T + 1)).toHaveLength(1)
})

test('clearing all is for admins, asks with the number, and comes back', async () => {
  for (let i = 0; i < 3; i++) await delay(T + i, entry('A', [i]), entry('A', [i, 'again']))
  const site = openSite(room)
  expect((await site.ask('/delayed/clear', { headers: bearer('operator') })).status).toBe(403)
  expect(await site.text('/delayed/clear', { headers: bearer('admin') })).toContain('Remove 6 jobs')
  const { undo } = await after(site, await post(site, '/delayed/clear', { confirmed: 'yes' }))
  expect(await room.client.keys('resque:delayed*')).toEqual([])
  expect(await room.client.keys('resque:timestamps:*')).toEqual([])
  await post(site, undo ?? '')
  expect(await room.client.zcard('resque:delayed_queue_schedule')).toBe(3)
  expect(await waiting(T + 2)).toHaveLength(2)
})

test('a search finds text, says how far it looked, and goes on', async () => {
  for (let i = 0; i < 130; i++) await delay(T + i, entry(i % 2 ? 'Odd' : 'Even', [`number ${i}`]))
  const site = openSite(room)
  const html = await site.text('/delayed/search?q=Odd', { headers: bearer('viewer') })
  expect(html).toContain('50 jobs found')
  const next = /href="([^"]*from=[^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect(await site.text(next, { headers: bearer('viewer') })).toContain('number 129')
  const none = await site.text('/delayed/search?q=nothing', { headers: bearer('viewer') })
  expect(none).toContain('No delayed job is like that')
  expect((await site.ask('/delayed/search?q=a&from=x', { headers: bearer('viewer') })).status).toBe(400)
  const byArgs = await site.text(`/delayed/jobs/Odd?args=${encodeURIComponent('["number 7"]')}`, {
    headers: bearer('viewer'),
  })
  expect(byArgs).toContain('1 job found')
  expect((await site.ask('/delayed/jobs/Odd?args=x', { headers: bearer('viewer') })).status).toBe(400)
})

test("resque-scheduler's forms ask first, and change nothing by themselves", async () => {
  await delay(T, entry('A', [1]), entry('B', [{ x: 1 }]), entry('B', [{ x: 1 }]))
  const site = openSite(room)
  const now = await (await post(site, '/delayed/queue_now', { timestamp: `${T}` })).text()
  expect(now).toContain('Queue 1 job now?')
  const cancel = await (
    await post(site, '/delayed/cancel_now', { timestamp: `${T}`, klass: 'B', args: '[{"x":1}]' })
  ).text()
  expect(cancel).toContain('Remove 2 jobs?')
  expect(
    (await post(site, '/delayed/cancel_now', { timestamp: `${T}`, klass: 'C', args: '[]' })).status,
  ).toBe(404)
  expect((await post(site, '/delayed/queue_now', { timestamp: '../x' })).status).toBe(400)
  const search = await post(site, '/delayed/search', { search: 'A' })
  expect(search.headers.get('location')).toBe('/delayed/search?q=A')
  expect(await waiting()).toHaveLength(3)
  expect(await queued()).toEqual([])
})

test('who does not see a queue sees and moves none of its delayed jobs', async () => {
  await delay(T, entry('Seen', [1], 'mail'), entry('Hidden', [2], 'secret'))
  const [user] = accounts.filter(({ role }) => role === 'admin')
  const site = openSite(room, { auth: { users: [{ ...(user as (typeof accounts)[0]), queues: ['mail'] }] } })
  const basic = { authorization: `Basic ${Buffer.from('admin:correct horse').toString('base64')}` }
  const html = await site.text(`/delayed/${T}`, { headers: basic })
  expect(html).toContain('Seen')
  expect(html).not.toContain('Hidden')
  expect(await site.text('/delayed/search?q=args', { headers: basic })).not.toContain('Hidden')
  const form = { _token: tokenIn(html), confirmed: 'yes' }
  const headers = { ...basic, ...sameOrigin }
  expect((await site.ask('/delayed/clear', { method: 'POST', headers, form })).status).toBe(403)
  await site.ask(`/delayed/${T}/queue-all`, { method: 'POST', headers, form })
  await site.ask(`/delayed/${T}/clear`, { method: 'POST', headers, form })
  expect(await waiting()).toEqual([entry('Hidden', [2], 'secret')])
})

test('the beginning of a long delayed job, which names no queue yet, is for those who see all', async () => {
  const long = `{"class":"Hidden","args":["${'x'.repeat(10_000)}"],"queue":"secret"}`
  await delay(T, entry('Seen', [1], 'mail'), long)
  const site = openSite(room, { sees: (_, queue) => queue !== 'secret' })
  for (const path of [`/delayed/${T}`, `/delayed/${T}/queue-all`, `/api/v1/delayed/${T}`]) {
    const text = await site.text(path, { headers: bearer('admin') })
    expect(text, path).toContain('Seen')
    expect(text, path).not.toContain('Hidden')
  }
  const all = openSite(room)
  expect(await all.text(`/delayed/${T}`, { headers: bearer('viewer') })).toContain('Hidden')
})

test('nothing in a delayed job or a schedule is markup', async () => {
  const evil = '"><img src=x onerror=alert(1)>'
  await delay(T, JSON.stringify({ class: evil, args: [evil], queue: evil }), evil)
  await schedule(evil, {
    cron: evil,
    class: evil,
    queue: evil,
    args: [evil],
    description: evil,
    rails_env: evil,
  })
  await room.client.set('resque:resque:resque_scheduler_master_lock', evil)
  const site = openSite(room)
  for (const path of [
    '/delayed',
    `/delayed/${T}`,
    '/schedule',
    '/delayed/search?q=img',
    `/delayed/${T}/queue-all`,
  ])
    expect(await site.text(path, { headers: bearer('admin') }), path).not.toContain('<img')
})

test('schedules say when they fire, in words, and what does not fire here', async () => {
  await schedule('nightly', {
    cron: '30 3 * * 1-5 Europe/Berlin',
    class: 'Report',
    queue: 'reports',
    args: [1],
  })
  await schedule('often', {
    every: ['1h30m', { first_in: '5m' }],
    class: 'Clean',
    queue: 'x',
    rails_env: 'production',
  })
  await schedule('odd', { cron: 'every day at noon', class: 'Odd', queue: 'x' })
  await schedule('none', { class: 'None' })
  await schedule('broken', '{')
  for (const name of ['known', 'late', 'odd every'])
    await schedule(name, { every: '90m', class: 'K', queue: 'x' })
  await schedule('odd every', { every: '99999999999999999999y', class: 'K', queue: 'x' })
  await room.client.hset('resque:delayed:last_enqueued_at', {
    nightly: '2026-11-24 02:30:00 +0000',
    known: '2026-11-24 08:45:10 +0100',
    // It should have fired since: its scheduler was started anew, or is away.
    late: '2026-11-24 06:29:59 +0000',
    'odd every': '2026-11-24 06:29:59 +0000',
  })
  const site = openSite(room, {
    now: () => new Date('2026-11-24T08:00:00Z'),
    scheduler: { environment: 'staging' },
  })
  const html = (await site.text('/schedule', { headers: bearer('viewer') })).replace(/<[^>]+>/g, '')
  expect(html).toContain('At 03:30, Monday through Friday')
  expect(html).toContain('30 3 * * 1-5 Europe/Berlin')
  expect(html).toContain('2026-11-25 02:30, 2026-11-26 02:30, 2026-11-27 02:30 UTC')
  expect(html).toContain('In the time zone Europe/Berlin.')
  expect(html).toContain('5 h 30 min ago')
  expect(html.match(/started anew since: [^U]*UTC/g)).toEqual([
    'started anew since: 2026-11-24 09:15:10, 2026-11-24 10:45:10, 2026-11-24 12:15:10 UTC',
  ])
  const { items } = JSON.parse(await site.text('/api/v1/schedules', { headers: bearer('viewer') }))
  const told = (name: string) => {
    const { words, next } = items.find((each: { name: string }) => each.name === name)
    return [words, next[0] ?? null]
  }
  expect(told('known')).toEqual(['Every 90 min', '2026-11-24T09:15:10.000Z'])
  expect(told('late')).toEqual(['Every 90 min', null])
  expect(html).toContain('Every 1 h 30 min')
  expect(html).toContain('Not in this environment (staging): only in production.')
  expect(html).toContain('cannot be said in words here')
  expect(html).toContain('neither cron nor every')
  expect(html).toContain('not readable')
  expect(html).toContain('No scheduler is running')
})

test('a schedule is run now with what is filled in, and its times stay', async () => {
  await schedule('report', { cron: '0 3 * * *', class: 'Report', queue: 'reports', args: [1, 'a'] })
  await schedule('asks', {
    ...{ cron: '0 3 * * *', class: 'Asks', queue: 'reports', args: { fixed: 1 } },
    parameters: { day: { description: 'Which', default: 'today' } },
  })
  const site = openSite(room)
  const ask = await (await post(site, '/schedule/requeue', { job_name: 'asks' })).text()
  expect(ask).toContain('name="param:day" value="today"')
  expect(await queued('reports')).toEqual([])
  await post(site, '/schedule/report/run', { confirmed: 'yes' })
  await post(site, '/schedule/asks/run', { confirmed: 'yes', 'param:day': 'friday', 'param:evil': 'x' })
  expect(await queued('reports')).toEqual([
    '{"class":"Report","args":[1,"a"]}',
    '{"class":"Asks","args":[{"fixed":1,"day":"friday"}]}',
  ])
  expect(await room.client.exists('resque:delayed:last_enqueued_at')).toBe(0)
})

test('a removed schedule comes back, and its scheduler hears of both', async () => {
  const config = '{"cron":"0 3 * * *","class":"Report","queue":"reports"}'
  await schedule('report', config)
  const site = openSite(room)
  const ask = await post(site, '/schedule', { _method: 'delete', job_name: 'report' })
  expect(await ask.text()).toContain('Remove report?')
  const { undo } = await after(site, await post(site, '/schedule/report/remove', { confirmed: 'yes' }))
  expect(await room.client.hgetall('resque:persistent_schedules')).toEqual({})
  expect(await room.client.smembers('resque:schedules_changed')).toEqual(['report'])
  await post(site, undo ?? '')
  expect(await room.client.hget('resque:persistent_schedules', 'report')).toBe(config)
  expect((await post(site, '/schedule', { job_name: 'report' })).status).toBe(405)
})
