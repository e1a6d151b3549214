// Who is let in, and what a foreign site can do: nothing.

import { type AuthModes, createWeb, hashPassword, type Peer, type WebOptions } from 'resque-ts/web'
import { expect, test, vi } from 'vitest'
import { useRoom } from '../room.js'
import {
  accounts,
  bearer,
  cookiesOf,
  openSite,
  type Site,
  sameOrigin,
  signIn,
  tokenIn,
  tokens,
} from './site.js'

const room = useRoom()
const paused = () => room.client.get('resque:pause-all-workers')

test('there is no default for auth', () => {
  // @ts-expect-error: it must be given
  expect(() => createWeb({ resque: room.resque })).toThrow(/who may come in/)
  expect(() => createWeb({ resque: room.resque, auth: {} })).toThrow(/lets nobody in/)
  expect(() =>
    createWeb({ resque: room.resque, auth: { users: [{ name: 'a', password: 'plain', role: 'admin' }] } }),
  ).toThrow(/not a hash/)
  expect(() =>
    createWeb({ resque: room.resque, auth: { proxy: { header: 'x-user', peers: [], role: 'viewer' } } }),
  ).toThrow(/proxies/)
})

test('without auth, only a loopback name on a loopback address is answered', async () => {
  const site = openSite(room, { auth: 'none' })
  const status = async (host: string, localAddress?: string) =>
    (await site.ask('/overview', { headers: { host }, peer: localAddress ? { localAddress } : {} })).status
  for (const host of ['localhost', 'localhost:5678', '127.0.0.1:5678', '[::1]:5678', 'app.localhost']) {
    expect(await status(host, '127.0.0.1'), host).toBe(200)
  }
  expect(await status('localhost', '::1')).toBe(200)
  expect(await status('localhost', '::ffff:127.0.0.1')).toBe(200)
  expect(await status('localhost', '192.168.1.4')).toBe(403)
  expect(await status('localhost')).toBe(403)
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '192.168.1.4']) {
    expect(await status(host, '127.0.0.1'), host).toBe(403)
  }
})

test('with auth, a name that is not listed is refused (DNS rebinding)', async () => {
  const site = openSite(room, { hosts: ['jobs.example.com'] })
  const status = async (host: string) =>
    (await site.ask('/overview', { headers: { ...bearer('viewer'), host } })).status
  expect(await status('jobs.example.com')).toBe(200)
  expect(await status('jobs.example.com:8443')).toBe(200)
  expect(await status('10.0.0.7:5678')).toBe(200)
  expect(await status('evil.example')).toBe(421)
  expect(await status('jobs.example.com.evil.example')).toBe(421)
})

test('X-Forwarded-Host and the user header count only from listed proxies', async () => {
  const site = openSite(room, {
    auth: { proxy: { header: 'x-forwarded-user', peers: ['10.1.0.0/16'], role: 'operator' } },
    trustedProxies: ['10.1.0.0/16'],
    hosts: ['jobs.example.com'],
  })
  const headers = { 'x-forwarded-user': 'ann', 'x-forwarded-host': 'jobs.example.com', host: 'inner' }
  const from = async (address: string) => (await site.ask('/overview', { headers, peer: { address } })).status
  expect(await from('10.1.2.3')).toBe(200)
  expect(await from('::ffff:10.1.2.3')).toBe(200)
  expect(await from('10.2.2.3')).toBe(421)
  const direct = await site.ask('/overview', {
    headers: { ...headers, host: 'localhost' },
    peer: { address: '10.2.2.3' },
  })
  expect(direct.status).toBe(401)
})

test('a custom function gives a user, nobody, or an answer of its own', async () => {
  const site = openSite(room, {
    auth: {
      custom: (request) => {
        const who = request.headers.get('x-who')
        if (who === 'sso') return Response.redirect('https://sso.example/', 302)
        return who ? { user: who, role: 'viewer', queues: ['mail'] } : null
      },
    },
  })
  expect((await site.ask('/overview', { headers: { 'x-who': 'ann' } })).status).toBe(200)
  expect((await site.ask('/overview')).status).toBe(401)
  expect((await site.ask('/overview', { headers: { 'x-who': 'sso' } })).headers.get('location')).toBe(
    'https://sso.example/',
  )
})

