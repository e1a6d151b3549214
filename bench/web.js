// @ts-check
// What pages weigh, cost and take with many jobs: ours against their budget, resque-web's where its gem is there, and
// bull-board's on BullMQ with the same numbers of jobs. `node bench/web.js [share of a million jobs, 1 by default]`;
// script/interop-gems brings the gem. One request at a time, twenty after two that are not counted, and each looks at
// Redis for itself; a page that takes seconds is asked for less often.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createProbe } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Queue } from 'bullmq'
import { Hono } from 'hono'
import { Resque } from 'resque-ts'
import { createWeb } from 'resque-ts/web'
import { startRedisServer } from './redis-server.js'
import { median, percentile } from './statistics.js'
import { decimals, table } from './table.js'

const ROUNDS = 24
const WARM = 2
/** How long our pages keep what they counted. */
const CACHE_MS = 100
/** No page is asked for longer than that, once it was three times. */
const PATIENCE_MS = 12_000
/** The 95th percentile of a page of ours, in milliseconds; of a filtered list, of a search, of building the index. */
const PAGE_MS = 50
const FILTERED_MS = 150
const SEARCH_MS = 250
const INDEX_MS = 2_000
const QUEUES = 200
const WORKERS = 500
const share = Number(process.argv[2] ?? 1)
if (!(share > 0 && share <= 1)) throw new Error('Expected a share of a million jobs, such as 0.1.')
const pending = Math.round(1_000_000 * share)
const failed = Math.round(100_000 * share)

/** @typedef {Awaited<ReturnType<typeof startRedisServer>>} RedisServer */

/**
 * @typedef {object} Page
 * @property {string} system
 * @property {string} name
 * @property {number} [budgetMs]
 * @property {number} [status]  where it is not 200: then nothing was measured
 * @property {number[]} times
 * @property {number[]} cpuTimes  of this process: where it serves the page itself, what the page takes of a processor
 * @property {number} bytes
 * @property {number} zipped
 * @property {number} trips
 * @property {number} commands  those inside scripts, too
 * @property {number} redisBytes
 */

/** @type {Page[]} */
const pages = []
const redis = await startRedisServer()
try {
  print(`${pending} pending, ${failed} failed, ${WORKERS} workers, ${QUEUES} queues`)
  await seed(redis)
  await measureOurs(redis)
  print(`\n${timeTable()}\n\n${costTable('resque-ts')}`)
  await measureResqueWeb(redis)
  print(`\n${costTable('resque-web')}`)
  await redis.flush()
  await measureBullBoard(redis)
  print(`\n${costTable('bull-board')}\n\n${ratioTable()}`)
} finally {
  await redis.stop()
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
    if (i % 2) continue
    const payload = { class: `Job${i % 40}`, args: [i, 'x'.repeat(80)] }
    pipeline.set(
      `resque:worker:${id}`,
      JSON.stringify({ queue: `queue_${i % QUEUES}`, run_at: '2026-11-01T10:00:00Z', payload }),
    )
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
  const delayed = client.pipeline()
  for (let time = 2_000_000_000, i = 0; i < 2_000; i++, time += 60) {
    delayed.zadd('resque:delayed_queue_schedule', time, `${time}`)
    delayed.rpush(`resque:delayed:${time}`, `{"class":"Later","args":[${i}],"queue":"queue_1"}`)
  }
  await delayed.exec()
  for (let i = 0; i < pending; i += 50_000) await client.eval(push, 0, i, Math.min(pending, i + 50_000) - 1)
  for (let i = 0; i < failed; i += 20_000) await client.eval(fail, 0, i, Math.min(failed, i + 20_000) - 1)
}

/** @param {RedisServer} server */
async function measureOurs(server) {
  const resque = new Resque({ redis: `redis://127.0.0.1:${server.port}` })
  // Its counts are else kept for a second: each page is to look for itself, once.
  const web = createWeb({ resque, auth: 'none', history: false, cacheMs: CACHE_MS })
  const http = createServer((req, res) => void web.handler(req, res))
  const port = await freePort()
  await new Promise((resolve) => http.listen(port, '127.0.0.1', () => resolve(undefined)))
  const url = `http://127.0.0.1:${port}`
  await measureIndex(`${url}/failed`)
  const measureAll = async (/** @type {(string | undefined)[]} */ paths, /** @type {number} */ budgetMs) => {
    for (const path of paths) if (path) await measure(server, 'resque-ts', path, url + path, budgetMs)
  }
  await measureAll(['/overview', '/queues', '/queues/queue_1', '/working', '/workers', '/failed'], PAGE_MS)
  await measureAll(['/failed?view=list', '/failed?view=list&start=50000'], PAGE_MS)
  const failedJob = await linkOn(`${url}/failed?view=list`, /href="(\/failed\/job\/[^"/]+)"/)
  await measureAll(
    [failedJob, await linkOn(`${url}/queues/queue_1`, /href="(\/queues\/[^"/]+\/job\/[^"/]+)"/)],
    PAGE_MS,
  )
  await measureAll(['/failed?class=Job3', '/failed?class=Job3&state=open&exception=Error3'], FILTERED_MS)
  await measureAll(['/failed?text=no+such', '/queues/queue_1?text=no+such', '/jobs/no-such-id'], SEARCH_MS)
  await measureAll(['/delayed', '/schedule', '/metrics', '/audit'], PAGE_MS)
  await measureAll(['/stats/resque', '/stats/redis', '/stats.txt'], PAGE_MS)
  http.closeAllConnections()
  http.close()
  await web.close()
  await resque.close()
}

