// Connections that break at the worst moment while nobody dies: every job runs exactly once all the same.

import { defineJob, Resque } from 'resque-ts'
import { Worker } from 'resque-ts/worker'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { finishAndReserve } from '#built/store/finish-and-reserve.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { CuttingProxy, type Link } from './support/proxy.js'
import { type Random, scaled, seeded } from './support/random.js'

let redis: RedisServer
let proxy: CuttingProxy
/** Through the proxy; what enqueues and looks goes straight to Redis. */
let resque: Resque
let direct: Resque
let worker: Worker | undefined
let random: Random
/** How often each id ran. */
let runs: Map<string, number>

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const ran = (id: string) => runs.set(id, (runs.get(id) ?? 0) + 1)

const Once = defineJob({
  name: 'Once',
  queue: 'runs',
  async perform(id: string) {
    ran(id)
    if (random.next() < 0.5) await pause(random.between(0, 2))
  },
})
/** Every payload is the same text. */
const Same = defineJob({
  name: 'Same',
  queue: 'runs',
  async perform() {
    ran('same')
    if (random.next() < 0.5) await pause(random.between(0, 2))
  },
})
const Boom = defineJob({
  name: 'Boom',
  queue: 'runs',
  perform(id: string) {
    ran(id)
    throw new Error('This job fails, as it should.')
  },
})

beforeEach(async () => {
  redis = await startRedis()
  proxy = await new CuttingProxy(redis.port).start()
  resque = new Resque({ redis: proxy.url, commandTimeoutMs: 1_000 })
  direct = new Resque({ redis: redis.url })
  runs = new Map()
})
afterEach(async () => {
  proxy.interference = {}
  await worker?.stop({ timeoutMs: 1_000 })
  worker = undefined
  await resque.close()
  await direct.close()
  await proxy.stop()
  await redis.stop()
})

const isCall = (piece: Buffer) => piece.includes(finishAndReserve.sha)

/** Jobs of all three kinds, in random order: `count` ids, of which every tenth fails, and as many that are identical. */
async function enqueueJobs(count: number): Promise<{ failing: number; total: number }> {
  const ids = Array.from({ length: count }, (_, i) => `job-${i}`)
  for (let i = 0; i < count; i += 500) {
    const some = ids.slice(i, i + 500)
    await direct.enqueueMany(some.map((id, j) => [j % 10 === 0 ? Boom : Once, id]))
    await direct.enqueueMany(some.map(() => [Same]))
  }
  return { failing: count / 10, total: 2 * count }
}

/** Runs jobs of all kinds while the connections are interfered with, and checks that each ran exactly once. */
async function work(count: number, interfere: () => void): Promise<void> {
  worker = new Worker({ resque, queues: 'runs', jobs: [Once, Same, Boom], concurrency: 10, intervalMs: 300 })
  await worker.start()
  interfere()
  const { failing, total } = await enqueueJobs(count)
  await waitFor(async () => (await direct.stats.get('processed')) >= total, {
    timeoutMs: 60_000,
    message: 'all jobs to be processed',
  })
  proxy.interference = {}
  await worker.stop()
  const notOnce = [...runs].filter(([id, times]) => times !== (id === 'same' ? count : 1))
  expect(notOnce).toEqual([])
  expect(runs.size).toBe(count + 1)
  expect(await direct.stats.get('processed')).toBe(total)
  expect(await direct.stats.get('failed')).toBe(failing)
  expect(await leftovers(redis.client)).toEqual({ ...nothing, failed: failing })
}

test('connections that break at random moments neither lose nor double a job', async () => {
  random = seeded('random cuts')
  let cuts = 0
  let cutting: NodeJS.Timeout | undefined
  const cutSometimes = () => {
    cutting = setInterval(() => {
      const links = [...proxy.links]
      if (links.length === 0 || random.next() < 0.5) return
      proxy.cut(random.pick(links))
      cuts++
    }, 20)
  }
  await work(scaled(2_000), cutSometimes).finally(() => clearInterval(cutting))
  console.info(`random cuts: ${cuts}`)
  expect(cuts).toBeGreaterThan(10)
})

test('an answer that is lost after the call was done neither loses nor doubles a job', async () => {
  random = seeded('lost answers')
  const doomed = new Set<Link>()
  let lost = 0
  await work(scaled(2_000), () => {
    proxy.interference = {
      onSent(piece, link) {
        if (isCall(piece) && random.next() < 0.05) doomed.add(link)
        return 'pass'
      },
      onAnswered(_piece, link) {
        if (!doomed.has(link)) return 'pass'
        lost++
        proxy.cut(link)
        return undefined
      },
    }
  })
  expect(lost).toBeGreaterThan(10)
})

test('a call that never arrived neither loses nor doubles a job', async () => {
  random = seeded('lost calls')
  let lost = 0
  await work(scaled(2_000), () => {
    proxy.interference = {
      onSent(piece, link) {
        if (!isCall(piece) || random.next() > 0.05) return 'pass'
        lost++
        // Redis got the half of it.
        link.redis.write(piece.subarray(0, piece.length / 2), () => proxy.cut(link))
        return undefined
      },
    }
  })
  expect(lost).toBeGreaterThan(10)
})

test('a call that arrives long after its connection broke neither loses nor doubles a job', async () => {
  random = seeded('late calls')
  let late = 0
  let calls = 0
  const deliver = (piece: Buffer, link: Link) => {
    const dueAt = calls + random.between(0, 5)
    const timer = setInterval(() => {
      // At the end, whatever is still due.
      if (calls < dueAt && proxy.interference.onSent) return
      clearInterval(timer)
      link.redis.end(piece)
    }, 5)
  }
  await work(scaled(2_000), () => {
    proxy.interference = {
      onSent(piece, link) {
        if (!isCall(piece)) return 'pass'
        calls++
        if (random.next() > 0.05) return 'pass'
        late++
        proxy.abandon(link)
        deliver(piece, link)
        return undefined
      },
    }
  })
  expect(late).toBeGreaterThan(10)
})

test('an enqueue whose answer is lost is not sent again', async () => {
  random = seeded('lost enqueues')
  const accepted: string[] = []
  const rejected: string[] = []
  const doomed = new Set<Link>()
  proxy.interference = {
    onSent(piece, link) {
      if (piece.includes('rpush') && random.next() < 0.1) doomed.add(link)
      return 'pass'
    },
    onAnswered(_piece, link) {
      if (!doomed.has(link)) return 'pass'
      proxy.cut(link)
      return undefined
    },
  }
  for (let round = 0; round < scaled(100); round++) {
    const enqueues = Array.from({ length: random.between(1, 10) }, (_, i) => {
      const id = `${round}-${i}`
      return resque.enqueue(Once, id).then(
        () => accepted.push(id),
        () => rejected.push(id),
      )
    })
    await Promise.all(enqueues)
  }
  const waiting = (await direct.peek('runs', 0, 10_000)).map(({ args }) => args[0] as string)
  const times = (id: string) => waiting.filter((each) => each === id).length
  expect(rejected.length).toBeGreaterThan(10)
  expect(accepted.filter((id) => times(id) !== 1)).toEqual([])
  expect(rejected.filter((id) => times(id) > 1)).toEqual([])
})
