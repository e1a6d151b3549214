// Delayed jobs and schedules in a real browser: removed and brought back, queued after a dialog that says what, with
// scripts and without.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb } from 'resque-ts/web'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { useBrowser } from './browser.js'

const room = useRoom()
const browser = useBrowser()
const T = 4_102_444_800
let server: Server
let origin = ''
beforeEach(async () => {
  const { handler } = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, history: false })
  server = createServer((req, res) => void handler(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const name of ['First', 'Second', 'Third'])
    await room.resque.store.delayed.add(T, `{"class":"${name}","args":[1],"queue":"mail"}`)
  await room.resque.store.schedules.set(
    'nightly',
    '{"cron":"0 3 * * *","class":"Report","queue":"reports","args":["daily"]}',
  )
})
afterEach(() => server.closeAllConnections())

const waiting = async () => {
  const entries = await room.client.lrange(`resque:delayed:${T}`, 0, -1)
  return entries.map((each) => (JSON.parse(each) as { class: string }).class)
}

test.each([true, false])(
  'jobs are removed, brought back and queued (scripts: %s)',
  async (javaScriptEnabled) => {
    const page = await browser.open({ javaScriptEnabled })
    await page.goto(`${origin}/delayed`)
    await page.getByRole('link', { name: '2100-01-01 00:00:00 UTC' }).click()
    await page.getByLabel('Select First').check()
    await page.getByLabel('Select Third').check()
    await page.getByRole('button', { name: 'Remove selected' }).click()
    await page.getByText('Removed 2 jobs.').waitFor()
    expect(await waiting()).toEqual(['Second'])
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Undone: 2 jobs came back.').waitFor()
    expect((await waiting()).sort()).toEqual(['First', 'Second', 'Third'])
    await page.goto(`${origin}/delayed/${T}`)
    await page.getByRole('button', { name: 'Queue now: Second' }).click()
    await page.getByText('Queue 1 job now?').waitFor()
    await page.getByRole('button', { name: 'Queue 1 job' }).click()
    await page.getByText('Queued 1 job.').waitFor()
    expect(await room.client.lrange('resque:queue:mail', 0, -1)).toEqual(['{"class":"Second","args":[1]}'])
    await page.getByRole('link', { name: 'Queue all now' }).click()
    await page.getByRole('button', { name: 'Queue 2 jobs' }).click()
    await page.getByText('Queued 2 jobs.').waitFor()
    expect(await room.client.llen('resque:queue:mail')).toBe(3)
    expect(browser.complaints).toEqual([])
  },
)

test('a schedule is run from a dialog, and removed and brought back', async () => {
  const page = await browser.open()
  await page.goto(`${origin}/schedule`)
  await page.getByRole('link', { name: 'Run now: nightly' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  expect(await dialog.textContent()).toContain('1 job on the end of reports')
  await dialog.getByRole('button', { name: 'Queue 1 job' }).click()
  await page.getByText('Queued Report on reports.').waitFor()
  expect(await room.client.lrange('resque:queue:reports', 0, -1)).toEqual([
    '{"class":"Report","args":["daily"]}',
  ])
  await page.getByRole('link', { name: 'Remove nightly' }).click()
  await dialog.getByRole('button', { name: 'Remove 1 schedule' }).click()
  await page.getByText('Removed nightly.').waitFor()
  expect(await room.client.hlen('resque:persistent_schedules')).toBe(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Undone: 1 schedule came back.').waitFor()
  expect(await room.client.hlen('resque:persistent_schedules')).toBe(1)
  expect(browser.complaints).toEqual([])
})

test('no page is wider than a phone', async () => {
  const page = await browser.open({ viewport: { width: 320, height: 800 } })
  for (const path of ['/delayed', `/delayed/${T}`, '/delayed/search?q=First', '/schedule', '/jobs/none']) {
    await page.goto(origin + path)
    const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    expect(tooWide, path).toBeLessThanOrEqual(0)
  }
})
