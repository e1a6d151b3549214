// The known vulnerabilities of pages like these, one test each, by the name under which it is known; and beside them
// the classes of faults that have no name. Whatever route is added later is in those that walk over all routes.

import { readdirSync, readFileSync } from 'node:fs'
import { createWeb } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { crooked, dumpOf, evils, fillRoom, findPages, samplePath } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { bearer, cookiesOf, openSite, type Site, sameOrigin, signIn, tokenIn } from './site.js'

const room = useRoom()
const sites: Site[] = []
afterEach(() => Promise.all(sites.splice(0).map(({ web }) => web.close())))

function open(options: Parameters<typeof openSite>[1] = {}): Site {
  const site = openSite(room, options)
  sites.push(site)
  return site
}

const admin = { headers: bearer('admin') }

const payloads = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  `'><svg/onload=alert(1)>`,
  '" onfocus=alert(1) autofocus x="',
  '</title><script>alert(1)</script>',
  '--><script>alert(1)</script>',
]

/** Scripts of ours have an address and nothing between their tags. */
const ownScript = /<script type="module" src="\/assets\/\w+\.[\w-]+\.js"><\/script>/g

function expectNoMarkup(html: string, where: string): void {
  const rest = html.replace(ownScript, '')
  expect(rest, where).not.toMatch(/<script|<img|<iframe|<svg\/|<svg onload/i)
  for (const tag of rest.match(/<[a-z][^>]*>/gi) ?? []) {
    const bare = tag.replace(/"[^"]*"/g, '""')
    expect(bare, where).not.toMatch(/\son\w+=|javascript:/i)
  }
}

async function expectEscaped(site: Site, path: string): Promise<void> {
  const answer = await site.ask(path, admin)
  const text = await answer.text()
  expect(answer.status, path).toBeLessThan(500)
  expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff')
  expect(answer.headers.get('content-security-policy'), path).toContain("default-src 'none'")
  if (answer.headers.get('content-type')?.startsWith('text/html')) expectNoMarkup(text, path)
}

const getRoutes = (site: Site) =>
  site.web.routes.filter(({ method, path }) => method === 'GET' && path !== '/events').map(({ path }) => path)
const postRoutes = (site: Site) =>
  site.web.routes.filter(({ method }) => method === 'POST').map(({ path }) => path)

test('CVE-2023-50724: a queue name in a path is text, whatever the route', async () => {
  const site = open()
  for (const route of getRoutes(site)) {
    if (!route.includes(':')) continue
    for (const payload of [...payloads, ...evils])
      await expectEscaped(
        site,
        samplePath(route, () => encodeURIComponent(payload.toWellFormed())),
      )
  }
})

test('CVE-2023-50725: /failed/?class= and /queues/> are text', async () => {
  const site = open()
  await fillRoom(room, 'full')
  for (const payload of payloads) {
    await expectEscaped(site, `/failed/?class=${encodeURIComponent(payload)}`)
    await expectEscaped(site, `/failed?class=${encodeURIComponent(payload)}`)
    await expectEscaped(site, `/queues/${encodeURIComponent(`>${payload}`)}`)
  }
})

test('CVE-2023-50727: a queue that has such a name is text on its own page too', async () => {
  const site = open()
  for (const payload of payloads) {
    await room.client.sadd('resque:queues', payload)
    await room.client.rpush(`resque:queue:${payload}`, '{"class":"A","args":[]}')
  }
  for (const payload of payloads) {
    const path = `/queues/${encodeURIComponent(payload)}`
    expect((await site.ask(path, admin)).status).toBe(200)
    for (const at of [path, `${path}?start=0`, `${path}/clear`, `${path}/remove`])
      await expectEscaped(site, at)
  }
})

test('CVE-2022-44303: arguments of delayed jobs, and what is searched for, are text', async () => {
  const site = open()
  await fillRoom(room, 'hostile')
  for (const payload of payloads) {
    const args = encodeURIComponent(JSON.stringify([payload]))
    await expectEscaped(site, `/delayed/jobs/${encodeURIComponent(payload)}?args=${args}`)
    await expectEscaped(site, `/delayed/jobs/A?args=${encodeURIComponent(payload)}`)
    await expectEscaped(
      site,
      `/delayed/search?search=${encodeURIComponent(payload)}&q=${encodeURIComponent(payload)}`,
    )
  }
})

test('CVE-2015-9251: no library runs in the browser, and what Redis says of itself is text', async () => {
  const site = open()
  const folder = new URL('../../src/web/public/', import.meta.url)
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(new URL(file, folder), 'utf8')
    expect(text, file).not.toMatch(
      /jQuery|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
    )
  }
  await room.client.set('resque:stat:processed', payloads[0] as string)
  await room.client.set('resque:stat:failed', payloads[1] as string)
  for (const path of ['/stats/resque', '/stats/redis', '/stats/keys', '/overview'])
    await expectEscaped(site, path)
})

