/**
 * What the jobs of this process came to, counted in memory and told to Redis now and then, off the way of the jobs.
 *
 * Counting one job is a look into two maps and a few increments. What is told is history, not truth: a process that is
 * killed takes its last seconds with it, and a job whose end was refused afterwards is in it. The counters of Ruby
 * (`stat:processed`) are exact.
 */
import { randomBytes } from 'node:crypto'
import type { Logger } from '../context.js'
import { messageOf } from '../errors.js'
import { enqueuedMs, type ParsedJob } from '../job.js'
import { BUCKET_COUNT, bucketOf } from '../store/histogram.js'
import type { ReportEntry } from '../store/history.js'
import { Sampler } from '../store/sampler.js'
import type { Store } from '../store/store.js'

export interface TallyOptions {
  store: Store
  intervalMs: number
  /** Whether a class has a name worth a series: what a queue holds can claim to be anything. */
  knows(className: string): boolean
  log: Logger
}

class Count {
  done = 0
  failed = 0
  run: Uint32Array | undefined
  wait: Uint32Array | undefined
}

/** A report under way, or whose reply was lost. */
interface Report {
  number: number
  entries: ReportEntry[]
}

/** So many queues are told apart between two reports; Redis keeps fewer. */
const MAX_QUEUES = 1_000

export class Tally {
  readonly #options: TallyOptions
  readonly #queues = new Map<string, Count>()
  readonly #classes = new Map<string, Count>()
  readonly #process = randomBytes(8).toString('hex')
  readonly #timer: NodeJS.Timeout
  readonly #sampler: Sampler
  #number = 0
  #unsent: Report | undefined
  #telling: Promise<void> | undefined
  #isInTrouble = false

  constructor(options: TallyOptions) {
    this.#options = options
    const { store, intervalMs } = options
    this.#timer = setInterval(() => void this.tell(), intervalMs)
    this.#timer.unref()
    this.#sampler = new Sampler({
      history: store.history,
      intervalMs,
      onTrouble: (error) => this.#complain(error),
    })
  }

  /** A job has ended. `waitMs` is negative where it is not known. */
  count(queue: string, className: string, isFailed: boolean, runMs: number, waitMs: number): void {
    const ofQueue = this.#queues.get(queue) ?? this.#newQueue(queue)
    const ofClass = this.#classes.get(className) ?? this.#newClass(className)
    if (isFailed) {
      ofQueue.failed++
      ofClass.failed++
    } else {
      ofQueue.done++
      ofClass.done++
    }
    const run = ofClass.run as Uint32Array
    const bucket = bucketOf(runMs)
    run[bucket] = (run[bucket] as number) + 1
    if (waitMs < 0) return
    ofClass.wait ??= new Uint32Array(BUCKET_COUNT)
    const waitBucket = bucketOf(waitMs)
    ofClass.wait[waitBucket] = (ofClass.wait[waitBucket] as number) + 1
  }

  /** Tells Redis what was counted since the last time; also that nothing was. */
  tell(): Promise<void> {
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined
    })
    return this.#telling
  }

  /** Tells the rest, as far as Redis listens in time. */
  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer)
    this.#sampler.stop()
    if (this.#queues.size === 0 && !this.#unsent) return
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref())
    // The one under way does not hold what was counted since.
    await Promise.race([this.tell().then(() => this.tell()), timeout])
  }

  async #tell(): Promise<void> {
    const { history } = this.#options.store
    try {
      // First the one that may or may not have arrived: by its number Redis knows it.
      for (;;) {
        const report = this.#unsent ?? { number: ++this.#number, entries: this.#drain() }
        const isOld = this.#unsent !== undefined
        this.#unsent = report
        await history.report(this.#process, report.number, report.entries)
        this.#unsent = undefined
        this.#isInTrouble = false
        if (!isOld) return
      }
    } catch (error) {
      this.#complain(error)
    }
  }

  #drain(): ReportEntry[] {
    const entries: ReportEntry[] = []
    for (const [scope, counts] of [
      ['queue', this.#queues],
      ['class', this.#classes],
    ] as const) {
      for (const [name, count] of counts) entries.push({ scope, name, ...count })
      counts.clear()
    }
    return entries
  }

  #newQueue(queue: string): Count {
    const name = this.#queues.size < MAX_QUEUES ? queue : ''
    const count = this.#queues.get(name) ?? new Count()
    this.#queues.set(name, count)
    return count
  }

  #newClass(className: string): Count {
    const name = this.#options.knows(className) ? className : ''
    const known = this.#classes.get(name)
    if (known) return known
    const count = new Count()
    count.run = new Uint32Array(BUCKET_COUNT)
    this.#classes.set(name, count)
    return count
  }

  /** Once, until it works again: the worker itself has more to say about a Redis that is away. */
  #complain(error: unknown): void {
    if (this.#isInTrouble) return
    this.#isInTrouble = true
    this.#options.log.debug({ err: error }, `History could not be written: ${messageOf(error)}`)
  }
}

/**
 * How long a job waited in its queue, by what its payload says of its enqueue; -1 where it says nothing. A job that was
 * tried again has waited since its first enqueue.
 */
export function waitedMs(job: ParsedJob, now = Date.now): number {
  const ms = enqueuedMs(job)
  // A clock that runs ahead of ours makes no job travel in time.
  return ms > 0 ? Math.max(0, now() - ms) : -1
}
