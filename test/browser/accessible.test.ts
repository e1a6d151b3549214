// Every page, judged by axe: with nothing, with much and with what is broken in Redis, light and dark, wide and narrow.
// And what axe does not judge: the keyboard alone, a large type, forced colours.

import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { html, type Role } from 'resque-ts/web'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { accounts } from '../web/site.js'
import { useBrowser } from './browser.js'
import { faintControls } from './controls.js'
import { fillPast } from './past.js'
import { useServing } from './serving.js'
import { askFor, type Filling, fillRoom, findPages, matcher } from './walk.js'

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

/** By all rules in two windows that differ in colours and width (or in one, in brief), and by those that these can change in the others. */
async function judge(page: Page, where: string, wrong: Set<string>, isBrief = false): Promise<void> {
  await page.evaluate(axe.source)
  const some = { type: 'rule', values: looks }
  for (const [colorScheme, width, runOnly] of [
    ['light', 1280, tags],
    ['dark', 1280, some],
    ['dark', 390, isBrief ? some : tags],
    ['light', 390, some],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    const found = await violations(page, { runOnly })
    if (width === 1280) found.push(...(await faintControls(page)))
    for (const each of found) wrong.add(`${where} (${colorScheme}, ${width}): ${each}`)
  }
}

/** What of a page is the same for all who see the same: without what is new with each request. */
const contentOf = (page: Page) =>
  page
    .locator('main')
    .evaluate((main: { innerHTML: string }) =>
      main.innerHTML.replace(/ value="[\w-]{20,}"|<time[^>]*>[^<]*/g, ''),
    )

for (const [filling, roles] of [
  ['empty', ['admin']],
  ['full', ['admin', 'operator', 'viewer']],
  ['broken', ['admin']],
] as [Filling, Role[]][]) {
  test(`axe finds nothing on any page where Redis holds ${filling === 'empty' ? 'nothing' : `what is ${filling}`}, whoever looks`, {
    timeout: 600_000,
  }, async () => {
    await fillRoom(room, filling)
    const page = await browser.open({ reducedMotion: 'reduce' })
    const wrong = new Set<string>()
    const judged = new Set<string>()
    const contents = new Set<string>()
    for (const role of roles) {
      const before = judged.size
      const { web, origin } = await serve({ auth: { custom: () => ({ user: 'ann', role }) } })
      for (const { route, path } of await findPages(web, 1)) {
        const answer = await page.goto(origin + path)
        if (!answer?.headers()['content-type']?.startsWith('text/html') || /poll$|\.poll\}/.test(route))
          continue
        const { pathname, searchParams } = new URL(page.url())
        const status = answer.status()
        expect(status, path).not.toBe(500)
        // Others see most pages as the first does, and of each kind of refusal one is enough.
        const query = role === 'admin' ? [...searchParams.keys()].sort() : route
        const kind = status >= 400 ? `${status}` : `${role} ${role === 'admin' ? pathname : ''} ${query}`
        const content = await contentOf(page)
        if (judged.has(kind) || contents.has(content)) continue
        judged.add(kind)
        contents.add(content)
        // A row is a card on a phone; where there is none, the page is the same one there.
        const isBrief = (await page.locator('main table.cards').count()) === 0
        await judge(page, `${role} ${path}`, wrong, isBrief)
      }
      expect(judged.size - before, role).toBeGreaterThan(role === 'admin' ? 25 : 5)
    }
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
      return [...document.querySelectorAll('.chart-line, .chart-bar')].map((line) => {
        const { stroke, fill } = getComputedStyle(line)
        const [one, other] = [light(line.matches('.chart-bar') ? fill : stroke),
          light(getComputedStyle(line.closest('.chart')).backgroundColor)].sort((a, b) => b - a)
        return [line.getAttribute('class'), (one + 0.05) / (other + 0.05)]
      })
    })()`)
    expect(contrasts.length).toBeGreaterThan(20)
    // WCAG 1.4.11: what a figure is read from.
    expect(contrasts.filter(([, contrast]) => !(contrast >= 3))).toEqual([])
  }
})

test('axe finds nothing on the login page, refusals, and where Redis is away', async () => {
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
  await page.getByLabel('Name').fill('viewer')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/overview')
  const open = await serve({ resque: room.connect({ commandTimeoutMs: 300 }) })
  for (const [at, status] of [
    [`${origin}/audit`, 403],
    [`${open.origin}/nowhere`, 404],
    [`${open.origin}/queues/mail?start=x`, 400],
    [`${open.origin}/workers/Thing0%3A100%3Amail%2C*/stop`, 409],
    [`${open.origin}/overview`, 503],
  ] as const) {
    if (status === 503) await room.redis.kill()
    const answer = await page.goto(at)
    expect(answer?.status(), at).toBe(status)
    await judge(page, at, wrong)
  }
  await room.redis.restart()
  expect([...wrong]).toEqual([])
})

test('axe finds nothing in any dialog', { timeout: 180_000 }, async () => {
  await fillRoom(room, 'full')
  const { web, origin } = await serve()
  const page = await browser.open({ reducedMotion: 'reduce' })
  const wrong = new Set<string>()
  const judged = new Set<string>()
  const routeOf = (href: string) =>
    web.routes.find(
      (route) => route.method === 'GET' && matcher(route.path).test(new URL(href, origin).pathname),
    )?.path
  const isNew = (href: string) => ![undefined, ...judged].includes(routeOf(href))
  for (const { path } of await findPages(web, 1)) {
    const html = await (await askFor(web, path)).text()
    const asking = [...html.matchAll(/<(?:a|form) [^>]*data-confirm=""[^>]*>/g)].map(
      ([tag]) => /(?:href|action)="([^"]*)"/.exec(tag)?.[1] ?? '',
    )
    if (!asking.some(isNew)) continue
    await page.goto(origin + path)
    for (const opener of await page.locator('[data-confirm]').all()) {
      const href = await opener.evaluate(
        (element: { href?: string; action: string }) => element.href ?? element.action,
      )
      if (!isNew(href)) continue
      judged.add(routeOf(href) as string)
      const button = opener.getByRole('button').last()
      await ((await button.count()) > 0 ? button : opener).click()
      await page.getByRole('dialog').waitFor()
      await judge(page, `dialog ${href}`, wrong)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
  }
  expect(judged.size).toBeGreaterThan(10)
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

test('with forced colours what is chosen is still seen, and controls, states and lines of charts are told apart', {
  timeout: 120_000,
}, async () => {
  await fillRoom(room, 'full')
  await fillPast(room)
  await room.client.sadd('resque:queues:paused', 'mail')
  const { origin } = await serve()
  const page = await browser.open({ forcedColors: 'active' })
  const outlineOf = (selector: string) =>
    page.locator(selector).evaluate((element) => {
      return (
        globalThis as unknown as { getComputedStyle(e: unknown): { outlineStyle: string } }
      ).getComputedStyle(element).outlineStyle
    })
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, forcedColors: 'active' })
    await page.goto(`${origin}/overview`)
    for (const selector of ['.tabs a[aria-current]', '.theme button[aria-pressed=true]'])
      expect(await outlineOf(selector), selector).toBe('solid')
    const statuses = new Map<string, Set<string>>()
    let charts = 0
    for (const path of ['/overview', '/queues', '/workers', '/failed?view=list', '/metrics', '/delayed']) {
      await page.goto(origin + path)
      expect(await faintControls(page), `${colorScheme} ${path}`).toEqual([])
      const seen = await page.evaluate<{
        statuses: [string, string][]
        charts: [string, number][][]
      }>(`(() => {
        const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, each) => sum + each / 765, 0)
        const canvas = light(getComputedStyle(document.body).backgroundColor)
        return {
          statuses: [...document.querySelectorAll('.status')].map((each) => [each.className, each.innerText.trim()]),
          charts: [...document.querySelectorAll('.chart')].map((chart) =>
            [...chart.querySelectorAll('.chart-plot :is(.chart-line, .chart-bar)')].map((line) => {
              const { stroke, fill, strokeDasharray, strokeWidth } = getComputedStyle(line)
              const isBar = line.matches('.chart-bar')
              return [isBar ? 'bar' : strokeDasharray + ' ' + strokeWidth, Math.abs(light(isBar ? fill : stroke) - canvas)]
            })),
        }
      })()`)
      // A sign and a word, and no two kinds have the same.
      for (const [kind, text] of seen.statuses) {
        expect(text, kind).toMatch(/^\S+\s\S/)
        statuses.set(text, (statuses.get(text) ?? new Set()).add(kind))
      }
      for (const chart of seen.charts.filter((lines) => lines.length > 0)) {
        charts++
        const lines = chart.filter(([kind]) => kind !== 'bar').map(([kind]) => kind)
        expect(new Set(lines).size, `${path}: ${lines.join(' | ')}`).toBe(lines.length)
        for (const [kind, apart] of chart) expect(apart, `${path} ${kind}`).toBeGreaterThan(0.5)
      }
    }
    expect(charts).toBeGreaterThan(7)
    expect(statuses.size).toBeGreaterThan(3)
    for (const [text, kinds] of statuses) expect(kinds.size, text).toBe(1)
  }
})
