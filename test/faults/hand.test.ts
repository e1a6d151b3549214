// A job that Redis hands to a worker that waits is in nobody's record for a moment. Whatever breaks in that moment, it runs,
// once where that can be; and nothing that pauses or stops lets one slip through.
// The random pauses between two steps wait for nothing: they vary the moments at which one meets the other.

import { setTimeout as delay } from 'node:timers/promises'
import { defineJob, type Logger, Resque } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { finishAndReserve } from '#built/store/finish-and-reserve.js'
import { gate } from '../room.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { CuttingProxy, type Link } from './support/proxy.js'
import { seeded } from './support/random.js'
import { WorkerProcesses } from './support/worker-process.js'

let redis: RedisServer
let proxy: CuttingProxy
let direct: Resque
const open: { close(): Promise<void> }[] = []
const ran = new Map<string, number>()

const Once = defineJob({
  name: 'Once',
  queue: 'runs',
  perform(id: string) {
    ran.set(id, (ran.get(id) ?? 0) + 1)
  },
})

beforeEach(async () => {
  ran.clear()
  redis = await startRedis()
  proxy = await new CuttingProxy(redis.port).start()
  direct = new Resque({ redis: redis.url })
})
afterEach(async () => {
  proxy.interference = {}
  for (const each of open.splice(0)) await each.close()
  await direct.close()
  await proxy.stop()
  await redis.stop()
})

/** A worker of one queue, through the proxy, with an interval that no test could wait for. */
async function start(options: Partial<WorkerOptions> = {}): Promise<Worker> {
  const resque = new Resque({ redis: proxy.url, commandTimeoutMs: 2_000 })
  const worker = new Worker({
    resque,
    queues: 'runs',
    jobs: [Once],
    intervalMs: 600_000,
    title: false,
    ...options,
  })
  await worker.start()
  open.push({
    async close() {
      await worker.stop({ timeoutMs: 1_000 })
      await resque.close()
    },
  })
  return worker
}

/** Redis waits for a job to hand over, for so many. */
async function waits(count = 1): Promise<void> {
  await waitFor(async () => (await waiting()).length === count, { message: `${count} open hands` })
}

/** The lines of `CLIENT LIST` of connections that are blocked by it. */
async function waiting(): Promise<string[]> {
  const lines = ((await redis.client.client('LIST')) as string).split('\n')
  return lines.filter((line) => /flags=\w*b\w* .*cmd=blmove/.test(line))
}

/** As any other program would, Ruby's included. */
async function push(...ids: string[]): Promise<void> {
  await redis.client.rpush('resque:queue:runs', ...ids.map((id) => `{"class":"Once","args":["${id}"]}`))
}

async function allRan(ids: string[]): Promise<void> {
  await waitFor(() => ids.every((id) => ran.has(id)), {
    timeoutMs: 8_000,
    message: () => `${ids.length} jobs`,
  })
}

const times = () => [...ran].filter(([, count]) => count !== 1)

/** A call that writes the record of what was handed over. */
const isBooking = (piece: Buffer) =>
  piece.includes(finishAndReserve.sha) && / h( |$|\r)|\d+h /.test(piece.toString())

describe('a job that is pushed while a worker of its queue waits', () => {
  test('starts without another question to Redis, and is written down', async () => {
    const hold = gate()
    const Slow = defineJob({
      name: 'Once',
      async perform(id: string) {
        ran.set(id, 1)
        await hold.opened
      },
    })
    await start({ jobs: [Slow] })
    await waits()
    // No call for a job gets through: it starts all the same.
    const held: (() => void)[] = []
    proxy.interference.onSent = (piece, link) => {
      if (!piece.includes(finishAndReserve.sha)) return 'pass'
      held.push(() => link.redis.write(piece))
      return undefined
    }
    await push('a')
    await allRan(['a'])
    expect(await direct.working()).toEqual([])
    proxy.interference = {}
    for (const send of held) send()
    await waitFor(async () => (await direct.working()).length === 1)
    expect((await leftovers(redis.client)).hands).toHaveLength(1)
    hold.open()
    await waitFor(async () => (await direct.stats.get('processed')) === 1)
  })

  test.each([1, 4])(
    'runs once, of 2,000 that come one by one, in bursts, and at once (%d slots, two workers)',
    async (concurrency) => {
      const random = seeded(`trickle ${concurrency}`)
      await start({ concurrency })
      await start({ concurrency })
      await waits(2)
      const ids: string[] = []
      while (ids.length < 2_000) {
        const burst = Array.from(
          { length: random.next() < 0.7 ? 1 : random.between(2, 40) },
          (_, i) => `${ids.length + i}`,
        )
        ids.push(...burst)
        await push(...burst)
        if (random.next() < 0.3) await delay(random.between(0, 3))
        if (random.next() < 0.1) await allRan(ids)
      }
      await allRan(ids)
      expect(times()).toEqual([])
      await waitFor(async () => (await direct.stats.get('processed')) === ids.length)
      await waits(2)
    },
  )
})

