// A foreign site, open in the same browser as our pages: whatever it links, frames, fetches or sends in the user's name
// changes nothing, shows nothing and is told nothing.

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { accounts } from '../web/site.js'
import { useBrowser } from './browser.js'
import { dumpOf, fillRoom, findPages, samplePath } from './walk.js'

const room = useRoom()
/** A site of somebody else on this machine, a name that points to it, and one more name of our own server. */
const browser = useBrowser({
  args: ['--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1'],
})
const servers: Server[] = []
const webs: Web[] = []
afterEach(async () => {
  await Promise.all(webs.splice(0).map((web) => web.close()))
  for (const server of servers.splice(0)) server.closeAllConnections()
})

async function listen(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

interface Target {
  web: Web
  port: number
  /** Method, path and status of each request, to show that the attack has come so far. */
  seen: string[]
}

async function serve(options: Partial<WebOptions> = {}): Promise<Target> {
  const web = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, history: false, ...options })
  webs.push(web)
  const seen: string[] = []
  const port = await listen((req, res) => {
    // The status of an answer that was never given reads as 200.
    res.on('close', () =>
      seen.push(`${req.method} ${req.url} ${res.headersSent ? res.statusCode : 'broken off'}`),
    )
    void web.handler(req, res)
  })
  return { web, port, seen }
}

/** A page of the foreign site. */
async function attackerOf(html: string): Promise<number> {
  return listen((_, res) => {
    res.writeHead(200, { 'content-type': 'text/html' })
    res.end(`<!doctype html><title>waiting</title>${html}`)
  })
}

const attribute = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')

/** Everything a page can do to an address without being allowed to. */
function attack(paths: readonly string[], posts: readonly string[], target: string): string {
  const tags = paths
    .map((path) => attribute(target + path))
    .flatMap((url) => [
      `<img src="${url}" alt="">`,
      `<link rel="stylesheet" href="${url}">`,
      `<link rel="prefetch" href="${url}">`,
      `<script src="${url}"></script>`,
    ])
  const fields = [
    'confirmed=yes',
    'action=remove',
    'typed=mail',
    'ref=0',
    'theme=dark',
    'name=admin',
    'yes=1',
  ]
    .map((pair) => pair.split('='))
    .map(([name, value]) => `<input name="${name}" value="${value}">`)
    .join('')
  const forms = posts.flatMap((path, i) =>
    ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'].map(
      (type, k) =>
        `<iframe name="f${i}-${k}"></iframe><form method="post" target="f${i}-${k}" enctype="${type}" action="${attribute(target + path)}">${fields}</form>`,
    ),
  )
  // A frame without an origin of its own says Origin: null.
  const nameless = `<iframe sandbox="allow-scripts allow-forms" srcdoc="${attribute(
    `<meta name="referrer" content="no-referrer">${posts
      .map((path) => `<form method="post" action="${attribute(target + path)}">${fields}</form>`)
      .join('')}<script>for (const form of document.forms) { form.target = '_self'; form.submit() }</script>`,
  )}"></iframe>`
  const script = `<script>
    const sent = []
    const all = ${JSON.stringify(paths)}, posts = ${JSON.stringify(posts)}
    const send = (path, init) => sent.push(fetch(${JSON.stringify(target)} + path, { credentials: 'include', signal: AbortSignal.timeout(5000), ...init })
      .then((answer) => answer.type === 'opaque' ? 'opaque' : 'read', () => 'failed'))
    for (const path of all) {
      send(path, { mode: 'no-cors' }); send(path, {}); send(path, { method: 'HEAD', mode: 'no-cors' })
    }
    for (const path of posts) {
      for (const type of ['application/x-www-form-urlencoded', 'text/plain'])
        send(path, { method: 'POST', mode: 'no-cors', body: 'confirmed=yes&typed=mail&action=remove', headers: { 'content-type': type } })
      send(path, { method: 'POST', mode: 'no-cors', body: new Blob(['{"confirmed":"yes"}']) })
      send(path, { method: 'POST', body: '{"confirmed":"yes"}', headers: { 'content-type': 'application/json' } })
      send(path, { method: 'POST', body: 'confirmed=yes', headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-csrf-token': 'x', authorization: 'Basic eDp4' } })
      send(path, { method: 'DELETE' }); send(path, { method: 'PUT' })
      navigator.sendBeacon(${JSON.stringify(target)} + path, new URLSearchParams('confirmed=yes'))
    }
    for (const form of document.forms) form.submit()
    Promise.all(sent).then((results) => { globalThis.results = results; document.title = 'done' })
  </script>`
  return tags.join('') + forms.join('') + nameless + script
}

