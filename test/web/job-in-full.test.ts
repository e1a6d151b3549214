// A job in full: its arguments in colours on its page, as a file where they are longer, and their beginning in rows; where it
// waits, is delayed, runs or has failed.

import { expect, test } from 'vitest'
import { longDigest } from '#built/store/glance.js'
import { digest } from '#built/store/records.js'
import { useRoom } from '../room.js'
import { accounts, bearer, cookiesOf, openSite, tokens } from './site.js'

const room = useRoom()
const T = 4_102_444_800
const viewer = { headers: bearer('viewer') }
const ref = (text: string, index = 0) => `${index}.${digest(text)}`

const record = (payload: string, queue = 'mail') =>
  `{"queue":"${queue}","run_at":"2026-11-24T08:00:00Z","payload":${payload}}`
const failure = (payload: string, queue = 'mail') =>
  `{"failed_at":"2026/11/24 08:05:00 UTC","payload":${payload},"exception":"Boom","error":"it broke","backtrace":[],"worker":"web:1:mail","queue":"${queue}"}`
const delayed = (payload: string, queue = 'mail') => `${payload.slice(0, -1)},"queue":"${queue}"}`

/** One job in each of the four places; the paths of their files. */
async function place(payload: string, queue = 'mail'): Promise<Record<string, string>> {
  const worker = `web:1:${queue}`
  await room.client.sadd('resque:queues', queue)
  await room.client.rpush(`resque:queue:${queue}`, payload)
  await room.client.rpush('resque:failed', failure(payload, queue))
  await room.client.rpush(`resque:delayed:${T}`, delayed(payload, queue))
  await room.client.zadd('resque:delayed_queue_schedule', T, `${T}`)
  await room.client.sadd('resque:workers', worker)
  await room.client.set(`resque:worker:${worker}`, record(payload, queue))
  return {
    waiting: `/queues/${queue}/job/${ref(payload)}`,
    failed: `/failed/job/${encodeURIComponent(`${ref(failure(payload, queue))}@failed`)}`,
    delayed: `/delayed/${T}/job/${ref(delayed(payload, queue))}`,
    running: `/workers/${encodeURIComponent(worker)}/job/${longDigest(Buffer.from(record(payload, queue)))}`,
  }
}
const wholes = (payload: string) => ({
  waiting: payload,
  failed: failure(payload),
  delayed: delayed(payload),
  running: record(payload),
})

test('arguments are coloured by kind, escaped, and numbers are those that were written', async () => {
  const paths = await place(
    '{"class":"Mail","args":[12345678901234567890,1.50,"</span><b>&","a\\"b: 1",{"<i>":[true,false,null],"k":"\\u202e"}]}',
  )
  for (const path of [paths.waiting, paths.failed, paths.delayed]) {
    const html = await openSite(room).text(path as string, viewer)
    for (const number of ['12345678901234567890', '1.50'])
      expect(html, path).toContain(`<span class="json-number">${number}</span>`)
    expect(html, path).toContain('<span class="json-string">&quot;&lt;/span&gt;&lt;b&gt;&amp;&quot;</span>')
    expect(html, path).toContain('<span class="json-string">&quot;a\\&quot;b: 1&quot;</span>')
    expect(html, path).toContain('<span class="json-key">&quot;&lt;i&gt;&quot;</span>: [')
    for (const word of ['true', 'false', 'null'])
      expect(html, path).toContain(`<span class="json-literal">${word}</span>`)
    expect(html, path).not.toMatch(/<b>&|<i>/)
    expect(html, path).not.toContain('\u202e')
  }
})

