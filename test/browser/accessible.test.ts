// Every page, judged by axe: with nothing, with much and with what is broken in Redis, light and dark, wide and narrow.
// And what no machine judges: the keyboard alone, a large type, forced colours.

import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { html } from 'resque-ts/web'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { accounts } from '../web/site.js'
import { useBrowser } from './browser.js'
import { fillPast } from './past.js'
import { useServing } from './serving.js'
import { type Filling, fillRoom, findPages } from './walk.js'

const room = useRoom()
const browser = useBrowser()
const serve = useServing(room)

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What can differ with the colours or the width. */
const looks = ['color-contrast', 'target-size', 'scrollable-region-focusable', 'link-in-text-block']

async function violations(page: Page, what: { runOnly: unknown }): Promise<string[]> {
  return page.evaluate<string[]>(
    `axe.run(document, ${JSON.stringify({ ...what, resultTypes: ['violations'] })}).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) =>
        html.slice(0, 160) + ' ' + failureSummary.slice(0, 200).replace(/\\s+/g, ' ')).join(' | ')))`,
  )
}

async function judge(page: Page, where: string, wrong: Set<string>): Promise<void> {
  await page.evaluate(axe.source)
  const add = (found: string[], how: string) => {
    for (const each of found) wrong.add(`${where} (${how}): ${each}`)
  }
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
  add(await violations(page, { runOnly: tags }), 'light, wide')
  for (const [colorScheme, width] of [
    ['dark', 1280],
    ['dark', 390],
    ['light', 390],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    add(await violations(page, { runOnly: { type: 'rule', values: looks } }), `${colorScheme}, ${width}`)
  }
}

for (const filling of ['empty', 'full', 'broken'] as Filling[]) {
  test(`axe finds nothing on any page where Redis holds ${filling === 'empty' ? 'nothing' : `what is ${filling}`}`, {
    timeout: 400_000,
  }, async () => {
    await fillRoom(room, filling)
    const { web, origin } = await serve()
    const page = await browser.open({ reducedMotion: 'reduce' })
    const wrong = new Set<string>()
    const judged = new Set<string>()
    for (const { route, path } of await findPages(web, 1)) {
      const answer = await page.goto(origin + path)
      if (!answer?.headers()['content-type']?.startsWith('text/html') || /poll$|\.poll\}/.test(route))
        continue
      const { pathname, searchParams } = new URL(page.url())
      const where = `${pathname} ${[...searchParams.keys()].sort()}`
      if (judged.has(where)) continue
      judged.add(where)
      expect(answer.status(), path).not.toBe(500)
      await judge(page, path, wrong)
    }
    expect(judged.size).toBeGreaterThan(12)
    expect([...wrong]).toEqual([])
  })
}

test('axe finds nothing on charts that have data, gaps and failures, and on their tables', {
  timeout: 120_000,
}, async () => {
  await fillRoom(room, 'full')
  await fillPast(room)
  const { origin } = await serve()
  const page = await browser.open({ reducedMotion: 'reduce' })
  const wrong = new Set<string>()
  for (const [path, charts] of [
    ['/overview', 1],
    ['/queues/mail', 2],
    ['/metrics?range=1h', 7],
    ['/metrics?range=24h', 7],
  ] as const) {
    await page.goto(origin + path)
    expect(await page.locator('.chart .chart-plot').count(), path).toBe(charts)
    expect(await page.locator('.chart .chart-gap').count(), path).toBeGreaterThan(0)
    await judge(page, path, wrong)
    await page.locator('.chart-data').evaluateAll((all: { open: boolean }[]) => {
      for (const each of all) each.open = true
    })
    await judge(page, `${path}, with its tables`, wrong)
  }
  expect([...wrong]).toEqual([])
})

test('each line of a chart stands out from its ground, light and dark', async () => {
  await fillRoom(room, 'full')
  await fillPast(room)
  const { origin } = await serve()
  const page = await browser.open()
  await page.goto(`${origin}/metrics`)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    const contrasts = await page.evaluate<[string, number][]>(`(() => {
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255)
          .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      return [...document.querySelectorAll('.chart-line')].map((line) => {
        const [one, other] = [light(getComputedStyle(line).stroke),
          light(getComputedStyle(line.closest('.chart')).backgroundColor)].sort((a, b) => b - a)
        return [line.getAttribute('class'), (one + 0.05) / (other + 0.05)]
      })
    })()`)
    expect(contrasts.length).toBeGreaterThan(20)
    // WCAG 1.4.11: what a figure is read from.
    expect(contrasts.filter(([, contrast]) => !(contrast >= 3))).toEqual([])
  }
})

