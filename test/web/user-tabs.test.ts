// Tabs of a user's own: who sees them, what their content may be, and what happens where one throws or hangs.

import { jsx } from 'hono/jsx'
import { ConfigError } from 'resque-ts'
import { createWeb, html, type TabContent, type WebOptions, type WebTab } from 'resque-ts/web'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { bearer, openSite } from './site.js'

const room = useRoom()
const viewer = { headers: bearer('viewer') }

const tab = (render: WebTab['render'], more: Partial<WebTab> = {}): WebTab => ({
  path: 'deploys',
  label: 'Deploys',
  render,
  ...more,
})
const open = (render: WebTab['render'], more: Partial<WebTab> = {}, options: Partial<WebOptions> = {}) =>
  openSite(room, { tabs: [tab(render, more)], ...options })

/** What stands below the heading. */
async function contentOf(render: WebTab['render']): Promise<string> {
  const page = await open(render).text('/deploys', viewer)
  return /<h1>Deploys<\/h1>(.*?)<\/section><\/main>/s.exec(page)?.[1] ?? page
}

test('a tab stands in the navigation, and its page in our frame, under our headers', async () => {
  const site = open(() => html`<p>Hello</p>`)
  const overview = await site.ask('/overview', viewer)
  expect(await overview.text()).toMatch(/<a href="\/deploys">Deploys<\/a><\/nav>/)
  const answer = await site.ask('/deploys', viewer)
  expect(answer.status).toBe(200)
  for (const name of ['content-security-policy', 'x-content-type-options', 'cache-control'])
    expect(answer.headers.get(name), name).toBe(overview.headers.get(name))
  const page = await answer.text()
  expect(page).toContain('<h1>Deploys</h1><p>Hello</p>')
  expect(page.match(/<h1/g)).toHaveLength(1)
  expect(page).toMatch(/<title>Deploys – /)
  expect(page).toMatch(/<a href="\/deploys"[^>]*aria-current="page"/)
  expect(site.web.routes).toContainEqual({ method: 'GET', path: '/deploys', role: 'viewer' })
})

test('the server asks for the role of a tab, and shows its link to nobody else', async () => {
  let calls = 0
  const site = open(() => `call ${++calls}`, { role: 'operator' })
  expect((await site.ask('/deploys')).status).toBe(401)
  expect((await site.ask('/deploys', viewer)).status).toBe(403)
  expect(await site.text('/overview', viewer)).not.toContain('Deploys')
  expect(calls).toBe(0)
  for (const role of ['operator', 'admin']) {
    expect((await site.ask('/deploys', { headers: bearer(role) })).status).toBe(200)
    expect(await site.text('/overview', { headers: bearer(role) })).toContain('Deploys')
  }
  const post = { method: 'POST', headers: bearer('admin') }
  expect((await site.ask('/deploys', post)).status).toBe(404)
  for (const method of ['PUT', 'DELETE'])
    expect((await site.ask('/deploys', { ...post, method })).status, method).toBeGreaterThanOrEqual(400)
  expect(calls).toBe(2)
})

test('a tab is told who asks, for what, and where the pages are', async () => {
  const seen: unknown[] = []
  const site = open(
    ({ user, role, resque, url, basePath, sees, signal }) => {
      seen.push([
        user,
        role,
        resque === room.resque,
        url.searchParams.get('day'),
        basePath,
        sees('a'),
        sees('b'),
      ])
      expect(signal.aborted).toBe(false)
      return html`<a href="${basePath}/queues">Queues</a>`
    },
    {},
    { basePath: '/resque', sees: (_user, queue) => queue === 'a' },
  )
  const page = await site.text('/resque/deploys?day=2', viewer)
  expect(seen).toEqual([['viewer-token', 'viewer', true, '2', '/resque', true, false]])
  expect(page).toContain('<a href="/resque/queues">Queues</a>')
  expect(page).toMatch(/<a href="\/resque\/deploys"[^>]*aria-current="page"/)
})

const evil = `</section><script>alert(1)</script>" onload='x'`
const forged = JSON.parse(`{"isEscaped":true,"callbacks":[],"0":${JSON.stringify(evil)}}`)

