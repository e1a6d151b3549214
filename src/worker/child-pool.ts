/**
 * The children of a worker: ready before they are needed, reused as long as they are good, replaced when they are not.
 */
import type { Logger } from '../context.js'
import { DirtyExit, messageOf } from '../errors.js'
import type { Outcome } from '../hooks.js'
import { type ChildJob, ChildProcess } from './child-process.js'

export interface ChildPoolOptions {
  /** Modules that define the jobs. */
  modules: readonly string[]
  /** How many jobs run at a time. */
  concurrency: number
  /** A child is replaced after this many jobs. 1: a process of its own for each job, as Ruby has it. */
  jobsPerChild: number
  /** A child that holds more memory than this after a job is replaced. */
  maxChildMemoryBytes: number
  /** A child that had nothing to do for this long is ended; it is started again when it is needed. */
  childIdleMs: number
  /** Between TERM and KILL. */
  killGraceMs: number
  proclinePrefix: string
  log: Logger
}

/** A job on its way through a child. */
export interface RemoteJob {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>
  abort(reason: Error): void
  /** TERM, and KILL after the grace; or KILL at once. The outcome follows. */
  kill(now?: boolean): void
}

/** A child that cannot be started so often in a row is not waited for any longer. */
const MAX_FAILED_STARTS = 3

export class ChildPool {
  readonly #options: ChildPoolOptions
  readonly #all = new Set<ChildProcess>()
  readonly #ready: ChildProcess[] = []
  readonly #waiting: ((child: ChildProcess | Error) => void)[] = []
  readonly #sweep: NodeJS.Timeout
  #starting = 0
  #busy = 0
  #failedStarts = 0
  #isClosed = false

  constructor(options: ChildPoolOptions) {
    this.#options = options
    this.#sweep = setInterval(() => this.#endIdle(), Math.max(100, Math.min(options.childIdleMs / 2, 60_000)))
    this.#sweep.unref()
    this.#fill()
  }

  /** The pids of the children there are. */
  get pids(): number[] {
    return [...this.#all].map(({ pid }) => pid)
  }

  /** Performs a job in a child, as soon as one is ready. */
  perform(job: ChildJob, onStart: (pid: number) => void): RemoteJob {
    let child: ChildProcess | undefined
    let stopped: Error | undefined
    const outcome = this.#take().then(async (taken): Promise<Outcome> => {
      if (taken instanceof Error || stopped) {
        if (!(taken instanceof Error)) this.#giveBack(taken)
        return { kind: 'failed', error: stopped ?? taken }
      }
      child = taken
      onStart(taken.pid)
      const result = await taken.perform(job)
      this.#giveBack(taken)
      return result
    })
    return {
      outcome,
      abort: (reason) => {
        if (child) child.abort(reason)
        else stopped = reason
      },
      kill: (now = false) => {
        if (!child) {
          stopped ??= new DirtyExit('The job was stopped before its child process had started.')
          return
        }
        const doomed = child
        if (now) doomed.kill()
        else {
          doomed.terminate()
          const timer = setTimeout(() => doomed.kill(), this.#options.killGraceMs)
          void doomed.gone.then(() => clearTimeout(timer))
        }
      },
    }
  }

  /** Ends every child and waits until they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#sweep)
    for (const child of this.#all) child.kill()
    for (const wait of this.#waiting.splice(0)) wait(new DirtyExit('The worker was stopped.'))
    await Promise.all([...this.#all].map(({ gone }) => gone))
  }

  #take(): Promise<ChildProcess | Error> {
    this.#busy++
    return new Promise((resolve) => {
      let child = this.#ready.pop()
      while (child?.isGone) child = this.#ready.pop()
      if (child) resolve(child)
      else this.#waiting.push(resolve)
      this.#fill()
    })
  }

  #giveBack(child: ChildProcess): void {
    this.#busy--
    const { jobsPerChild, maxChildMemoryBytes } = this.#options
    const isSpent = child.jobsDone >= jobsPerChild || child.memoryBytes > maxChildMemoryBytes
    if (isSpent && !child.isGone) child.kill()
    if (!isSpent && !child.isGone && !this.#isClosed) this.#offer(child)
    this.#fill()
  }

  #offer(child: ChildProcess): void {
    const next = this.#waiting.shift()
    if (next) next(child)
    else this.#ready.push(child)
  }

  /** Starts what is missing: one for each slot, and, where each serves one job, the next for each as well. */
  #fill(): void {
    if (this.#isClosed) return
    const { concurrency, jobsPerChild } = this.#options
    const idle = concurrency - this.#busy
    const wanted = this.#waiting.length + (jobsPerChild === 1 ? concurrency : Math.max(0, idle))
    for (let have = this.#ready.length + this.#starting; have < wanted; have++) this.#start()
  }

  #start(): void {
    const { modules, proclinePrefix, log } = this.#options
    this.#starting++
    const child = new ChildProcess({ modules, proclinePrefix, log })
    this.#all.add(child)
    void child.gone.then(() => {
      this.#all.delete(child)
      const at = this.#ready.indexOf(child)
      if (at >= 0) this.#ready.splice(at, 1)
    })
    child.ready.then(
      () => {
        this.#starting--
        this.#failedStarts = 0
        if (this.#isClosed) child.kill()
        else this.#offer(child)
      },
      (error) => this.#startFailed(error),
    )
  }

  #startFailed(error: unknown): void {
    this.#starting--
    if (this.#isClosed) return
    this.#failedStarts++
    this.#options.log.error({ err: error }, `A child process could not be started: ${messageOf(error)}`)
    if (this.#failedStarts < MAX_FAILED_STARTS) {
      setTimeout(() => this.#fill(), 100 * 2 ** this.#failedStarts)
      return
    }
    // The next job tries again; those that wait are told why they cannot run.
    this.#failedStarts = 0
    const reason = new DirtyExit(`No child process could be started for this job: ${messageOf(error)}`)
    for (const wait of this.#waiting.splice(0)) wait(reason)
  }

  #endIdle(): void {
    const { childIdleMs } = this.#options
    for (const child of [...this.#ready]) {
      if (performance.now() - child.idleSince < childIdleMs) continue
      this.#ready.splice(this.#ready.indexOf(child), 1)
      child.kill()
    }
  }
}