test('resque#1687 #1790 #1832 #1834: every value that pages show is text, and no character deceives the eye', async () => {
  const site = open()
  await fillRoom(room, 'hostile')
  for (const { path } of await findPages(createOpen(), 3)) {
    await expectEscaped(site, path)
    const answer = await site.ask(path, admin)
    if (!answer.headers.get('content-type')?.startsWith('text/html')) continue
    const text = (await answer.text()).replace(/<[^>]*>/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
    expect(text.match(/.{0,40}[\u0000\u001b\u202a-\u202e\u2028\u2066-\u2069].{0,40}/), path).toBeNull()
  }
})

test('bytes in an address that are no text break no page, and are not read as others', async () => {
  const site = open()
  await fillRoom(room, 'hostile')
  for (const route of getRoutes(site)) {
    for (const text of crooked) {
      for (const path of [
        `${samplePath(route)}?q=${text}&class=${text}&queue=${text}&range=${text}&next=/${text}`,
        ...(route.includes(':') ? [samplePath(route, () => text)] : []),
      ]) {
        await expectEscaped(site, path)
        expect((await site.ask(path, admin)).headers.has('y'), path).toBe(false)
      }
    }
  }
})

test('what programs read is what Redis holds: JSON that can be parsed, and one event for each event', async () => {
  const site = open()
  const strict = new TextDecoder('utf-8', { fatal: true })
  const read = async (path: string) => {
    const answer = await site.ask(path, admin)
    expect(answer.headers.get('content-type'), path).toMatch(/^application\/json/)
    return JSON.parse(strict.decode(await answer.arrayBuffer()))
  }
  for (const evil of evils) {
    await room.client.flushall()
    const name = evil.toWellFormed()
    await room.client.sadd('resque:queues', evil)
    const job = { class: evil, args: [evil] }
    await room.client.rpush(`resque:queue:${evil}`, JSON.stringify(job))
    await room.client.rpush(
      'resque:failed',
      JSON.stringify({ payload: job, exception: evil, error: evil, backtrace: [evil], queue: evil }),
    )
    const queue = `/api/v1/queues/${encodeURIComponent(name)}`
    expect(await read(queue), evil).toMatchObject({ name, size: 1 })
    expect((await read(`${queue}/jobs`)).items, evil).toMatchObject([{ class: evil, args: [evil] }])
    expect((await read('/api/v1/failed')).items, evil).toMatchObject([{ class: evil, exception: evil }])
    const live = Object.keys(await read('/events.json?topics=queues')).map(decodeURIComponent)
    expect(live, evil).toContain(`queue:${name}`)
    const events = await site.ask('/events?topics=queues', admin)
    const reader = (events.body as ReadableStream<Uint8Array>).getReader()
    let text = ''
    while (!/^data: .*\n\n/m.test(text)) text += strict.decode((await reader.read()).value)
    await reader.cancel()
    expect(text.match(/^event:/gm), evil).toHaveLength(1)
    for (const line of text.split('\n'))
      expect(line, evil).toMatch(/^(:.*|event: state|data: \{.*\}|retry: \d+|id: .*|)$/)
  }
})

/** The same pages as everybody of this machine sees them, for what follows links. */
function createOpen() {
  return open({ auth: 'none' }).web
}

test('resque (no CVE): the addresses that changed something by GET change nothing', async () => {
  const site = open()
  await fillRoom(room, 'full')
  const before = await dumpOf(room)
  const old = [
    ...[
      '/failed/remove/0',
      '/failed/requeue/0',
      '/failed/requeue/all',
      '/failed/clear',
      '/failed/clear_retried',
    ],
    ...['/failed/failed/remove/0', '/failed/failed/requeue/0', '/queues/mail/remove', '/delayed/clear'],
    ...[
      '/delayed/queue_now',
      '/delayed/cancel_now',
      '/schedule/requeue',
      '/working/remove',
      '/logout',
      '/theme',
    ],
  ]
  for (const path of [...old, ...getRoutes(site).map((route) => samplePath(route))]) {
    for (const method of ['GET', 'HEAD']) {
      const { status } = await site.ask(path, { ...admin, method })
      expect(status, `${method} ${path}`).toBeLessThan(500)
    }
  }
  expect(await dumpOf(room)).toBe(before)
})

test('OSVDB-125675, OSVDB-126331: no change without both our origin and our token', async () => {
  const site = open()
  await fillRoom(room, 'full')
  const cookie = await signIn(site, 'admin')
  const token = tokenIn(await site.text('/queues', { headers: { cookie } }))
  const before = await dumpOf(room)
  const own = 'http://localhost:5678'
  const wrong: [headers: Record<string, string>, token: string][] = [
    [{}, token],
    [{ origin: 'null' }, token],
    [{ origin: 'http://evil.example' }, token],
    [{ origin: 'http://localhost:5678.evil.example' }, token],
    [{ origin: 'http://localhost:5678@evil.example' }, token],
    [{ origin: 'http://localhost' }, token],
    [{ origin: 'http://localhost:56780' }, token],
    [{ origin: `${own}, ${own}` }, token],
    [{ origin: own, 'sec-fetch-site': 'cross-site' }, token],
    [{ origin: own, 'sec-fetch-site': 'same-site' }, token],
    [{ origin: own, 'sec-fetch-site': 'none' }, token],
    [{ referer: `${own}/queues` }, token],
    [{ ...sameOrigin }, ''],
    [{ ...sameOrigin }, 'x'.repeat(token.length)],
    [{ ...sameOrigin }, token.slice(0, -1)],
    [{ ...sameOrigin, 'x-csrf-token': '' }, ''],
    [{ 'x-http-method-override': 'POST', origin: 'null' }, token],
  ]
  for (const route of postRoutes(site)) {
    for (const [headers, sent] of wrong) {
      const form = { _token: sent, confirmed: 'yes', action: 'remove' }
      const { status } = await site.ask(samplePath(route), {
        method: 'POST',
        headers: { cookie, ...headers },
        form,
      })
      expect(status, `${route} ${JSON.stringify(headers)}`).toBe(403)
    }
  }
  // Nor may somebody be signed in, as somebody else, by a foreign form.
  const login = { name: 'admin', password: 'correct horse' }
  expect((await site.ask('/login', { method: 'POST', headers: sameOrigin, form: login })).status).toBe(403)
  expect(await dumpOf(room)).toBe(before)
})

test('OSVDB-125676, OSVDB-125678, OSVDB-126329, OSVDB-126330: what is stored is text: class, arguments, error, backtrace, worker', async () => {
  const site = open()
  await fillRoom(room, 'hostile')
  for (const path of [
    '/queues/mail',
    '/failed',
    '/working',
    '/workers',
    '/overview',
    '/schedule',
    '/delayed',
  ]) {
    await expectEscaped(site, path)
  }
})

test('CVE-2021-30151: a queue name that comes by polling or as an event is text, and JSON is no page', async () => {
  const site = open()
  for (const payload of payloads) await room.client.sadd('resque:queues', payload)
  for (const path of ['/overview.poll', '/workers.poll', '/overview/x.poll']) await expectEscaped(site, path)
  const state = await site.ask('/events.json', admin)
  expect(state.headers.get('content-type')).toMatch(/^application\/json/)
  expect(state.headers.get('x-content-type-options')).toBe('nosniff')
  expect(await state.text()).not.toMatch(/<script|<img/)
  const plain = await site.ask('/stats.txt', admin)
  expect(plain.headers.get('content-type')).toMatch(/^text\/plain/)
  const events = await site.ask('/events', admin)
  expect(events.headers.get('content-type')).toMatch(/^text\/event-stream/)
  await events.body?.cancel()
})

const numbers = [
  '-1',
  '1e9',
  '1e308',
  '99999999999999999999',
  'NaN',
  'Infinity',
  '0x7fffffff',
  '1.5',
  '',
  ' ',
  '1,2',
  '٣',
]
const numberNames = [
  'start',
  'days',
  'page',
  'count',
  'limit',
  'cursor',
  'refresh',
  'timestamp',
  'per_page',
  'range',
]

test('CVE-2022-23837: no number in an address makes work without bounds', { timeout: 60_000 }, async () => {
  const site = open()
  await fillRoom(room, 'full')
  for (const route of getRoutes(site)) {
    for (const number of numbers) {
      const value = encodeURIComponent(number)
      const query = numberNames.map((name) => `${name}=${value}`).join('&')
      for (const path of [
        `${samplePath(route)}?${query}`,
        `${samplePath(route)}?start[]=${value}&start=${value}&start=${value}`,
        ...(route.includes(':') ? [samplePath(route, () => value || '~')] : []),
      ]) {
        const began = performance.now()
        const { status } = await site.ask(path, admin)
        expect(status, path).toBeLessThan(500)
        expect(performance.now() - began, path).toBeLessThan(2_000)
      }
    }
  }
})

test('CWE-1333: no text in a job makes its pages work for long', { timeout: 60_000 }, async () => {
  const site = open()
  const texts = [
    JSON.stringify('{"a":"b"}'.repeat(16_000)),
    JSON.stringify('"'.repeat(50_000)),
    `"${'\ufffd'.repeat(65_000)}x"`,
    `[${'['.repeat(3_000)}${']'.repeat(3_000)}]`,
    JSON.stringify(`password=${'"'.repeat(30_000)}`),
  ]
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', ...texts.map((text) => `{"class":"Long","args":[${text}]}`))
  const every = '9'.repeat(50_000)
  await room.client.hset('resque:persistent_schedules', 'long', JSON.stringify({ class: 'A', every }))
  const list = await site.text('/queues/mail', admin)
  const jobs = [...list.matchAll(/href="(\/queues\/mail\/job\/[^"]*)"/g)].map(([, path]) => path as string)
  expect(jobs).toHaveLength(texts.length)
  for (const path of [...jobs, ...jobs.map((job) => `${job}/download`), '/queues/mail', '/schedule']) {
    const began = performance.now()
    expect((await site.ask(path, admin)).status, path).toBe(200)
    expect(performance.now() - began, path).toBeLessThan(2_000)
  }
})

test('CVE-2023-37279: a number in an address does not fill the memory', async () => {
  const site = open()
  await fillRoom(room, 'full')
  await site.ask('/metrics', admin)
  /** What Redis was sent, and has sent. */
  const bytes = async () =>
    [...(await room.client.info('stats')).matchAll(/^total_net_(?:in|out)put_bytes:(\d+)/gm)]
      .map(([, count]) => Number(count))
      .reduce((sum, count) => sum + count)
  for (const path of [
    '/metrics?range=400d',
    '/metrics?days=1000000000',
    '/metrics?range=1000000000',
    '/queues/mail?start=1000000000',
  ]) {
    const before = await bytes()
    expect((await site.text(path, admin)).length, path).toBeLessThan(300_000)
    expect((await bytes()) - before, path).toBeLessThan(100_000)
  }
})

test('CVE-2023-1892: a period is one of a few words', async () => {
  const site = open()
  for (const payload of [...payloads, '25h', '1H', '__proto__', 'constructor']) {
    const answer = await site.ask(`/metrics?range=${encodeURIComponent(payload)}`, admin)
    expect(answer.status, payload).toBe(400)
    expectNoMarkup(await answer.text(), payload)
  }
})

test('CVE-2023-26141: a browser that asks without a pause costs Redis no more than one that waits', async () => {
  const site = open({ cacheMs: 1_000, auth: 'none' })
  await fillRoom(room, 'full')
  await room.client.config('RESETSTAT')
  const began = performance.now()
  for (let i = 0; i < 300; i++) expect((await site.ask('/events.json')).status).toBe(200)
  const seconds = Math.ceil((performance.now() - began) / 1_000)
  const looks = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await room.client.info('commandstats'))?.[1] ?? 0)
  expect(looks).toBeLessThanOrEqual(seconds + 1)
  for (const refresh of ['0', '-1', '0.001', '1']) {
    expect(await site.text(`/overview?refresh=${refresh}`)).toContain('http-equiv="refresh" content="5"')
  }
})

