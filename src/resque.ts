/**
 * Resque, the client: place jobs on queues, look at queues, workers and failures, remove what should not run.
 *
 * It connects on its first call and keeps one connection until `close()`. Every call has a deadline.
 */
import { describeRedis, readEnvironment } from './config.js'
import type { JobContext, Logger } from './context.js'
import { ConfigError, NoQueueError } from './errors.js'
import { channels } from './events.js'
import type { FailureBackend } from './failure/backend.js'
import { Failed } from './failure/failed.js'
import { Parking } from './failure/parking.js'
import { hooksOf, performJob, runAfterHooks, runVetoHooks } from './hooks.js'
import {
  type AnyJob,
  type ArgsOf,
  encodeJob,
  encodePayload,
  type JobPayload,
  parseJob,
  queueOf,
  whyNoJob,
} from './job.js'
import { memberText, parseJson } from './json.js'
import { type ResqueOptions, readOptions } from './resque-options.js'
import type { Stats } from './store/stats.js'
import { Store } from './store/store.js'
import { type Order, orders, type WorkerInfo } from './store/workers.js'

/** A waiting job, as `peek` shows it. */
export interface QueuedJob {
  /** '' where the entry is no job. */
  class: string
  args: unknown[]
  /** The exact text in the queue. */
  payload: string
}

/** A job taken by `reserve`. */
export interface ReservedJob extends QueuedJob {
  queue: string
}

/** The state of all at a glance (Ruby: `Resque.info`). */
export interface Info {
  /** Jobs waiting, in all queues. */
  pending: number
  /** Jobs taken and ended since the counter began. */
  processed: number
  /** How many queues are listed. */
  queues: number
  workers: number
  working: number
  /** How many failed jobs are kept. */
  failed: number
  servers: string[]
  environment: string
}

type Entry<J extends AnyJob> = readonly [job: J, ...args: ArgsOf<J>]

export class Resque {
  /** The failed jobs. */
  readonly failed: Failed
  /** Counters by name, such as `processed` and `failed`. */
  readonly stats: Stats
  /** Perform in the caller; may be switched while running. */
  inline: boolean
  readonly namespace: string
  readonly failureBackend: FailureBackend
  readonly logger: Logger
  readonly maxPayloadBytes: number
  /** The layer below, for the parts of this package; not part of the stable API. */
  readonly store: Store
  readonly #parking: Parking

  constructor(options: ResqueOptions = {}) {
    const { target, deadlineMs, ...settings } = readOptions(options)
    this.namespace = settings.namespace
    this.maxPayloadBytes = settings.maxPayloadBytes
    this.inline = settings.inline
    this.failureBackend = settings.failureBackend
    this.logger = settings.logger
    this.store = new Store({ target, namespace: this.namespace, name: 'resque-ts', deadlineMs })
    this.failed = new Failed(this.store, this.failureBackend)
    this.stats = this.store.stats
    this.#parking = new Parking(this.store, this.failureBackend, this.logger)
  }

