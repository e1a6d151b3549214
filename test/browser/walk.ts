// Every page there is, as the pages themselves lead to it: what Redis holds (nothing, much, what is broken, what is
// hostile), and the addresses found by following links, sorted by the routes that answer them. Whoever adds a page adds
// it to these walks with its route.

import type { Web } from 'resque-ts/web'
import type { Room } from '../room.js'

/** What must be seen as text wherever it comes from. */
export const evils = [
  `"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>`,
  `' onmouseover=alert(4) autofocus onfocus=alert(5) x='`,
  'javascript:alert(6)//',
  `</title></textarea></script><iframe srcdoc="<script>parent.alert(7)</script>">`,
  `{{constructor.constructor('alert(8)')()}}\${alert(9)}`,
  '\u202eevil\u0000\u001b[31m\u2028\n\nevent: state\ndata: {}\n\n',
  '\ud800lone\udfff halves\ud83d',
  '__proto__',
]

/** Parts of an address that are no text: what no browser makes, but whoever writes an address himself. */
export const crooked = [
  '%00',
  '%ED%A0%80',
  '%C0%80',
  '%FF%FE',
  '%E2%80%AE%00',
  '%',
  '%zz',
  '%u202e',
  '%0d%0aX: y',
]

/** Names that never end, and cannot be broken where a line wants to. */
const longs = [
  'ClassNameWithoutAnySpace'.repeat(12),
  'snake_case_'.repeat(27),
  `\u0642\u0627\u0626\u0645\u0629${'\u0645\u0647\u0645\u0629'.repeat(60)}`,
  '\u{1f680}\u{1f4a5}'.repeat(80),
  'W'.repeat(300),
]

export type Filling = 'empty' | 'full' | 'broken' | 'hostile' | 'long'

export async function fillRoom(room: Room, filling: Filling): Promise<void> {
  await room.client.flushall()
  if (filling === 'empty') return
  if (filling === 'full') return fillWith(room, { text: (i) => `Thing${i}`, isWhole: true })
  if (filling === 'hostile')
    return fillWith(room, { text: (i) => evils[i % evils.length] as string, isWhole: true })
  if (filling === 'long')
    return fillWith(room, { text: (i) => `${longs[i % longs.length]}${i}`, isWhole: true })
  await fillWith(room, { text: (i) => `Thing${i}`, isWhole: false })
}

const T0 = Date.parse('2026-11-01T10:00:00Z')

async function fillWith(
  room: Room,
  { text, isWhole }: { text: (i: number) => string; isWhole: boolean },
): Promise<void> {
  const at = (name: string) => `resque:${name}`
  const json = (value: unknown, i: number) =>
    isWhole || i % 2 === 0
      ? JSON.stringify(value)
      : (['{"class":', '[1', '"text"', 'null', '\xff'][i % 5] as string)
  const pipeline = room.client.pipeline()
  const job = (i: number) => ({
    class: text(i),
    args: [
      text(i + 1),
      { [text(i + 2)]: text(i + 3), password: 'hunter2', deep: [[[i, null]]], long: 'x'.repeat(300) },
    ],
  })
  const host = (i: number) => text(i).replaceAll(':', '.')
  for (let i = 0; i < 7; i++) {
    const queue = i === 0 ? 'mail' : text(i)
    pipeline.sadd(at('queues'), queue)
    for (let k = 0; k < 60; k++) pipeline.rpush(at(`queue:${queue}`), json(job(i + k), k))
    const worker = `${host(i)}:${100 + i}:${queue},*`
    pipeline.sadd(at('workers'), worker)
    const record = { queue, run_at: i % 3 ? new Date(T0 + i).toISOString() : text(i), payload: job(i) }
    if (i % 2) pipeline.set(at(`worker:${worker}`), json(record, i))
    pipeline.set(at(`worker:${worker}:started`), isWhole ? new Date(T0).toISOString() : text(i))
    pipeline.hset(at('workers:heartbeat'), worker, i % 2 ? new Date().toISOString() : text(i))
    if (i === 3) pipeline.sadd(at('queues:paused'), queue)
    pipeline.set(at(`stat:processed:${worker}`), isWhole ? i * 7 : text(i))
  }
  for (let i = 0; i < 70; i++) {
    const failure = {
      failed_at: i % 7 ? `2026/11/0${1 + (i % 7)} 10:00:00 UTC` : text(i),
      payload: job(i),
      exception: text(i + 1),
      error: `${text(i + 2)} number ${i}`,
      backtrace: [text(i + 3), `app/jobs/${text(i)}.rb:12:in 'perform'`],
      worker: `${host(i)}:1:${text(i)}`,
      queue: i % 2 ? text(i) : 'mail',
      ...(i % 9 === 0 && { retried_at: text(i + 1) }),
    }
    pipeline.rpush(at('failed'), json(failure, i))
  }
  for (let i = 0; i < 7; i++) {
    const time = Math.floor(T0 / 1_000) + 31_536_000 + i * 3_600
    const entry = json({ ...job(i), queue: text(i) }, i)
    pipeline.zadd(at('delayed_queue_schedule'), time, time)
    pipeline.rpush(at(`delayed:${time}`), entry)
    pipeline.sadd(at(`timestamps:${entry}`), `delayed:${time}`)
    const cron = {
      ...job(i),
      cron: i % 2 ? '*/5 * * * *' : text(i),
      queue: text(i),
      description: text(i + 1),
    }
    pipeline.hset(at('persistent_schedules'), text(i), json(cron, i))
    pipeline.hset(at('delayed:last_enqueued_at'), text(i), isWhole ? new Date(T0).toISOString() : text(i))
  }
  pipeline.set(at('stat:processed'), isWhole ? 1_234_567 : text(1))
  pipeline.set(at('stat:failed'), isWhole ? 4_321 : text(2))
  pipeline.set(at(text(1)), text(2))
  pipeline.hset(at(`hash:${text(1)}`), text(2), text(3))
  if (!isWhole) {
    // Keys of another type than Resque keeps there, and text that is no UTF-8.
    pipeline.sadd(at('queues'), 'a_hash')
    pipeline.hset(at('queue:a_hash'), 'a', 'b')
    const half = Buffer.from('half\xed\xa0\x80\x00', 'latin1')
    pipeline.sadd(at('queues'), half)
    pipeline.rpush(Buffer.concat([Buffer.from(at('queue:')), half]), Buffer.from([0xed, 0xa0, 0x80]))
    pipeline.sadd(at('workers'), Buffer.concat([half, Buffer.from(':1:'), half]))
    pipeline.hset(at('persistent_schedules'), half, half)
    pipeline.rpush(at('queue:mail'), Buffer.from([0xff, 0xfe, 0x22, 0x00]), '', 'x'.repeat(20_000))
    pipeline.rpush(at('failed'), Buffer.from([0xff, 0xfe, 0x22, 0x00]), '', '9'.repeat(20_000))
    pipeline.sadd(at('workers'), '', 'no-colons', ':::')
    pipeline.zadd(at('delayed_queue_schedule'), 'inf', 'never', -5, 'text')
    pipeline.set(at('queues:paused:x'), '')
  }
  await pipeline.exec()
}

