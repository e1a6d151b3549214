/**
 * The demo from beginning to end: start everything, place jobs, watch, add up, take everything away again.
 */
import { relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resque } from '../../resque.js'
import { describeJob } from '../describe-job.js'
import type { Output } from '../output.js'
import { counted } from '../output.js'
import { type Accounts, account } from './accounts.js'
import { Feed } from './feed.js'
import { packageRoot } from './jobs.js'
import { Keeper } from './keeper.js'
import { type LedgerReader, openLedger } from './ledger.js'
import { type DemoPages, planAhead, servePages } from './pages.js'
import { type Plan, Planner } from './plan.js'
import { type PrivateRedis, startRedis } from './private-redis.js'
import { percentile, type Result, showResult } from './summary.js'
import { type Sight, View } from './view.js'
import { WorkerProcesses } from './worker-processes.js'

export interface DemoOptions {
  jobs: number
  /** End when all jobs are accounted for, rather than go on until it is told to stop. */
  exits: boolean
  /** For the result, and for what happens on the way. */
  out: Output
  progress: Output
  stream: NodeJS.WriteStream
  /** Aborted when it is told to stop. */
  signal: AbortSignal
}

const WORKERS = 2
const CONCURRENCY = 5
const LOOK_MS = 200
const CALM_MS = 1_500
const ROUGH_MS = 2_500
/** How long the next part waits for the one before. */
const PATIENCE_MS = 10_000
const RETRY_MS = 1_500
/** Nothing has moved for this long: it will not end well. */
const STUCK_MS = 30_000