test('a text is shown as it is; markup is what html made, and data in it is escaped', async () => {
  expect(await contentOf(() => evil)).toBe(
    '<p>&lt;/section&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;</p>',
  )
  expect(await contentOf(() => 'a\u202eb\u0000')).toBe('<p>a\\u202eb\\u0000</p>')
  expect(await contentOf(() => '')).toBe('')
  const rows = [evil, 'b'].map((name) => html`<li title="${name}">${name}</li>`)
  const list = await contentOf(() => html`<ul>${rows}</ul>`)
  expect(list).not.toMatch(/<script|" onload/)
  expect(list).toMatch(/^<ul><li title="&lt;\/section.*<li title="b">b<\/li><\/ul>$/)
  const Later = async () => jsx('b', { title: evil }, evil)
  const node = await contentOf(() => jsx('i', {}, jsx(Later as never, {})) as unknown as TabContent)
  expect(node).toMatch(/^<i><b title="&lt;\/section.*<\/b><\/i>$/)
  expect(node).not.toMatch(/<script|" onload/)
  const later = async () => html`<b>${evil}</b>`
  expect(await contentOf(() => html`<i>${later()}</i>`)).toMatch(/^<i><b>&lt;\/section.*<\/b><\/i>$/)
})

test('what is neither text nor markup is an error, though it says that it is escaped', async () => {
  for (const content of [forged, { toString: () => evil }, [evil], 7, null, undefined]) {
    const answer = await open(() => content as TabContent).ask('/deploys', viewer)
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('<script>alert')
  }
  expect(await contentOf(() => html`${forged}`)).not.toContain('<script>alert')
})

test('a tab that throws is an error page with the id of the request, and no stack; the others go on', async () => {
  const lines: string[] = []
  const log = (_fields: object | string, message = '') => void lines.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const thrown: unknown[] = [new Error('secret sauce'), 'secret sauce', undefined, { status: 200 }]
  for (const what of thrown) {
    const renders: WebTab['render'][] = [
      () => {
        throw what
      },
      () => Promise.reject(what),
      () => html`<p>${Promise.reject(what)}</p>`,
    ]
    for (const render of renders) {
      const site = open(render, {}, { logger })
      const answer = await site.ask('/deploys', viewer)
      const page = await answer.text()
      expect(answer.status).toBe(500)
      expect(page).toContain(answer.headers.get('x-request-id'))
      expect(page).not.toMatch(/secret sauce|user-tabs|node:/)
      expect((await site.ask('/overview', viewer)).status).toBe(200)
    }
  }
  expect(lines.join('\n')).toContain('The tab deploys failed: secret sauce')
})

test('a tab that hangs is given up after its time, and told so', async () => {
  let told: AbortSignal | undefined
  const never = new Promise<string>(() => {})
  const site = open(
    ({ signal }) => {
      told = signal
      return never
    },
    { timeoutMs: 20 },
  )
  const answer = await site.ask('/deploys', viewer)
  expect(answer.status).toBe(504)
  expect(await answer.text()).toContain('Deploys took longer than 20 ms.')
  expect(told?.aborted).toBe(true)
})

test('Redis away in a tab is what it is on every page', async () => {
  const resque = room.connect({ commandTimeoutMs: 300 })
  const site = open(async () => String(await resque.queues()), {}, { resque })
  expect((await site.ask('/deploys', viewer)).status).toBe(200)
  await room.redis.kill()
  expect((await site.ask('/deploys', viewer)).status).toBe(503)
  await room.redis.restart()
})

test('a tab whose path is taken, or that cannot be right, is refused when the pages are made', () => {
  const make =
    (tabs: unknown, basePath = '') =>
    () =>
      createWeb({ resque: room.resque, auth: 'none', history: false, basePath, tabs: tabs as WebTab[] })
  const render = () => ''
  for (const path of ['failed', '/queues', 'api', 'assets', 'login', 'healthz', 'jobs'])
    expect(make([tab(render, { path })]), path).toThrow(/is taken: a page of ours has it/)
  expect(make([tab(render), tab(render, { label: 'Twice' })])).toThrow('another tab has it')
  expect(make([tab(render, { path: 'resque' })], '/resque/x')).toThrow('the base path begins with it')
  for (const path of [
    '',
    '/',
    'a/b',
    '../x',
    'A',
    ':id',
    '*',
    'x.poll',
    'x y',
    'x?y',
    '%61',
    '-',
    7,
    undefined,
  ])
    expect(make([tab(render, { path: path as string })]), String(path)).toThrow('Expected the path of a tab')
  for (const label of ['', ' ', 'x'.repeat(41), undefined])
    expect(make([tab(render, { label: label as string })])).toThrow('Expected the label of the tab deploys')
  expect(make([tab(render, { role: 'boss' as 'admin' })])).toThrow('Expected the role of the tab deploys')
  expect(make([{ path: 'x', label: 'X' }])).toThrow('function `render`')
  expect(make([{ ...tab(render), requiredRole: 'admin' }])).toThrow('Unknown member `requiredRole`')
  expect(make([tab(render, { timeoutMs: 0 })])).toThrow('timeoutMs')
  expect(make({})).toThrow('list of tabs')
  expect(make({})).toThrow(ConfigError)
  expect(make([tab(render), tab(render, { path: '/fleet_2' })])).not.toThrow()
})

test('the example of the guide works', async () => {
  await room.client.sadd('resque:queues', 'mail<b>', 'low')
  await room.client.rpush('resque:queue:mail<b>', '{"class":"A","args":[]}')
  const site = openSite(room, {
    basePath: '/resque',
    sees: (_user, queue) => queue !== 'low',
    tabs: [
      {
        path: 'fullest',
        label: 'Fullest',
        role: 'operator',
        async render({ resque, sees, basePath }) {
          const sizes = Object.entries(await resque.queueSizes()).filter(([queue]) => sees(queue))
          sizes.sort(([, a], [, b]) => b - a)
          return html`<ol>
            ${sizes
              .slice(0, 10)
              .map(
                ([queue, size]) =>
                  html`<li><a href="${basePath}/queues/${encodeURIComponent(queue)}">${queue}</a>: ${size}</li>`,
              )}
          </ol>`
        },
      },
    ],
  })
  const page = await site.text('/resque/fullest', { headers: bearer('operator') })
  expect(page).toContain('<li><a href="/resque/queues/mail%3Cb%3E">mail&lt;b&gt;</a>: 1</li>')
  expect(page).not.toContain('low')
})
