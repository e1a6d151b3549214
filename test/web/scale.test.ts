// A large Resque: a million jobs wait, a hundred thousand have failed, five hundred workers, two hundred queues. Every
// page stays within its budget of bytes, nodes and what it costs Redis. The times of pages are told, and not judged.

import { gzipSync } from 'node:zlib'
import { createWeb, type Web } from 'resque-ts/web'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askFor, type Found, findPages } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { startMonitor } from '../support/monitor.js'
import { startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { sameOrigin, tokenIn } from './site.js'

const room = useRoom()
const QUEUES = 200
const WORKERS = 500
const PENDING = 1_000_000
const FAILED = 100_000

const budget = {
  bytes: 100 * 1_024,
  zippedBytes: 15 * 1_024,
  nodes: 2_500,
  roundTrips: 3,
  redisBytes: 512 * 1_024,
  /** That the web process sends: what a script does is counted below. GETRANGE, of which a chart is made, is not. */
  sent: 6,
  /** Of scripts: one look at all queues and workers, and what a page asks for besides. */
  inside: QUEUES + 3 + Math.ceil(WORKERS / 50) + 100,
  /** The slowest of one look, by SLOWLOG: 5 ms where nobody else has the processor, as others do while tests run. */
  commandMs: 10,
}

/** A search looks through ten thousand entries, a thousand a trip; one for a class has them sent, some megabytes at most. */
const search = { roundTrips: 15, sent: 15, inside: budget.inside + 10_000 }
const wider: [path: RegExp, Partial<typeof budget>][] = [
  [/^\/failed\?text=[^&]*$|^\/queues\/[^/]+\?text=/, search],
  [
    /^\/(failed|queues\/[^/]+)\?.*class=.*text=|\?text=.*class=|^\/queues\/[^/]+\?class=/,
    { ...search, redisBytes: 3e6 },
  ],
  [/^\/delayed\/(jobs\/|search\?)/, search],
  // All places are searched; the lengths of queues are asked in one trip.
  [/^\/jobs\/none$/, { ...search, roundTrips: 35, sent: 35 + QUEUES, inside: budget.inside + 20_000 }],
  // Each key has a type and a size, each time a length.
  [/^\/stats\/keys/, { inside: budget.inside + 500 }],
  [/^\/delayed\/clear$/, { inside: budget.inside + 2_000 }],
]

/** Beyond those that links lead to. */
const searches = [
  '/failed?class=Job3',
  '/failed?queue=queue_3&state=open',
  '/failed?text=number%2099990%20went',
  '/failed?text=nothing%20like%20it',
  '/failed?text=went&class=Job3',
  '/queues/queue_0?text=nothing%20like%20it',
  '/queues/queue_0?class=Job3',
  '/delayed/search?q=nothing%20like%20it',
  '/jobs/none',
]

/** Its own server: the room's is emptied before each test. */
let redis: Awaited<ReturnType<typeof startRedis>>
let web: Web
let pages: Found[]

beforeAll(async () => {
  redis = await startRedis()
  await seed()
  web = createWeb({
    resque: room.connect({ redis: redis.url }),
    auth: 'none',
    history: false,
    limits: { mutations: 10_000 },
  })
  pages = [...(await findPages(web, 2)), ...searches.map((path) => ({ route: '', path }))]
}, 120_000)
afterAll(async () => {
  await web?.close()
  await redis?.stop()
})

async function seed(): Promise<void> {
  const { client } = redis
  const queue = (i: number) => `queue_${i % QUEUES}`
  const pipeline = client.pipeline()
  for (let i = 0; i < QUEUES; i++) pipeline.sadd('resque:queues', queue(i))
  for (let i = 0; i < WORKERS; i++) {
    const id = `host-${i % 50}:${1_000 + i}:${queue(i)},${queue(i + 1)},*`
    pipeline.sadd('resque:workers', id)
    pipeline.hset('resque:workers:heartbeat', id, new Date().toISOString())
    pipeline.set(`resque:worker:${id}:started`, '2026-11-01 10:00:00 UTC')
    if (i % 2 === 0) {
      const payload = { class: `Job${i % 40}`, args: [i, { path: `/files/${i}`, text: 'x'.repeat(120) }] }
      pipeline.set(
        `resque:worker:${id}`,
        JSON.stringify({ queue: queue(i), run_at: '2026-11-01T10:00:00Z', payload }),
      )
    }
  }
  pipeline.set('resque:stat:processed', 123_456_789).set('resque:stat:failed', FAILED)
  await pipeline.exec()
  // Made by Redis itself: a million pushes from here would take longer than all the rest.
  const push = `
    for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('RPUSH', 'resque:queue:queue_' .. (i % 7 == 0 and 0 or i % ${QUEUES}),
        '{"class":"Job' .. (i % 40) .. '","args":[' .. i .. ',{"path":"/files/' .. i .. '","text":"' .. string.rep('x', 80) .. '"}]}')
    end`
  const fail = `
    for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('RPUSH', 'resque:failed', '{"failed_at":"2026/11/0' .. (1 + i % 7) .. ' 10:00:00 UTC","payload":{"class":"Job' .. (i % 40)
        .. '","args":[' .. i .. ']},"exception":"Error' .. (i % 9) .. '","error":"something number ' .. i .. ' went wrong","backtrace":["'
        .. string.rep('a line of a backtrace","', 12) .. '"],"worker":"host:1:q","queue":"queue_' .. (i % ${QUEUES}) .. '"}')
    end`
  for (let i = 0; i < PENDING; i += 50_000) await client.eval(push, 0, i, i + 49_999)
  for (let i = 0; i < FAILED; i += 20_000) await client.eval(fail, 0, i, i + 19_999)
  const delayed = client.pipeline()
  for (let i = 0; i < 2_000; i++) {
    delayed.zadd('resque:delayed_queue_schedule', 2_000_000_000 + i * 60, `${2_000_000_000 + i * 60}`)
    delayed.rpush(
      `resque:delayed:${2_000_000_000 + i * 60}`,
      `{"class":"Later","args":[${i}],"queue":"queue_1"}`,
    )
  }
  for (let i = 0; i < 200; i++) {
    delayed.hset(
      'resque:persistent_schedules',
      `every ${i}`,
      `{"class":"Job${i}","cron":"*/5 * * * *","queue":"queue_1"}`,
    )
  }
  await delayed.exec()
}

/** After anything was changed, the next page looks anew. */
async function freshen(): Promise<void> {
  const token = tokenIn(await (await askFor(web, '/shortcuts')).text())
  const answer = await askFor(web, '/theme', {
    method: 'POST',
    headers: { ...sameOrigin, 'content-type': 'application/x-www-form-urlencoded' },
    body: `theme=auto&_token=${encodeURIComponent(token)}`,
  })
  if (answer.status !== 303) throw new Error(`The change was answered with ${answer.status}.`)
}

interface Cost {
  commands: Map<string, number>
  roundTrips: number
  bytes: number
}

/** What Redis was asked meanwhile, without this look itself. */
async function costOf(act: () => Promise<unknown>): Promise<Cost> {
  await redis.client.config('RESETSTAT')
  const own = (await redis.client.info('stats')).length
  const before = await counters()
  await act()
  const after = await counters()
  const info = await redis.client.info('commandstats')
  const commands = new Map(
    [...info.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(([, name = '', calls]) => [name, Number(calls)]),
  )
  commands.delete('info')
  commands.delete('config|resetstat')
  return {
    commands,
    roundTrips: after.reads - before.reads - 1,
    bytes: after.bytes - before.bytes - own - 100,
  }
}

async function counters(): Promise<{ bytes: number; reads: number }> {
  const info = await redis.client.info('stats')
  const read = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1])
  return { bytes: read('total_net_output_bytes'), reads: read('total_reads_processed') }
}