/** Some thousand requests of a browser, on a machine that may be busy. */
const patient = { timeoutMs: 100_000, intervalMs: 100 }

/** What a foreign page does, with our cookies in its browser, and what is in Redis before and after. */
async function attackOn(target: Target, page: Awaited<ReturnType<typeof browser.open>>): Promise<void> {
  const gets = (await findPages(target.web, 1)).map(({ path }) => path)
  const posts = target.web.routes
    .filter(({ method }) => method === 'POST')
    .map(({ path }) => samplePath(path))
  expect(posts.length).toBeGreaterThan(8)
  const before = await dumpOf(room)
  target.seen.length = 0
  for (const host of ['127.0.0.1', 'localhost']) {
    const port = await attackerOf(attack(gets, posts, `http://${host}:${target.port}`))
    // It has loaded when all of its images, sheets and frames were answered: that takes as long as the attack does.
    await page.goto(`http://evil.example:${port}/`, { waitUntil: 'commit' })
    await waitFor(async () => (await page.title()) === 'done', patient)
    const results = await page.evaluate<string[]>('results')
    expect(results.filter((result) => result === 'read')).toEqual([])
  }
  await waitFor(
    () => target.seen.filter((line) => line.startsWith('POST')).length >= posts.length * 2,
    patient,
  )
  const done = target.seen.filter((line) => /^(POST|PUT|DELETE) .* (2|3)\d\d$/.test(line))
  expect(done).toEqual([])
  expect(await dumpOf(room)).toBe(before)
}

test('where everybody of this machine may come in, a foreign site changes nothing', {
  timeout: 300_000,
}, async () => {
  await fillRoom(room, 'full')
  const target = await serve()
  await attackOn(target, await browser.open())
})

test('with an admin signed in, a foreign site changes nothing', { timeout: 300_000 }, async () => {
  await fillRoom(room, 'full')
  const target = await serve({ auth: { users: accounts } })
  const page = await browser.open()
  await page.goto(`http://127.0.0.1:${target.port}/login`)
  await page.getByLabel('Name').fill('admin')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/overview')
  await attackOn(target, page)
  // The session itself is alive: it was not for want of one.
  await page.goto(`http://127.0.0.1:${target.port}/overview`)
  expect(new URL(page.url()).pathname).toBe('/overview')
})

test('no page can be framed by a foreign site', { timeout: 60_000 }, async () => {
  await fillRoom(room, 'full')
  const target = await serve()
  const paths = (await findPages(target.web, 1)).map(({ path }) => path).slice(0, 40)
  const port = await attackerOf(
    paths
      .map((path) => `<iframe src="${attribute(`http://localhost:${target.port}${path}`)}"></iframe>`)
      .join(''),
  )
  const page = await browser.open()
  await page.goto(`http://evil.example:${port}/`)
  await page.waitForLoadState('load')
  const shown = () =>
    page
      .frames()
      .filter((frame) => frame !== page.mainFrame())
      .map((frame) => frame.url())
  expect(shown().length).toBeGreaterThan(10)
  // Some may be on their way yet when the others have loaded.
  await waitFor(() => shown().every((url) => url !== '' && url !== 'about:blank'))
  expect([...new Set(shown())]).toEqual(['chrome-error://chromewebdata/'])
})

test('a foreign name that points to us is refused (DNS rebinding)', async () => {
  await fillRoom(room, 'full')
  const open = await serve()
  const closed = await serve({ auth: { users: accounts } })
  const page = await browser.open()
  for (const [target, status] of [
    [open, 403],
    [closed, 421],
  ] as const) {
    for (const path of ['/overview', '/login', '/events.json', '/stats.txt', '/nowhere']) {
      const answer = await page.goto(`http://rebound.example:${target.port}${path}`)
      expect(answer?.status(), path).toBe(status)
    }
  }
})

test('a link from a foreign site opens a page, and does nothing else', { timeout: 120_000 }, async () => {
  await fillRoom(room, 'full')
  const target = await serve()
  const before = await dumpOf(room)
  const gets = (await findPages(target.web, 1)).filter(
    ({ path }) => !/\.(txt|prom|ico|json)|metrics/.test(path),
  )
  const port = await attackerOf(
    gets
      .map(
        ({ path }, i) => `<a id="a${i}" href="${attribute(`http://localhost:${target.port}${path}`)}">x</a>`,
      )
      .join(' '),
  )
  const page = await browser.open()
  for (const i of gets.keys()) {
    await page.goto(`http://evil.example:${port}/`)
    await page.locator(`#a${i}`).click()
    await page.waitForURL(`http://localhost:${target.port}/**`)
  }
  expect(await dumpOf(room)).toBe(before)
})