test('a custom function is shown what only a proxy may say if a listed one says it, and not otherwise', async () => {
  let seen: Headers | undefined
  const custom = (request: Request) => {
    seen = request.headers
    return { user: request.headers.get('x-forwarded-user') ?? 'nobody', role: 'viewer' as const }
  }
  const proxy = { header: 'x-remote-user', peers: ['10.1.0.0/16'], role: () => undefined }
  const headers = {
    'x-forwarded-user': 'root',
    'X-Forwarded-For': '1.2.3.4',
    'x-forwarded-email': 'root@example.com',
    'x-real-ip': '1.2.3.4',
    'x-remote-user': 'root',
    forwarded: 'for=1.2.3.4',
    'x-other': 'kept',
  }
  const shownTo = async (auth: AuthModes, peer: Peer, trustedProxies: string[] = []) => {
    const site = openSite(room, { auth, trustedProxies })
    expect((await site.ask('/overview', { headers, peer })).status).toBe(200)
    expect(seen?.get('x-other')).toBe('kept')
    return Object.keys(headers).filter((name) => name !== 'x-other' && seen?.has(name))
  }
  const all = Object.keys(headers).filter((name) => name !== 'x-other')
  const own = all.filter((name) => name !== 'x-remote-user')
  for (const address of ['10.2.0.1', '127.0.0.1', '::ffff:10.2.0.1', undefined]) {
    expect(await shownTo({ custom, proxy }, { address })).toEqual([])
    // Of a header that was not named nothing is known.
    expect(await shownTo({ custom }, { address })).toEqual(['x-remote-user'])
  }
  expect(await shownTo({ custom, proxy }, { address: '10.1.2.3' })).toEqual(all)
  expect(await shownTo({ custom }, { address: '10.1.2.3' }, ['10.1.0.0/16'])).toEqual(all)
  expect(await shownTo({ custom, proxy }, { address: '10.3.0.1' }, ['10.3.0.1'])).toEqual(own)
})

test('probes and a public /stats.txt are answered to whoever asks, and a probe costs one command at most', async () => {
  const custom = vi.fn(() => Response.redirect('https://sso.example/', 302))
  for (const auth of [{ custom }, { users: accounts }]) {
    const site = openSite(room, {
      auth,
      statsTxt: 'public',
      basePath: '/resque',
      hosts: ['jobs.example.com'],
    })
    await site.ask('/readyz')
    for (const prefix of ['', '/resque']) {
      for (const path of ['/healthz', '/readyz']) {
        const headers = { host: '10.244.0.7:5678', cookie: 'session=something; notice=x' }
        await room.client.config('RESETSTAT')
        const answer = await site.ask(`${prefix}${path}`, { headers, peer: { address: '10.244.0.1' } })
        expect([answer.status, await answer.text()]).toEqual([200, 'ok\n'])
        const info = await room.client.info('commandstats')
        const calls = [...info.matchAll(/cmdstat_(\w+(?:\|\w+)?):calls=(\d+)/g)]
          .filter(([, name]) => !/^(config|info)/.test(name ?? ''))
          .map(([, name, count]) => `${name} ${count}`)
        expect(calls).toEqual(path === '/readyz' ? ['ping 1'] : [])
      }
      expect((await site.ask(`${prefix}/stats.txt`)).status).toBe(200)
    }
    expect((await site.ask('/stats.txt', { headers: { host: 'evil.example' } })).status).toBe(421)
  }
  expect(custom).not.toHaveBeenCalled()
})

