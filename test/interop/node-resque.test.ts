// node-resque, the other Resque for Node.js, on the same Redis: a third client beside Ruby and ours.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Resque } from 'resque-ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { type Direction, Side } from './support/beside.js'
import { cache, newest, whySkipped } from './support/stacks.js'

/** What is used of it. */
interface TheirQueue {
  connect(): Promise<void>
  enqueue(queue: string, job: string, args: unknown[]): Promise<boolean>
  del(queue: string, job: string, args: unknown[]): Promise<number>
  failed(
    start: number,
    stop: number,
  ): Promise<{ exception: string; payload: { class: string; args: unknown[] } }[]>
  retryAndRemoveFailed(failure: object): Promise<boolean>
  workers(): Promise<Record<string, string>>
  stats(): Promise<Record<string, string>>
  end(): Promise<void>
  on(event: string, listener: (error: Error) => void): void
}
interface TheirWorker {
  connect(): Promise<void>
  start(): Promise<void>
  end(): Promise<void>
  name: string
  on(event: string, listener: (...args: unknown[]) => void): void
}
type TheirJobs = Record<string, { perform(...args: unknown[]): unknown }>
interface NodeResque {
  Queue: new (options: object, jobs?: TheirJobs) => TheirQueue
  Worker: new (options: object, jobs: TheirJobs) => TheirWorker
}

const version = '9.7.1'

