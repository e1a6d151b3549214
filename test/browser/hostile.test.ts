// Hostile data in every field and every address: on no page, error, API answer or event does any of it run, and the
// browser has nothing to report against the policy.

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { accounts } from '../web/site.js'
import { useBrowser } from './browser.js'
import { useServing } from './serving.js'
import { crooked, evils, fillRoom, findPages, samplePath } from './walk.js'

const room = useRoom()
const browser = useBrowser()
const serve = useServing(room)

/** Reports against the policy go to our own list, from the very first line of a page on. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(
    `globalThis.reports = [];
     addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
       reports.push([violatedDirective, blockedURI, sample].join(' ')))`,
  )
}

/** What is on the page that our pages never have; all of it opened, so that all of it has had its chance. */
function foundOn(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    for (const fold of document.querySelectorAll('details')) fold.open = true
    const found = [...globalThis.reports ?? []]
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on') || name === 'style' || name === 'srcdoc') found.push(name + '=' + value)
        if (/^(href|src|action|formaction)$/.test(name) && !/^[/?#]/.test(value)) found.push(name + '=' + value)
      }
      if (/^(IMG|IFRAME|OBJECT|EMBED|BASE|STYLE)$/.test(element.tagName)) found.push(element.tagName)
      if (element.tagName === 'SCRIPT' && !element.getAttribute('src').startsWith('/assets/')) found.push('SCRIPT')
    }
    if (globalThis.x !== undefined) found.push('x')
    return found
  })()`)
}

/** Statuses that were asked for are no complaint. */
const complaints = () =>
  browser.complaints.filter((text) => !/the server responded with a status of/.test(text))

test('hostile data is text on every page', { timeout: 180_000 }, async () => {
  await fillRoom(room, 'hostile')
  const { web, origin } = await serve()
  const pages = await findPages(web, 2)
  expect(new Set(pages.map(({ route }) => route)).size).toBeGreaterThan(20)
  const page = await browser.open()
  await watch(page)
  for (const { path, route } of pages) {
    const answer = await page.goto(origin + path).catch((error: Error) => {
      // What is served to be kept is not shown.
      if (/Download is starting|ERR_ABORTED/.test(error.message)) return null
      throw error
    })
    if (!answer) continue
    expect(answer.status(), path).not.toBe(500)
    if (!answer.headers()['content-type']?.startsWith('text/html')) continue
    // The parts that the classic page polled have no head of their own.
    if (!/\.poll/.test(route)) expect(await page.locator('h1').count(), path).toBe(1)
    expect(await foundOn(page), path).toEqual([])
  }
  expect(complaints()).toEqual([])
})

test('hostile addresses are text on every page, on errors and on the login', {
  timeout: 180_000,
}, async () => {
  await fillRoom(room, 'full')
  const open = await serve()
  const closed = await serve({ auth: { users: accounts } })
  const page = await browser.open()
  await watch(page)
  const routes = open.web.routes.filter(
    ({ method, path }) => method === 'GET' && !/^\/(events|assets|logout)/.test(path),
  )
  for (const [i, { path }] of routes.entries()) {
    // Another one each time: all routes see most of them, and all of them are seen by many routes.
    const [one, other] = [evils[i % evils.length], evils[(i + 3) % evils.length]] as string[]
    for (const text of [
      ...[one as string, other as string].map((evil) => encodeURIComponent(evil.toWellFormed())),
      crooked[i % crooked.length] as string,
    ]) {
      const query = params.map((name) => `${name}=${text}`).join('&')
      const address = `${samplePath(path, () => text)}?${query}`
      for (const origin of [open.origin, ...(i % 5 === 0 ? [closed.origin] : [])]) {
        const answer = await page.goto(origin + address).catch(() => null)
        expect(answer?.status() ?? 200, address).not.toBe(500)
        // Chromium shows a plain text in markup of its own.
        if (!answer?.headers()['content-type']?.startsWith('text/html')) continue
        expect(await foundOn(page), address).toEqual([])
      }
    }
  }
  expect(complaints()).toEqual([])
})

/** The names that any page reads from its query, or could. */
const params = [
  ...[
    'start',
    'class',
    'order',
    'queue',
    'exception',
    'error',
    'q',
    'text',
    'search',
    'args',
    'group',
    'tab',
  ],
  ...[
    'range',
    'cursor',
    'topics',
    'next',
    'from',
    'to',
    'status',
    'state',
    'user',
    'action',
    'name',
    'before',
  ],
]

test('a hostile name and password are text on the login page', async () => {
  const { origin } = await serve({ auth: { users: accounts } })
  const page = await browser.open()
  await watch(page)
  for (const evil of evils) {
    await page.goto(`${origin}/login?next=${encodeURIComponent(evil.toWellFormed())}`)
    await page.getByLabel('Name').fill(evil)
    await page.getByLabel('Password').fill(evil)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('do not belong together').waitFor()
    expect(await foundOn(page)).toEqual([])
  }
  expect(complaints()).toEqual([])
})

test('what comes by events is text, in rows that were there and in rows that come', async () => {
  await fillRoom(room, 'full')
  const { origin } = await serve()
  const page = await browser.open()
  await watch(page)
  await page.goto(`${origin}/working`)
  await page.locator('[data-state=live]').waitFor()
  for (const evil of evils) {
    const queue = `${evil} live`
    const worker = `${evil.replaceAll(':', '')}:1:${queue}`
    await room.client.sadd('resque:queues', queue)
    await room.client.rpush(`resque:queue:${queue}`, '{"class":"A","args":[]}')
    await room.client.sadd('resque:workers', worker)
    await room.client.set(
      `resque:worker:${worker}`,
      JSON.stringify({ queue, run_at: evil, payload: { class: evil, args: [evil] } }),
    )
  }
  const news = page.getByRole('button', { name: `${evils.length} new jobs – show` })
  await news.waitFor()
  expect(await foundOn(page)).toEqual([])
  await news.click()
  await news.waitFor({ state: 'detached' })
  expect(await foundOn(page)).toEqual([])
  await room.client.flushall()
  await waitFor(async () => (await page.locator('tr.is-gone').count()) > 0)
  expect(await foundOn(page)).toEqual([])
  expect(complaints()).toEqual([])
})