test('the pages of keys are for admins of this machine, and switched off where others come through a proxy', async () => {
  const auth = { users: accounts, tokens }
  const proxy = { header: 'x-user', peers: ['127.0.0.1'], role: 'admin' as const }
  const status = async (options: Partial<WebOptions>, host = 'localhost:5678', peer?: Peer) => {
    const site = openSite(room, { auth, ...options })
    const headers = { ...bearer('admin'), host }
    const link = (await site.text('/stats/resque', { headers, ...(peer && { peer }) })).includes(
      '/stats/keys',
    )
    const answer = await site.ask('/stats/keys', { headers, ...(peer && { peer }) })
    expect(link).toBe(answer.status === 200)
    return answer.status
  }
  expect(await status({})).toBe(200)
  expect(await status({ auth: { ...auth, proxy } })).toBe(404)
  expect(await status({ trustedProxies: ['127.0.0.1'] })).toBe(404)
  expect(await status({ hosts: ['jobs.example.com'] })).toBe(404)
  expect(await status({}, '192.0.2.7:5678')).toBe(404)
  expect(await status({}, 'localhost', { address: '10.0.0.2', localAddress: '10.0.0.1' })).toBe(404)
  expect(await status({ trustedProxies: ['127.0.0.1'], keyBrowser: true })).toBe(200)
  expect(await status({ keyBrowser: false })).toBe(404)
})

test('basic: the right password opens, a wrong one is slowed down', async () => {
  const site = openSite(room)
  const basic = (name: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  })
  expect((await site.ask('/overview', { headers: basic('viewer', 'correct horse') })).status).toBe(200)
  const wrong: number[] = []
  for (let i = 0; i < 7; i++)
    wrong.push((await site.ask('/overview', { headers: basic('viewer', `no ${i}`) })).status)
  expect(wrong).toEqual([401, 401, 401, 401, 401, 429, 429])
  const refused = await site.ask('/overview', { headers: basic('viewer', 'no') })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
})

test('whoever goes on with wrong passwords waits twice as long each time, for a quarter of an hour at most', async () => {
  let now = Date.parse('2026-11-24T10:00:00Z')
  const site = openSite(room, { now: () => new Date(now) })
  const tryOnce = (password: string) =>
    site.ask('/overview', {
      headers: { authorization: `Basic ${Buffer.from(`viewer:${password}`).toString('base64')}` },
    })
  const waits: number[] = []
  for (let i = 0; waits.length < 9; i++) {
    const answer = await tryOnce(`no ${i}`)
    if (answer.status === 401) continue
    const seconds = Number(answer.headers.get('retry-after'))
    waits.push(seconds)
    now += seconds * 1_000
  }
  expect(waits).toEqual([24, 48, 96, 192, 384, 768, 900, 900, 900])
  // Then the right one opens, and what went before is forgotten.
  expect((await tryOnce('correct horse')).status).toBe(200)
  for (let i = 0; i < 5; i++) expect((await tryOnce(`wrong ${i}`)).status).toBe(401)
})

test('a login gives a session whose cookie no script and no other site can use', async () => {
  const site = openSite(room)
  const away = await site.ask('/queues?start=0', { headers: { accept: 'text/html' } })
  expect(away.headers.get('location')).toBe('/login?next=%2Fqueues%3Fstart%3D0')
  const login = await site.ask('/login')
  const form = {
    _token: tokenIn(await login.text()),
    name: 'operator',
    password: 'correct horse',
    next: '/queues',
  }
  const cookie = cookiesOf(login)
  const answer = await site.ask('/login', { method: 'POST', headers: { ...sameOrigin, cookie }, form })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe('/queues')
  const set = answer.headers.getSetCookie().find((each) => each.startsWith('resque_session='))
  expect(set).toMatch(/Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
  const session = cookiesOf(answer)
  const page = await site.ask('/overview', { headers: { cookie: session } })
  expect(page.status).toBe(200)
  // Redis holds nothing that would sign in.
  const id = session.split('=')[1] ?? ''
  const keys = await room.client.keys('resque:web:session:*')
  expect(keys).toHaveLength(1)
  expect(keys[0]).not.toContain(id)
  expect(await room.client.pttl(keys[0] as string)).toBeGreaterThan(43_000_000)
  const out = await site.ask('/logout', {
    method: 'POST',
    headers: { ...sameOrigin, cookie: session },
    form: { _token: tokenIn(await page.text()) },
  })
  expect(out.status).toBe(303)
  expect((await site.ask('/overview', { headers: { cookie: session } })).status).toBe(401)
})

test('on TLS cookies are Secure and bound to the host', async () => {
  const site = openSite(room)
  const login = await site.ask('/login', { peer: { address: '127.0.0.1', encrypted: true } })
  expect(login.headers.getSetCookie()[0]).toMatch(
    /^__Host-resque_login=.*; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  )
})

test('a session id from outside is never taken, and a login makes a new one', async () => {
  const site = openSite(room)
  const fixed = `resque_session=${'A'.repeat(43)}`
  expect((await site.ask('/overview', { headers: { cookie: fixed } })).status).toBe(401)
  const first = await signIn(site, 'viewer')
  const second = await signIn(site, 'viewer')
  expect(second).not.toBe(first)
  expect(first).not.toContain('AAAA')
})

test('logins by form are limited by name and address', async () => {
  const site = openSite(room)
  const login = await site.ask('/login')
  const form = { _token: tokenIn(await login.text()), name: 'admin', password: 'guess' }
  const headers = { ...sameOrigin, cookie: cookiesOf(login) }
  const statuses: number[] = []
  for (let i = 0; i < 6; i++)
    statuses.push((await site.ask('/login', { method: 'POST', headers, form })).status)
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429])
})