describe.skipIf(whySkipped)(`Beside node-resque ${version}`, () => {
  const side = new Side(newest)
  let lib: NodeResque
  let queue: TheirQueue
  let workers: TheirWorker[] = []
  const connection = () => ({ host: '127.0.0.1', port: side.redis.port, namespace: 'resque' })

  beforeAll(async () => {
    const require = createRequire(join(cache, 'node-resque/package.json'))
    expect(require('node-resque/package.json').version).toBe(version)
    lib = require('node-resque') as NodeResque
    await side.start()
    queue = new lib.Queue({ connection: connection() })
    await queue.connect()
  })
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.end()))
    workers = []
    await side.clear()
  })
  afterAll(async () => {
    await queue?.end()
    await side.end()
  })

  /** A worker of theirs; what its jobs were given. */
  async function startTheirs(queues: string[], jobs: TheirJobs = {}): Promise<unknown[][]> {
    const given: unknown[][] = []
    const echo = { perform: (...args: unknown[]) => void given.push(args) }
    const worker = new lib.Worker({ connection: connection(), queues, timeout: 20 }, { Echo: echo, ...jobs })
    worker.on('error', () => {})
    workers.push(worker)
    await worker.connect()
    await worker.start()
    return given
  }

  const claim = (direction: Direction, what: string, check: () => Promise<void>) =>
    test(what, async ({ task }) => {
      task.meta.interop = {
        area: 'node-resque',
        direction,
        what,
        resque: `node-resque ${version}`,
        redis: '',
      }
      await check()
    })

  const args = [1, 'žluť 😀', null, 1.5, [[], {}], { a: { b: [] } }]

  claim(
    'node-resque → ours',
    'a job that node-resque enqueues is performed by ours, its further key kept',
    async () => {
      await queue.enqueue('echo', 'Echo', args)
      const [text] = await side.texts('echo')
      expect(text).toBe(JSON.stringify({ class: 'Echo', queue: 'echo', args }))
      await side.work(['echo'])
      expect(await side.seen()).toMatchObject([{ by: 'ours', args, payload: text }])
    },
  )

  claim('ours → node-resque', 'a job that we enqueue is performed by node-resque', async () => {
    await side.resque.enqueueTo('echo', 'Echo', ...args)
    const given = await startTheirs(['echo'])
    await waitFor(() => given.length === 1)
    expect(given).toEqual([args])
    await waitFor(async () => (await side.resque.stats.get('processed')) === 1)
  })

  claim(
    'node-resque → ours',
    'what failed there is listed, put back byte for byte, done and removed by ours',
    async () => {
      const fail = () => {
        throw new TypeError('their boom')
      }
      await queue.enqueue('echo', 'Failing', args)
      const texts = await side.texts('echo')
      await startTheirs(['echo'], { Failing: { perform: fail } })
      await waitFor(async () => (await side.resque.failed.count()) === 1)
      await Promise.all(workers.splice(0).map((worker) => worker.end()))
      const [failure] = await side.resque.failed.all()
      expect(failure).toMatchObject({
        class: 'Failing',
        args,
        exception: 'TypeError',
        error: 'their boom',
        queue: 'echo',
      })
      expect(await side.resque.failed.requeue(failure?.ref as string)).toBe(true)
      expect(await side.texts('echo')).toEqual(texts)
      expect(await side.resque.failed.removeAll()).toBe(1)
    },
  )

  claim(
    'ours → node-resque',
    'what failed with us is listed, and put back and removed by node-resque',
    async () => {
      await side.resque.enqueueTo('boom', 'Boom', 1, 'ž')
      await side.work(['boom'])
      const [failure] = await queue.failed(0, -1)
      expect(failure).toMatchObject({ exception: 'RangeError', payload: { class: 'Boom', args: [1, 'ž'] } })
      expect(await queue.retryAndRemoveFailed(failure as object)).toBe(true)
      expect(await side.resque.failed.count()).toBe(0)
      expect((await side.resque.peek('boom')).map((job) => [job.class, job.args])).toEqual([
        ['Boom', [1, 'ž']],
      ])
    },
  )

  claim(
    'both',
    'removing a waiting job by its arguments finds only one’s own; by its class, ours finds both',
    async () => {
      await side.resque.enqueueTo('echo', 'Echo', 1)
      await queue.enqueue('echo', 'Echo', [1])
      expect(await queue.del('echo', 'Echo', [1])).toBe(1)
      expect(await side.texts('echo')).toEqual(['{"class":"Echo","args":[1]}'])
      await queue.enqueue('echo', 'Echo', [1])
      expect(await side.resque.dequeueFrom('echo', 'Echo', 1)).toBe(1)
      await side.resque.enqueueTo('echo', 'Echo', 1)
      expect(await side.resque.dequeueFrom('echo', 'Echo')).toBe(2)
    },
  )

  claim(
    'node-resque → ours',
    'its busy worker is listed by ours with its job, and never pruned',
    async () => {
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      await queue.enqueue('echo', 'Holding', [1])
      await startTheirs(['echo'], { Holding: { perform: () => held } })
      const [busy] = await waitFor(async () => {
        const working = await side.resque.working()
        return working.length === 1 && working
      })
      expect(busy).toMatchObject({
        kind: 'ruby',
        queues: ['echo'],
        heartbeat: undefined,
        job: { queue: 'echo' },
      })
      expect(JSON.parse(String(busy?.job?.payload))).toEqual({ class: 'Holding', queue: 'echo', args: [1] })
      await side.startWorker(['other'])
      expect((await side.resque.workers()).map(({ id }) => id)).toContain(busy?.id)
      release()
    },
  )

  claim('ours → node-resque', 'our busy worker and our counters are seen by node-resque', async () => {
    const worker = await side.startWorker(['echo', 'hold'])
    await side.resque.enqueueTo('echo', 'Echo', 1)
    await side.resque.enqueueTo('hold', 'Hold', 1)
    await side.untilSeen(2)
    const [host, pid] = (worker.ids[0] as string).split(':')
    expect(await queue.workers()).toEqual({ [`${host}:${pid}`]: 'echo,hold' })
    expect(await queue.stats()).toMatchObject({ processed: '1' })
  })

  // No claim of ours: a warning in the guide.
  test('a Ruby worker that starts on its host unregisters a worker of node-resque that lives', async () => {
    await startTheirs(['echo'])
    await waitFor(async () => (await side.ids()).length === 1)
    await side.ruby.run(`start_and_stop('*')`)
    expect(await side.ids()).toEqual([])
  })

  claim('both', 'both take from one queue, and every job is done once', async () => {
    const resque = new Resque({ redis: side.redis.url })
    const given = await startTheirs(['echo'])
    await side.startWorker(['echo'])
    for (let i = 0; i < 40; i++) {
      await (i % 2 === 0 ? resque.enqueueTo('echo', 'Echo', i) : queue.enqueue('echo', 'Echo', [i]))
    }
    await waitFor(async () => given.length + (await side.redis.client.llen('interop:seen')) === 40)
    const numbers = [...given, ...(await side.seen()).map((seen) => seen.args)].map(([i]) => i as number)
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    await resque.close()
  })
})