test('CVE-2024-32887: what is searched for is text, and never a pattern', { timeout: 60_000 }, async () => {
  const site = open()
  await fillRoom(room, 'full')
  await room.client.rpush(
    'resque:queue:mail',
    JSON.stringify({ class: 'a'.repeat(50_000), args: ['a'.repeat(50_000)] }),
  )
  await room.client.rpush(
    'resque:failed',
    JSON.stringify({ error: 'a'.repeat(50_000), exception: 'a', payload: {} }),
  )
  const names = [
    'q',
    'text',
    'search',
    'substr',
    'class',
    'exception',
    'error',
    'filter',
    'group',
    'queue',
    'args',
  ]
  for (const evil of ['(a+)+$', '(a|aa)+$', '([a-z]+)*!', '[', '(', '\\', '*'.repeat(200), ...payloads]) {
    for (const path of ['/failed', '/queues/mail', '/delayed/search', '/metrics', '/audit', '/stats/keys']) {
      const query = names.map((name) => `${name}=${encodeURIComponent(evil)}`).join('&')
      const began = performance.now()
      await expectEscaped(site, `${path}?${query}`)
      expect(performance.now() - began, `${path} ${evil}`).toBeLessThan(2_000)
    }
  }
})

test('Sidekiq 8.1.3: a body is a form or JSON, and never YAML', async () => {
  const site = open()
  const types = [
    'application/yaml',
    'text/yaml',
    'application/x-yaml',
    'text/plain',
    'application/xml',
    'multipart/form-data',
  ]
  for (const type of types) {
    for (const route of postRoutes(site)) {
      const headers = { ...bearer('admin'), 'content-type': type }
      expect(
        (await site.ask(samplePath(route), { method: 'POST', headers })).status,
        `${type} ${route}`,
      ).toBe(415)
    }
  }
})