test('very large arguments make few elements, and a page that says where all of them are', async () => {
  const items = Array.from({ length: 40_000 }, (_, id) => ({ id, ok: true }))
  const paths = await place(JSON.stringify({ class: 'Mail', args: items }))
  const site = openSite(room)
  for (const kind of ['waiting', 'failed', 'delayed']) {
    const html = await site.text(paths[kind] as string, viewer)
    expect(html.match(/<[a-z]/g)?.length, kind).toBeLessThan(2_500)
    expect(html.length, kind).toBeLessThan(400_000)
    expect(html, kind).toContain('\n…</pre>')
    expect(html.replace(/&#39;/g, "'"), kind).toMatch(
      new RegExp(`href="${paths[kind]}/download">Download all`),
    )
  }
  // As many words as are coloured, and one more.
  for (const [count, isColoured] of [
    [800, true],
    [801, false],
  ] as const) {
    const payload = JSON.stringify({ class: 'Mail', args: Array.from({ length: count }, () => 1) })
    await room.client.lset('resque:queue:mail', 0, payload)
    const html = await site.text(`/queues/mail/job/${ref(payload)}`, viewer)
    expect(html.includes('json-number'), String(count)).toBe(isColoured)
  }
})

test('each is a file, byte for byte what stands in Redis, which no browser shows or runs', async () => {
  const payload = `{"class":"Mail","args" : [12345678901234567890, 1.50,"${'ü'.repeat(90_000)}"]}`
  const paths = await place(payload)
  for (const [kind, path] of Object.entries(paths)) {
    const answer = await openSite(room).ask(`${path}/download`, viewer)
    expect(answer.status, kind).toBe(200)
    expect(answer.headers.get('content-type'), kind).toBe('application/json')
    expect(answer.headers.get('content-disposition'), kind).toMatch(/^attachment; filename="[\w-]+\.json"$/)
    expect(answer.headers.get('x-content-type-options'), kind).toBe('nosniff')
    expect(await answer.text(), kind).toBe(wholes(payload)[kind as 'waiting'])
  }
})

test('what the page hides is hidden in the file and in rows too, also where an entry is cut within it', async () => {
  // Cut after 2, 4 and 8 kB; the secret stands across each.
  const secret = 'S3CRET'.repeat(2_000)
  const payload = JSON.stringify({
    class: 'Mail',
    args: [{ password: secret, card: { token: [secret] } }, 'seen'],
  })
  const paths = await place(payload)
  const site = openSite(room)
  for (const path of [
    ...Object.values(paths).map((each) => `${each}/download`),
    ...[paths.waiting, paths.failed, paths.delayed, '/workers/web%3A1%3Amail'],
    ...['/queues/mail', '/failed?view=list', `/delayed/${T}`, '/working'],
  ]) {
    const text = await site.text(path as string, viewer)
    expect(text, path).not.toContain('S3C')
    expect(text, path).toContain('[hidden]')
  }
  // A member twice: only the last is read.
  const twice = '{"class":"Mail","args":[{"a":{"password":"S3CRET"},"a":1}]}'
  await room.client.lset('resque:queue:mail', 0, twice)
  expect(await site.text(`/queues/mail/job/${ref(twice)}/download`, viewer)).not.toContain('S3C')
})

test('a file is for those who see the page, and gone with the job', async () => {
  const paths = await place(
    '{"class":"Mail","args":["hers"],"pad":"'.concat('x'.repeat(5_000), '"}'),
    'secret',
  )
  await room.client.sadd('resque:queues', 'mail')
  const site = openSite(room, {
    auth: { users: accounts, tokens: tokens.map((token) => ({ ...token, queues: ['mail'] })) },
  })
  for (const path of Object.values(paths)) {
    expect((await site.ask(`${path}/download`, viewer)).status, path).toBe(404)
    expect((await site.ask(`${path}/download`)).status, path).toBe(401)
    expect((await openSite(room).ask(`${path}/download`, viewer)).status, path).toBe(200)
  }
  expect((await site.ask(paths.delayed as string, viewer)).status).toBe(404)
  // A long record whose queue stands behind what is read of it.
  const late = `{"payload":{"class":"Mail","args":["hers${'x'.repeat(5_000)}"]},"queue":"secret","run_at":""}`
  await room.client.set('resque:worker:web:1:secret', late)
  for (const path of ['/working', '/workers/web%3A1%3Asecret', '/api/v1/working'])
    expect(await site.text(path, viewer), path).not.toContain('hers')
  expect(await openSite(room).text('/working', viewer)).toContain('hers')
  const own = `/workers/web%3A1%3Asecret/job/${longDigest(Buffer.from(late))}/download`
  expect((await site.ask(own, viewer)).status).toBe(404)
  await room.client.del('resque:queue:secret', 'resque:failed', `resque:delayed:${T}`)
  await room.client.set('resque:worker:web:1:secret', record('{"class":"Other","args":[]}', 'secret'))
  for (const path of Object.values(paths))
    expect((await openSite(room).ask(`${path}/download`, viewer)).status, path).toBe(404)
})

test('what is no JSON is a file of text, whatever its class or queue is called', async () => {
  const queue = '../"\r\nx: y/ü'
  await room.client.sadd('resque:queues', queue)
  await room.client.rpush(`resque:queue:${queue}`, '<script>')
  const answer = await openSite(room).ask(
    `/queues/${encodeURIComponent(queue)}/job/${ref('<script>')}/download`,
    viewer,
  )
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w-]+\.txt"$/)
  expect(await answer.text()).toBe('<script>')
})

