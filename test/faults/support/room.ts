// What most fault tests begin with: a Redis of their own, a client, workers in this process, and jobs that are counted.

import { type AnyJob, defineJob, type Logger, Resque } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { type RedisOptions, type RedisServer, startRedis } from '../../support/redis-server.js'
import { waitFor } from '../../support/wait-for.js'

export class Room {
  readonly resque: Resque
  readonly workers: Worker[] = []
  /** How often each id began to run, and ended. */
  readonly begun = new Map<string, number>()
  readonly ended = new Map<string, number>()
  /** What was logged, from `info` on. */
  readonly lines: string[] = []
  readonly #others: Resque[] = []

  private constructor(readonly redis: RedisServer) {
    this.resque = new Resque({ redis: redis.url, logger: this.logger })
  }

  static async open(options?: RedisOptions): Promise<Room> {
    return new Room(await startRedis(options))
  }

  readonly logger: Logger = {
    debug: () => {},
    info: (_fields, message) => void this.lines.push(`info: ${message}`),
    warn: (_fields, message) => void this.lines.push(`warn: ${message}`),
    error: (_fields, message) => void this.lines.push(`error: ${message}`),
  }

  /** Takes this long. */
  readonly Record = defineJob({
    name: 'Record',
    queue: 'runs',
    perform: async (id: string, ms = 0) => {
      this.#count(this.begun, id)
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
      this.#count(this.ended, id)
    },
  })

  readonly Boom = defineJob({
    name: 'Boom',
    queue: 'runs',
    perform: (id: string) => {
      this.#count(this.begun, id)
      this.#count(this.ended, id)
      throw new Error(`${id} failed, as it should.`)
    },
  })

  #count(counts: Map<string, number>, id: string): void {
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }

  /** Another client, such as one that goes through a proxy. */
  client(url: string, commandTimeoutMs = 5_000): Resque {
    const resque = new Resque({ redis: url, logger: this.logger, commandTimeoutMs })
    this.#others.push(resque)
    return resque
  }

  worker(options: Partial<WorkerOptions> = {}): Worker {
    const jobs: AnyJob[] = [this.Record, this.Boom]
    const worker = new Worker({ resque: this.resque, queues: 'runs', jobs, intervalMs: 500, ...options })
    this.workers.push(worker)
    return worker
  }

  async start(options?: Partial<WorkerOptions>): Promise<Worker> {
    const worker = this.worker(options)
    await worker.start()
    return worker
  }

  /** Resolves when these jobs have run to their end. */
  async ran(ids: readonly string[], timeoutMs = 20_000): Promise<void> {
    await waitFor(() => ids.every((id) => this.ended.has(id)), {
      timeoutMs,
      message: () => `jobs to run: ${ids.filter((id) => !this.ended.has(id)).slice(0, 10)}`,
    })
  }

  /** The ids that did not begin exactly once. */
  notOnce(ids: readonly string[]): [id: string, times: number][] {
    return ids
      .map((id) => [id, this.begun.get(id) ?? 0] as [string, number])
      .filter(([, times]) => times !== 1)
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop({ timeoutMs: 1_000 })))
    await Promise.all([this.resque, ...this.#others].map((resque) => resque.close()))
    await this.redis.stop()
  }
}

export function idsOf(count: number, name = 'job'): string[] {
  return Array.from({ length: count }, (_, i) => `${name}-${i}`)
}