describe('what breaks while a job is handed over', () => {
  test('the answer that hands it over is lost: it goes back and runs once, at once', async () => {
    await start()
    for (const id of ['a', 'b', 'c']) {
      await waits()
      const handing = await linkThatWaits()
      proxy.interference.onAnswered = (_piece, link) => {
        if (link !== handing) return 'pass'
        proxy.cut(link)
        return undefined
      }
      await push(id)
      await allRan([id])
      proxy.interference = {}
    }
    expect(times()).toEqual([])
  })

  test('Redis believes in a connection that is gone: it hands nothing to it', async () => {
    await start()
    await waits()
    proxy.abandon(await linkThatWaits())
    // The old one and the new one.
    await waits(2)
    for (const id of ['a', 'b', 'c']) {
      await push(id)
      await allRan([id])
    }
    expect(times()).toEqual([])
    expect((await leftovers(redis.client)).waiting).toEqual({})
  })

  test.each(['call', 'answer'] as const)(
    'the %s that writes its record is lost: it runs once',
    async (what) => {
      await start()
      for (const id of ['a', 'b', 'c']) {
        await waits()
        let booked: Link | undefined
        proxy.interference = {
          onSent(piece, link) {
            if (booked || !isBooking(piece)) return 'pass'
            booked = link
            if (what === 'answer') return 'pass'
            proxy.cut(link)
            return undefined
          },
          onAnswered(_piece, link) {
            if (link !== booked) return 'pass'
            proxy.cut(link)
            return undefined
          },
        }
        await push(id)
        await allRan([id])
        await waitFor(async () => (await direct.stats.get('processed')) === ran.size, { timeoutMs: 8_000 })
        expect(booked).toBeDefined()
        proxy.interference = {}
      }
      expect(times()).toEqual([])
      expect(await leftovers(redis.client)).toMatchObject({ waiting: {}, records: {}, failed: 0 })
    },
  )

  test('Redis came back with an older state: a hand that was closed since gives its job back, and is listed no more', async () => {
    const worker = await start()
    await waits()
    const listed = async () => (await leftovers(redis.client)).hands
    const [first = ''] = await listed()
    proxy.cut(await linkThatWaits())
    await waitFor(async () => (await listed()).length === 1 && (await listed())[0] !== first)
    await waits()
    // As it was: with a job in it that never began, as far as this Redis knows.
    const restore = async () => {
      await redis.client.del(`resque:hand:${first}`)
      await redis.client.hset('resque:hands', first, 'runs')
      await redis.client.rpush(`resque:hand:${first}`, '{"class":"Once","args":["past"]}')
    }
    await restore()
    proxy.cut(await linkThatWaits())
    await allRan(['past'])
    await waits()
    expect(await listed()).not.toContain(first)
    await restore()
    await worker.stop()
    expect(await leftovers(redis.client)).toEqual({ ...nothing, waiting: { runs: 1 } })
  })

  test('everything was flushed: jobs are handed over as before', async () => {
    await start()
    await waits()
    await redis.client.flushall()
    await push('a')
    await allRan(['a'])
  })
})