test('rows show the first two hundred characters of what is long, and how long it is', async () => {
  const payload = JSON.stringify({ class: 'Mail', args: [1, { text: `begins ${'x'.repeat(20_000)}` }] })
  await place(payload)
  const site = openSite(room)
  for (const path of [
    '/queues/mail',
    '/queues/mail?class=Mail',
    '/failed?view=list',
    `/delayed/${T}`,
    '/working',
  ]) {
    const html = await site.text(path, viewer)
    const [, line = ''] = /<code class="args">([^<]*)<\/code>/.exec(html) ?? []
    expect(line.replaceAll('&quot;', '"'), path).toMatch(/^\[1,\{"text":"begins x{181}…$/)
    if (!path.includes('?class')) expect(html, path).toMatch(/>19\.\d kB</)
    expect(html, path).toContain('>Mail<')
  }
  const { items } = (await (await site.ask('/api/v1/working', viewer)).json()) as { items: { job: object }[] }
  expect(items[0]?.job).toMatchObject({ class: 'Mail', args: null })
})

test('a delayed job has a page, from which it is queued, or removed and brought back', async () => {
  const operator = { headers: bearer('operator') }
  const text = delayed('{"class":"Mail","args":[{"password":"S3CRET"}],"id":"d-1"}')
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush(`resque:delayed:${T}`, '{"class":"Other","args":[],"queue":"mail"}', text)
  await room.client.zadd('resque:delayed_queue_schedule', T, `${T}`)
  const site = openSite(room)
  const at = `/delayed/${T}/job/${ref(text, 1)}`
  for (const list of [`/delayed/${T}`, '/delayed/search?q=d-1', '/delayed/jobs/Mail'])
    expect(await site.text(list, viewer), list).toContain(`href="${at}"`)
  // The job before it goes: it is found where it is now.
  await room.client.lpop(`resque:delayed:${T}`)
  const html = await site.text(at, operator)
  expect(html).toContain('[hidden]')
  expect(html).toContain('<code>d-1</code>')
  expect(html).toContain('Queue now')
  expect(await site.text(at, viewer)).not.toContain('Queue now')
  const revealed = await site.ask(`${at}/reveal`, { method: 'POST', ...operator })
  expect(await revealed.text()).toContain('S3CRET')
  expect(await site.text('/audit', operator)).toContain('reveal arguments')
  expect((await site.ask(`${at}/reveal`, { method: 'POST', ...viewer })).status).toBe(403)

  const only = /name="only" value="([^"]+)"/.exec(html)?.[1] ?? ''
  const post = (path: string, form: Record<string, string>) =>
    site.ask(path, { method: 'POST', ...operator, form })
  const removed = await post(`/delayed/${T}/remove`, { only })
  expect(removed.status).toBe(303)
  expect(await room.client.llen(`resque:delayed:${T}`)).toBe(0)
  expect((await site.ask(at, viewer)).status).toBe(404)
  const notice = await site.text(removed.headers.get('location') ?? '', {
    headers: { ...operator.headers, cookie: cookiesOf(removed) },
  })
  const undo = /action="(\/operations\/[^"]+\/undo)"/.exec(notice)?.[1] ?? ''
  expect((await post(undo, {})).status).toBe(303)
  expect(await room.client.lrange(`resque:delayed:${T}`, 0, -1)).toEqual([text])
  expect((await site.ask(at, viewer)).status).toBe(200)
  const ask = await (await post(`/delayed/${T}/queue`, { only })).text()
  expect(ask).toContain('Queue 1 job now?')
  const refs = /name="ref" value="([^"]+)"/.exec(ask)?.[1] ?? ''
  expect((await post(`/delayed/${T}/queue`, { ref: refs, confirmed: 'yes' })).status).toBe(303)
  expect(await room.client.llen('resque:queue:mail')).toBe(1)
})