  /**
   * Places a job on its queue. Resolves to true once Redis has it, to false if a before_enqueue hook said no.
   * Rejects with NoQueueError, NoClassError, ArgumentsError, PayloadTooLargeError or ConnectionError.
   * Ruby: `Resque.enqueue` (R:445); differs in that a job that cannot be written is refused before its hooks run.
   */
  enqueue<J extends AnyJob>(job: J, ...args: ArgsOf<J>): Promise<boolean> {
    try {
      return this.#enqueue(this.#queueFor(job), job, args)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Places a job on a queue of your choice. A name instead of a job enqueues a class of another language. */
  async enqueueTo<J extends AnyJob>(queue: string, job: J, ...args: ArgsOf<J>): Promise<boolean>
  async enqueueTo(queue: string, className: string, ...args: unknown[]): Promise<boolean>
  async enqueueTo(queue: string, job: AnyJob | string, ...args: unknown[]): Promise<boolean> {
    return this.#enqueue(queue, job, args)
  }

  /**
   * Places many jobs, in order, in as few commands as there are queues. Resolves to how many were placed: those a
   * hook refused are left out. All are checked before any is sent.
   */
  async enqueueMany<const E extends readonly (readonly [AnyJob, ...unknown[]])[]>(
    entries: E & {
      [I in keyof E]: E[I] extends readonly [infer J extends AnyJob, ...unknown[]] ? Entry<J> : never
    },
  ): Promise<number> {
    const encoded = (entries as readonly (readonly [AnyJob, ...unknown[]])[]).map(([job, ...args]) => {
      return { job, args, queue: this.#queueFor(job), text: encodeJob(job.name, args, this.maxPayloadBytes) }
    })
    const allowed: typeof encoded = []
    for (const each of encoded) {
      if (
        hooksOf(each.job).beforeEnqueue.length === 0 ||
        (await runVetoHooks(each.job, 'beforeEnqueue', each.args))
      ) {
        allowed.push(each)
      }
    }
    if (this.inline) {
      for (const { job, args, text } of allowed) await this.#performInline(job, args, text)
    } else {
      const byQueue = new Map<string, string[]>()
      for (const { queue, text } of allowed) {
        const texts = byQueue.get(queue)
        if (texts) texts.push(text)
        else byQueue.set(queue, [text])
      }
      await Promise.all([...byQueue].map(([queue, texts]) => this.#push(queue, texts)))
    }
    for (const { job, args } of allowed) {
      if (hooksOf(job).afterEnqueue.length > 0) await runAfterHooks(job, 'afterEnqueue', args)
    }
    return allowed.length
  }

  /** Places a payload as it is, for a job that lives in another language. No hooks run. Ruby: `Resque.push`. */
  async push(queue: string, payload: JobPayload): Promise<void> {
    await this.#push(checkQueue(queue), [encodePayload(payload, this.maxPayloadBytes)])
  }

  /**
   * Takes the entry at the head of a queue and gives it decoded, or null if the queue is empty. Nothing holds it
   * any more: if your process dies, it is lost. An entry that is not JSON goes to failed, and the next is taken.
   */
  async pop(queue: string): Promise<unknown> {
    const entry = await this.#parking.take(queue, (text) =>
      parseJson(text) === undefined ? whyNoJob(text) : undefined,
    )
    return entry === null ? null : JSON.parse(entry)
  }

  /** As `pop`, for a job: what is no job goes to failed, and the next is taken. Ruby: `Resque.reserve`. */
  async reserve(queue: string): Promise<ReservedJob | null> {
    const text = await this.#parking.take(queue, whyNoJob)
    return text === null ? null : { queue, ...readQueued(text) }
  }

  /**
   * Removes waiting jobs from a job's queue: with arguments those with exactly these, without any all of its class.
   * Resolves to how many, or to null if a before_dequeue hook said no. Ruby: `Resque.dequeue` (R:501), where one
   * entry that is no job raises; here it is left alone.
   */
  async dequeue<J extends AnyJob>(job: J, ...args: ArgsOf<J> | []): Promise<number | null> {
    return this.dequeueFrom(this.#queueFor(job), job, ...args)
  }

  /** As `dequeue`, from a queue of your choice; a name stands for a class of another language. */
  async dequeueFrom(queue: string, job: AnyJob | string, ...args: unknown[]): Promise<number | null> {
    if (typeof job !== 'string' && !(await runVetoHooks(job, 'beforeDequeue', args))) return null
    const name = typeof job === 'string' ? job : job.name
    const count =
      args.length > 0
        ? await this.store.queues.removePayload(queue, encodeJob(name, args, Number.MAX_SAFE_INTEGER))
        : await this.store.queues.removeClass(queue, name)
    if (typeof job !== 'string') await runAfterHooks(job, 'afterDequeue', args)
    return count
  }

  /** The names of all queues, in byte order. */
  queues(): Promise<string[]> {
    return this.store.queues.names()
  }

  /** How many jobs wait in a queue. */
  size(queue: string): Promise<number> {
    return this.store.queues.size(queue)
  }

  /** How many jobs wait in each queue. */
  async queueSizes(): Promise<Record<string, number>> {
    const names = await this.queues()
    const sizes = await this.store.queues.sizes(names)
    return Object.fromEntries(names.map((name, i) => [name, sizes[i] ?? 0]))
  }

  /**
   * Waiting jobs, without taking them: `count` from `start` on, 0 being the next to run; a negative `start` counts
   * from the end. Always an array (Ruby gives one object for a count of 1, and everything for 0).
   */
  async peek(queue: string, start = 0, count = 1): Promise<QueuedJob[]> {
    if (count <= 0) return []
    const end = start + count - 1
    const texts = await this.store.queues.range(queue, start, start < 0 && end >= 0 ? -1 : end)
    return texts.map(readQueued)
  }

  /** The size of each queue and its first `count` jobs. Ruby: `Resque.sample_queues`. */
  async sampleQueues(count = 1_000): Promise<Record<string, { size: number; samples: QueuedJob[] }>> {
    const samples: Record<string, { size: number; samples: QueuedJob[] }> = {}
    for (const [name, size] of Object.entries(await this.queueSizes())) {
      samples[name] = { size, samples: await this.peek(name, 0, count) }
    }
    return samples
  }

  /** Lists a queue that has no jobs yet. */
  async watch(queue: string): Promise<void> {
    await this.store.queues.watch(checkQueue(queue))
  }

  /** Deletes a queue with all its waiting jobs. */
  removeQueue(queue: string): Promise<void> {
    return this.store.queues.remove(queue)
  }

  /** Our workers take no jobs from a queue any more; those that run go on. `by`: who says so, for the web pages. */
  pauseQueue(queue: string, { by }: { by?: string } = {}): Promise<void> {
    return this.store.hands.pause(checkQueue(queue), by)
  }

  resumeQueue(queue: string): Promise<void> {
    return this.store.queues.resume(queue)
  }

  pausedQueues(): Promise<string[]> {
    return this.store.queues.paused()
  }

  /** Stops the taking of jobs by every worker, Ruby's included, until `resumeAll`. `by` as above. */
  pauseAll({ by }: { by?: string } = {}): Promise<void> {
    return this.store.hands.pauseAll(by)
  }

  resumeAll(): Promise<void> {
    return this.store.queues.resumeAll()
  }

  /** Whether `pauseAll` is in force. */
  isPaused(): Promise<boolean> {
    return this.store.queues.allPaused()
  }

  /** Every registered worker: Ruby's, and each slot of ours. */
  workers(): Promise<WorkerInfo[]> {
    return this.store.workers.all()
  }

  /** The workers that have a job. */
  async working(): Promise<WorkerInfo[]> {
    const ids = await this.store.workers.ids()
    const jobs = await this.store.workers.jobs(ids)
    return this.store.workers.describe(ids.filter((_, i) => jobs[i] !== undefined))
  }

  /**
   * Unregisters a worker, as Ruby's `Resque.remove_worker`: a job it holds goes to failed as a DirtyExit. False if
   * there is no such worker. It does not end the process.
   */
  async removeWorker(id: string): Promise<boolean> {
    if (!(await this.store.workers.isRegistered(id))) return false
    await this.#parking.bury(id)
    return true
  }

  /**
   * Tells the process of a worker of ours, from afar, to take no more jobs (`pause`), to take them again (`resume`), or
   * to end within its `stopTimeoutMs` (`stop`; what supervises it may start it again). It hears at its next heartbeat.
   * False if there is no such process, or if it is Ruby's.
   */
  async tellWorker(id: string, order: Order): Promise<boolean> {
    if (!orders.includes(order)) {
      throw new ConfigError(`Expected one of ${orders.join(', ')}, got '${String(order)}'.`)
    }
    return this.store.workers.order(id, order)
  }

  /** The state of all at a glance. */
  async info(): Promise<Info> {
    const [sizes, processed, failed, ids] = await Promise.all([
      this.queueSizes(),
      this.stats.get('processed'),
      this.failed.count(),
      this.store.workers.ids(),
    ])
    const jobs = await this.store.workers.jobs(ids)
    return {
      pending: Object.values(sizes).reduce((sum, each) => sum + each, 0),
      processed,
      queues: Object.keys(sizes).length,
      workers: ids.length,
      working: jobs.filter((job) => job !== undefined).length,
      failed,
      servers: [`${describeRedis(this.store.options.target)}/${this.namespace}`],
      environment: readEnvironment().environment,
    }
  }

  /** Waits for the enqueues under way, then ends the connection. Calls made afterwards reject. */
  close(): Promise<void> {
    return this.store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #queueFor(job: AnyJob | null | undefined): string {
    const queue = job === null || job === undefined ? undefined : queueOf(job)
    if (queue === undefined) {
      throw new NoQueueError(
        `Jobs must be placed onto a queue. No queue could be inferred for class ${nameOf(job)}`,
      )
    }
    return queue
  }

  /** Throws what can be seen at once. Without hooks it costs no more than the push itself. */
  #enqueue(queue: string, job: AnyJob | string, args: unknown[]): Promise<boolean> {
    checkQueue(queue, job)
    const text = encodeJob(nameOf(job), args, this.maxPayloadBytes)
    if (typeof job === 'string') return this.#push(queue, [text])
    const { beforeEnqueue, afterEnqueue } = hooksOf(job)
    if (!this.inline && beforeEnqueue.length + afterEnqueue.length === 0) return this.#push(queue, [text])
    return this.#enqueueHooked(queue, job, args, text)
  }

  async #enqueueHooked(queue: string, job: AnyJob, args: unknown[], text: string): Promise<boolean> {
    if (!(await runVetoHooks(job, 'beforeEnqueue', args))) return false
    await (this.inline ? this.#performInline(job, args, text) : this.#push(queue, [text]))
    await runAfterHooks(job, 'afterEnqueue', args)
    return true
  }

  #push(queue: string, texts: string[]): Promise<true> {
    const pushed = this.store.queues.push(queue, texts)
    if (channels.enqueued.hasSubscribers) {
      const tell = () => channels.enqueued.publish({ queue, count: texts.length })
      pushed.then(tell, () => {})
    }
    return pushed
  }

  /** Ruby: J:90-93. The arguments go through JSON, hooks run, and an error reaches the caller. */
  async #performInline(job: AnyJob, args: unknown[], text: string): Promise<void> {
    const context: JobContext = {
      class: job.name,
      queue: 'inline',
      payload: text,
      workerId: '',
      attempt: 1,
      signal: new AbortController().signal,
      log: this.logger,
    }
    const outcome = await performJob(job, JSON.parse(memberText(text, 'args') ?? '[]') as unknown[], context)
    if (outcome.kind !== 'failed') return
    for (const hook of hooksOf(job).onFailure) await hook(outcome.error, ...args)
    throw outcome.error
  }
}

function readQueued(text: string): QueuedJob {
  const job = parseJob(text)
  return job instanceof Error
    ? { class: '', args: [], payload: text }
    : { class: job.class, args: job.args, payload: text }
}

function nameOf(job: AnyJob | string | null | undefined): string {
  if (typeof job === 'string') return job
  return job?.name ?? ''
}

function checkQueue(queue: string, job?: AnyJob | string): string {
  if (typeof queue === 'string') return queue
  throw new NoQueueError(
    `Jobs must be placed onto a queue. No queue could be inferred for class ${nameOf(job)}`,
  )
}
