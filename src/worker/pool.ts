/**
 * A supervisor for worker processes: so many for each queue list, restarted when they die, replaced without a gap when
 * the plan is read again, and never left behind. It knows nothing of jobs or of Redis.
 */
import type { ChildProcess } from 'node:child_process'
import type { Logger } from '../context.js'
import { messageOf } from '../errors.js'

/** Queue list → how many processes work it. */
export type PoolPlan = ReadonlyMap<string, number>

export interface PoolOptions {
  /** Reads the plan; called at the start and at each reload. */
  plan(): Promise<PoolPlan> | PoolPlan
  /**
   * Starts a worker process for a queue list, with an IPC channel on which it says `ready` once it works. When the
   * channel closes it must stop by itself: so none outlives its pool.
   */
  spawn(queues: string): ChildProcess
  log: Logger
  /** How long a reload waits for a new worker to be ready before the old one is told to go all the same. */
  readyMs?: number
  /** The first pause before a worker that died early is started again; it doubles up to `maxBackOffMs`. */
  backOffMs?: number
  maxBackOffMs?: number
}

interface Member {
  queues: string
  process: ChildProcess
  startedAt: number
  /** Told to go: its end is no surprise. */
  isLeaving: boolean
  ready: Promise<void>
  gone: Promise<void>
}

/** A worker that lived this long did not die of its start. */
const SETTLED_MS = 10_000

export class Pool {
  readonly #options: PoolOptions
  readonly #members = new Set<Member>()
  readonly #earlyDeaths = new Map<string, number>()
  readonly #restarts = new Map<NodeJS.Timeout, string>()
  #plan: PoolPlan = new Map()
  /** What TTIN and TTOU added to each count. */
  #extra = 0
  #isStopping = false
  #reloading: Promise<void> | undefined
  #resolveStopped: () => void = () => {}
  readonly stopped: Promise<void>

  constructor(options: PoolOptions) {
    this.#options = options
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  /** The pids of the worker processes, those that are leaving included. */
  get pids(): number[] {
    return [...this.#members].flatMap(({ process }) => process.pid ?? [])
  }

  async start(): Promise<void> {
    this.#plan = await this.#options.plan()
    this.#adjust()
  }

  /**
   * Reads the plan again and replaces every worker: first the new one starts, then the old one is told to finish.
   * A plan that cannot be read changes nothing.
   */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  async #reload(): Promise<void> {
    try {
      this.#plan = await this.#options.plan()
    } catch (error) {
      this.#options.log.error(
        { err: error },
        `The plan could not be read, the old one stays: ${messageOf(error)}`,
      )
      return
    }
    const old = [...this.#members].filter(({ isLeaving }) => !isLeaving)
    const spare = new Map(this.#plan)
    for (const member of old) {
      const left = this.#wanted(member.queues, spare)
      if (left > 0) {
        spare.set(member.queues, (spare.get(member.queues) ?? 0) - 1)
        const successor = this.#start(member.queues)
        if (successor) await this.#isReady(successor)
      }
      this.#leave(member)
    }
    this.#adjust()
  }

  /** One process more, or less, for every queue list; never less than one. */
  resize(by: 1 | -1): void {
    const smallest = Math.min(...this.#plan.values())
    this.#extra = Math.max(this.#extra + by, 1 - smallest)
    this.#options.log.info(
      {},
      `Resized: ${[...this.#plan.keys()].map((q) => `${q} × ${this.#wanted(q)}`).join(', ')}`,
    )
    this.#adjust()
  }

  /** Passes a signal to every worker. */
  signal(signal: NodeJS.Signals): void {
    for (const { process } of this.#members) process.kill(signal)
  }

  /** Tells every worker to stop by this signal, and resolves when all are gone. A second call passes its signal too. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true
    for (const timer of this.#restarts.keys()) clearTimeout(timer)
    this.#restarts.clear()
    for (const member of this.#members) member.isLeaving = true
    this.signal(signal)
    await Promise.all([...this.#members].map(({ gone }) => gone))
    this.#resolveStopped()
  }

  #wanted(queues: string, plan: PoolPlan = this.#plan): number {
    const count = plan.get(queues)
    return count === undefined ? 0 : Math.max(0, count + this.#extra)
  }

  /** Starts what is missing and lets go what is too many, the youngest first. */
  #adjust(): void {
    if (this.#isStopping) return
    const pending = [...this.#restarts.values()]
    const lists = new Set([...this.#plan.keys(), ...[...this.#members].map(({ queues }) => queues)])
    for (const queues of lists) {
      const there = [...this.#members].filter((member) => member.queues === queues && !member.isLeaving)
      const have = there.length + pending.filter((each) => each === queues).length
      for (let i = have; i < this.#wanted(queues); i++) this.#start(queues)
      for (const member of there.reverse().slice(0, Math.max(0, have - this.#wanted(queues))))
        this.#leave(member)
    }
  }

  #start(queues: string): Member | undefined {
    if (this.#isStopping) return undefined
    const process = this.#options.spawn(queues)
    const gone = new Promise<void>((resolve) => {
      process.once('exit', () => resolve())
      process.once('error', () => resolve())
    })
    const ready = new Promise<void>((resolve) => process.once('message', () => resolve()))
    const member: Member = { queues, process, startedAt: performance.now(), isLeaving: false, ready, gone }
    this.#members.add(member)
    this.#options.log.info({ workerPid: process.pid }, `Started worker ${process.pid} for ${queues}`)
    process.once('error', (error) =>
      this.#options.log.error({ err: error }, `A worker could not be started: ${error.message}`),
    )
    void gone.then(() => this.#ended(member))
    return member
  }

  async #isReady({ ready, gone }: Member): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.readyMs ?? 30_000)
    })
    await Promise.race([ready, gone, late])
    clearTimeout(timer)
  }

  #leave(member: Member): void {
    if (member.isLeaving) return
    member.isLeaving = true
    member.process.kill('SIGQUIT')
  }

  #ended(member: Member): void {
    this.#members.delete(member)
    if (member.isLeaving || this.#isStopping) return
    const { exitCode, signalCode, pid } = member.process
    const { log, backOffMs = 1_000, maxBackOffMs = 60_000 } = this.#options
    const isEarly = performance.now() - member.startedAt < SETTLED_MS
    const deaths = isEarly ? (this.#earlyDeaths.get(member.queues) ?? 0) + 1 : 0
    this.#earlyDeaths.set(member.queues, deaths)
    const waitMs = deaths === 0 ? 0 : Math.min(backOffMs * 2 ** (deaths - 1), maxBackOffMs)
    log.warn(
      { workerPid: pid },
      `Worker ${pid} for ${member.queues} ended (${signalCode ?? exitCode}); starting another in ${waitMs} ms.`,
    )
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#adjust()
    }, waitMs)
    this.#restarts.set(timer, member.queues)
  }
}