test('axe finds nothing on the login page, refusals, and dialogs', async () => {
  await fillRoom(room, 'full')
  const { origin } = await serve({ auth: { users: accounts } })
  const page = await browser.open({ reducedMotion: 'reduce' })
  const wrong = new Set<string>()
  await page.goto(`${origin}/login`)
  await judge(page, 'login', wrong)
  await page.getByLabel('Name').fill('viewer')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await judge(page, 'login, refused', wrong)
  const open = await serve()
  for (const path of ['/nowhere', '/queues/mail?start=x', '/events.json?topics=1&topics=2']) {
    await page.goto(open.origin + path)
    await judge(page, path, wrong)
  }
  await page.goto(`${open.origin}/queues/mail`)
  for (const name of ['Clear', 'Keys']) {
    await page.getByRole('link', { name, exact: true }).click()
    await page.getByRole('dialog').waitFor()
    await judge(page, `dialog ${name}`, wrong)
    await page.keyboard.press('Escape')
  }
  expect([...wrong]).toEqual([])
})

test('axe finds nothing on charts with deploys, nor on a tab of a user', async () => {
  const { history, markers } = room.resque.store
  const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000)
  await room.client.sadd('resque:queues', 'mail')
  for (let minutes = 9; minutes > 0; minutes--) await history.sample('test', 25_000, at(minutes))
  for (const [i, minutesAgo] of [55, 40, 39.5, 2].entries())
    await markers.add(`id${i}`, `v1.${i} ${'with a long name '.repeat(4)}`, at(minutesAgo))
  const render = () =>
    html`<h2>Today</h2><table><tr><th scope="col">Version</th></tr><tr><td>v1</td></tr></table>`
  const { origin } = await serve({ tabs: [{ path: 'deploys', label: 'Deploys', render }] })
  const page = await browser.open({ reducedMotion: 'reduce' })
  const wrong = new Set<string>()
  for (const path of ['/deploys', '/metrics?range=1h', '/queues/mail']) {
    await page.goto(origin + path)
    expect((await page.locator('.chart-labels').count()) > 0).toBe(path !== '/deploys')
    for (const figures of await page.getByText('Figures', { exact: false }).all()) await figures.click()
    await judge(page, path, wrong)
    await page.setViewportSize({ width: 320, height: 640 })
    const over = await page.evaluate<number>('document.documentElement.scrollWidth - 320')
    if (over > 0) wrong.add(`${path} is ${over} too wide`)
  }
  expect([...wrong]).toEqual([])
  expect(browser.complaints).toEqual([])
})

test('no page is wider than 320 pixels, nor than its window at twice the size of type', async () => {
  await fillRoom(room, 'full')
  const { web, origin } = await serve()
  const wrong: string[] = []
  const page = await browser.open({ viewport: { width: 320, height: 640 } })
  for (const { path, route } of await findPages(web, 1)) {
    if (/\.poll/.test(route)) continue
    const answer = await page.goto(origin + path)
    if (!answer?.headers()['content-type']?.startsWith('text/html')) continue
    for (const size of ['100%', '200%']) {
      await page.setViewportSize({ width: size === '100%' ? 320 : 640, height: 640 })
      await page.evaluate(`document.documentElement.style.setProperty('zoom', '${size}')`)
      const over = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      if (over > 0) wrong.push(`${path} at ${size}: ${over}`)
    }
  }
  expect(wrong).toEqual([])
})

test('the keyboard alone leads from the first page to a queue that is cleared, and the focus is always seen', async () => {
  await fillRoom(room, 'full')
  const { origin } = await serve()
  const page = await browser.open({ reducedMotion: 'reduce' })
  await page.goto(`${origin}/queues`)
  await page.keyboard.press('Tab')
  const focused = () => page.evaluate<string>(`document.activeElement.textContent.trim()`)
  expect(await focused()).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  const tabTo = async (name: string) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab')
      const seen = await page.evaluate<string>(
        `(() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); return outlineStyle + outlineWidth })()`,
      )
      expect(seen, await focused()).not.toMatch(/^none|0px$/)
      if ((await focused()) === name) return
    }
    throw new Error(`Tab never came to ${name}.`)
  }
  await tabTo('mail')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/queues/mail')
  await tabTo('Clear')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  expect(await focused()).toBe('Cancel')
  // The focus stays in the dialog.
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab')
    expect(
      await page.evaluate(
        `document.activeElement === document.body || document.activeElement.closest('dialog') !== null`,
      ),
    ).toBe(true)
  }
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await focused()).toBe('Clear')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('Cleared mail: 60 jobs.').waitFor()
  expect(await room.client.llen('resque:queue:mail')).toBe(0)
})

test('with forced colours what is chosen is still seen', async () => {
  await fillRoom(room, 'full')
  const { origin } = await serve()
  const page = await browser.open({ forcedColors: 'active' })
  await page.goto(`${origin}/overview`)
  for (const selector of ['.tabs a[aria-current]', '.theme button[aria-pressed=true]']) {
    const outline = await page.locator(selector).evaluate((element) => {
      return (
        globalThis as unknown as { getComputedStyle(e: unknown): { outlineStyle: string } }
      ).getComputedStyle(element).outlineStyle
    })
    expect(outline, selector).toBe('solid')
  }
})