/** Each name stands for ten of the one before: some gigabytes, for who follows them. */
const bomb = [
  'a: &a0 [lol, lol]',
  ...Array.from({ length: 10 }, (_, i) => `${'abcdefghijk'[i + 1]}: &a${i + 1} [${`*a${i},`.repeat(10)}]`),
].join('\n')

test('YAML alias bomb: wherever it lies it is a text, and nothing of the pages reads YAML', async () => {
  const site = open()
  const { client } = room
  const entries = [
    bomb,
    JSON.stringify({ class: bomb, args: [bomb], queue: 'mail' }),
    `--- !ruby/object:Gem\n${bomb}`,
  ]
  await client.sadd('resque:queues', 'mail')
  await client.rpush('resque:queue:mail', ...entries)
  await client.rpush(
    'resque:failed',
    ...entries,
    JSON.stringify({ payload: bomb, error: bomb, backtrace: bomb }),
  )
  await client.zadd('resque:delayed_queue_schedule', 4_102_444_800, '4102444800')
  await client.rpush('resque:delayed:4102444800', ...entries)
  for (const [i, entry] of entries.entries()) await client.hset('resque:persistent_schedules', `s${i}`, entry)
  await client.hset('resque:schedules', 'old', bomb)
  await client.sadd('resque:workers', 'web:1:mail')
  await client.set('resque:worker:web:1:mail', bomb)
  await client.set('resque:stat:processed', bomb)
  const pages = await findPages(createOpen(), 2)
  for (const { path } of pages) {
    const answer = await site.ask(path, admin)
    expect(answer.status, path).toBeLessThan(500)
    expect((await answer.text()).length, path).toBeLessThan(300_000)
  }
  const source = new URL('../../src/web/', import.meta.url)
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (/\.tsx?$/.test(file))
      expect(readFileSync(new URL(file, source), 'utf8'), file).not.toMatch(/from 'yaml'/)
  }
})

