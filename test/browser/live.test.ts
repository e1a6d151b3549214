// Live pages in a real browser: numbers change under the reader's eyes and rows do not; one stream for all tabs; and the
// keyboard alone goes everywhere.

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { defineJob, redisMultiQueueBackend } from 'resque-ts'
import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { useBrowser } from './browser.js'

const room = useRoom()
const browser = useBrowser()
const servers: Server[] = []
const webs: Web[] = []
/** Paths that were asked for. */
let asked: string[] = []
beforeEach(() => {
  asked = []
})
afterEach(async () => {
  await Promise.all(webs.splice(0).map((web) => web.close()))
  for (const server of servers.splice(0)) server.closeAllConnections()
})

async function serve(options: Partial<WebOptions> = {}): Promise<string> {
  const web = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, history: false, ...options })
  webs.push(web)
  return listen((req, res) => {
    asked.push(req.url ?? '')
    return web.handler(req, res)
  })
}

async function listen(handler: (req: IncomingMessage, res: import('node:http').ServerResponse) => unknown) {
  const server = createServer((req, res) => void handler(req, res)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function seed(): Promise<void> {
  for (const name of ['mail', 'reports', 'video']) {
    await room.client.sadd('resque:queues', name)
    await room.client.rpush(`resque:queue:${name}`, '{"class":"A","args":[1]}')
  }
}

const count = (page: Page, key: string) => page.locator(`[data-live="${key}"]`).first().textContent()
const isLive = (page: Page) => page.locator('[data-state=live]').waitFor({ state: 'attached' })
const streams = () => asked.filter((path) => path.startsWith('/events?')).length

test('numbers change where they stand, new rows wait until they are asked for', async () => {
  await seed()
  const page = await browser.open()
  await page.goto(`${await serve()}/queues`)
  await isLive(page)
  await page.getByRole('link', { name: 'video', exact: true }).focus()
  const top = () => page.getByRole('link', { name: 'video', exact: true }).boundingBox()
  const before = await top()
  await room.client.rpush('resque:queue:video', '{}', '{}')
  await room.client.sadd('resque:queues', 'audio')
  const news = page.getByRole('button', { name: '1 new queue – show' })
  await news.waitFor()
  expect(await count(page, 'queue:video')).toBe('3')
  expect(await count(page, 'count:pending')).toBe('5')
  expect(await page.getByRole('link', { name: 'audio' }).count()).toBe(0)
  expect(await page.evaluate('document.activeElement.textContent')).toBe('video')
  expect(await top()).toEqual(before)
  await news.click()
  await page.getByRole('link', { name: 'audio' }).waitFor()
  expect(await news.count()).toBe(0)
  expect(browser.complaints).toEqual([])
})

test('the page of a queue tells how many wait, and who takes them, while it is read', async () => {
  await seed()
  const page = await browser.open()
  await page.goto(`${await serve()}/queues/mail`)
  await isLive(page)
  const taken = page.locator('[data-live="taken:mail"]')
  expect(await taken.textContent()).toBe('⚠ No worker listens')
  await room.client.rpush('resque:queue:mail', '{}', '{}')
  await room.client.sadd('resque:workers', 'web:1:mail')
  await taken.getByText('1 worker').waitFor()
  expect(await count(page, 'queue:mail')).toBe('3')
  expect(await taken.locator('.warning').count()).toBe(0)
  await room.resque.pauseQueue('mail')
  await taken.locator('.status.is-paused', { hasText: 'paused' }).waitFor()
  await room.resque.resumeQueue('mail')
  await taken.getByText('1 worker').waitFor()
  await room.client.srem('resque:queues', 'mail')
  await taken.getByText('–').waitFor()
})

test('what processes work on, and how they are, changes where it stands', async () => {
  const hold = gate()
  const Hold = defineJob({ name: 'Hold', perform: () => hold.opened })
  await room.start({ jobs: [Hold], queues: 'hold', heartbeatMs: 30 })
  const page = await browser.open()
  await page.goto(`${await serve()}/workers`)
  await isLive(page)
  const cell = (key: string) => page.locator(`td[data-live="${key}:"]`)
  expect(await cell('doing').textContent()).toBe('–')
  await room.resque.enqueueTo('hold', 'Hold')
  await cell('doing').getByText('Hold').waitFor()
  // Loaded so, its time stands beside it, and stays as long as the job does.
  await page.reload()
  await isLive(page)
  await waitFor(async () => (await cell('memory').textContent())?.endsWith(' MB') === true)
  expect(await cell('doing').locator('time').count()).toBe(1)
  expect(await cell('delay').textContent()).toMatch(/ ms$/)
  hold.open()
  await cell('doing').getByText('–').waitFor()
  expect(await page.locator('tr.is-gone').count()).toBe(0)
})

test('a failed list has its own news, and its title keeps the count of all', async () => {
  await room.client.sadd('resque:failed_queues', 'mail_failed', 'slow_failed')
  await room.client.rpush('resque:mail_failed', '{}')
  await room.client.rpush('resque:slow_failed', '{}')
  const page = await browser.open()
  const resque = room.connect({ failureBackend: redisMultiQueueBackend })
  await page.goto(`${await serve({ resque })}/failed/mail_failed?view=list`)
  await isLive(page)
  expect(await page.title()).toMatch(/^\(2\) /)
  await room.client.rpush('resque:slow_failed', '{}')
  await waitFor(async () => (await page.title()).startsWith('(3) '))
  expect(await page.getByRole('button', { name: /new failure/ }).count()).toBe(0)
  await room.client.rpush('resque:mail_failed', '{}')
  await page.getByRole('button', { name: '1 new failure – show' }).waitFor()
  await page.locator('th a').first().click()
  await isLive(page)
  expect(await page.title()).toMatch(/^\(4\) /)
})

test('failures that rise are in the title and in the icon, and are said', async () => {
  await seed()
  const page = await browser.open()
  await page.goto(`${await serve()}/overview`)
  await isLive(page)
  const plain = await page.locator('link[rel=icon]').getAttribute('href')
  await room.client.rpush('resque:failed', '{}', '{}')
  await waitFor(async () => (await page.title()).startsWith('(2) Overview'))
  expect(await page.locator('link[rel=icon]').getAttribute('href')).not.toBe(plain)
  await page.getByText('2 new failures, 2 in all').waitFor({ state: 'attached' })
  expect(await page.locator('.strip .is-failed').count()).toBe(1)
})

test('a job that ends stays under the eyes of who reads it, and says so', async () => {
  await seed()
  await room.client.sadd('resque:workers', 'web:1:mail')
  const record = (runAt: string) =>
    JSON.stringify({ queue: 'mail', run_at: runAt, payload: { class: 'Mail', args: ['x'.repeat(300)] } })
  await room.client.set('resque:worker:web:1:mail', record('2026-01-01T00:00:00Z'))
  const page = await browser.open()
  await page.goto(`${await serve()}/working`)
  await isLive(page)
  await page.locator('summary').click()
  await room.client.set('resque:worker:web:1:mail', record('2026-01-01T00:01:00Z'))
  await page.getByText('ended').waitFor()
  expect(await page.locator('details[open]').count()).toBe(1)
  await page.getByRole('button', { name: '1 new job – show' }).click()
  await page.getByText('ended').waitFor({ state: 'detached' })
  await room.client.del('resque:worker:web:1:mail')
  await page.getByText('ended').waitFor()
})

test('paused it stands still, on the next page too, and going on it catches up', async () => {
  await seed()
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/queues`)
  await isLive(page)
  await page.keyboard.press('.')
  await page.getByText('Paused', { exact: true }).waitFor()
  await page.goto(`${origin}/overview`)
  await page.getByText('Paused', { exact: true }).waitFor()
  const before = streams()
  await room.client.rpush('resque:queue:mail', '{}')
  await page.getByRole('button', { name: 'Resume live updates' }).click()
  await waitFor(async () => (await count(page, 'queue:mail')) === '2')
  expect(streams()).toBe(before + 1)
})

/** Eight pages at once on a machine that is busy. */
const patient = { timeoutMs: 60_000 }

test('tabs of one browser share one stream, and another takes over when its tab is closed', async () => {
  await seed()
  const origin = await serve()
  const first = await browser.open()
  const context = first.context()
  await first.goto(`${origin}/overview`)
  await isLive(first)
  const others = await Promise.all(
    Array.from({ length: 7 }, async () => {
      const page = await context.newPage()
      await page.goto(`${origin}/queues`)
      await isLive(page)
      return page
    }),
  )
  expect(streams()).toBe(1)
  await room.client.rpush('resque:queue:mail', '{}')
  for (const page of others) await waitFor(async () => (await count(page, 'queue:mail')) === '2', patient)
  await first.close()
  await waitFor(() => streams() === 2, patient)
  await room.client.rpush('resque:queue:mail', '{}')
  for (const page of others) await waitFor(async () => (await count(page, 'queue:mail')) === '3', patient)
  expect(streams()).toBe(2)
  await context.close()
})

test('behind a proxy that holds streams back it asks again and again, and sends nothing twice', async () => {
  await seed()
  const origin = await serve()
  const statuses: number[] = []
  const proxy = await listen((req, res) => {
    const to = request(
      origin + req.url,
      { method: req.method ?? 'GET', headers: { ...req.headers, host: new URL(origin).host } },
      (answer) => {
        if (req.url?.startsWith('/events?')) return answer.resume()
        if (req.url?.startsWith('/events.json')) statuses.push(answer.statusCode ?? 0)
        res.writeHead(answer.statusCode ?? 500, answer.headers)
        return answer.pipe(res)
      },
    )
    to.on('error', () => res.destroy())
    res.on('close', () => to.destroy())
    req.pipe(to)
  })
  const page = await browser.open()
  await page.goto(`${proxy}/queues`)
  await waitFor(() => statuses.includes(304), { timeoutMs: 15_000 })
  await page.getByText('Live', { exact: true }).waitFor()
  await room.client.rpush('resque:queue:mail', '{}')
  await waitFor(async () => (await count(page, 'queue:mail')) === '2')
  expect(statuses[0]).toBe(200)
})

test('when Redis goes the page says since when it is stale; a new page comes by itself when it is back', async () => {
  await seed()
  const origin = await serve({ resque: room.connect({ commandTimeoutMs: 500 }) })
  const [page, late] = [await browser.open(), await browser.open()]
  await page.goto(`${origin}/queues`)
  await isLive(page)
  await room.redis.kill()
  await page.getByText('Stale since').waitFor()
  await late.goto(`${origin}/overview`)
  await late.getByText('Redis cannot be reached').waitFor()
  await room.redis.restart()
  await isLive(page)
  await late.getByRole('heading', { name: 'Queues' }).waitFor({ timeout: 15_000 })
})

test('a hidden page holds no stream', async () => {
  await seed()
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/queues`)
  await isLive(page)
  // Chromium without a screen hides nothing by itself.
  const hide = (hidden: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
    )
  await hide(true)
  await room.client.rpush('resque:queue:mail', '{}')
  expect(streams()).toBe(1)
  await hide(false)
  await waitFor(async () => (await count(page, 'queue:mail')) === '2')
  expect(streams()).toBe(2)
})

test('without scripts a page can be loaded again and again', async () => {
  await seed()
  const origin = await serve()
  const page = await browser.open({ javaScriptEnabled: false })
  await page.goto(`${origin}/queues/mail?order=desc`)
  await page.getByRole('link', { name: 'Load again every 10 seconds' }).click()
  expect(new URL(page.url()).search).toBe('?order=desc&refresh=10')
  await page.getByRole('link', { name: 'Stop loading again' }).click()
  expect(new URL(page.url()).search).toBe('?order=desc')
})

test('keys go to pages and along rows, and can be turned off for good', async () => {
  await seed()
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/overview`)
  await isLive(page)
  for (const [key, path] of [
    ['w', '/working'],
    ['q', '/queues'],
    ['k', '/workers'],
    ['s', '/stats'],
    ['o', '/overview'],
    ['q', '/queues'],
  ]) {
    await page.keyboard.press('g')
    await page.keyboard.press(key as string)
    await page.waitForURL(`**${path}**`)
  }
  const focused = () => page.evaluate<string>('document.activeElement.textContent')
  await page.keyboard.press('j')
  expect(await focused()).toBe('mail')
  await page.keyboard.press('j')
  expect(await focused()).toBe('reports')
  await page.keyboard.press('k')
  await page.keyboard.press('k')
  expect(await focused()).toBe('mail')
  await page.keyboard.press('?')
  const dialog = page.getByRole('dialog', { name: 'Keys' })
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await focused()).toBe('mail')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/queues/mail')
  await page.keyboard.press('?')
  await dialog.getByLabel('Heed these keys').uncheck()
  await dialog.getByRole('link', { name: 'Close' }).click()
  await page.keyboard.press('g')
  await page.keyboard.press('w')
  await page.keyboard.press('.')
  expect(await page.getByText('Paused', { exact: true }).count()).toBe(0)
  await page.reload()
  await page.getByRole('link', { name: 'Keys' }).click()
  expect(await dialog.getByLabel('Heed these keys').isChecked()).toBe(false)
  expect(browser.complaints).toEqual([])
})

test('a group of failures is retried and removed by key, after a question', async () => {
  await room.client.rpush(
    'resque:failed',
    JSON.stringify({
      failed_at: '2026/11/24 10:00:00 UTC',
      payload: { class: 'Mail', args: [] },
      exception: 'RuntimeError',
      error: 'no',
      backtrace: [],
      worker: 'h:1:mail',
      queue: 'mail',
    }),
  )
  const origin = await serve()
  const page = await browser.open()
  // Until they are grouped there is a list, whose keys ask nothing.
  await waitFor(async () => {
    await page.goto(`${origin}/failed`)
    return page.locator('tbody [data-key=retry]').count()
  })
  await isLive(page)
  for (const [key, title] of [
    ['r', /^Retry 1 /],
    ['#', /^Remove 1 /],
  ] as const) {
    await page.keyboard.press('j')
    await page.keyboard.press(key)
    const dialog = page.getByRole('dialog', { name: title })
    await dialog.waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  }
})

test('in a field keys are letters', async () => {
  await seed()
  await room.client.rpush('resque:queue:mail', ...Array(60).fill('{"class":"A","args":[]}'))
  const page = await browser.open()
  await page.goto(`${await serve()}/queues/mail`)
  await page.getByLabel('From no.').fill('')
  await page.keyboard.type('gq.j?')
  expect(await page.getByLabel('From no.').inputValue()).toBe('gq.j?')
  expect(await page.getByRole('dialog').count()).toBe(0)
})

test('arguments can be copied', async () => {
  await seed()
  const page = await browser.open({ permissions: ['clipboard-read', 'clipboard-write'] })
  await page.goto(`${await serve()}/queues/mail`)
  await page.getByRole('link', { name: 'A', exact: true }).click()
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('[\n  1\n]')
})

test('an id can be copied, and coloured arguments are copied as the text they are', async () => {
  const payload = '{"class":"Identified","args":[{"a":[1.50,null,"<b>"]}],"id":"j-1"}'
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', payload)
  const page = await browser.open({ permissions: ['clipboard-read', 'clipboard-write'] })
  await page.goto(`${await serve()}/queues/mail`)
  await page.getByRole('link', { name: 'Identified' }).click()
  await page.locator('dd').getByRole('button', { name: 'Copy' }).click()
  await page.locator('dd').getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('j-1')
  await page.locator('div').getByRole('button', { name: 'Copy' }).last().click()
  await page.getByRole('button', { name: 'Copied' }).nth(1).waitFor()
  expect(JSON.parse(await page.evaluate<string>('navigator.clipboard.readText()'))).toEqual([
    { a: [1.5, null, '<b>'] },
  ])
})

test('what stands in the browser cannot make it ask faster, nor keep it from asking', async () => {
  await seed()
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/queues`)
  await isLive(page)
  await page.evaluate(
    `for (const key of Object.keys(localStorage)) localStorage.setItem(key, '{"id":"x","at":1e300}')
     localStorage.setItem('resque-live-poll', '1'); sessionStorage.setItem('resque-live-paused', 'x')`,
  )
  await page.reload()
  await isLive(page)
  expect(streams()).toBe(2)
  await page.evaluate(`for (const key of Object.keys(localStorage)) localStorage.setItem(key, 'not JSON')`)
  await page.reload()
  await isLive(page)
  expect(streams()).toBe(3)
  expect(asked.filter((path) => path.startsWith('/events.json'))).toEqual([])
})

