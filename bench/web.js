// @ts-check
// What pages weigh and cost with many jobs: ours, resque-web's where its gem is there, and bull-board's on BullMQ with
// the same numbers of jobs. `node bench/web.js [share of a million jobs, 1 by default]`; script/interop-gems brings the
// gem. Times are medians of five, one request at a time, after one that is not counted.
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

const ROUNDS = 5
const LOOK_MS = 1_100
const QUEUES = 200
const WORKERS = 500
const share = Number(process.argv[2] ?? 1)
if (!(share > 0 && share <= 1)) throw new Error('Expected a share of a million jobs, such as 0.1.')
const pending = Math.round(1_000_000 * share)
const failed = Math.round(100_000 * share)

/** @typedef {Awaited<ReturnType<typeof startRedisServer>>} RedisServer */

const redis = await startRedisServer()
try {
  print(`${pending} pending, ${failed} failed, ${WORKERS} workers, ${QUEUES} queues\n`)
  print('| page | ms | kB | kB gz | Redis commands | kB from Redis |\n|---|---|---|---|---|---|')
  await seed(redis)
  await measureOurs(redis)
  await measureResqueWeb(redis)
  await redis.flush()
  await measureBullBoard(redis)
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
  for (let i = 0; i < pending; i += 50_000) await client.eval(push, 0, i, Math.min(pending, i + 50_000) - 1)
  for (let i = 0; i < failed; i += 20_000) await client.eval(fail, 0, i, Math.min(failed, i + 20_000) - 1)
}

/** @param {RedisServer} server */
async function measureOurs(server) {
  const resque = new Resque({ redis: `redis://127.0.0.1:${server.port}` })
  const web = createWeb({ resque, auth: 'none', history: false })
  const http = createServer((req, res) => void web.handler(req, res))
  const port = await freePort()
  await new Promise((resolve) => http.listen(port, '127.0.0.1', () => resolve(undefined)))
  for (const path of [
    '/overview',
    '/queues',
    '/queues/queue_1',
    '/failed',
    '/working',
    '/workers',
    '/stats.txt',
  ]) {
    await measure(server, `resque-ts ${path}`, `http://127.0.0.1:${port}${path}`)
  }
  http.closeAllConnections()
  http.close()
  await web.close()
  await resque.close()
}

/** @param {RedisServer} server */
async function measureResqueWeb(server) {
  const gems = process.env.RESQUE_GEMS ?? fileURLToPath(new URL('../.cache/interop/gems', import.meta.url))
  const program = join(gems, 'gems/resque-3.0.0/bin/resque-web')
  if (!existsSync(program))
    return print('| resque-web: its gem is not there (script/interop-gems brings it) | | | | | |')
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
    for (const path of [
      '/overview',
      '/queues',
      '/queues/queue_1',
      '/failed',
      '/working',
      '/workers',
      '/stats.txt',
    ]) {
      await measure(server, `resque-web ${path}`, url + path)
    }
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
  await measure(server, 'bull-board page', url)
  await measure(
    server,
    'bull-board /api/queues',
    `${url}/api/queues?activeQueue=queue_1&status=latest&page=1&jobsPerPage=50`,
  )
  http.close()
  await Promise.all(queues.map((queue) => queue.close()))
}

/**
 * @param {RedisServer} server
 * @param {string} name
 * @param {string} url
 */
async function measure({ client }, name, url) {
  const first = await fetch(url)
  await first.arrayBuffer()
  if (first.status !== 200) return print(`| ${name} | ${first.status} | | | | |`)
  await client.config('RESETSTAT')
  const before = await counters(client)
  const times = []
  let body = Buffer.alloc(0)
  for (let i = 0; i < ROUNDS; i++) {
    // Ours keeps its counts for a second: each page is to look for itself.
    await delay(LOOK_MS)
    const began = performance.now()
    body = Buffer.from(await (await fetch(url)).arrayBuffer())
    times.push(performance.now() - began)
  }
  const after = await counters(client)
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  const kilobytes = (/** @type {number} */ bytes) => (bytes / 1_024).toFixed(1)
  print(
    `| ${name} | ${median.toFixed(0)} | ${kilobytes(body.length)} | ${kilobytes(gzipSync(body).length)} | ` +
      `${Math.round((after.commands - before.commands) / ROUNDS)} | ${kilobytes((after.bytes - before.bytes) / ROUNDS)} |`,
  )
}

/** @param {RedisServer['client']} client */
async function counters(client) {
  const stats = await client.info('stats')
  const commands = [...(await client.info('commandstats')).matchAll(/calls=(\d+)/g)]
  return {
    commands: commands.reduce((sum, [, calls]) => sum + Number(calls), 0),
    bytes: Number(/total_net_output_bytes:(\d+)/.exec(stats)?.[1]),
  }
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