export interface Found {
  /** Of the table of routes. */
  route: string
  path: string
}

/** Streams do not end, and what is served as a file, or to be kept as one, is no page. */
const noPages = /^\/(events$|assets\/)|\/download$/

const samples: Record<string, string> = {
  queue: 'mail',
  worker: 'web%3A1%3Amail',
  key: 'queues',
  ref: '0.0123456789abcdef',
  file: 'none.css',
  class: 'Thing1',
  timestamp: '1793000000',
  id: 'none',
  name: 'Thing1',
}

/** A path for a route, its parameters filled. */
export function samplePath(
  route: string,
  fill: (name: string) => string = (name) => samples[name] ?? 'none',
): string {
  return route.replace(/:(\w+)(\{[^}]*\})?/g, (_, name: string, pattern: string | undefined) => {
    if (pattern?.includes('poll')) return 'x.poll'
    return pattern?.includes('\\d') ? '1793000000' : fill(name)
  })
}

/** What paths of a route look like. */
export function matcher(route: string): RegExp {
  const pattern = route.replace(/:\w+(?:\{([^}]*)\})?|[.*+?^$()|[\]\\]/g, (part, own?: string) =>
    part.startsWith(':') ? (own ?? '[^/]+') : `\\${part}`,
  )
  return new RegExp(`^${pattern}$`)
}

/** As many kinds of query of one route are looked at. */
const MOST_QUERIES = 6

/**
 * Paths of all pages that answer a GET: at least one a route, and more where links with other queries lead there: `most`
 * with the same names in their query.
 */
export async function findPages(web: Web, most = 2): Promise<Found[]> {
  const routes = web.routes
    .filter(({ method, path }) => method === 'GET' && !noPages.test(path))
    .map(({ path }) => ({ path, matches: matcher(path) }))
  const found = new Map<string, string[]>(routes.map(({ path }) => [path, []]))
  const seen = new Set<string>()
  const shapes = new Map<string, number>()
  const waiting = routes.filter(({ path }) => !path.includes(':')).map(({ path }) => path)
  while (waiting.length > 0) {
    const path = waiting.shift() as string
    const [bare = '', query = ''] = path.split('?')
    const route = routes.find(({ matches }) => matches.test(bare))
    const known = route && found.get(route.path)
    if (!route || !known || seen.has(path)) continue
    const shape = `${route.path} ${[...new URLSearchParams(query).keys()].sort()}`
    const count = shapes.get(shape) ?? 0
    if (count >= most || known.length >= most * MOST_QUERIES) continue
    shapes.set(shape, count + 1)
    seen.add(path)
    const answer = await askFor(web, path)
    const isPage = answer.headers.get('content-type')?.startsWith('text/html')
    if (answer.status !== 200) {
      const to = answer.headers.get('location')
      if (to) waiting.push(to)
      await answer.body?.cancel()
      if (answer.status >= 400) continue
    }
    known.push(path)
    if (isPage) waiting.push(...linksIn(await answer.text()))
  }
  return routes.flatMap(({ path: route }) => {
    const paths = found.get(route) ?? []
    return (paths.length > 0 ? paths : [samplePath(route)]).map((path) => ({ route, path }))
  })
}

export function askFor(web: Web, path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`http://localhost${path}`, {
    redirect: 'manual',
    ...init,
    headers: { host: 'localhost', accept: 'text/html', ...init.headers },
  })
  return web.fetch(request, { address: '127.0.0.1', localAddress: '127.0.0.1' })
}

function linksIn(html: string): string[] {
  return [...html.matchAll(/<a [^>]*href="([^"]*)"/g)]
    .map(([, href = '']) => href.replaceAll('&amp;', '&').replaceAll('&#39;', "'"))
    .filter((href) => href.startsWith('/'))
    .map((href) => href.replace(/#.*$/, ''))
}

/** All that Redis holds, as text that can be compared; but for the audit, which tells of what was refused. */
export async function dumpOf(room: Room): Promise<string> {
  const keys = (await room.client.keys('*')).filter((key) => key !== 'resque:web:audit').sort()
  const dumps = await Promise.all(keys.map((key) => room.client.dumpBuffer(key)))
  return keys.map((key, i) => `${key} ${dumps[i]?.toString('base64')}`).join('\n')
}