test('CVE-2023-46950, CVE-2023-46951, CVE-2024-25122: every filter is text where it is shown again', {
  timeout: 60_000,
}, async () => {
  const site = open()
  await fillRoom(room, 'full')
  const names = [
    'filter',
    'class',
    'exception',
    'queue',
    'q',
    'text',
    'order',
    'tab',
    'status',
    'user',
    'action',
    'from',
    'to',
    'count',
    'digest',
    'next',
    'args',
    'search',
  ]
  for (const route of getRoutes(site)) {
    for (const payload of payloads) {
      const query = names.map((name) => `${name}=${encodeURIComponent(payload)}`).join('&')
      await expectEscaped(site, `${samplePath(route)}?${query}`)
    }
    for (const name of names) {
      await expectEscaped(site, `${samplePath(route)}?${name}=${encodeURIComponent(payloads[1] as string)}`)
    }
  }
})

test('CVE-2025-67202: name, cron line and description of a schedule are text', async () => {
  const site = open()
  for (const payload of payloads) {
    await room.client.hset(
      'resque:persistent_schedules',
      payload,
      JSON.stringify({
        class: payload,
        cron: payload,
        description: payload,
        queue: payload,
        args: [payload],
        every: [payload, { [payload]: payload }],
      }),
    )
  }
  await expectEscaped(site, '/schedule')
  for (const payload of payloads) await expectEscaped(site, `/schedule/${encodeURIComponent(payload)}`)
})

test('CVE-2017-12097: the parameter queues is text', async () => {
  const site = open()
  for (const payload of payloads) {
    for (const path of ['/queues', '/overview', '/failed', '/working', '/enqueue', '/pending']) {
      await expectEscaped(
        site,
        `${path}?queues=${encodeURIComponent(payload)}&queue=${encodeURIComponent(payload)}`,
      )
    }
  }
})

test('CVE-2018-16476, GHSA-mpwp-4h2m-765c, CVE-2021-23727: what a job names is shown and never looked up', async () => {
  const site = open()
  const job = {
    class: 'ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper',
    args: [
      {
        job_class: 'process.exit',
        arguments: [{ _aj_globalid: 'gid://app/User/1', _aj_serialized: 'x' }, '../../../etc/passwd'],
      },
    ],
  }
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush(
    'resque:queue:mail',
    JSON.stringify(job),
    JSON.stringify({ class: 'child_process.exec', args: ['id'] }),
  )
  const html = await site.text('/queues/mail', admin)
  expect(html).toContain('gid://app/User/1')
  expect(html).toContain('child_process.exec')
})

