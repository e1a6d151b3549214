// Connections that break: every call comes to an end within its deadline, says whether anything may have been written,
// and nothing is ever sent twice.

import { ConnectionError, Resque } from 'resque-ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { startProxy, type TcpProxy } from './proxy.js'

const DEADLINE_MS = 1_000

let redis: RedisServer
let proxy: TcpProxy
let resque: Resque

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(async () => {
  await redis.client.flushall()
  proxy = await startProxy(redis.port)
  resque = new Resque({ redis: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: DEADLINE_MS })
})
afterEach(async () => {
  await resque.close()
  await proxy.close()
})

const waiting = () => redis.client.llen('resque:queue:q')

/** The error of a call, and how long it took to come. */
async function failureOf(call: Promise<unknown>): Promise<{ error: Error; ms: number }> {
  const startedAt = performance.now()
  const error = await call.then(
    () => new Error('it resolved'),
    (reason: Error) => reason,
  )
  return { error, ms: performance.now() - startedAt }
}

test('Redis down: an enqueue rejects within its deadline and says that nothing was written', async () => {
  const down = new Resque({ redis: 'redis://127.0.0.1:1', commandTimeoutMs: DEADLINE_MS })
  const { error, ms } = await failureOf(down.enqueueTo('q', 'Job'))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error.message).toMatch(
    /^Redis at redis:\/\/127\.0\.0\.1:1\/0 could not be reached within 1000 ms \(last error: .*ECONNREFUSED.*\)\. Nothing was written\./,
  )
  expect(ms).toBeGreaterThan(DEADLINE_MS * 0.9)
  expect(ms).toBeLessThan(DEADLINE_MS * 3)
  await down.close()
})

test('a Redis that is accepted but never answers is given up within the deadline, and nothing was written', async () => {
  proxy.onRequest = () => 'hold'
  const { error, ms } = await failureOf(resque.enqueueTo('q', 'Job'))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error.message).toContain('Nothing was written.')
  expect(ms).toBeLessThan(DEADLINE_MS * 3)
  expect(await waiting()).toBe(0)
})

test('a connection that falls silent is given up within the deadline, and what was sent may have been done', async () => {
  await resque.queues()
  proxy.onReply = () => 'hold'
  const { error, ms } = await failureOf(resque.enqueueTo('q', 'Job'))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error.message).toMatch(/did not answer within 1000 ms\. The command may or may not have been done\./)
  expect(ms).toBeLessThan(DEADLINE_MS * 3)
})

test('a connection that was accepted and never answered is left for a new one', async () => {
  proxy.onRequest = () => 'hold'
  await failureOf(resque.queues())
  proxy.onRequest = () => 'pass'
  expect(await waitFor(() => resque.queues().catch(() => undefined))).toEqual([])
  expect(proxy.count).toBe(2)
})

test('after a connection fell silent a new one is made, and calls work again', async () => {
  await resque.queues()
  proxy.onReply = () => 'hold'
  await failureOf(resque.enqueueTo('q', 'First'))
  proxy.onReply = () => 'pass'
  expect(await resque.enqueueTo('q', 'Second')).toBe(true)
  expect(proxy.count).toBeGreaterThan(1)
  expect(await redis.client.lrange('resque:queue:q', 0, -1)).toEqual([
    '{"class":"First","args":[]}',
    '{"class":"Second","args":[]}',
  ])
})

test('an enqueue whose reply is lost rejects, and is never sent a second time', async () => {
  await resque.queues()
  let isForwarded = false
  proxy.onRequest = (chunk) => {
    if (/rpush/i.test(chunk)) isForwarded = true
    return 'pass'
  }
  proxy.onReply = () => (isForwarded ? 'cut' : 'pass')
  const { error } = await failureOf(resque.enqueueTo('q', 'Once'))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error.message).toMatch(
    /was lost before its answer came\. The command may or may not have been done\.$/,
  )
  proxy.onReply = () => 'pass'
  expect(await resque.size('q')).toBe(1)
  await resque.enqueueTo('q', 'Other')
  expect(await redis.client.lrange('resque:queue:q', 0, -1)).toEqual([
    '{"class":"Once","args":[]}',
    '{"class":"Other","args":[]}',
  ])
})

test('an enqueue that never reached Redis rejects, and is not sent later', async () => {
  await resque.queues()
  proxy.onRequest = (chunk) => (/rpush/i.test(chunk) ? 'cut' : 'pass')
  const { error } = await failureOf(resque.enqueueTo('q', 'Job'))
  expect(error).toBeInstanceOf(ConnectionError)
  proxy.onRequest = () => 'pass'
  expect(await resque.size('q')).toBe(0)
})

test('of many enqueues that travel in two commands, those of the first have succeeded when the second is lost', async () => {
  await resque.queues()
  let pushes = 0
  proxy.onRequest = (chunk) => {
    pushes += chunk.match(/\r\nrpush\r\n/gi)?.length ?? 0
    return pushes > 1 ? 'cut' : 'pass'
  }
  const big = 'x'.repeat(300_000)
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => resque.enqueueTo('q', 'Job', big)))
  expect(results.map(({ status }) => status)).toEqual([
    ...Array(3).fill('fulfilled'),
    ...Array(3).fill('rejected'),
  ])
  expect(await waiting()).toBe(3)
  expect(results[5]).toMatchObject({ reason: expect.any(ConnectionError) })
})

test('a call that is made while Redis is away succeeds if it comes back before the deadline', async () => {
  const patient = new Resque({ redis: redis.url, commandTimeoutMs: 20_000 })
  await patient.queues()
  await redis.kill()
  const enqueue = patient.enqueueTo('q', 'Job')
  await redis.restart()
  expect(await enqueue.catch(() => patient.enqueueTo('q', 'Job'))).toBe(true)
  await patient.close()
})

test('a client reconnects by itself after each loss', async () => {
  for (let i = 0; i < 3; i++) {
    expect(await resque.queues()).toEqual([])
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await waitFor(async () => (await resque.queues().catch(() => undefined)) !== undefined)
  }
})

test('close ends calls that wait for a connection', async () => {
  const away = new Resque({ redis: 'redis://127.0.0.1:1', commandTimeoutMs: 60_000 })
  const call = failureOf(away.queues())
  await waitFor(() => !away.store.connection.isReady)
  await away.close()
  expect((await call).error.message).toMatch(/^This connection to Redis was closed\./)
})

test('a thread that was kept busy past the deadline of a call finds the answer that has come', async () => {
  const direct = new Resque({ redis: redis.url, commandTimeoutMs: 200 })
  await direct.size('q')
  for (let i = 0; i < 5; i++) {
    const call = direct.size('q')
    const until = performance.now() + 300
    while (performance.now() < until);
    await call
  }
  await direct.close()
})