test('rows are selected by key and in ranges, and all at once by the box in the head', async () => {
  await seed()
  const page = await browser.open()
  await page.goto(`${await serve()}/stats/resque`)
  await page.evaluate(`(() => {
    const make = (name, parent) => parent.appendChild(document.createElement(name))
    const table = make('table', document.querySelector('main'))
    const head = make('tr', make('thead', table))
    make('th', head); make('th', head)
    const body = make('tbody', table)
    for (let i = 0; i < 6; i++) {
      const row = make('tr', body)
      make('input', make('td', row)).type = 'checkbox'
      const link = make('a', make('th', row))
      link.href = '#' + i
      link.textContent = 'row ' + i
    }
    document.dispatchEvent(new CustomEvent('resque:shown', { detail: document }))
  })()`)
  const set = () =>
    page.evaluate<number[]>(
      `[...document.querySelectorAll('tbody input')].flatMap(({ checked }, i) => checked ? [i] : [])`,
    )
  for (const key of ['j', 'j', 'x', 'j', 'j', 'j', 'X']) await page.keyboard.press(key)
  expect(await set()).toEqual([1, 2, 3, 4])
  await page.keyboard.press('x')
  expect(await set()).toEqual([1, 2, 3])
  const all = page.getByLabel('Select all rows')
  expect(await all.evaluate((box) => (box as unknown as { indeterminate: boolean }).indeterminate)).toBe(true)
  await all.check()
  expect(await set()).toEqual([0, 1, 2, 3, 4, 5])
  await all.uncheck()
  expect(await set()).toEqual([])
})
