// The page of one job: what is known of it, by the id in its payload or by an entry, and what is not.

import { expect, test } from 'vitest'
import { deathField, digest } from '#built/store/records.js'
import { useRoom } from '../room.js'
import { accounts, bearer, openSite, type Site, tokens } from './site.js'

const room = useRoom()
const T = 4_102_444_800
const textOf = async (site: Site, name: string) =>
  (await site.text(`/jobs/${encodeURIComponent(name)}`, { headers: bearer('viewer') }))
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
const payload = (id: string) =>
  JSON.stringify({ class: 'Mail', args: [1], id, enqueued_at: '2026-11-24T08:00:00Z' })
const failure = (text: string, queue = 'mail') =>
  `{"failed_at":"2026/11/24 08:05:00 UTC","payload":${text},"exception":"Boom","error":"it broke","backtrace":[],"worker":"web:1:mail","queue":"${queue}"}`

test('what an id stands in is put in order, with the waits between', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{"class":"Other","args":["j-1"]}', payload('j-1'))
  await room.client.rpush('resque:failed', failure(payload('j-1')), failure(payload('j-2')))
  await room.client.rpush(`resque:delayed:${T}`, payload('j-1'))
  await room.client.zadd('resque:delayed_queue_schedule', T, `${T}`)
  const text = await textOf(openSite(room), 'j-1')
  expect(text).toMatch(/Enqueued .*Failed .* 5 min .*Boom .*: it broke .*Delayed .*Waiting .*as number 2/)
  expect(text).not.toContain('Other')
  expect(text).not.toContain('When it was enqueued')
  expect(text).toContain('When it began to run before it failed')
  expect(text).toContain('2 failed jobs')
})

test('an ActiveJob is known by the id in its envelope, also while it runs', async () => {
  await room.client.sadd('resque:workers', 'web:1:mail')
  await room.client.set(
    'resque:worker:web:1:mail',
    '{"queue":"mail","run_at":"2026-11-24T08:00:00Z","payload":{"class":"Wrapper","args":[{"job_id":"aj-1","job_class":"A"}]}}',
  )
  expect(await textOf(openSite(room), 'aj-1')).toMatch(/Picked .*web:1:mail/)
})

const run = (worker: string, text: string) =>
  room.client
    .multi()
    .sadd('resque:workers', worker)
    .set(`resque:worker:${worker}`, `{"queue":"mail","run_at":"2026-11-24T08:01:00Z","payload":${text}}`)
    .exec()
const long = (id: string, length: number) =>
  JSON.stringify({ class: 'Mail', args: ['x'.repeat(length)], id, enqueued_at: '2026-11-24T08:00:00Z' })

test('a job that runs is found by its own id, also behind long arguments', async () => {
  await run('web:1:mail', payload('r-1'))
  await run('web:2:mail', long('r-2', 100_000))
  await run('web:3:mail', long('r-3', 300_000))
  const site = openSite(room)
  expect(await textOf(site, 'r-1')).toMatch(/Enqueued .*Picked .* 1 min .*web:1:mail/)
  expect(await textOf(site, 'r-2')).toMatch(/Enqueued .*Picked .*web:2:mail/)
  // That would be too much to be read, and is said.
  const text = await textOf(site, 'r-3')
  expect(text).toContain('Nothing is known of this job')
  expect(text).toContain('Whether a worker works on it whose record is too long to be read')
})

test('how often it was tried, and how many workers died of it, is told where that is known', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const envelope = (executions: number) =>
    JSON.stringify({ class: 'Wrapper', args: [{ job_class: 'A', job_id: 'aj-2', executions }] })
  await room.client.rpush('resque:failed', failure(envelope(0)))
  await run('web:1:mail', envelope(1))
  await room.client.hset('resque:deaths', deathField('mail', envelope(1)), 2)
  const text = await textOf(openSite(room), 'aj-2')
  expect(text).toMatch(/Failed attempt 1 .*Picked attempt 2|Picked attempt 2 .*Failed attempt 1/)
  expect(text).toMatch(/Workers that died of it 2/)
  await room.client.rpush('resque:queue:mail', payload('plain'))
  const plain = await textOf(openSite(room), 'plain')
  expect(plain).not.toContain('attempt')
  expect(plain).not.toContain('died of it')
  // It waits until now.
  expect(plain).toMatch(/Waiting now \d/)
})