describe('a process that is killed while a job is handed to it', () => {
  const processes = { all: undefined as WorkerProcesses | undefined }
  beforeEach(() => {
    processes.all = new WorkerProcesses()
  })
  afterEach(() => processes.all?.clear())

  /** Kills a process after this job was handed to it and before Redis got the call that writes its record. */
  async function killHolding(payload: string): Promise<void> {
    let isHeld = false
    proxy.interference.onSent = (piece) => {
      if (!isBooking(piece)) return 'pass'
      isHeld = true
      return undefined
    }
    const victim = processes.all?.start({
      url: proxy.url,
      worker: { intervalMs: 600_000, heartbeatMs: 100, deadAfterMs: 1_000, pruneIntervalMs: 600_000 },
    })
    await waits()
    await redis.client.rpush('resque:queue:runs', payload)
    await waitFor(() => isHeld)
    victim?.kill('SIGKILL')
    await victim?.exited
    proxy.interference = {}
  }

  test('leaves it for others: it counts as a death, and after three it is parked', async () => {
    for (let death = 1; death <= 3; death++) {
      await killHolding('{"class":"Record","args":["poison",0]}')
      const survivor = await start({ queues: 'other,another', pruneIntervalMs: 50 })
      await waitFor(async () => (await leftovers(redis.client)).hands.length === 0, { timeoutMs: 10_000 })
      const { waiting: left, failed } = await leftovers(redis.client)
      expect([left, failed]).toEqual(death < 3 ? [{ runs: 1 }, 0] : [{}, 1])
      await survivor.stop()
      await redis.client.lpop('resque:queue:runs')
    }
    const [parked] = await direct.failed.all()
    expect(parked).toMatchObject({ exception: 'Resque::DirtyExit', queue: 'runs' })
    // Before it had a history it was started at once; from then on, not before its record was written.
    expect([...(processes.all?.runs().begun ?? [])]).toEqual([['poison', 1]])
  })

  test('keeps no worker from starting, and its job stays, while the queue of that job is no list', async () => {
    await killHolding('{"class":"Record","args":["kept",0]}')
    await redis.client.set('resque:queue:runs', 'something else')
    const survivor = await start({ queues: 'other,another', pruneIntervalMs: 50 })
    await waitFor(async () => (await direct.workers()).every(({ id }) => survivor.ids.includes(id)), {
      timeoutMs: 10_000,
    })
    expect((await leftovers(redis.client).catch(() => undefined))?.hands).not.toEqual([])
    await redis.client.del('resque:queue:runs')
    await waitFor(async () => (await direct.size('runs')) === 1)
  })

  test('leaves a job that must not run twice to failed: it may have begun', async () => {
    await killHolding('{"class":"AtMostOnce","args":["once"]}')
    await start({ queues: 'other,another', pruneIntervalMs: 50 })
    await waitFor(async () => (await direct.failed.count()) === 1, { timeoutMs: 10_000 })
    expect(await leftovers(redis.client)).toMatchObject({ waiting: {}, hands: [] })
  })
})

test('a job that keeps its process busy from its first line on is seen as working, also the second of its class', async () => {
  const processes = new WorkerProcesses()
  try {
    const worker = processes.start({ url: redis.url, worker: { intervalMs: 600_000 } })
    await worker.ready
    for (const id of ['first', 'second', 'third']) {
      await waits()
      await redis.client.rpush('resque:queue:runs', `{"class":"Spin","args":["${id}",1500]}`)
      await waitFor(() => processes.runs().begun.has(id))
      await waitFor(async () => (await direct.working()).length === 1)
      expect(processes.runs().ended.has(id)).toBe(false)
      await waitFor(async () => (await direct.working()).length === 0)
    }
  } finally {
    await processes.clear()
  }
})

