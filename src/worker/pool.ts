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
   * channel closes it must stop by itself: so none outlives its pool. One that could never start, however often it
   * is tried, ends with the exit code 2.
   */
  spawn(queues: string): ChildProcess
  log: Logger
  /** How long a reload waits for a new worker to be ready before the old one is told to go all the same. */
  readyMs?: number
  /** The first pause before a worker that died early is started again; it doubles up to `maxBackOffMs`. */
  backOffMs?: number
  maxBackOffMs?: number
  /** A worker that lived this long did not die of its start: another is started at once. */
  settledMs?: number
}

interface Member {
  queues: string
  process: ChildProcess
  startedAt: number
  /** It works; it hears signals. */
  isReady: boolean
  /** A reload waits for it; it counts when it has come up. */
  isOnTrial: boolean
  /** Told to go: its end is no surprise. */
  isLeaving: boolean
  ready: Promise<void>
  gone: Promise<void>
}

/** The exit code of a process that cannot be right as it was called. */
const MISUSE = 2

export class Pool {
  readonly #options: PoolOptions
  readonly #members = new Set<Member>()
  readonly #earlyDeaths = new Map<string, number>()
  readonly #restarts = new Map<NodeJS.Timeout, string>()
  /** Queue list → how many of its workers could never start. */
  readonly #givenUp = new Map<string, number>()
  #plan: PoolPlan = new Map()
  /** What TTIN and TTOU added to each count. */
  #extra = 0
  #isPaused = false
  #isStopping = false
  #reloading: Promise<void> | undefined
  #reloadsAgain = false
  #resolveStopped: (end: 'stopped' | 'given up') => void = () => {}
  /** Resolves when all workers are gone: `given up` if none of them could ever start. */
  readonly stopped: Promise<'stopped' | 'given up'>

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
   * Reads the plan again and replaces every worker: first a new one starts, then an old one is told to finish. A plan
   * that cannot be read changes nothing. A new worker that does not come up ends it: the old plan and its workers stay.
   */
  reload(): Promise<void> {
    if (this.#reloading !== undefined) this.#reloadsAgain = true
    this.#reloading ??= this.#reloadAll().finally(() => {
      this.#reloading = undefined
      this.#adjust()
    })
    return this.#reloading
  }

  /** As often as it was asked for, but one at a time. */
  async #reloadAll(): Promise<void> {
    do {
      this.#reloadsAgain = false
      await this.#reload()
    } while (this.#reloadsAgain && !this.#isStopping)
  }

  async #reload(): Promise<void> {
    const { log } = this.#options
    const before = this.#plan
    try {
      this.#plan = await this.#options.plan()
    } catch (error) {
      log.error({ err: error }, `The plan could not be read, the old one stays: ${messageOf(error)}`)
      return
    }
    this.#givenUp.clear()
    const old = new Set(this.#there())
    for (const queues of this.#plan.keys()) {
      for (let i = 0; i < this.#wanted(queues); i++) {
        const successor = this.#start(queues, true)
        if (!successor) return
        if (!(await this.#comesUp(successor))) {
          if (this.#isStopping) return
          this.#plan = before
          log.error(
            {},
            `A new worker for ${queues} did not come up: the old plan stays, and what still works by it.`,
          )
          return
        }
        const predecessor = [...old].find((member) => member.queues === queues)
        if (!predecessor) continue
        old.delete(predecessor)
        this.#leave(predecessor)
      }
    }
    for (const member of old) this.#leave(member)
  }

  /** One process more, or less, for every queue list that has any; never less than one. */
  resize(by: 1 | -1): void {
    const largest = Math.max(...this.#plan.values())
    this.#extra = Math.max(this.#extra + by, Math.min(0, 1 - largest))
    this.#options.log.info(
      {},
      `Resized: ${[...this.#plan.keys()].map((q) => `${q} × ${this.#wanted(q)}`).join(', ')}`,
    )
    this.#adjust()
  }

  /**
   * Passes a signal to every worker that is ready: it would kill one that does not listen yet. Whoever comes up between
   * USR2 and CONT is told the same.
   */
  signal(signal: 'SIGUSR1' | 'SIGUSR2' | 'SIGCONT'): void {
    if (signal !== 'SIGUSR1') this.#isPaused = signal === 'SIGUSR2'
    for (const { process, isReady } of this.#members) if (isReady) process.kill(signal)
  }

  /** Tells every worker to stop by this signal, and resolves when all are gone. A second call passes its signal too. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true
    for (const timer of this.#restarts.keys()) clearTimeout(timer)
    this.#restarts.clear()
    for (const member of this.#members) {
      member.isLeaving = true
      tellToGo(member, signal)
    }
    await Promise.all([...this.#members].map(({ gone }) => gone))
    this.#resolveStopped('stopped')
  }

  #wanted(queues: string): number {
    const count = this.#plan.get(queues) ?? 0
    return count === 0 ? 0 : Math.max(1, count + this.#extra)
  }

  /** The workers that count: neither leaving nor on trial. */
  #there(): Member[] {
    return [...this.#members].filter(({ isLeaving, isOnTrial }) => !isLeaving && !isOnTrial)
  }

  /** Starts what is missing and lets go what is too many, the youngest first. A reload does that itself, at its end. */
  #adjust(): void {
    if (this.#isStopping || this.#reloading !== undefined) return
    const pending = [...this.#restarts.values()]
    const all = this.#there()
    for (const queues of new Set([...this.#plan.keys(), ...all.map((member) => member.queues)])) {
      const there = all.filter((member) => member.queues === queues)
      const wanted = Math.max(0, this.#wanted(queues) - (this.#givenUp.get(queues) ?? 0))
      const have = there.length + pending.filter((each) => each === queues).length
      for (let i = have; i < wanted; i++) this.#start(queues)
      for (const member of there.slice(wanted)) this.#leave(member)
    }
  }

  #start(queues: string, isOnTrial = false): Member | undefined {
    if (this.#isStopping) return undefined
    const { log, spawn } = this.#options
    const process = spawn(queues)
    const gone = new Promise<void>((resolve) => {
      process.once('exit', () => resolve())
      process.once('error', () => resolve())
    })
    const ready = new Promise<void>((resolve) => process.once('message', () => resolve()))
    const state = { isReady: false, isOnTrial, isLeaving: false }
    const member: Member = { queues, process, startedAt: performance.now(), ...state, ready, gone }
    this.#members.add(member)
    log.info({ workerPid: process.pid }, `Started worker ${process.pid} for ${queues}`)
    process.once('error', (error) =>
      log.error({ err: error }, `A worker could not be started: ${error.message}`),
    )
    void ready.then(() => {
      member.isReady = true
      if (this.#isPaused) process.kill('SIGUSR2')
    })
    void gone.then(() => this.#ended(member))
    return member
  }

  /** Whether a worker that is on trial lives, once it is ready, or has had its time. */
  async #comesUp(member: Member): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.readyMs ?? 30_000)
    })
    await Promise.race([member.ready, member.gone, late])
    clearTimeout(timer)
    if (!this.#members.has(member)) return false
    member.isOnTrial = false
    return true
  }

  #leave(member: Member): void {
    if (member.isLeaving) return
    member.isLeaving = true
    tellToGo(member, 'SIGQUIT')
  }

  #ended(member: Member): void {
    this.#members.delete(member)
    if (member.isLeaving || member.isOnTrial || this.#isStopping) return
    if (member.process.exitCode === MISUSE && !member.isReady) this.#giveUp(member)
    else this.#restart(member)
  }

  #giveUp({ queues, process: { pid } }: Member): void {
    this.#givenUp.set(queues, (this.#givenUp.get(queues) ?? 0) + 1)
    this.#options.log.error(
      { workerPid: pid },
      `Worker ${pid} for ${queues} ended with ${MISUSE}: it can never start as it is called. It is not started again before a reload.`,
    )
    if (this.#members.size > 0 || this.#restarts.size > 0 || this.#reloading !== undefined) return
    this.#isStopping = true
    this.#resolveStopped('given up')
  }

  /** At once, if it had settled; otherwise after a pause, which is longer each time. */
  #restart({ queues, startedAt, process: { pid, exitCode, signalCode } }: Member): void {
    const { log, backOffMs = 1_000, maxBackOffMs = 60_000, settledMs = 10_000 } = this.#options
    const isEarly = performance.now() - startedAt < settledMs
    const before = this.#earlyDeaths.get(queues) ?? 0
    // Those that die together die of the same.
    const isOfOne = before > 0 && [...this.#restarts.values()].includes(queues)
    const deaths = !isEarly ? 0 : isOfOne ? before : before + 1
    this.#earlyDeaths.set(queues, deaths)
    const waitMs = deaths === 0 ? 0 : Math.min(backOffMs * 2 ** (deaths - 1), maxBackOffMs)
    log.warn(
      { workerPid: pid },
      `Worker ${pid} for ${queues} ended (${signalCode ?? exitCode}); starting another in ${waitMs} ms.`,
    )
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#adjust()
    }, waitMs)
    this.#restarts.set(timer, queues)
  }
}

/** One that does not listen yet has no jobs to finish, and QUIT would make it leave a core. */
function tellToGo({ process, isReady }: Member, signal: NodeJS.Signals): void {
  process.kill(isReady ? signal : 'SIGTERM')
}