test('when a job was enqueued is said where it is known, and nothing else', async () => {
  await room.client.sadd('resque:queues', 'mail', 'plain')
  const times = [
    ...['"2026-11-24T08:00:00Z"', '1795507200', '1795507200000.5', '1e300', '-5', '"soon"', '{}', 'null'],
  ]
  const payloads = times.map((time) => `{"class":"Mail","args":[],"enqueued_at":${time}}`)
  await room.client.rpush('resque:queue:mail', ...payloads)
  await room.client.rpush('resque:queue:plain', '{"class":"Mail","args":[]}')
  const site = openSite(room, { now: () => new Date('2026-11-24T08:03:00Z') })
  const html = await site.text('/queues/mail', viewer)
  expect(html).toContain('>Enqueued<')
  expect(html.match(/>3 min ago</g)).toHaveLength(3)
  expect(await site.text('/queues/plain', viewer)).not.toContain('>Enqueued<')
  for (const [i, payload] of payloads.entries()) {
    const page = await site.text(`/queues/mail/job/${ref(payload, i)}`, viewer)
    expect(page.includes('>Enqueued<'), payload).toBe(i < 3)
    expect((await site.ask(`/jobs/${ref(payload, i)}%40mail`, viewer)).status, payload).toBe(200)
  }
  const answer = await site.ask('/api/v1/queues/mail/jobs', viewer)
  const { items } = (await answer.json()) as { items: { enqueuedAt: string | null }[] }
  expect(items.map(({ enqueuedAt }) => enqueuedAt)).toEqual([
    ...['2026-11-24T08:00:00.000Z', '2026-11-24T08:00:00.000Z', '2026-11-24T08:00:00.000Z'],
    ...[null, null, null, null, null],
  ])
})

test('after a retry the notice leads to the job that waits, by its id where it has one', async () => {
  const operator = bearer('operator')
  const site = openSite(room)
  await room.client.sadd('resque:queues', 'mail')
  for (const payload of ['{"class":"Mail","args":[1]}', '{"class":"Mail","args":[1],"id":"j-7"}']) {
    await room.client.del('resque:failed')
    await room.client.rpush('resque:queue:mail', '{"class":"Before","args":[]}')
    await room.client.rpush('resque:failed', failure(payload))
    const path = `/failed/job/${encodeURIComponent(`${ref(failure(payload))}@failed`)}`
    const answer = await site.ask(`${path}/retry`, { method: 'POST', headers: operator })
    expect(answer.status).toBe(303)
    // Others come and go meanwhile.
    await room.client.lpop('resque:queue:mail')
    await room.client.rpush('resque:queue:mail', '{"class":"After","args":[]}')
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const page = await site.text(answer.headers.get('location') ?? '', { headers: { ...operator, cookie } })
    const link = /href="([^"]+)">Look at it</.exec(page)?.[1] ?? ''
    expect(link).toMatch(payload.includes('j-7') ? /^\/jobs\/j-7$/ : /^\/queues\/mail\/job\//)
    const job = await site.ask(link, { headers: operator })
    expect(job.status).toBe(200)
    expect(await job.text()).toContain('<bdi class="name">Mail</bdi></h1>')
  }
  const text = failure('{"class":"Mail","args":[2]}')
  await room.client.rpush('resque:failed', text)
  const again = await site.ask(`/api/v1/failed/jobs/${ref(text, 1)}%40failed/retry`, {
    ...{ method: 'POST', body: '{}' },
    headers: { ...operator, 'content-type': 'application/json' },
  })
  const { job } = (await again.json()) as { job: string }
  const found = await site.ask(`/api/v1/queues/mail/jobs/${encodeURIComponent(job)}`, viewer)
  expect(await found.json()).toMatchObject({ class: 'Mail', args: [2] })
})
