// The page of one job: what is known of it, by the id in its payload or by an entry, and what is not.

import { expect, test } from 'vitest'
import { digest } from '#built/store/records.js'
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
