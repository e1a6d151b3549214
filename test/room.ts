// What most of these tests need: a private Redis that is empty at the start of each test, a client, and workers that
// are gone after it. Not a fake of anything.

import type { Redis } from 'ioredis'
import { type Logger, Resque, type ResqueOptions } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type RedisServer, startRedis } from './support/redis-server.js'

export interface Room {
  readonly redis: RedisServer
  /** A foreign client: what it does, it does as any program in any language. */
  readonly client: Redis
  /** The client under test, made anew for each test. */
  readonly resque: Resque
  /** Another client of the same Redis. */
  connect(options?: ResqueOptions): Resque
  /** Makes a worker that is stopped after the test. It rests for a minute unless it is woken. */
  worker(options: Partial<WorkerOptions> & Pick<WorkerOptions, 'jobs'>): Worker
  /** As `worker`, started. */
  start(options: Partial<WorkerOptions> & Pick<WorkerOptions, 'jobs'>): Promise<Worker>
  /** What the workers of this test have logged. */
  readonly log: LogLine[]
  /** The text of the log lines of one level. */
  logged(level: LogLine['level']): string[]
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  fields: Record<string, unknown>
  message: string
}

/** Call it at the top of a test file. */
export function useRoom(): Room {
  let redis: RedisServer
  let clients: Resque[] = []
  let own: Resque | undefined
  let workers: Worker[] = []
  const log: LogLine[] = []
  beforeAll(async () => {
    redis = await startRedis()
  })
  beforeEach(async () => {
    await redis.client.flushall()
    log.length = 0
    own = undefined
    clients = []
    workers = []
  })
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop({ timeoutMs: 0, abortGraceMs: 0 })))
    await Promise.all(clients.map((client) => client.close()))
  })
  afterAll(() => redis.stop())
  const connect = (options: ResqueOptions = {}) => {
    const resque = new Resque({ redis: redis.url, ...options })
    clients.push(resque)
    return resque
  }
  const worker: Room['worker'] = (options) => {
    const made = new Worker({
      resque: options.resque ?? connect(),
      queues: '*',
      intervalMs: 60_000,
      title: false,
      logger: keepIn(log),
      ...options,
    })
    workers.push(made)
    return made
  }
  return {
    get redis() {
      return redis
    },
    get client() {
      return redis.client
    },
    get resque() {
      own ??= connect()
      return own
    },
    connect,
    worker,
    async start(options) {
      const made = worker(options)
      await made.start()
      return made
    },
    log,
    logged: (level) => log.filter((line) => line.level === level).map(({ message }) => message),
  }
}

function keepIn(lines: LogLine[]): Logger {
  const at = (level: LogLine['level']) => (fields: object | string, message?: string) => {
    if (typeof fields === 'string') lines.push({ level, fields: {}, message: fields })
    else lines.push({ level, fields: { ...fields }, message: message ?? '' })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A promise and what settles it, for jobs that wait for the test. */
export function gate<T = void>(): { opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open: (value) => open(value) }
}
