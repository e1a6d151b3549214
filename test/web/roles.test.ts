// What pages offer: to nobody what he would be refused. For each role, and for those who see some queues only, every
// page that they can come to is opened, every link of it followed, and every form of it sent.

import { expect, test } from 'vitest'
import { askFor, fillRoom, findPages, matcher } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { openSite } from './site.js'

const room = useRoom()

const users: Record<string, { role: 'viewer' | 'operator' | 'admin'; queues?: string[] }> = {
  'a viewer': { role: 'viewer' },
  'an operator': { role: 'operator' },
  'an admin': { role: 'admin' },
  'an operator of some queues': { role: 'operator', queues: ['mail', 'Thing1'] },
  'an admin of some queues': { role: 'admin', queues: ['mail', 'Thing1'] },
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
const plain = (text = '') =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] as string)
const attribute = (tag: string, name: string) => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : plain(value)
}

/** What a field or a button sends as it stands there. */
function named(tag: string): [name: string, value: string][] {
  const [name, value] = [attribute(tag, 'name'), attribute(tag, 'value')]
  return name === undefined || value === undefined ? [] : [[name, value]]
}

const MOST_SAME = 3

interface Sending {
  action: string
  body: string
}

/** Each way in which the forms of a page can be sent: by each of their buttons, as they stand there. */
function sendings(html: string): Sending[] {
  return [...html.matchAll(/<form method="post"[^>]*>.*?<\/form>/gs)].flatMap(([form]) => {
    const [head = ''] = form.split('>', 1)
    const fields = [...form.matchAll(/<(?:input|select|textarea)[^>]*>/g)].flatMap(([tag]) => named(tag))
    const buttons = [...form.matchAll(/<button[^>]*>/g)].map(([tag]) => tag)
    return buttons
      .filter((tag) => attribute(tag, 'type') !== 'button')
      .map((tag) => ({
        action: attribute(tag, 'formaction') ?? attribute(head, 'action') ?? '',
        body: new URLSearchParams([...fields, ...named(tag)]).toString(),
      }))
  })
}

test.each(Object.entries(users))(
  '%s is offered nothing that is refused, and nothing that is not there',
  {
    timeout: 120_000,
  },
  async (_name, { role, queues }) => {
    const site = openSite(room, {
      auth: { custom: () => ({ user: 'ann', role, ...(queues && { queues }) }) },
      limits: { mutations: 1_000_000 },
    })
    await fillRoom(room, 'full')
    const wrong = new Set<string>()
    const links = new Map<string, string>()
    const forms = new Map<string, (Sending & { from: string })[]>()
    const routeOf = (path: string, method: string) =>
      site.web.routes.find(
        (route) => route.method === method && matcher(route.path).test(path.split('?')[0] ?? ''),
      )?.path
    let opened = 0
    for (const { path } of await findPages(site.web, 1)) {
      const answer = await askFor(site.web, path)
      const html = await answer.text()
      if (!answer.headers.get('content-type')?.startsWith('text/html')) continue
      opened++
      for (const [tag] of html.matchAll(/<a [^>]*>/g)) {
        const href = attribute(tag, 'href')?.replace(/#.*/, '')
        if (href?.startsWith('/') && !links.has(href)) links.set(href, path)
      }
      for (const each of sendings(html)) {
        // A few of each kind.
        const kind = `${routeOf(each.action, 'POST')} ${[...new URLSearchParams(each.body).keys()]}`
        const same = forms.get(kind) ?? []
        if (same.length < MOST_SAME) forms.set(kind, [...same, { ...each, from: path }])
      }
    }
    // A job may name a queue that is not there yet, or no more.
    const known = await room.client.smembers('resque:queues')
    const isNoQueue = (href: string) => {
      const [, name] = /^\/queues\/([^/?]+)$/.exec(href) ?? []
      return name !== undefined && !known.includes(decodeURIComponent(name))
    }
    for (const [href, from] of links) {
      const { status, body } = await askFor(site.web, href)
      await body?.cancel()
      if (status >= 400 && !isNoQueue(href)) wrong.add(`${from} leads to ${href}: ${status}`)
    }
    for (const { action, body, from } of [...forms.values()].flat()) {
      await fillRoom(room, 'full')
      const { status } = await askFor(site.web, action, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      })
      if ([401, 403, 404, 405, 409].includes(status) || status >= 500)
        wrong.add(`${from} sends to ${action} (${body}): ${status}`)
    }
    expect([...wrong]).toEqual([])
    const sent = new Set([...forms.values()].map(([form]) => routeOf(form?.action ?? '', 'POST')))
    if (role === 'viewer') expect([...sent]).toEqual(['/theme'])
    else expect(sent.size).toBeGreaterThan(15)
    expect(opened).toBeGreaterThan(20)
  },
)
