// The frame of an interop test: a Redis of its own, a Ruby process beside us, and a note for the matrix of what was
// claimed of which stack. Each file calls `beside` once, and gets its claims tested beside every stack of gems.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Resque, type ResqueOptions } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { waitFor } from '../../support/wait-for.js'
import { interopJobs } from './jobs.mjs'
import { Ruby } from './ruby.js'
import { root, type Stack, stacks, whySkipped } from './stacks.js'

/** Who wrote, and who read: `both` where each looks at what the other does. */
export type Direction = 'Ruby → ours' | 'ours → Ruby' | 'node-resque → ours' | 'ours → node-resque' | 'both'

/** What the matrix is made of; a test carries it in its meta. */
export interface InteropNote {
  area: string
  direction: Direction
  what: string
  resque: string
  redis: string
}

declare module 'vitest' {
  interface TaskMeta {
    interop?: InteropNote
  }
}

export type Claim = (
  direction: Direction,
  what: string,
  check: () => Promise<void>,
  timeoutMs?: number,
) => void

/** What a job of jobs.mjs or jobs.rb noted. */
export interface Seen {
  by: 'ruby' | 'ours'
  pid: number
  class: string
  args: unknown[]
  /** Ruby's: the arguments as it prints them. */
  inspect?: string
  /** Ours: the text it came from, and the working record while it ran. */
  payload?: string
  record?: string
}

/** A worker process of ours, started as a user starts one. */
export interface OurProcess {
  pid: number
  /** The ids of its slots, the first one first. */
  ids: string[]
  /** Its end. */
  exited: Promise<unknown>
}

export class Side {
  redis!: RedisServer
  ruby!: Ruby
  resque!: Resque
  /** Several tests look at the same things: they are not cleared away after each. */
  isKept = false
  #jobs!: ReturnType<typeof interopJobs>
  #workers: Worker[] = []
  #clients: Resque[] = []
  #processes: ChildProcess[] = []
  #rubyWorkers: number[] = []

  constructor(readonly stack: Stack) {}

  async start(): Promise<void> {
    this.redis = await startRedis()
    this.ruby = await Ruby.start(this.stack, this.redis.url)
    this.resque = new Resque({ redis: this.redis.url })
    this.#jobs = interopJobs(this.redis.url)
  }