test('OSVDB-96425: names that every object has are names like others', async () => {
  const site = open()
  for (const name of ['__proto__', 'constructor', 'toString', 'exec', 'hasOwnProperty']) {
    expect((await site.ask(`/queues/${name}`, admin)).status, name).toBe(404)
    expect((await site.ask(`/workers/${name}`, admin)).status, name).toBe(404)
    await room.client.sadd('resque:queues', name)
    await room.client.rpush(
      `resque:queue:${name}`,
      JSON.stringify({ class: name, args: [JSON.parse(`{"${name}":1}`)] }),
    )
    const html = await site.text(`/queues/${name}`, admin)
    expect(html).toContain(`>${name}</bdi>`)
  }
  const state = await (await site.ask('/events.json?topics=queues', admin)).text()
  expect(state).toContain('"queue:__proto__":1')
})

test('CVE-2022-30034: who is let in is compared whole, and everything is closed to all others', async () => {
  const site = open({
    auth: {
      proxy: {
        header: 'x-forwarded-user',
        peers: ['10.0.0.1'],
        role: (name) => (name === 'ada@example.com' ? 'admin' : undefined),
      },
    },
  })
  const ask = (user: string, address: string) =>
    site.ask('/overview', {
      headers: { 'x-forwarded-user': user },
      peer: { address, localAddress: '127.0.0.1' },
    })
  expect((await ask('ada@example.com', '10.0.0.1')).status).toBe(200)
  for (const user of [
    'ada@example.com.evil.org',
    'xada@example.com',
    'ada@exampleXcom',
    'ada@example.com\t',
    'ADA@example.com',
  ]) {
    expect((await ask(user, '10.0.0.1')).status, user).toBe(user.endsWith('\t') ? 200 : 401)
  }
  expect((await ask('ada@example.com', '10.0.0.2')).status).toBe(401)
  for (const route of site.web.routes) {
    if (route.role === 'public' || route.method === 'ALL') continue
    const { status } = await site.ask(samplePath(route.path), { method: route.method })
    expect([401, 403], route.path).toContain(status)
  }
})

test('Faktory 1.10.0: a name in an address leads to no other key, and what is broken breaks no page', async () => {
  const site = open()
  await fillRoom(room, 'broken')
  await room.client.rpush('resque:my_list', 'the content of a foreign list')
  await room.client.set('resque:web:session:x', 'the content of a foreign key')
  for (const name of [
    'my_list',
    '../my_list',
    '..%2fmy_list',
    'web:session:x',
    'queue:mail',
    'stat:processed',
  ]) {
    for (const path of [
      `/failed/${name}`,
      `/queues/${name}`,
      `/queues/${name}/job/0.0123456789abcdef`,
      `/delayed/jobs/${name}`,
    ]) {
      const text = await site.text(path, admin)
      expect(text, path).not.toContain('the content of a foreign')
    }
  }
  for (const { path } of await findPages(createOpen(), 2)) {
    expect((await site.ask(path, admin)).status, path).toBeLessThan(500)
  }
})