/**
 * From the first page that needs the index to the first that has it.
 * @param {string} url
 */
async function measureIndex(url) {
  const began = performance.now()
  const cpuBefore = cpuMs()
  for (;;) {
    const html = await (await fetch(url)).text()
    if (!html.includes('Grouping …')) break
    await delay(20)
  }
  const times = [performance.now() - began]
  const name = 'first index, in the background'
  const none = {
    bytes: Number.NaN,
    zipped: Number.NaN,
    trips: Number.NaN,
    commands: Number.NaN,
    redisBytes: Number.NaN,
  }
  pages.push({
    system: 'resque-ts',
    name,
    budgetMs: INDEX_MS,
    times,
    cpuTimes: [cpuMs() - cpuBefore],
    ...none,
  })
}

/**
 * @param {string} url
 * @param {RegExp} pattern
 */
async function linkOn(url, pattern) {
  return pattern.exec(await (await fetch(url)).text())?.[1]?.replaceAll('&amp;', '&')
}

/** @param {RedisServer} server */
async function measureResqueWeb(server) {
  const gems = process.env.RESQUE_GEMS ?? fileURLToPath(new URL('../.cache/interop/gems', import.meta.url))
  const program = join(gems, 'gems/resque-3.0.0/bin/resque-web')
  if (!existsSync(program))
    return print('resque-web is not measured: its gem is not there (script/interop-gems brings it)')
  const port = await freePort()
  const home = mkdtempSync(join(tmpdir(), 'bench-resque-web-'))
  const args = [
    '-F',
    '-L',
    '-o',
    '127.0.0.1',
    '-p',
    `${port}`,
    '-r',
    `redis://127.0.0.1:${server.port}`,
    '--app-dir',
    home,
  ]
  const child = spawn('ruby', [program, ...args], {
    env: {
      ...process.env,
      HOME: home,
      GEM_HOME: gems,
      GEM_PATH: gems,
      INTEROP_STACK: '3.0-5',
      RUBYOPT: `-W0 -r${fileURLToPath(new URL('../test/interop/ruby/gems.rb', import.meta.url))}`,
    },
    stdio: 'ignore',
  })
  try {
    const url = `http://127.0.0.1:${port}`
    for (let i = 0; i < 150 && !(await fetch(`${url}/style.css`).catch(() => null)); i++) await delay(200)
    const paths = ['/overview', '/queues', '/queues/queue_1', '/working', '/workers', '/failed']
    // Its page of one class is a list, as our filtered one.
    paths.push('/failed?class=Job3', '/stats/resque', '/stats/redis', '/stats.txt')
    for (const path of paths) await measure(server, 'resque-web', path, url + path)
  } finally {
    child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
}

/** @param {RedisServer} server */
async function measureBullBoard(server) {
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
  const queues = Array.from({ length: QUEUES }, (_, i) => new Queue(`queue_${i}`, { connection }))
  const perQueue = Math.ceil(pending / QUEUES)
  const data = { id: 1, text: 'x'.repeat(80) }
  for (const queue of queues) {
    for (let i = 0; i < perQueue; i += 1_000) {
      await queue.addBulk(
        Array.from({ length: Math.min(1_000, perQueue - i) }, (_, k) => ({ name: `Job${k % 40}`, data })),
      )
    }
  }
  const app = new Hono()
  const adapter = new HonoAdapter(serveStatic)
  createBullBoard({ queues: queues.map((queue) => new BullMQAdapter(queue)), serverAdapter: adapter })
  adapter.setBasePath('/ui')
  app.route('/ui', adapter.registerPlugin())
  const port = await freePort()
  const http = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}/ui`
  // Its page is a script that asks for all of this every few seconds.
  await measure(server, 'bull-board', 'page', url)
  await measure(
    server,
    'bull-board',
    '/api/queues',
    `${url}/api/queues?activeQueue=queue_1&status=latest&page=1&jobsPerPage=50`,
  )
  http.close()
  await Promise.all(queues.map((queue) => queue.close()))
}

/**
 * @param {RedisServer} server
 * @param {string} system
 * @param {string} path
 * @param {string} url
 * @param {number} [budgetMs]
 */
async function measure({ client }, system, path, url, budgetMs) {
  const name = path.replace(/\/\d+\.[0-9a-f]{16}.*/, '/…')
  const page = { system, name, ...(budgetMs !== undefined && { budgetMs }) }
  const none = { times: [], cpuTimes: [], bytes: 0, zipped: 0, trips: 0, commands: 0, redisBytes: 0 }
  process.stderr.write(`${system} ${name}\n`)
  for (let i = 0; i < WARM; i++) {
    const response = await fetch(url)
    await response.arrayBuffer()
    if (response.status !== 200) return pages.push({ ...page, ...none, status: response.status })
  }
  await client.config('RESETSTAT')
  const before = await counters(client)
  const times = []
  const cpuTimes = []
  let body = Buffer.alloc(0)
  const endAt = performance.now() + PATIENCE_MS
  while (times.length < 3 || (times.length < ROUNDS && performance.now() < endAt)) {
    await delay(CACHE_MS + 10)
    const began = performance.now()
    const cpuBefore = cpuMs()
    body = Buffer.from(await (await fetch(url)).arrayBuffer())
    times.push(performance.now() - began)
    cpuTimes.push(cpuMs() - cpuBefore)
  }
  const after = await counters(client)
  const each = (/** @type {'commands' | 'bytes' | 'trips'} */ of) => (after[of] - before[of]) / times.length
  const costs = { trips: each('trips'), commands: each('commands'), redisBytes: each('bytes') }
  pages.push({ ...page, times, cpuTimes, bytes: body.length, zipped: gzipSync(body).length, ...costs })
}

function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** @param {RedisServer['client']} client */
async function counters(client) {
  const stats = await client.info('stats')
  const commands = [...(await client.info('commandstats')).matchAll(/calls=(\d+)/g)]
  return {
    commands: commands.reduce((sum, [, calls]) => sum + Number(calls), 0),
    bytes: Number(/total_net_output_bytes:(\d+)/.exec(stats)?.[1]),
    trips: Number(/total_reads_processed:(\d+)/.exec(stats)?.[1]),
  }
}

/**
 * What does not hang on the machine.
 * @param {string} of
 */
function costTable(of) {
  const kilobytes = (/** @type {number} */ bytes) => decimals(bytes / 1_024, 1)
  const head = ['system', 'page', 'kB', 'kB gz', 'round trips', 'Redis commands', 'kB from Redis']
  const rows = pages
    .filter(({ system, bytes }) => system === of && Number.isFinite(bytes))
    .map(({ system, name, status, bytes, zipped, trips, commands, redisBytes }) =>
      status !== undefined
        ? [system, name, `status ${status}`]
        : [
            ...[system, name, kilobytes(bytes), kilobytes(zipped)],
            ...[decimals(trips, 0), decimals(commands, 0), kilobytes(redisBytes)],
          ],
    )
  return table([head, ...rows], 2)
}

/** Ours against the budget. */
function timeTable() {
  const rows = pages.flatMap(({ name, times, cpuTimes, budgetMs }) => {
    if (budgetMs === undefined) return []
    const high = percentile(times, 95)
    const figures = [median(cpuTimes), percentile(cpuTimes, 95), median(times), high].map((ms) =>
      decimals(ms, 0),
    )
    return [[name, ...figures, `${budgetMs}`, high <= budgetMs ? 'yes' : 'NO']]
  })
  const head = ['resque-ts', 'CPU median ms', 'CPU p95 ms', 'median ms', 'p95 ms', 'p95 at most', 'met?']
  return table([head, ...rows])
}

/** Others against ours, where both have such a page; all of bull-board's against our overview. */
function ratioTable() {
  const rows = pages.flatMap((page) => {
    if (page.system === 'resque-ts' || page.times.length === 0) return []
    const name = page.system === 'bull-board' ? '/overview' : page.name
    const ours = pages.find((each) => each.system === 'resque-ts' && each.name === name)
    if (!ours) return []
    const ratio = (/** @type {(page: Page) => number} */ of) => `${decimals(of(page) / of(ours), 1)} ×`
    return [
      [
        ...[
          page.system,
          page.name,
          ratio(({ times }) => median(times)),
          ratio(({ times }) => percentile(times, 95)),
        ],
        ...[ratio(({ bytes }) => bytes), ratio(({ redisBytes }) => redisBytes)],
      ],
    ]
  })
  return table(
    [['against resque-ts', 'page', 'median time', 'p95 time', 'bytes', 'bytes from Redis'], ...rows],
    2,
  )
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const probe = createProbe().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`)
}