  /** After each test: everything that works ends, and Redis is empty. */
  async clear(): Promise<void> {
    await this.redis.client.set('interop:release', '1')
    await Promise.all([
      ...this.#workers.map((worker) => worker.stop({ timeoutMs: 2_000 })),
      ...this.#processes.map((child) => endProcess(child)),
      ...this.#rubyWorkers.map((pid) => this.stopRubyWorker(pid)),
    ])
    await Promise.all(this.#clients.map((client) => client.close()))
    this.#workers = []
    this.#processes = []
    this.#rubyWorkers = []
    this.#clients = []
    await this.redis.client.flushall()
  }

  async end(): Promise<void> {
    await this.ruby?.end()
    await this.resque?.close()
    this.#jobs?.close()
    await this.redis?.stop()
  }

  /** Another client of ours, with options of its own. */
  client(options: ResqueOptions): Resque {
    const client = new Resque({ redis: this.redis.url, ...options })
    this.#clients.push(client)
    return client
  }

  /** A worker of ours in this process. */
  async startWorker(queues: string[], options: Partial<WorkerOptions> = {}): Promise<Worker> {
    const worker = new Worker({
      resque: this.resque,
      queues,
      jobs: this.#jobs.jobs,
      title: false,
      intervalMs: 100,
      ...options,
    })
    this.#workers.push(worker)
    await worker.start()
    return worker
  }

  /** A worker of ours takes these queues until they are empty. */
  async work(queues: string[], options: Partial<WorkerOptions> = {}): Promise<void> {
    const worker = await this.startWorker(queues, { untilEmpty: true, ...options })
    await worker.stopped
  }

  /** A worker process of ours: `resque work`. Resolves when all its slots are registered. */
  async startProcess(queues: string, concurrency = 1, more: string[] = []): Promise<OurProcess> {
    const jobs = join(root, 'test/interop/support/jobs.mjs')
    const args = [
      'work',
      '--queue',
      queues,
      '--require',
      jobs,
      '--concurrency',
      `${concurrency}`,
      '--quiet',
      ...more,
    ]
    const child = spawn(join(root, 'bin/resque'), args, {
      env: { ...process.env, REDIS_URL: this.redis.url, INTEROP_REDIS: this.redis.url },
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.#processes.push(child)
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    const exited = once(child, 'exit')
    const ids = await waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error(complaint)
        const mine = (await this.ids()).filter((id) => id.split(':')[1] === `${child.pid}`)
        return mine.length === concurrency && mine
      },
      { message: () => `${concurrency} slots of bin/resque work: ${complaint}`, timeoutMs: 30_000 },
    )
    return {
      pid: child.pid as number,
      ids: ids.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)),
      exited,
    }
  }

  /** A Ruby worker; resolves to its pid and id when it is registered. */
  async startRubyWorker(...queues: string[]): Promise<{ pid: number; id: string }> {
    const pid = await this.ruby.startWorker(queues)
    this.#rubyWorkers.push(pid)
    const id = await waitFor(async () => (await this.ids()).find((each) => each.split(':')[1] === `${pid}`))
    return { pid, id }
  }

  /** QUIT, and wait for its end. */
  async stopRubyWorker(pid: number): Promise<void> {
    if (!this.#rubyWorkers.includes(pid)) return
    this.forgetRubyWorker(pid)
    process.kill(pid, 'SIGQUIT')
    await this.ruby.run('wait(arg)', pid)
  }

  /** The test has seen to its end itself. */
  forgetRubyWorker(pid: number): void {
    this.#rubyWorkers = this.#rubyWorkers.filter((each) => each !== pid)
  }

  /** The set of registered workers. */
  ids(): Promise<string[]> {
    return this.redis.client.smembers('resque:workers')
  }

  /** What jobs noted, in order. */
  async seen(): Promise<Seen[]> {
    const texts = await this.redis.client.lrange('interop:seen', 0, -1)
    return texts.map((text) => JSON.parse(text) as Seen)
  }

  /** Waits until so many jobs noted something. */
  async untilSeen(count: number): Promise<Seen[]> {
    await waitFor(async () => (await this.redis.client.llen('interop:seen')) >= count, {
      message: `${count} jobs to be seen`,
      timeoutMs: 30_000,
    })
    return this.seen()
  }

  /** The texts of a queue. */
  texts(queue: string): Promise<string[]> {
    return this.redis.client.lrange(`resque:queue:${queue}`, 0, -1)
  }

  /** Puts a text into a queue as it is. */
  async put(queue: string, text: string | Buffer): Promise<void> {
    await this.redis.client.sadd('resque:queues', queue)
    await this.redis.client.rpush(`resque:queue:${queue}`, text)
  }

  /** Lets jobs of the class Hold end. */
  async release(): Promise<void> {
    await this.redis.client.set('interop:release', '1')
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Tests claims beside each stack, or beside those that `only` lets pass. */
export function beside(
  area: string,
  define: (side: Side, claim: Claim) => void,
  only: (stack: Stack) => boolean = () => true,
): void {
  for (const stack of stacks.filter(only)) {
    describe.skipIf(whySkipped)(`${area}, beside resque ${stack.resque} with redis ${stack.redis}`, () => {
      const side = new Side(stack)
      beforeAll(() => side.start())
      afterEach(() => (side.isKept ? undefined : side.clear()))
      afterAll(() => side.end())
      define(side, (direction, what, check, timeoutMs = 60_000) => {
        test(
          what,
          async ({ task }) => {
            task.meta.interop = { area, direction, what, resque: stack.resque, redis: stack.redis }
            await check()
          },
          timeoutMs,
        )
      })
    })
  }
}