test('CVE-2018-1000119: tokens and passwords are compared in a time that does not tell where they differ', () => {
  const folder = new URL('../../src/web/access/', import.meta.url)
  const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
  expect(read('csrf.ts')).toMatch(/!sameText\(sent, token\)/)
  expect(read('passwords.ts')).toMatch(/timingSafeEqual\(digest\(a\), digest\(b\)\)/)
  for (const name of readdirSync(folder)) {
    expect(read(name), name).not.toMatch(/(token|hash|password|signature)\s*[!=]==(?!\s*('|undefined|null))/i)
  }
})

test('CVE-2024-35478: what nobody has signed in for is text too: the login, what is not found, refusals', async () => {
  const site = open()
  for (const payload of payloads) {
    const text = encodeURIComponent(payload)
    for (const path of [
      `/login?next=${text}`,
      `/login?next=/${text}&name=${text}`,
      `/${text}`,
      `/nowhere/${text}?x=${text}`,
      `/assets/${text}`,
      `/queues/${text}`,
    ]) {
      for (const accept of ['text/html', 'application/json', '*/*']) {
        const answer = await site.ask(path, { headers: { accept } })
        expect(answer.status, path).toBeLessThan(500)
        const body = await answer.text()
        if (answer.headers.get('content-type')?.startsWith('text/html')) expectNoMarkup(body, path)
      }
    }
  }
})

test('bull-board, asynqmon, pg-boss: nobody is let in by default, and no other site is let read', async () => {
  expect(() => createWeb({ resque: room.resque } as never)).toThrow('who may come in')
  const none = open({ auth: 'none' })
  for (const localAddress of ['0.0.0.0', '10.0.0.5', '::', undefined]) {
    expect((await none.ask('/overview', { peer: { address: '127.0.0.1', localAddress } })).status).toBe(403)
  }
  expect((await none.ask('/overview', { headers: { host: 'jobs.example.com' } })).status).toBe(403)
  const site = open()
  for (const route of site.web.routes) {
    const method = route.method === 'ALL' ? 'GET' : route.method
    for (const asked of [method, 'OPTIONS']) {
      const headers = {
        ...bearer('viewer'),
        origin: 'http://evil.example',
        'access-control-request-method': 'POST',
      }
      const answer = await site.ask(samplePath(route.path), { method: asked, headers })
      await answer.body?.cancel()
      const given = [...answer.headers.keys()].filter((name) => name.startsWith('access-control'))
      expect(given, `${asked} ${route.path}`).toEqual([])
    }
  }
})

test('prototype pollution: JSON of jobs and of requests sets no prototype', async () => {
  const site = open()
  const evil =
    '{"class":"A","args":[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}],"__proto__":{"polluted":1}}'
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', evil)
  await room.client.rpush('resque:failed', `{"payload":${evil},"__proto__":{"polluted":1}}`)
  for (const path of ['/queues/mail', '/failed', '/overview']) await site.ask(path, admin)
  for (const route of postRoutes(site)) {
    await site.ask(samplePath(route), {
      method: 'POST',
      headers: { ...bearer('viewer'), 'content-type': 'application/json' },
    })
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('JSON ten thousand levels deep breaks no page', async () => {
  const site = open()
  const deep = `${'['.repeat(10_000)}1${']'.repeat(10_000)}`
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', `{"class":"Deep","args":[${deep}]}`)
  await room.client.rpush(
    'resque:failed',
    `{"payload":{"class":"Deep","args":[${deep}]},"exception":"E","error":"e"}`,
  )
  await room.client.sadd('resque:workers', 'web:1:mail')
  await room.client.set(
    'resque:worker:web:1:mail',
    `{"queue":"mail","run_at":"x","payload":{"class":"Deep","args":[${deep}]}}`,
  )
  for (const { path } of await findPages(createOpen(), 2)) {
    expect((await site.ask(path, admin)).status, path).toBeLessThan(500)
  }
})

test('fifty megabytes of arguments are not fetched for a list', { timeout: 60_000 }, async () => {
  const site = open()
  const huge = Buffer.alloc(50 * 1_048_576, 'x').toString()
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', `{"class":"Huge","args":["${huge}"]}`)
  await room.client.rpush(
    'resque:failed',
    `{"payload":{"class":"Huge","args":["${huge}"]},"exception":"E","error":"e"}`,
  )
  await room.client.sadd('resque:workers', 'web:1:mail')
  await room.client.set(
    'resque:worker:web:1:mail',
    `{"queue":"mail","run_at":"x","payload":{"class":"Huge","args":["${huge}"]}}`,
  )
  const sent = async () => Number(/total_net_output_bytes:(\d+)/.exec(await room.client.info('stats'))?.[1])
  for (const path of [
    '/queues/mail',
    '/queues',
    '/failed',
    '/working',
    '/workers',
    '/overview',
    '/workers/web%3A1%3Amail',
  ]) {
    // The index of failures reads each entry once.
    await site.text(path, admin)
    const before = await sent()
    const html = await site.text(path, admin)
    expect((await sent()) - before, path).toBeLessThan(512 * 1_024)
    expect(html.length, path).toBeLessThan(100_000)
  }
})

test('open redirect: after the login nothing leads away from here', async () => {
  const site = open()
  for (const next of [
    ...[
      '//evil.example',
      '/\\evil.example',
      'http://evil.example',
      '/\t/evil.example',
      '///evil.example',
      '/%09/evil.example',
    ],
    ...[
      '/.//evil.example',
      '/login/..//evil.example',
      'javascript:alert(1)',
      '\\\\evil.example',
      '/@evil.example/..//evil.example',
    ],
  ]) {
    const login = await site.ask('/login')
    const form = { _token: tokenIn(await login.text()), name: 'viewer', password: 'correct horse', next }
    const answer = await site.ask('/login', {
      method: 'POST',
      headers: { ...sameOrigin, cookie: cookiesOf(login) },
      form,
    })
    expect(answer.status).toBe(303)
    const to = new URL(answer.headers.get('location') ?? '', 'http://localhost:5678/login')
    expect(to.origin, next).toBe('http://localhost:5678')
  }
})

test('clickjacking: every answer forbids to be framed', async () => {
  const site = open()
  for (const route of site.web.routes) {
    if (route.method !== 'GET') continue
    const answer = await site.ask(samplePath(route.path), admin)
    await answer.body?.cancel()
    expect(answer.headers.get('content-security-policy'), route.path).toContain("frame-ancestors 'none'")
    expect(answer.headers.get('x-frame-options'), route.path).toBe('DENY')
  }
})

test('session fixation: an id that was there before the login is worth nothing after it', async () => {
  const site = open()
  const fixed = 'A'.repeat(43)
  const login = await site.ask('/login', { headers: { cookie: `session=${fixed}` } })
  const cookie = `session=${fixed}; ${cookiesOf(login)}`
  const form = { _token: tokenIn(await login.text()), name: 'admin', password: 'correct horse' }
  const answer = await site.ask('/login', { method: 'POST', headers: { ...sameOrigin, cookie }, form })
  expect(cookiesOf(answer)).not.toContain(fixed)
  expect((await site.ask('/overview', { headers: { cookie: `session=${fixed}` } })).status).toBe(401)
})

test('brute force: whoever guesses is slowed down, under one name and under many, and cannot say that he is another', {
  timeout: 60_000,
}, async () => {
  let now = Date.parse('2026-11-24T10:00:00Z')
  const site = open({ limits: { login: 2 }, now: () => new Date(now) })
  const login = await site.ask('/login')
  const token = tokenIn(await login.text())
  const cookie = cookiesOf(login)
  const from = (address: string) => ({ address, localAddress: '127.0.0.1' })
  const ways: Record<
    string,
    (name: string, secret: string, address: string, more?: object) => Promise<Response>
  > = {
    form: (name, password, address, more) =>
      site.ask('/login', {
        method: 'POST',
        headers: { ...sameOrigin, cookie, ...more },
        form: { _token: token, name, password },
        peer: from(address),
      }),
    basic: (name, password, address, more) =>
      site.ask('/overview', {
        headers: { authorization: `Basic ${btoa(`${name}:${password}`)}`, ...more },
        peer: from(address),
      }),
    bearer: (_, secret, address, more) =>
      site.ask('/overview', { headers: { authorization: `Bearer ${secret}`, ...more }, peer: from(address) }),
  }
  let host = 0
  for (const [way, guess] of Object.entries(ways)) {
    const statuses = async (count: number, address: string, name: (i: number) => string) => {
      const all: number[] = []
      for (let i = 0; i < count; i++) {
        // Each time somebody else, says the header that only a proxy may send.
        const more = { 'x-forwarded-for': `10.9.${host}.${i}`, 'x-real-ip': `10.9.${host}.${i}` }
        all.push((await guess(name(i), way === 'bearer' ? `wrong${i}` : `wrong ${i}`, address, more)).status)
      }
      return all
    }
    const [one, many] = [`192.0.2.${++host}`, `192.0.2.${++host}`]
    expect(await statuses(4, one, () => 'admin'), way).toEqual([401, 401, 429, 429])
    // Nor does the right one come in while others are refused; from elsewhere it does.
    const right = way === 'bearer' ? 'admin-secret-token' : 'correct horse'
    if (way !== 'bearer') {
      expect((await guess('admin', right, one)).status, way).toBe(429)
      const over = await statuses(22, many, (i) => `user${i}`)
      expect(over, way).toEqual([...Array(20).fill(401), 429, 429])
    }
    expect([200, 303], way).toContain((await guess('admin', right, `192.0.2.${++host}`)).status)
    now += 1_000
  }
})

test('path traversal: only the files of the pages are served', async () => {
  const site = open()
  for (const path of [
    '/assets/..%2f..%2fpackage.json',
    '/assets/../../package.json',
    '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..\\..\\package.json',
    '/assets/app.js',
    '/assets/%00',
    '/assets/__proto__',
  ]) {
    expect([401, 404], path).toContain((await site.ask(path)).status)
  }
})

test('log injection: a request puts no line of its own into the log', async () => {
  const lines: string[] = []
  const keep = (fields: object | string, message?: string) => void lines.push(message ?? String(fields))
  const site = open({ logger: { debug: keep, info: keep, warn: keep, error: keep } })
  for (const evil of ['%0d%0aforged: line', '%1b[2Jforged', '%e2%80%a8forged']) {
    await site.ask(`/queues/mail?start=${evil}`, admin)
    await site.ask(`/queues/${evil}/pause`, { method: 'POST', headers: bearer('viewer') })
    await site.ask('/login', {
      method: 'POST',
      headers: { ...sameOrigin, origin: 'x' },
      form: { name: decodeURIComponent(evil) },
    })
  }
  expect(lines.length).toBeGreaterThan(0)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f\u2028]/)
})

test('Lua injection: no name becomes a part of a script', async () => {
  const site = open()
  for (const evil of [
    `']] redis.call('FLUSHALL') --`,
    '"..redis.call("FLUSHALL").."',
    "'); redis.call('FLUSHALL') --",
    ...evils,
  ]) {
    await room.client.sadd('resque:queues', evil)
    await room.client.rpush(`resque:queue:${evil}`, '{"class":"A","args":[]}')
    const path = `/queues/${encodeURIComponent(evil.toWellFormed())}`
    expect((await site.ask(path, admin)).status, evil).toBe(200)
    await site.ask(`${path}/pause`, { method: 'POST', headers: bearer('admin') })
    expect(await room.client.llen(`resque:queue:${evil}`)).toBe(1)
  }
})