/** The slowest command meanwhile, in milliseconds. */
async function slowestOf(act: () => Promise<unknown>): Promise<number> {
  await redis.client.slowlog('RESET')
  await act()
  const log = (await redis.client.slowlog('GET', 100)) as [number, number, number, string[]][]
  const own = /^(slowlog|info|config|monitor)$/i
  return Math.max(0, ...log.filter(([, , , [name = '']]) => !own.test(name)).map(([, , us]) => us / 1_000))
}

interface Watched {
  sent: string[][]
  inside: string[][]
}

function countSent(commands: string[][]): number {
  return commands.filter(([name = '']) => !/^getrange$/i.test(name)).length
}

/** What the web process sent meanwhile, and what scripts did for it. */
async function watch(act: () => Promise<unknown>): Promise<Watched> {
  const sent: string[][] = []
  const inside: string[][] = []
  let isOver = false
  const monitor = await startMonitor(redis.port, (args, source) => {
    if (args[1] === 'over') isOver = true
    else (source === 'lua' ? inside : sent).push(args)
  })
  try {
    await act()
    await redis.client.echo('over')
    await waitFor(() => isOver)
  } finally {
    monitor.close()
  }
  return { sent, inside }
}

/** Sets of names, of which there are few. */
const names = /^resque:(queues|workers|failed_queues|queues:paused|web:ops:running)$/

/** Whether the cost of a command grows with what is there. */
function isForbidden([name = '', key = '', ...rest]: string[]): boolean {
  if (/^smembers$/i.test(name)) return !names.test(key)
  if (/^lrange$/i.test(name)) return rest.join(' ') === '0 -1'
  return /^(keys|hgetall|lrem|flushall|flushdb|sort|hvals|hkeys|debug)$/i.test(name)
}