/** Resolves to whether every job is accounted for. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const keeper = new Keeper()
  let redis: PrivateRedis | undefined
  let demo: Demo | undefined
  try {
    redis = await startRedis(keeper)
    demo = new Demo(options, keeper, redis)
    return await demo.run()
  } finally {
    await demo?.stop()
    await redis?.stop()
    await keeper.close()
  }
}

class Demo {
  readonly #options: DemoOptions
  readonly #resque: Resque
  readonly #redis: PrivateRedis
  readonly #ledger: LedgerReader
  readonly #workers: WorkerProcesses
  readonly #feed: Feed
  readonly #view: View
  readonly #planner = new Planner()
  readonly #startedAt = performance.now()
  #plan: Plan = { calm: [], rough: [], burst: [] }
  #retried = 0
  #retriedAt = 0
  #toldRecovered = 0
  #pages: DemoPages | undefined

  constructor(options: DemoOptions, keeper: Keeper, redis: PrivateRedis) {
    this.#options = options
    this.#redis = redis
    this.#resque = new Resque({ redis: redis.url })
    this.#ledger = openLedger(keeper.folder)
    this.#feed = new Feed(this.#resque)
    this.#view = new View(options.progress, options.stream)
    this.#workers = new WorkerProcesses({
      keeper,
      redisUrl: redis.url,
      count: WORKERS,
      concurrency: CONCURRENCY,
      onReplaced: ({ pid, how, newPid }) =>
        this.#view.event(`Worker ${pid} died (${how}). A new one, ${newPid}, was started.`),
    })
  }

  async run(): Promise<boolean> {
    const { signal, exits, jobs } = this.#options
    this.#pages = await servePages(this.#resque)
    await planAhead(this.#resque)
    this.#workers.start()
    this.#introduce()
    this.#plan = this.#planner.plan(jobs)
    const { calm, rough, burst } = this.#plan
    this.#view.event(
      `${counted(jobs, 'job')}: ${calm.length} in calm, ${rough.length} with trouble among them, ${burst.length} at once.`,
    )
    const feeding = this.#place(signal)
    feeding.catch(() => {}) // heard below
    await this.#watch(async () => this.#feed.placed.length === jobs && (await this.#isSettled()))
    await feeding.catch((error) => {
      if (!signal.aborted) throw error
    })
    const durationMs = performance.now() - this.#startedAt
    const isComplete = await this.#conclude(durationMs)
    if (exits || signal.aborted) return isComplete
    return isComplete && (await this.#goOn())
  }

  /** The burst waits until all is done, so that its speed is its own. */
  async #place(signal: AbortSignal): Promise<void> {
    await this.#until(async () => (await this.#resque.store.workers.count()) >= WORKERS * CONCURRENCY, signal)
    await this.#feed.placeSteadily(this.#plan.calm, CALM_MS, signal)
    await this.#feed.placeSteadily(this.#plan.rough, ROUGH_MS, signal)
    await this.#until(async () => (await this.#resque.info()).pending === 0, signal)
    await this.#feed.placeAtOnce(this.#plan.burst, signal)
  }

  async #until(condition: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS
    while (!(await condition()) && performance.now() < giveUpAt) await sleep(20, undefined, { signal })
  }

  async stop(): Promise<void> {
    this.#view.end()
    await this.#pages?.close()
    await this.#workers.stop()
    await this.#resque.close()
  }

  /** A trickle of new jobs until it is told to stop; then the result once more. */
  async #goOn(): Promise<boolean> {
    const { progress } = this.#options
    progress.line('It goes on with a few jobs a second. Ctrl-C ends it.\n')
    const trickle = setInterval(() => {
      const job = Math.random() < 0.1 ? this.#planner.mail() : this.#planner.ordinary()
      this.#feed.place([job]).catch(() => {})
    }, 300)
    await this.#watch(async () => false)
    clearInterval(trickle)
    this.#view.event('Stopping: no new jobs; those that wait are done first.')
    const giveUpAt = performance.now() + 10_000
    while (!(await this.#isSettled()) && performance.now() < giveUpAt) await sleep(50)
    return this.#conclude(performance.now() - this.#startedAt)
  }

  #introduce(): void {
    const { progress } = this.#options
    if (progress.isJson) return
    const path = relative(process.cwd(), `${packageRoot}bin/resque`)
    const command = path.includes('node_modules')
      ? 'npx resque'
      : path.startsWith('..')
        ? `${packageRoot}bin/resque`
        : path
    const { url } = this.#redis
    progress.line(`Pages     ${this.#pages?.url}  (for this machine alone)`)
    progress.line(`Redis     ${url}  (its own, gone at the end)`)
    progress.line(`Workers   pid ${this.#workers.pids.join(' and ')}, ${CONCURRENCY} jobs at a time each`)
    progress.line('\nLook at it from another terminal:')
    for (const what of ['stats', 'queues', 'workers', 'failed']) {
      progress.line(`  ${command} ${what.padEnd(7)} --redis ${url}`)
    }
    progress.line()
  }

  /** Shows how it stands until `isOver`, or until it is told to stop. */
  async #watch(isOver: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#options
    let progress = ''
    let movedAt = performance.now()
    while (!signal.aborted) {
      const sight = await this.#look()
      this.#view.show(sight)
      await this.#retryMails()
      this.#tellRecovered()
      if (await isOver()) return
      const now = JSON.stringify([sight.processed, sight.queues, sight.workers, this.#feed.placed.length])
      if (now !== progress) movedAt = performance.now()
      else if (performance.now() - movedAt > STUCK_MS) return
      progress = now
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
    }
  }

  async #look(): Promise<Sight> {
    const [sizes, workers, processed, failed] = await Promise.all([
      this.#resque.queueSizes(),
      this.#resque.workers(),
      this.#resque.stats.get('processed'),
      this.#resque.failed.count(),
    ])
    const byPid = new Map<number, (string | undefined)[]>(this.#workers.pids.map((pid) => [pid, []]))
    for (const { pid, job } of workers) byPid.get(pid)?.push(job && describeJob(job.payload))
    return {
      processed,
      failed,
      expected: Math.max(this.#options.jobs, this.#feed.placed.length) + this.#retried,
      recovered: this.#workers.recoveredCount,
      queues: Object.entries(sizes).map(([name, size]) => ({ name, size })),
      workers: [...byPid].map(([pid, slots]) => ({ pid, slots })),
    }
  }

  #tellRecovered(): void {
    const count = this.#workers.recoveredCount - this.#toldRecovered
    this.#toldRecovered += count
    if (count > 0)
      this.#view.event(`Recovered ${counted(count, 'job')} of a dead worker: back at the head of the queue.`)
  }

  /** As a person would who has seen that the mail server is well again. */
  async #retryMails(): Promise<void> {
    if (performance.now() - this.#retriedAt < RETRY_MS) return
    this.#retriedAt = performance.now()
    const count = await this.#resque.failed.requeueAll({ class: 'SendMail', skipRetried: true })
    this.#retried += count
    if (count > 0) this.#view.event(`Put ${counted(count, 'failed mail')} back on the queue.`)
  }

  async #isSettled(): Promise<boolean> {
    const { pending, working } = await this.#resque.info()
    if (pending > 0 || working > 0) return false
    return (await this.#account()).missing.length === 0 || (await this.#actions()) > 0
  }

  /** How often somebody has done something on the pages: then what became of the jobs is his doing too. */
  #actions(): Promise<number> {
    return this.#resque.store.audit.count()
  }

  async #account(): Promise<Accounts> {
    this.#ledger.update()
    return account(this.#feed.placed, this.#ledger, await this.#resque.failed.all(0, Number.MAX_SAFE_INTEGER))
  }

  async #conclude(durationMs: number): Promise<boolean> {
    const accounts = await this.#account()
    const processed = await this.#resque.stats.get('processed')
    const missing = [...accounts.missing]
    const { jobs } = this.#options
    const placed = this.#feed.placed.length
    if (placed < jobs)
      missing.push(`${counted(jobs - placed, 'job')} had not been placed when it was told to stop.`)
    if (processed !== placed + this.#retried) {
      missing.push(`The counter "processed" says ${processed}, and must say ${placed + this.#retried}.`)
    }
    const { startedAt } = this.#ledger
    const actions = await this.#actions()
    const result: Result = {
      isComplete: missing.length === 0 || actions > 0,
      actions,
      jobs: placed,
      processed,
      failed: [...accounts.failedBy.values()].reduce((sum, { count }) => sum + count, 0),
      failedBy: Object.fromEntries([...accounts.failedBy].map(([name, { count }]) => [name, count])),
      retried: this.#retried,
      doneAtRetry: accounts.doneAtRetry,
      workersKilled: this.#workers.deathCount,
      recovered: this.#workers.recoveredCount,
      burst: this.#speed(),
      latencyMs: this.#latency(startedAt),
      durationMs: Math.round(durationMs),
      missing,
    }
    this.#view.end()
    showResult(this.#options.out, result, accounts)
    return result.isComplete
  }

  #speed(): Result['burst'] {
    const { burst } = this.#plan
    const ends = burst.flatMap(({ id }) => this.#ledger.doneAt.get(id) ?? [])
    const start = this.#feed.placedAt.get(burst[0]?.id ?? 0)
    if (start === undefined || ends.length < 2) return null
    const end = ends.reduce((latest, each) => Math.max(latest, each))
    return { jobs: ends.length, perSecond: Math.round((ends.length * 1_000) / (end - start)) }
  }

  #latency(startedAt: ReadonlyMap<number, number>): Result['latencyMs'] {
    const waits = this.#plan.calm.flatMap(({ id }) => {
      const [from, to] = [this.#feed.placedAt.get(id), startedAt.get(id)]
      return from === undefined || to === undefined ? [] : [Math.max(0, to - from)]
    })
    if (waits.length === 0) return null
    waits.sort((a, b) => a - b)
    const rounded = (value: number) => Math.round(value * 100) / 100
    return {
      jobs: waits.length,
      median: rounded(percentile(waits, 0.5)),
      p99: rounded(percentile(waits, 0.99)),
    }
  }
}
