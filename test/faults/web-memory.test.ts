// What the web pages hold on to: nothing of those who looked, nothing of the jobs that came and went meanwhile. FAULT_SCALE
// makes it as long as one likes.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createWeb } from 'resque-ts/web'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { scaled } from './support/random.js'
import { Room } from './support/room.js'

const PARTS = 10
const TABS = 5

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

/** Each page, with something new in the address: what is kept by address would grow. */
const pages = (n: number) => [
  ...['/overview', '/working', '/workers/all', '/queues', `/queues/runs?text=t${n}`, '/failed?view=groups'],
  ...[
    `/failed?text=n${n}`,
    `/failed?class=Class${n}`,
    '/delayed',
    '/schedule',
    '/stats/resque',
    '/stats.txt',
  ],
  ...['/stats/redis', `/stats/keys?match=k${n}`, '/metrics', '/metrics.prom', '/audit', '/operations'],
  ...[`/jobs/none-${n}`, `/queues/none-${n}`, `/nowhere/${n}`, '/api/v1/queues', `/api/v1/failed?text=n${n}`],
]

test('memory and connections stay as they are while pages are looked at and tabs come and go', {
  timeout: 240_000,
}, async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const web = createWeb({
    resque: room.resque,
    auth: 'none',
    cacheMs: 0,
    limits: { mutations: 1_000_000 },
  })
  const server = createServer((req, res) => void web.handler(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await room.start({ concurrency: 5 })
  const worse = new Map<string, number>()
  const tab = async (n: number) => {
    const stop = new AbortController()
    const events = await fetch(`${origin}/events?topics=overview`, { signal: stop.signal })
    expect(events.status).toBe(200)
    for (const page of pages(n)) {
      const response = await fetch(`${origin}${page}`)
      await response.arrayBuffer()
      if (response.status >= 500) worse.set(page, response.status)
    }
    stop.abort()
    await events.body?.cancel().catch(() => {})
  }
  const connections = async () =>
    String(await room.redis.client.client('LIST'))
      .trim()
      .split('\n').length
  const rounds = Math.max(1, scaled(40) / PARTS)
  const heapAfter: number[] = []
  let n = 0
  for (let part = 0; part < PARTS; part++) {
    for (let round = 0; round < rounds; round++) {
      const ids = Array.from({ length: 20 }, () => `job ${++n}`)
      await room.resque.enqueueMany(ids.map((id, i) => [i % 2 ? room.Boom : room.Record, id]))
      await Promise.all(Array.from({ length: TABS }, (_, i) => tab(n + i)))
      await room.ran(ids)
    }
    await room.resque.failed.clear()
    room.begun.clear()
    room.ended.clear()
    room.lines.length = 0
    collect()
    heapAfter.push(process.memoryUsage().heapUsed / 2 ** 20)
  }
  console.info(`heap after each tenth, MiB: ${heapAfter.map((each) => each.toFixed(1)).join(' ')}`)
  expect([...worse]).toEqual([])
  // The first parts fill caches and let the code be compiled.
  const [early, late] = [heapAfter.slice(2, 5), heapAfter.slice(-3)].map((part) => Math.min(...part))
  expect((late as number) - (early as number)).toBeLessThan(3)
  // Two of the test, the worker's three, and what the pages share.
  expect(await connections()).toBeLessThanOrEqual(6)
  await web.close()
  server.closeAllConnections()
  server.close()
  await Promise.all(room.workers.splice(0).map((worker) => worker.stop()))
  // The test's own is left, and the client's.
  await waitFor(async () => (await connections()) === 2)
})
