// The pages in a real browser: signing in, looking, acting; nothing of a hostile name runs, and no page is wider than
// its window.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb, type WebOptions } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { accounts } from '../web/site.js'
import { useBrowser } from './browser.js'

const room = useRoom()
const browser = useBrowser()
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections()
})

async function serve(options: Partial<WebOptions> = {}): Promise<string> {
  const { handler } = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, ...options })
  const server = createServer((req, res) => void handler(req, res)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function fill(): Promise<void> {
  const evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
  await room.client.sadd('resque:queues', 'mail', evil, 'n'.repeat(200))
  await room.client.rpush(
    'resque:queue:mail',
    JSON.stringify({ class: evil, args: [evil, { password: 'hunter2' }] }),
  )
  await room.client.rpush('resque:queue:mail', evil)
  await room.client.sadd('resque:workers', 'web:1:mail', `${evil}:2:${evil}`)
  await room.client.set(
    'resque:worker:web:1:mail',
    JSON.stringify({ queue: 'mail', run_at: '2026-01-01T00:00:00Z', payload: { class: evil, args: [evil] } }),
  )
  await room.client.set(`resque:worker:${evil}:2:${evil}`, evil)
}

test('times go on while a page is open, in the words of the server', async () => {
  await fill()
  await room.client.set(
    'resque:worker:web:1:mail',
    JSON.stringify({ queue: 'mail', run_at: new Date().toISOString(), payload: { class: 'A', args: [] } }),
  )
  const origin = await serve({ history: false })
  const page = await browser.open()
  await page.clock.install({ time: new Date() })
  await page.goto(`${origin}/working`)
  const time = page.locator('time[data-relative]').last()
  expect(await time.textContent()).toMatch(/^(now|\d+ s ago)$/)
  for (const [minutes, words] of [
    [2, '2 min ago'],
    [123, '2 h 5 min ago'],
    [72 * 60, '3 d 2 h ago'],
  ] as const) {
    await page.clock.fastForward(minutes * 60_000)
    await page.getByText(words).first().waitFor()
  }
})

test('a user signs in, pauses a queue and signs out', async () => {
  await fill()
  const origin = await serve({ auth: { users: accounts } })
  const page = await browser.open()
  await page.goto(`${origin}/queues/mail`)
  await page.getByLabel('Name').fill('operator')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  expect(new URL(page.url()).pathname).toBe('/queues/mail')
  await page.getByRole('button', { name: 'Pause mail', exact: true }).click()
  await page.getByRole('status').waitFor()
  expect(await room.client.smembers('resque:queues:paused')).toEqual(['mail'])
  // The notice is for one page.
  await page.reload()
  expect(await page.getByText('Paused mail').count()).toBe(0)
  await page.getByRole('button', { name: 'Sign out' }).click()
  expect(new URL(page.url()).pathname).toBe('/login')
  expect(browser.complaints).toEqual([])
})

test('clearing asks in a dialog, which Escape closes, and without scripts on a page', async () => {
  await fill()
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/queues/mail`)
  await page.getByRole('link', { name: 'Clear' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  expect(await dialog.textContent()).toContain('2 jobs')
  expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Cancel')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await room.client.llen('resque:queue:mail')).toBe(2)
  await page.getByRole('link', { name: 'Clear' }).click()
  await dialog.getByRole('button', { name: 'Clear 2 jobs' }).click()
  await page.getByText('Cleared mail: 2 jobs.').waitFor()
  expect(await room.client.llen('resque:queue:mail')).toBe(0)

  await room.client.rpush('resque:queue:mail', '{"class":"A","args":[]}')
  const plain = await browser.open({ javaScriptEnabled: false })
  await plain.goto(`${origin}/queues/mail`)
  await plain.getByRole('link', { name: 'Clear' }).click()
  await plain.locator('a:focus', { hasText: 'Cancel' }).waitFor()
  await plain.getByRole('button', { name: 'Clear 1 job' }).click()
  await plain.getByText('Cleared mail: 1 job.').waitFor()
  expect(await room.client.llen('resque:queue:mail')).toBe(0)
  expect(browser.complaints).toEqual([])
})

test('nothing in hostile data runs, and no page is wider than a phone', async () => {
  await fill()
  const origin = await serve()
  for (const width of [320, 390, 1280]) {
    const page = await browser.open({ viewport: { width, height: 800 } })
    for (const path of [
      '/overview',
      '/queues',
      '/queues/mail',
      '/working',
      '/workers',
      '/workers/web:1:mail',
      '/stats/resque',
      '/stats/redis',
      '/stats/keys',
      '/nowhere',
    ]) {
      await page.goto(origin + path)
      const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      expect(tooWide, `${path} at ${width}`).toBeLessThanOrEqual(0)
      expect(await page.locator('img').count()).toBe(0)
    }
    await page.close()
  }
  expect(browser.complaints.filter((text) => !/status of 404/.test(text))).toEqual([])
})

test('the colours that were chosen stay', async () => {
  const origin = await serve()
  const page = await browser.open({ colorScheme: 'light' })
  await page.goto(`${origin}/overview`)
  const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  const light = await background()
  await page.getByRole('button', { name: 'Dark' }).click()
  expect(await background()).not.toBe(light)
  await page.goto(`${origin}/queues`)
  expect(await background()).not.toBe(light)
  expect(await page.getByRole('button', { name: 'Dark' }).getAttribute('aria-pressed')).toBe('true')
})

test('on a phone the open tab is in sight, the last one too', async () => {
  const origin = await serve()
  const page = await browser.open({ viewport: { width: 390, height: 800 } })
  for (const path of ['/overview', '/schedule', '/audit']) {
    await page.goto(origin + path)
    const tab = await page.locator('.tabs [aria-current]').boundingBox()
    expect(tab?.x, path).toBeGreaterThanOrEqual(0)
    expect((tab?.x ?? 0) + (tab?.width ?? 0), path).toBeLessThanOrEqual(390)
  }
})

test('the exact time in the reader’s own zone comes with the pointer, by keys and by a touch', async () => {
  await room.client.sadd('resque:workers', 'web:1:mail')
  await room.client.hset('resque:workers:heartbeat', 'web:1:mail', '2026-01-01T00:00:00Z')
  const origin = await serve()
  const page = await browser.open({ timezoneId: 'Asia/Tokyo', hasTouch: true })
  await page.goto(`${origin}/workers`)
  const beat = page.locator('[data-live="beat:"] time')
  expect(await beat.getAttribute('title')).toBe('2026-01-01 00:00:00 UTC')
  const exactly = /2026-01-01 00:00:00 UTC · .*9:00:00/
  await beat.hover()
  expect(await beat.getAttribute('title')).toMatch(exactly)
  // By a touch, and by keys, it is shown; in a list the Tab key goes past so many, and stops on the page of one.
  const seen = () => page.evaluate<string>(`getComputedStyle(document.activeElement, '::after').content`)
  await page.reload()
  await beat.tap()
  expect(await seen()).toMatch(exactly)
  expect(await beat.getAttribute('tabindex')).toBe('-1')
  await page.locator('th.worker a').click()
  await page.locator('.crumbs a').last().focus()
  for (let i = 0; i < 9 && !(await seen()).includes('UTC'); i++) await page.keyboard.press('Tab')
  expect(await seen()).toMatch(exactly)
})
