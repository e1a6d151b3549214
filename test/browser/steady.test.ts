// Nothing moves under the reader's eyes: not when the scripts come, later than the page was first seen, and not when
// live updates do.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { useBrowser } from './browser.js'
import { fillPast } from './past.js'
import { useServing } from './serving.js'
import { askFor, type Filling, fillRoom, findPages } from './walk.js'

const room = useRoom()
const browser = useBrowser()
const serve = useServing(room)

/** The share of the window that moved, times how far: all shifts of a page's life, which is no less than CLS. */
const MOST = 0.02
const widths = [1_280, 390]

/** A page whose scripts wait until something is seen. */
async function open(): Promise<Page> {
  const page = await browser.open()
  await page.addInitScript(`
    globalThis.shifts = []
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries())
        if (!hadRecentInput) shifts.push({ value, what: sources.map(({ node }) =>
          (node?.outerHTML ?? node?.data ?? '').slice(0, 80)).join(' ') })
    }).observe({ type: 'layout-shift', buffered: true })`)
  await page.route('**/assets/*.js', async (route) => {
    await waitFor(() =>
      page.evaluate<boolean>(`performance.getEntriesByName('first-contentful-paint').length > 0`),
    )
    await route.continue()
  })
  return page
}

async function shiftsOf(page: Page, where: string): Promise<string[]> {
  const shifts = await page.evaluate<{ value: number; what: string }[]>(
    `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts))))`,
  )
  const sum = shifts.reduce((all, { value }) => all + value, 0)
  return sum < MOST ? [] : [`${where}: ${sum.toFixed(3)}, ${shifts.map(({ what }) => what).join(' | ')}`]
}

for (const filling of ['full', 'broken'] as Filling[]) {
  test(`no page moves when its scripts come, where Redis holds what is ${filling}`, {
    timeout: 300_000,
  }, async () => {
    await fillRoom(room, filling)
    if (filling === 'full') await fillPast(room)
    const { web, origin } = await serve()
    const page = await open()
    const wrong: string[] = []
    let judged = 0
    for (const { route, path } of await findPages(web, 1)) {
      if (/poll$|\.poll\}|favicon/.test(route)) continue
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 })
        const answer = await page.goto(origin + path)
        if (!answer?.headers()['content-type']?.startsWith('text/html')) break
        judged++
        wrong.push(...(await shiftsOf(page, `${path} at ${width}`)))
      }
    }
    expect(judged).toBeGreaterThan(40)
    expect(wrong).toEqual([])
  })
}

test('no page moves while live updates change its figures and its rows', { timeout: 120_000 }, async () => {
  await fillRoom(room, 'full')
  await fillPast(room)
  const { origin } = await serve()
  const page = await open()
  const wrong: string[] = []
  const shown = (key: string) => page.locator(`[data-live="count:${key}"]`).textContent()
  for (const path of [
    '/overview',
    '/queues',
    '/queues/mail',
    '/failed',
    '/workers',
    '/working',
    '/metrics',
  ]) {
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 })
      await page.goto(origin + path)
      await page.locator('[data-state=live]').waitFor({ state: 'attached' })
      const before = await Promise.all(['pending', 'failed', 'working'].map(shown))
      const more = Array<string>(1_500).fill('{"class":"Made","args":[1]}')
      const name = `new-${path.slice(1)}-${width}`
      const worker = `${name}:1:mail`
      await room.client
        .multi()
        .rpush('resque:queue:mail', ...more)
        .sadd('resque:queues', name)
        .rpush('resque:failed', ...more)
        .sadd('resque:workers', worker)
        .set(
          `resque:worker:${worker}`,
          `{"queue":"mail","run_at":"2026-11-01T10:00:00Z","payload":${more[0]}}`,
        )
        .exec()
      await waitFor(async () => {
        const after = await Promise.all(['pending', 'failed', 'working'].map(shown))
        return after.every((text, i) => text !== before[i])
      })
      wrong.push(...(await shiftsOf(page, `${path} at ${width}`)))
    }
  }
  expect(wrong).toEqual([])
})

test('queues stay where they are as more of their rows come', async () => {
  await room.client.sadd('resque:queues', ...Array.from({ length: 60 }, (_, i) => `queue_${i}`))
  await room.client.rpush('resque:failed', '{}')
  const { web } = await serve()
  const html = await (await askFor(web, '/queues')).text()
  const middle = html.lastIndexOf('<tr>')
  const page = await open()
  const server = createServer(async (req, res) => {
    if (req.url !== '/queues') return void web.handler(req, res)
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).write(html.slice(0, middle))
    await waitFor(() => page.evaluate(`performance.getEntriesByName('first-contentful-paint').length > 0`))
    res.end(html.slice(middle))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/queues`)
    expect(await shiftsOf(page, '/queues')).toEqual([])
  } finally {
    server.close().closeAllConnections()
  }
})