test('after a login nobody is led away from here', async () => {
  const site = openSite(room, { basePath: '/resque' })
  const session = await signIn(openSite(room), 'viewer')
  for (const next of [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/\t/evil.example',
    'javascript:1',
    '/resque//evil.example',
  ]) {
    const answer = await site.ask(`/resque/login?next=${encodeURIComponent(next)}`, {
      headers: { cookie: session },
    })
    const location = answer.headers.get('location') ?? ''
    expect(new URL(location, 'http://localhost').origin, next).toBe('http://localhost')
    expect(location, next).toMatch(/^\/resque\/[^/\\]/)
  }
})

const own = 'http://localhost:5678'
const evil = 'http://evil.example'

/** What a browser says of where a request comes from, and whether that is our own page. */
const sources: [headers: Record<string, string>, isOurs: boolean][] = [
  [{ 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'same-origin', origin: own }, true],
  [{ 'sec-fetch-site': 'same-site' }, false],
  [{ 'sec-fetch-site': 'same-site', origin: own }, false],
  [{ 'sec-fetch-site': 'cross-site' }, false],
  [{ 'sec-fetch-site': 'cross-site', origin: own }, false],
  [{ 'sec-fetch-site': 'cross-site', origin: 'null' }, false],
  [{ 'sec-fetch-site': 'cross-site', origin: evil }, false],
  [{ 'sec-fetch-site': 'none' }, false],
  [{ 'sec-fetch-site': 'none', origin: own }, false],
  [{ 'sec-fetch-site': '' }, false],
  [{ 'sec-fetch-site': 'Same-Origin' }, false],
  // Browsers that do not say it.
  [{ origin: own }, true],
  [{ origin: own.toUpperCase() }, true],
  // As a TLS proxy that we were not told of makes it.
  [{ origin: 'https://localhost:5678' }, true],
  [{ origin: 'null' }, false],
  [{ origin: '' }, false],
  [{ origin: evil }, false],
  [{ origin: `${own}.evil.example` }, false],
  [{ origin: 'http://localhost:5678@evil.example' }, false],
  [{ origin: 'http://localhost:9999' }, false],
  [{ origin: 'http://localhost' }, false],
  [{ origin: `${own}, ${own}` }, false],
  [{ referer: `${own}/overview` }, false],
  [{ 'x-forwarded-host': 'evil.example', origin: evil }, false],
  [{}, false],
]

const tokenKinds = ['absent', 'wrong', 'of another', 'right'] as const

/** How somebody is known, and a second one of whom a token is taken: what both send with each request. */
const modes: Record<
  string,
  {
    auth?: WebOptions['auth']
    headers?(name: string, site: Site): Record<string, string> | Promise<Record<string, string>>
  }
> = {
  none: { auth: 'none' },
  basic: { headers: (name) => ({ authorization: `Basic ${btoa(`${name}:correct horse`)}` }) },
  session: { headers: async (name, site) => ({ cookie: await signIn(site, name) }) },
  proxy: {
    auth: { proxy: { header: 'x-user', peers: ['127.0.0.1'], role: 'admin' } },
    headers: (name) => ({ 'x-user': name }),
  },
  custom: {
    auth: {
      custom: ({ headers }) => {
        const user = headers.get('x-who')
        return user === null ? null : { user, role: 'admin' }
      },
    },
    headers: (name) => ({ 'x-who': name }),
  },
  bearer: { headers: (name) => bearer(name) },
}