test('the API has it too: by id and by ref, hidden as on the page, and 404 for a ref that is gone', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const text = JSON.stringify({ class: 'Mail', args: [{ password: 'S3CRET' }], id: 'j-1' })
  await room.client.rpush('resque:queue:mail', text)
  await room.client.rpush('resque:failed', failure(text))
  await room.client.rpush(`resque:delayed:${T}`, text)
  await room.client.zadd('resque:delayed_queue_schedule', T, `${T}`)
  await run('web:1:mail', text)
  const site = openSite(room)
  const ask = (name: string) =>
    site.ask(`/api/v1/jobs/${encodeURIComponent(name)}`, { headers: bearer('viewer') })
  for (const name of ['j-1', `0.${digest(text)}@mail`, `0.${digest(failure(text))}@failed`]) {
    const body = await (await ask(name)).text()
    expect(body).not.toContain('S3CRET')
    const args = [{ password: '[hidden]' }]
    expect(JSON.parse(body), name).toMatchObject({
      ...{ id: 'j-1', enqueuedAt: null, deaths: 0 },
      waiting: [{ ref: `0.${digest(text)}@mail`, args }],
      delayed: [{ time: T, args }],
      running: [{ id: 'web:1:mail', job: { args } }],
      failed: [{ exception: 'Boom', args }],
      looked: [{ what: 'workers', looked: 1, isAll: true }, {}, {}, {}],
    })
  }
  expect(await (await ask('nobody-knows')).json()).toMatchObject({ waiting: [], running: [], failed: [] })
  for (const name of [`0.${'0'.repeat(16)}@mail`, 'x'.repeat(300)]) {
    const answer = await ask(name)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ error: { status: 404 } })
  }
  const html = await site.text('/jobs/j-1', { headers: bearer('viewer') })
  expect(html).toContain('href="/api/v1/jobs/j-1"')
})

test('an entry without an id is shown by its ref, and nothing is made up', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const plain = '{"class":"Mail","args":[1]}'
  await room.client.rpush('resque:queue:mail', plain, plain)
  const text = await textOf(openSite(room), `0.${digest(plain)}@mail`)
  expect(text).toContain('its payload carries none')
  expect(text).toContain('equal jobs cannot be told apart')
  expect(text).toContain('When it was enqueued: its payload does not say.')
  expect(text).toMatch(/Waiting .*as number 1/)
})

test('what is not there is not there: 404 for a ref, nothing known for an id', async () => {
  const site = openSite(room)
  const answer = await site.ask('/jobs/0.0123456789abcdef%40failed', { headers: bearer('viewer') })
  expect(answer.status).toBe(404)
  expect(await textOf(site, 'nobody-knows')).toContain('Nothing is known of this job')
  expect((await site.ask(`/jobs/${'x'.repeat(300)}`, { headers: bearer('viewer') })).status).toBe(404)
})

test('who does not see a queue learns nothing of its jobs', async () => {
  await room.client.sadd('resque:queues', 'secret', 'mail')
  await room.client.rpush('resque:queue:secret', payload('j-9'))
  await room.client.rpush('resque:failed', failure(payload('j-9'), 'secret'))
  await room.client.sadd('resque:workers', 'web:1:secret')
  await room.client.set(
    'resque:worker:web:1:secret',
    `{"queue":"secret","run_at":"2026-11-24T08:01:00Z","payload":${long('j-9', 5_000)}}`,
  )
  const text = payload('j-9')
  const site = openSite(room, {
    auth: { users: accounts, tokens: tokens.map((token) => ({ ...token, queues: ['mail'] })) },
  })
  expect(await textOf(site, 'j-9')).toContain('Nothing is known of this job')
  for (const ref of [`0.${digest(text)}@secret`, `0.${digest(failure(text, 'secret'))}@failed`])
    expect((await site.ask(`/jobs/${encodeURIComponent(ref)}`, { headers: bearer('viewer') })).status).toBe(
      404,
    )
})

test('an id with quotes, and entries that are no jobs, break nothing', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush(
    'resque:queue:mail',
    'no "job" <b>',
    JSON.stringify({ class: 'A', args: [], id: '"<b>' }),
  )
  const site = openSite(room)
  const html = await site.text(`/jobs/${encodeURIComponent('"<b>')}`, { headers: bearer('viewer') })
  expect(html).toContain('as number 2')
  expect(html).not.toContain('<b>&')
})

test('the overview and a queue draw their past, where there is one', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{"class":"A","args":[]}')
  const site = openSite(room)
  expect(await site.text('/overview', { headers: bearer('viewer') })).not.toContain('Last hour')
  const { history } = room.resque.store
  await history.sample('here', 1_000)
  const later = openSite(room, { now: () => new Date(Date.now() + 120_000) })
  const overview = await later.text('/queues', { headers: bearer('viewer') })
  expect(overview).toContain('Oldest')
  expect(await later.text('/queues/mail', { headers: bearer('viewer') })).toContain('Last 24 hours')
})
