// Failed jobs in a real browser, as a person works with them; after each action Redis is looked at, and Ruby's own
// pages are opened on the same data where Ruby's gems are to be had.

import type { WebOptions } from 'resque-ts/web'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { failedRecord, job, range } from '../web/records.js'
import { useBrowser } from './browser.js'
import { useRubyPages } from './ruby-pages.js'
import { useServing } from './serving.js'

const room = useRoom()
const browser = useBrowser()
const ruby = useRubyPages(room)
const pages = useServing(room)
const serve = async (options?: Partial<WebOptions>) => (await pages(options)).origin

const failed = () => room.client.lrange('resque:failed', 0, -1)
const queued = (queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
const left = async () =>
  (await failed()).map((text) => (JSON.parse(text) as { payload: { args: unknown[] } }).payload.args[0])
const fill = (count: number, parts = {}) =>
  room.client.rpush('resque:failed', ...range(count).map((i) => failedRecord(i, parts)))

test('one job is retried, from the list and by keyboard alone', async () => {
  await fill(3)
  const page = await browser.open()
  await page.goto(`${await serve()}/failed?view=list`)
  const button = page.getByRole('button', { name: /^Retry Mail, failed/ }).first()
  await button.focus()
  await page.keyboard.press('Enter')
  await page.getByText('Retried Mail: it waits in mail.').waitFor()
  expect(await queued()).toEqual([job(2)])
  expect((await failed()).map((text) => text.includes('retried_at'))).toEqual([false, false, true])
  await ruby.areWhole()
  await page.getByRole('link', { name: 'Look at it' }).click()
  await page.getByRole('heading', { name: 'Mail', exact: true }).waitFor()
  expect(new URL(page.url()).pathname).toMatch(/^\/queues\/mail\/job\//)
  expect(browser.complaints).toEqual([])
})

test('a filtered group is retried with its exact number, in a dialog', async () => {
  await fill(4, { class: 'CsvExport', error: 'Timed out after 5 s' })
  await fill(2)
  const page = await browser.open()
  await page.goto(`${await serve()}/failed`)
  await page.getByRole('link', { name: 'CsvExport', exact: true }).click()
  await page.getByRole('link', { name: 'Retry 4 CsvExport jobs' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('heading', { name: 'Retry 4 CsvExport jobs?' }).waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await queued()).toEqual([])
  await page.getByRole('link', { name: 'Retry 4 CsvExport jobs' }).click()
  await dialog.getByRole('button', { name: 'Retry 4 CsvExport jobs' }).click()
  await page.getByText('Retried 4 jobs.').waitFor()
  expect(await queued()).toEqual(range(4).map((i) => job(3 - i, 'CsvExport')))
  await ruby.areWhole()
  expect(browser.complaints).toEqual([])
})

for (const javaScriptEnabled of [true, false]) {
  test(`three are selected and removed, and come back, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    await fill(5)
    const before = await failed()
    const page = await browser.open({ javaScriptEnabled })
    await page.goto(`${await serve()}/failed?view=list`)
    for (const i of [0, 2, 4])
      await page
        .getByRole('checkbox', { name: /^Select Mail/ })
        .nth(i)
        .check()
    await page.getByRole('button', { name: 'Remove selected' }).click()
    await page.getByText('Removed 3 jobs.').waitFor()
    expect(await left()).toEqual([1, 3])
    await ruby.areWhole()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Undone: 3 jobs came back.').waitFor()
    expect(await failed()).toEqual(before)
    await ruby.areWhole()
    expect(browser.complaints).toEqual([])
  })
}

test('arguments are edited: a mistake is shown by line, the change is shown, and then it is sent', async () => {
  await fill(1)
  const page = await browser.open()
  await page.goto(`${await serve()}/failed?view=list`)
  await page.getByRole('link', { name: 'Mail', exact: true }).click()
  await page.getByRole('link', { name: 'Edit and retry' }).click()
  const field = page.getByLabel('Arguments, a JSON list')
  expect(await field.inputValue()).toBe('[\n  0\n]')
  await field.fill('[\n  0,\n]')
  await page.getByRole('button', { name: 'Compare' }).click()
  await page.getByRole('alert').getByText('Line 3, column 1').waitFor()
  expect(await field.inputValue()).toBe('[\n  0,\n]')
  await field.fill('[\n  0,\n  "again"\n]')
  await page.getByRole('button', { name: 'Compare' }).click()
  await page.locator('ins', { hasText: '"again"' }).waitFor()
  expect(await queued()).toEqual([])
  await page.getByRole('button', { name: 'Retry with these changes' }).click()
  await page.getByText('Retried Mail: it waits in mail.').waitFor()
  expect(await queued()).toEqual(['{"class":"Mail","args":[0,"again"]}'])
  expect((await failed())[0]).toContain('"args":[0]')
  await ruby.areWhole()
  // The browser itself tells of the page that was answered with 422.
  expect(browser.complaints.filter((text) => !text.includes('422'))).toEqual([])
})

test('a large list is cleared once its name is typed', async () => {
  await fill(1_001)
  const page = await browser.open()
  await page.goto(`${await serve()}/failed`)
  await page.getByRole('link', { name: 'Clear 1,001 failed jobs' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  // Not the field: what is typed in haste, before it was read, goes nowhere.
  expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Cancel')
  await dialog.getByLabel('Type failed to go on').fill('failed')
  await dialog.getByRole('button', { name: 'Clear 1,001 failed jobs' }).click()
  await page.getByText('Cleared 1,001 jobs.').waitFor()
  expect(await failed()).toEqual([])
  await ruby.areWhole()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Undone: 1,001 jobs came back.').waitFor()
  expect(await left()).toEqual(range(1_001))
  await ruby.areWhole()
  expect(browser.complaints).toEqual([])
})

test('an operation under way shows how far it is, and is cancelled', async () => {
  await fill(4_000)
  const page = await browser.open()
  await page.goto(`${await serve()}/failed/remove?class=Mail`)
  await page.getByRole('button', { name: 'Remove 4,000 Mail jobs' }).click()
  await page.getByRole('progressbar').waitFor()
  await waitFor(async () => (await room.client.llen('resque:failed')) < 4_000)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('Cancelled. What was done before stays done.').waitFor()
  const count = await room.client.llen('resque:failed')
  expect(count).toBeGreaterThan(0)
  expect(count).toBeLessThan(4_000)
  await ruby.areWhole()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText(/^Undone: [\d,]+ jobs came back\.$/).waitFor()
  expect(await left()).toEqual(range(4_000))
  await ruby.areWhole()
  expect(browser.complaints).toEqual([])
})

test('nothing in hostile failures runs, and no page is wider than a phone', async () => {
  const evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202E'
  const long = 'W'.repeat(400)
  for (const text of [evil, long]) {
    const failure = {
      failed_at: text,
      payload: { class: text, args: [text, { [text]: text }] },
      exception: text,
      error: text,
      backtrace: [text, text],
      worker: text,
      queue: text,
    }
    await room.client.rpush('resque:failed', JSON.stringify(failure), text)
  }
  await room.client.rpush(`resque:queue:${evil}`, evil, JSON.stringify({ class: evil, args: [evil] }))
  await room.client.sadd('resque:queues', evil)
  const origin = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/failed?view=list`)
  const jobs = await page
    .locator('a[href^="/failed/job/"]')
    .evaluateAll((links) => links.map((link) => (link as unknown as { pathname: string }).pathname))
  expect(jobs).toHaveLength(4)
  for (const width of [320, 390, 1280]) {
    await page.setViewportSize({ width, height: 800 })
    for (const path of [
      ...[
        '/failed',
        '/failed?view=list',
        `/failed?class=${encodeURIComponent(evil)}`,
        '/failed/retry',
        '/failed/clear',
      ],
      ...[
        `/failed?text=${encodeURIComponent(evil)}`,
        '/failed/remove/0',
        '/failed/remove/1',
        '/overview',
        '/operations',
      ],
      ...['/audit', `/queues/${encodeURIComponent(evil)}`, ...jobs, `${jobs[1]}/edit`, `${jobs[3]}/edit`],
    ]) {
      await page.goto(origin + path)
      const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      expect(tooWide, `${path} at ${width}`).toBeLessThanOrEqual(0)
      expect(await page.locator('img').count()).toBe(0)
    }
  }
  expect(browser.complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual([])
})