test('every page stays within its budget', { timeout: 120_000 }, async () => {
  await redis.client.config('SET', 'slowlog-log-slower-than', '1000')
  const table: string[] = []
  const wrong: string[] = []
  for (const { path } of pages) {
    // The first look may build an index in the background, and fills what is kept for all.
    const warm = await askFor(web, path)
    await warm.arrayBuffer()
    if (!warm.headers.get('content-type')?.startsWith('text/html')) continue
    const limits = { ...budget, ...wider.find(([pattern]) => pattern.test(path))?.[1] }
    let html = ''
    let ms = 0
    const ask = async () => {
      const began = performance.now()
      html = await (await askFor(web, path)).text()
      ms = performance.now() - began
    }
    const costs: (Cost & { commandMs: number })[] = []
    const least = (name: 'roundTrips' | 'bytes' | 'commandMs') => Math.min(...costs.map((cost) => cost[name]))
    // What goes on in the background meanwhile is not the page's, and others have the processor too: of several looks
    // the cheapest one counts.
    for (
      let i = 0;
      i < 2 || (i < 12 && (least('commandMs') > limits.commandMs || least('roundTrips') > limits.roundTrips));
      i++
    ) {
      await freshen()
      let cost: Cost | undefined
      const commandMs = await slowestOf(async () => {
        cost = await costOf(ask)
      })
      costs.push({ ...(cost as Cost), commandMs })
    }
    // As above: a look that saw more than the page may send has seen something of the background, or sees it again.
    let { sent, inside }: Watched = { sent: [], inside: [] }
    for (let i = 0; i < 4 && (i === 0 || countSent(sent) > limits.sent); i++) {
      await freshen()
      const seen = await watch(ask)
      sent = seen.sent
      inside = seen.inside
    }
    const measured = {
      bytes: Buffer.byteLength(html),
      zippedBytes: gzipSync(html).length,
      nodes: html.match(/<[a-z]/g)?.length ?? 0,
      roundTrips: least('roundTrips'),
      redisBytes: least('bytes'),
      sent: countSent(sent),
      inside: inside.length,
      commandMs: least('commandMs'),
    }
    table.push(`${path.slice(0, 60)}  ${Object.values(measured).join('  ')}  ${ms.toFixed(0)} ms`)
    for (const [name, most] of Object.entries(limits)) {
      const value = measured[name as keyof typeof measured]
      if (value > most) wrong.push(`${path}: ${name} ${value}, at most ${most}`)
    }
    for (const command of [...sent, ...inside])
      if (isForbidden(command)) wrong.push(`${path}: ${command.join(' ').slice(0, 100)}`)
  }
  console.log(
    `page  bytes  zipped  nodes  round trips  bytes from Redis  sent  in scripts  slowest ms\n${table.join('\n')}`,
  )
  expect(wrong).toEqual([])
})

test('the overview costs a command a queue and a few more, however many workers there are, and is one look for all who look', async () => {
  const shared = createWeb({ resque: room.connect({ redis: redis.url }), auth: 'none', history: false })
  const cost = await costOf(() =>
    Promise.all(Array.from({ length: 50 }, async () => (await askFor(shared, '/overview')).text())),
  )
  await shared.close()
  const called = (name: string) => cost.commands.get(name) ?? 0
  expect(called('llen')).toBeGreaterThanOrEqual(QUEUES)
  expect(called('llen')).toBeLessThan(2 * QUEUES)
  // Of the workers: a few calls for a thousand, and one for each fifty of them.
  expect(called('mget')).toBeLessThanOrEqual(2 + Math.ceil(WORKERS / 50))
  expect(called('hmget')).toBeLessThanOrEqual(2)
})

test('fifty live tabs of ten users with seven queues cost Redis at most thirty commands a second', async () => {
  await room.client.sadd('resque:queues', ...Array.from({ length: 7 }, (_, i) => `queue_${i}`))
  const small = createWeb({
    resque: room.resque,
    auth: {
      custom: (request) => ({ user: request.headers.get('x-name') ?? '', role: 'viewer' as const }),
    },
    history: false,
  })
  const open = new AbortController()
  let told = 0
  for (let i = 0; i < 50; i++) {
    const answer = await askFor(small, '/events', {
      headers: { 'x-name': `user${i % 10}` },
      signal: open.signal,
    })
    expect(answer.status).toBe(200)
    void (async () => {
      for await (const _ of answer.body as unknown as AsyncIterable<Uint8Array>) told++
    })()
  }
  await waitFor(() => told >= 100)
  const count = async () =>
    [...(await room.client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)]
      .filter(([, name]) => name !== 'info')
      .reduce((sum, [, , calls]) => sum + Number(calls), 0)
  const before = await count()
  const began = performance.now()
  await waitFor(() => performance.now() - began > 8_000, { timeoutMs: 20_000, intervalMs: 100 })
  const perSecond = ((await count()) - before) / ((performance.now() - began) / 1_000)
  await small.close()
  console.log(`fifty live tabs: ${perSecond.toFixed(1)} commands a second`)
  expect(perSecond).toBeLessThanOrEqual(30)
})
