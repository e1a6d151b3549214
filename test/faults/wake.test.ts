// The wake-up of an idle worker, when messages cross and connections go: no job waits for the worker's own interval.

import { defineJob, Resque } from 'resque-ts'
import { Worker } from 'resque-ts/worker'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { finishAndReserve } from '#built/store/finish-and-reserve.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { CuttingProxy } from './support/proxy.js'

let redis: RedisServer
let proxy: CuttingProxy
let resque: Resque
let worker: Worker
const ran = new Set<string>()

const Once = defineJob({ name: 'Once', queue: 'runs', perform: (id: string) => void ran.add(id) })

beforeEach(async () => {
  ran.clear()
  redis = await startRedis()
  proxy = await new CuttingProxy(redis.port).start()
  resque = new Resque({ redis: proxy.url, commandTimeoutMs: 1_000 })
  // An interval that no test could wait for.
  // One queue alone would be waited on in another way: hand.test.ts.
  worker = new Worker({ resque, queues: 'other,runs', jobs: [Once], intervalMs: 600_000 })
  await worker.start()
  await isTold()
})
afterEach(async () => {
  proxy.interference = {}
  await worker.stop({ timeoutMs: 1_000 })
  await resque.close()
  await proxy.stop()
  await redis.stop()
})

/** Redis tells some connection of the worker when a queue changes. */
async function isTold(): Promise<void> {
  await waitFor(async () => /flags=\w*t\w* .*redir=[1-9]/.test(await clients()), { message: 'tracking' })
}

async function clients(): Promise<string> {
  return (await redis.client.client('LIST')) as string
}

/** As any other program would, Ruby's included. */
async function push(id: string): Promise<void> {
  await redis.client.rpush('resque:queue:runs', `{"class":"Once","args":["${id}"]}`)
}

async function runs(id: string): Promise<void> {
  await waitFor(() => ran.has(id), { timeoutMs: 5_000, message: `job ${id}` })
}

test('a job that is pushed while the answer to a look is on its way is run at once', async () => {
  const calls: Buffer[] = []
  let answer: { send: () => void } | undefined
  proxy.interference = {
    onSent(piece) {
      if (piece.includes(finishAndReserve.sha)) calls.push(piece)
      return 'pass'
    },
    onAnswered(piece, link) {
      // The answer to the call that ended the first job and looked for another: it found none.
      if (calls.length < 2 || answer) return 'pass'
      answer = { send: () => link.client.write(piece) }
      return undefined
    },
  }
  await push('first')
  await waitFor(() => answer)
  let isTold = false
  const { onAnswered } = proxy.interference
  proxy.interference.onAnswered = (piece, link) => {
    if (piece.includes('invalidate')) isTold = true
    return onAnswered?.(piece, link)
  }
  await push('second')
  await waitFor(() => isTold)
  // The message has left for the worker; give it the time to arrive before the answer does.
  await new Promise((resolve) => setTimeout(resolve, 50))
  answer?.send()
  await runs('second')
})

test('a worker whose listening connection was killed is told again', async () => {
  for (const id of ['first', 'second', 'third']) {
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await waitFor(async () => /sub=1 /.test(await clients()), { message: 'a new listener' })
    await isTold()
    await push(id)
    await runs(id)
  }
})

test('a worker all of whose connections were killed is told again', async () => {
  for (const id of ['first', 'second', 'third']) {
    proxy.cutAll()
    await waitFor(async () => /sub=1 /.test(await clients()), { message: 'a new listener' })
    await isTold()
    await push(id)
    await runs(id)
  }
})

test('an idle worker is told again after Redis was restarted', async () => {
  await redis.restart()
  await isTold()
  await push('after')
  await runs('after')
  expect(ran.size).toBe(1)
})
