// What is on a page fits: into its window, whatever names and numbers it holds, and onto paper.

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { useBrowser } from './browser.js'
import { fillPast } from './past.js'
import { useServing } from './serving.js'
import { fillRoom, findPages } from './walk.js'

const room = useRoom()
const browser = useBrowser()
const serve = useServing(room)

/** A phone, a larger one, half a screen, a tablet, a desktop. */
const widths = [320, 390, 700, 768, 1_280]

/** An operation that stopped, of names and with an error that never end. */
async function addOperation(): Promise<string> {
  const id = '00000000-0000-4000-8000-000000000001'
  const long = 'N'.repeat(300)
  const spec = { kind: 'retry', source: 'failed', lists: ['failed'], filter: `class=${long}`, queue: long }
  await room.client.hset(`resque:web:op:${id}`, {
    ...{
      at: Date.now(),
      ended: Date.now(),
      state: 'broken',
      phase: 'acting',
      scan: '{}',
      by: long,
      error: long,
    },
    ...{ spec: JSON.stringify(spec), total: 999_999_999_999, done: 1, skipped: 0, gone: 0, cursor: 0 },
  })
  await room.client.zadd('resque:web:ops', Date.now(), id)
  return `/operations/${id}`
}

/** How far a page sticks out of its window, or a table of its section, and what does. */
function stickingOut(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    const tables = [...document.querySelectorAll('main table')].filter((table) => !table.closest('.chart-data'))
    const table = tables.find((each) => each.offsetWidth > each.parentElement.clientWidth + 1)
    if (table) return table.offsetWidth + ' ' + table.outerHTML.slice(0, 80)
    if (scrollWidth <= clientWidth) return ''
    const wide = [...document.querySelectorAll('main *')]
      .find((element) => element.getBoundingClientRect().right > clientWidth + 1)
    return (scrollWidth - clientWidth) + ' ' + (wide?.outerHTML ?? '').slice(0, 120)
  })()`)
}

test('no page is wider than its window, however long the names in it are, and however large the numbers', {
  timeout: 240_000,
}, async () => {
  await fillRoom(room, 'long')
  await room.client.mset('resque:stat:processed', '999999999999', 'resque:stat:failed', '999999999999')
  const operation = await addOperation()
  const { web, origin } = await serve()
  const page = await browser.open()
  const found = await findPages(web, 1)
  const paths = found.filter(({ route }) => !/poll/.test(route)).map(({ path }) => path)
  const wrong: string[] = []
  let judged = 0
  for (const path of new Set([...paths, operation])) {
    const answer = await page.goto(origin + path).catch(() => null)
    if (!answer?.headers()['content-type']?.startsWith('text/html')) continue
    judged++
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 })
      const over = await stickingOut(page)
      if (over !== '') wrong.push(`${path.slice(0, 60)} at ${width}: ${over}`)
    }
  }
  expect(judged).toBeGreaterThan(30)
  expect(wrong).toEqual([])
})

test('on paper a page is dark on white, whatever its colours are, as wide as the paper, and without what one presses', async () => {
  await fillRoom(room, 'full')
  await fillPast(room)
  const { origin } = await serve()
  for (const theme of ['auto', 'dark']) {
    const page = await browser.open({ colorScheme: 'dark' })
    await page.goto(`${origin}/overview`)
    if (theme === 'dark') await page.getByRole('button', { name: 'Dark' }).click()
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    // A4, within the margins that browsers leave.
    await page.setViewportSize({ width: 718, height: 1_000 })
    for (const path of ['/overview', '/queues/mail', '/failed?view=list', '/workers', '/metrics']) {
      await page.goto(origin + path)
      const [ink, paper] = await page.evaluate<string[]>(
        `(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))`,
      )
      expect([ink, paper], `${theme} ${path}`).toEqual(['rgb(27, 33, 31)', 'rgb(255, 255, 255)'])
      expect(await page.locator('main :is(button, .button, input, select):visible').count(), path).toBe(0)
      expect(await page.locator('nav:visible').count(), path).toBe(0)
      expect(await stickingOut(page), path).toBe('')
    }
  }
})