test.each(Object.entries(modes))(
  'with auth %s a change is done from our own page and with the right token, or not at all',
  async (mode, { auth, headers = () => ({}) }) => {
    const site = openSite(room, { secret: 'a'.repeat(32), ...(auth && { auth }) })
    // Where all are one, another is one who came to another server.
    const other = auth === 'none' ? openSite(room, { auth, secret: 'b'.repeat(32) }) : site
    const mine = await headers('operator', site)
    const tokenOf = async (from: Site, sent: Record<string, string>) =>
      tokenIn(await from.text('/overview', { headers: sent }))
    const right = await tokenOf(site, mine)
    const tokens: Record<(typeof tokenKinds)[number], string | undefined> = {
      absent: undefined,
      wrong: `${right.startsWith('A') ? 'B' : 'A'}${right.slice(1)}`,
      'of another': await tokenOf(other, await headers('admin', other)),
      right,
    }
    for (const [source, isOurs] of sources) {
      for (const kind of tokenKinds) {
        for (const how of ['field', 'header'] as const) {
          const token = tokens[kind]
          const answer = await site.ask('/pause', {
            method: 'POST',
            headers: {
              ...{ ...mine, ...source },
              ...(how === 'header' && token !== undefined && { 'x-csrf-token': token }),
            },
            form: { confirmed: 'yes', ...(how === 'field' && token !== undefined && { _token: token }) },
          })
          // What programs send themselves, no foreign page can make a browser send.
          const isDone = mode === 'bearer' || (isOurs && kind === 'right')
          const where = `${JSON.stringify(source)}, token ${kind} in a ${how}`
          expect(answer.status, where).toBe(isDone ? 303 : 403)
          expect(await paused(), where).toBe(isDone ? 'true' : null)
          await room.client.del('resque:pause-all-workers')
        }
      }
    }
  },
)

test('the token of one session is worth nothing in another of the same user, nor is that of the login page', async () => {
  const site = openSite(room)
  const [mine, yours] = [await signIn(site, 'operator'), await signIn(site, 'operator')]
  const login = await site.ask('/login')
  for (const [token, cookie] of [
    [tokenIn(await site.text('/overview', { headers: { cookie: yours } })), mine],
    [tokenIn(await login.text()), `${mine}; ${cookiesOf(login)}`],
  ] as const) {
    const form = { confirmed: 'yes', _token: token }
    const answer = await site.ask('/pause', { method: 'POST', headers: { ...sameOrigin, cookie }, form })
    expect(answer.status).toBe(403)
    expect(await paused()).toBeNull()
  }
})

test('a change that is no form and no JSON is refused, and so is one that is too large', async () => {
  const site = openSite(room)
  const send = (type: string, form: Record<string, string> = { confirmed: 'yes' }) =>
    site.ask('/pause', { method: 'POST', headers: { ...bearer('operator'), 'content-type': type }, form })
  expect((await send('text/plain')).status).toBe(415)
  expect((await send('multipart/form-data; boundary=x')).status).toBe(415)
  expect((await send('application/x-www-form-urlencoded', { a: 'x'.repeat(300_000) })).status).toBe(413)
  expect((await send('application/json')).status).toBe(400)
  expect(await paused()).toBeNull()
})

test('changes are limited by user', async () => {
  const site = openSite(room, { limits: { mutations: 3 } })
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) {
    statuses.push((await site.ask('/resume', { method: 'POST', headers: bearer('operator') })).status)
  }
  expect(statuses).toEqual([303, 303, 303, 429])
})

test('every answer has the headers, errors and files too', async () => {
  const site = openSite(room)
  for (const path of ['/overview', '/login', '/nowhere', '/assets/none', '/healthz', '/stats.txt']) {
    const { headers } = await site.ask(path)
    expect(headers.get('content-security-policy'), path).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    )
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('a password is kept as a hash that differs each time', async () => {
  const [a, b] = [await hashPassword('x'), await hashPassword('x')]
  expect(a).not.toBe(b)
  expect(a).toMatch(/^scrypt\$/)
  expect(accounts[0]?.password).not.toContain('horse')
})
