// @ts-check
// What pages of a large Resque are like in a browser whose processor is half as fast: when the largest thing is there
// (LCP), the longest task, and how much moves (CLS). `node bench/web-vitals.js [share of a million jobs, 0.1 by
// default]`. Medians of five; for shifts the worst of five. Each look has an empty cache, and ends when an
// update has come live.
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import { Resque } from 'resque-ts'
import { createWeb } from 'resque-ts/web'
import { startRedisServer } from './redis-server.js'

const ROUNDS = 5
const SLOWDOWN = 2
const QUEUES = 200
const WORKERS = 500
const MINUTE = 60_000
const budget = { lcpMs: 800, taskMs: 50, shift: 0.02 }
/** Tasks below this are not told by browsers. */
const LONG_TASK_MS = 50
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const share = Number(process.argv[2] ?? 0.1)
if (!(share > 0 && share <= 1)) throw new Error('Expected a share of a million jobs, such as 0.1.')
const executablePath = places.find((path) => existsSync(path))
if (executablePath === undefined) throw new Error(`Expected Chromium at one of ${places.join(', ')}.`)
const pending = Math.round(1_000_000 * share)
const failed = Math.round(100_000 * share)

/** @typedef {Awaited<ReturnType<typeof startRedisServer>>} RedisServer */
/** @typedef {{ lcp: number, task: number, shift: number }} Vitals */

const redis = await startRedisServer()
const resque = new Resque({ redis: `redis://127.0.0.1:${redis.port}` })
const web = createWeb({ resque, auth: 'none', history: false })
const http = createServer((req, res) => void web.handler(req, res))
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  print(
    `${pending} pending, ${failed} failed, ${WORKERS} workers, ${QUEUES} queues, CPU slowed ${SLOWDOWN} times`,
  )
  print(`budget: LCP ${budget.lcpMs} ms, tasks ${budget.taskMs} ms, CLS ${budget.shift}\n`)
  print('| page | LCP, ms | longest task, ms | CLS |\n|---|---|---|---|')
  await seed(redis)
  await remember(redis)
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = http.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  for (const path of ['/overview', '/failed', '/queues/queue_1', '/workers', '/metrics', '/metrics?range=1h'])
    await measure(redis, origin + path, path)
} finally {
  await browser.close()
  http.closeAllConnections()
  http.close()
  await web.close()
  await resque.close()
  await redis.stop()
}

/**
 * @param {RedisServer} server
 * @param {string} url
 * @param {string} name
 */
async function measure(server, url, name) {
  await (await fetch(url)).arrayBuffer()
  const rounds = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await look(server, url))
  const median = (/** @type {number[]} */ values) => values.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  const lcp = median(rounds.map((each) => each.lcp))
  const task = median(rounds.map((each) => each.task))
  const shift = Math.max(...rounds.map((each) => each.shift))
  const judged = (/** @type {string} */ text, /** @type {boolean} */ isOver) =>
    isOver ? `${text} (!)` : text
  print(
    `| ${name} | ${judged(lcp.toFixed(0), lcp > budget.lcpMs)} | ` +
      `${task === 0 ? `< ${LONG_TASK_MS}` : judged(task.toFixed(0), task > budget.taskMs)} | ` +
      `${judged(shift.toFixed(3), shift >= budget.shift)} |`,
  )
}

/**
 * @param {RedisServer} server
 * @param {string} url
 * @returns {Promise<Vitals>}
 */
async function look({ client }, url) {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 } })
  try {
    const page = await context.newPage()
    const devtools = await context.newCDPSession(page)
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
    await page.addInitScript(`
      globalThis.vitals = { lcp: 0, task: 0, shift: 0 }
      const observe = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each))
        .observe({ type, buffered: true })
      observe('largest-contentful-paint', ({ startTime }) => { vitals.lcp = startTime })
      observe('longtask', ({ duration }) => { vitals.task = Math.max(vitals.task, duration) })
      observe('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) vitals.shift += value })`)
    await page.goto(url)
    await page.locator('[data-state=live]').waitFor({ state: 'attached' })
    const count = page.locator('[data-live="count:pending"]')
    const before = await count.textContent()
    await client.rpush('resque:queue:queue_1', '{"class":"Late","args":[]}')
    await client.rpush('resque:failed', '{}')
    while ((await count.textContent()) === before) await page.evaluate('new Promise(requestAnimationFrame)')
    return await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100)).then(() => vitals)')
  } finally {
    await context.close()
  }
}

/** @param {RedisServer} server */
async function seed({ client }) {
  const pipeline = client.pipeline()
  for (let i = 0; i < QUEUES; i++) pipeline.sadd('resque:queues', `queue_${i}`)
  for (let i = 0; i < WORKERS; i++) {
    const id = `host-${i % 50}:${1_000 + i}:queue_${i % QUEUES},*`
    pipeline.sadd('resque:workers', id)
    pipeline.set(`resque:worker:${id}:started`, '2026-11-01 10:00:00 UTC')
    pipeline.hset('resque:workers:heartbeat', id, new Date().toISOString())
    const payload = { class: `Job${i % 40}`, args: [i, { path: `/files/${i}`, text: 'x'.repeat(120) }] }
    const record = { queue: `queue_${i % QUEUES}`, run_at: '2026-11-01T10:00:00Z', payload }
    if (i % 2 === 0) pipeline.set(`resque:worker:${id}`, JSON.stringify(record))
  }
  await pipeline.exec()
  const push = `for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    redis.call('RPUSH', 'resque:queue:queue_' .. (i % ${QUEUES}), '{"class":"Job' .. (i % 40) .. '","args":[' .. i .. ',"' .. string.rep('x', 80) .. '"]}')
  end`
  const fail = `for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    redis.call('RPUSH', 'resque:failed', '{"failed_at":"2026/11/01 10:00:00 UTC","payload":{"class":"Job' .. (i % 40) .. '","args":[' .. i
      .. ']},"exception":"Error' .. (i % 9) .. '","error":"number ' .. i .. ' went wrong","backtrace":["' .. string.rep('a line of a backtrace","', 12)
      .. '"],"worker":"host:1:q","queue":"queue_1"}')
  end`
  for (let i = 0; i < pending; i += 50_000) await client.eval(push, 0, i, Math.min(pending, i + 50_000) - 1)
  for (let i = 0; i < failed; i += 20_000) await client.eval(fail, 0, i, Math.min(failed, i + 20_000) - 1)
}

/**
 * A day of history: two minutes of each ten, and each of the last hour.
 * @param {RedisServer} server
 */
async function remember({ client }) {
  const now = Date.now()
  for (let minute = 1_440; minute > 0; minute--) {
    if (minute > 60 && minute % 10 > 1) continue
    const done = (1_440 - minute) * 50 + (minute % 7)
    await client.mset('resque:stat:processed', done, 'resque:stat:failed', Math.floor(done / 40))
    await resque.store.history.sample('bench', 25_000, new Date(now - minute * MINUTE))
  }
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`)
}