describe('what is paused', () => {
  test.each(['a queue', 'all workers'] as const)(
    '%s: not one job starts from then on, however they come',
    async (what) => {
      const random = seeded(`pause ${what}`)
      await start({ concurrency: 3 })
      const [pause, resume] =
        what === 'a queue'
          ? [() => direct.pauseQueue('runs'), () => direct.resumeQueue('runs')]
          : [() => direct.pauseAll(), () => direct.resumeAll()]
      for (let round = 0; round < 60; round++) {
        if (random.next() < 0.7) await waits()
        if (random.next() < 0.5) void push(`before ${round}`)
        if (random.next() < 0.5) await delay(random.between(0, 2))
        await pause()
        await push(`${round} a`, `${round} b`)
        if (random.next() < 0.3) await delay(random.between(0, 8))
        await push(`${round} c`)
        expect([...ran.keys()].filter((id) => id.startsWith(`${round} `))).toEqual([])
        expect(await direct.size('runs')).toBeGreaterThanOrEqual(3)
        await resume()
        await allRan([`${round} a`, `${round} b`, `${round} c`])
      }
      expect(times()).toEqual([])
    },
  )

  test('all workers, by a program that only sets the key, as Ruby does: a worker that has heard of it starts nothing', async () => {
    await start()
    for (let round = 0; round < 5; round++) {
      await waits()
      await redis.client.set('resque:pause-all-workers', 'true')
      await waits(0)
      await push(`${round}`)
      // What is handed over has left its queue before the push is answered.
      expect(await direct.size('runs')).toBe(1)
      expect(ran.has(`${round}`)).toBe(false)
      await redis.client.del('resque:pause-all-workers')
      await allRan([`${round}`])
    }
  })
})

test('a worker that is stopped while jobs are pushed runs each once or leaves it, and leaves no hand behind', async () => {
  const random = seeded('stop')
  const ids: string[] = []
  for (let round = 0; round < 40; round++) {
    const worker = await start({ concurrency: random.between(1, 3) })
    if (random.next() < 0.8) await waits()
    const stopped = delay(random.between(0, 3)).then(() => worker.stop())
    for (let i = 0; i < 6; i++) {
      ids.push(`${round}-${i}`)
      await push(`${round}-${i}`)
    }
    await stopped
    const { waiting, ...rest } = await leftovers(redis.client)
    expect(rest).toEqual({ ...nothing, waiting: undefined })
    expect(ran.size + (waiting.runs ?? 0)).toBe(ids.length)
    expect(await redis.client.keys('resque:hand*')).toEqual([])
  }
  await start()
  await allRan(ids)
  expect(times()).toEqual([])
})

test('where Redis must not hand jobs over, the worker says so once and asks for each', async () => {
  await redis.client.call('ACL', 'SETUSER', 'careful', 'on', '>pw', '~*', '&*', '+@all', '-blmove')
  const lines: string[] = []
  const logger = { info: (_: object, text: string) => lines.push(text), debug() {}, warn() {}, error() {} }
  const resque = new Resque({ redis: redis.url.replace('redis://', 'redis://careful:pw@') })
  const worker = new Worker({
    ...{ resque, queues: 'runs', jobs: [Once], intervalMs: 600_000, title: false },
    logger: logger as unknown as Logger,
  })
  await worker.start()
  for (const id of ['a', 'b', 'c']) {
    await push(id)
    await allRan([id])
  }
  expect(lines.filter((text) => text.includes('does not hand jobs over'))).toHaveLength(1)
  await worker.stop()
  await resque.close()
})

test('where Redis does not tell of pauses, nothing is handed over: a pause of Ruby’s would come too late', async () => {
  await redis.client.call('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking')
  const resque = new Resque({ redis: redis.url.replace('redis://', 'redis://deaf:pw@') })
  const worker = new Worker({ resque, queues: 'runs', jobs: [Once], intervalMs: 50, title: false })
  await worker.start()
  for (const id of ['a', 'b', 'c']) {
    await push(id)
    await allRan([id])
    expect(await waiting()).toEqual([])
  }
  await worker.stop()
  await resque.close()
})

test('where no more connections are to be had, the worker is told of jobs as others are', async () => {
  let isFull = true
  proxy.interference.onSent = (piece, link) => {
    // The connection for jobs that are handed over names itself first.
    if (!isFull || !piece.includes('worker:hand')) return 'pass'
    proxy.cut(link)
    return undefined
  }
  await start()
  for (const id of ['a', 'b', 'c']) {
    await push(id)
    await allRan([id])
  }
  expect(await waiting()).toEqual([])
  isFull = false
  await push('d')
  await allRan(['d'])
  await waits()
})

async function linkThatWaits(): Promise<Link> {
  const ports = (await waiting()).map((line) => Number(/addr=[^ ]*:(\d+)/.exec(line)?.[1]))
  const link = [...proxy.links].find(({ redis: socket }) => ports.includes(socket.localPort ?? 0))
  if (!link) throw new Error('No connection of the proxy waits.')
  return link
}
