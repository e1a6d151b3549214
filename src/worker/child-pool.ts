/**
 * The children of a worker: ready before they are needed, reused as long as they are good, replaced when they are not.
 */
import type { Logger } from '../context.js'
import { DirtyExit, messageOf } from '../errors.js'
import type { Outcome } from '../hooks.js'
import { ChildProcess } from './child-process.js'
import type { ChildJob } from './sent-jobs.js'

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
  /** How long a child may take until it is ready. */
  startMs?: number
  /** Gives up to so many of the jobs that come next, to be sent to a child ahead of their turn. */
  upcoming?(count: number): ChildJob[]
  /** These of them have not begun, and shall be performed as any other. */
  onTakenBack?(jobs: ChildJob[]): void
}

/** A child that cannot be started so often in a row is not waited for any longer. */
const MAX_FAILED_STARTS = 3
/** So many short jobs are sent ahead to a child. More would gain little. */
const MAX_AHEAD = 32
/** They shall all begin within this time, going by those before them. */
const MAX_AHEAD_MS = 20
/** Jobs that take longer gain nothing by it. */
const SHORT_MS = 5

export class ChildPool {
  readonly #options: ChildPoolOptions
  readonly #all = new Set<ChildProcess>()
  readonly #ready: ChildProcess[] = []
  readonly #waiting: RemoteJob[] = []
  readonly #sweep: NodeJS.Timeout
  #starting = 0
  /** Those that have a job. */
  readonly #busy = new Set<ChildProcess>()
  /** How many shall be there: one for each job at a time, less those that had nothing to do. */
  #warm: number
  #failedStarts = 0
  /** How long a start takes, of late. */
  #startMs = 300
  #isClosed = false

  constructor(options: ChildPoolOptions) {
    this.#options = options
    this.#warm = options.concurrency
    this.#sweep = setInterval(() => this.#endIdle(), Math.max(100, Math.min(options.childIdleMs / 2, 60_000)))
    this.#sweep.unref()
    this.#fill()
  }

  /** The pids of the children there are. */
  get pids(): number[] {
    return [...this.#all].map(({ pid }) => pid).filter((pid) => pid > 0)
  }

  /** Performs a job in a child, as soon as one is ready. */
  perform(job: ChildJob, onStart: (pid: number) => void): RemoteJob {
    const remote = new RemoteJob(job, onStart, this.#options.killGraceMs)
    const child = this.#childWith(job) ?? this.#takeReady()
    if (child) this.#start(remote, child)
    else if (this.#isClosed) remote.end(stopped())
    else {
      this.#warm = Math.min(this.#warm + 1, this.#options.concurrency)
      this.#waiting.push(remote)
      this.#fill()
    }
    return remote
  }

  #takeReady(): ChildProcess | undefined {
    if (this.#isClosed) return undefined
    let child = this.#ready.pop()
    while (child?.isGone) child = this.#ready.pop()
    return child
  }

  /** The child that the job was sent ahead to, where its turn has come. */
  #childWith(job: ChildJob): ChildProcess | undefined {
    for (const child of this.#busy) if (child.next === job) return child
    return undefined
  }

  /** Ends every child and waits until they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#sweep)
    for (const child of this.#all) child.kill()
    for (const remote of this.#waiting.splice(0)) remote.end(stopped())
    await Promise.all([...this.#all].map(({ gone }) => gone))
  }

  #start(remote: RemoteJob, child: ChildProcess): void {
    const goesOn = this.#busy.has(child)
    this.#busy.add(child)
    remote.start(child, () => {
      if (remote.next) return
      this.#busy.delete(child)
      this.#giveBack(child)
      this.#fill()
    })
    this.#sendAhead(child)
    if (!goesOn || this.#endsSoon(child)) this.#fill()
  }

  /** Sends more jobs to the children that are busy: there are more now than when they began. */
  more(): void {
    for (const child of this.#busy) this.#sendAhead(child)
  }

  /**
   * A child whose jobs are short has the next ones at hand when it ends one, and need not wait for its worker. So many
   * at a time that a message carries several.
   */
  #sendAhead(child: ChildProcess): void {
    const { upcoming, jobsPerChild } = this.#options
    const { aheadCount, paceMs } = child
    if (!upcoming || paceMs === undefined || paceMs > SHORT_MS || aheadCount > MAX_AHEAD / 2) return
    if (this.#isClosed || child.isGone || child.isDoomed || this.#isSpent(child)) return
    const count = Math.min(MAX_AHEAD, Math.ceil(MAX_AHEAD_MS / paceMs)) - aheadCount
    const jobs = upcoming(Math.min(count, jobsPerChild - child.jobsInSight))
    if (jobs.length > 0) child.sendAhead(jobs)
  }

  #isSpent({ jobsDone, memoryBytes }: ChildProcess): boolean {
    const { jobsPerChild, maxChildMemoryBytes } = this.#options
    return jobsDone >= jobsPerChild || memoryBytes > maxChildMemoryBytes
  }

  #giveBack(child: ChildProcess): void {
    if (child.isGone) return
    if (this.#isSpent(child) || child.isDoomed || this.#isClosed) child.kill()
    else this.#offer(child)
  }

  #offer(child: ChildProcess): void {
    const next = this.#longestWaiting()
    if (next) this.#start(next, child)
    else this.#ready.push(child)
  }

  /** Taken from those that wait; without those that were stopped meanwhile. */
  #longestWaiting(): RemoteJob | undefined {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) if (!next.hasEnded) return next
    return undefined
  }

  /** Starts what is missing: for those that wait, and so that as many as were of use lately are there. */
  #fill(): void {
    if (this.#isClosed) return
    const room = this.#options.concurrency - this.#busy.size
    const waiting = this.#waiting.filter(({ hasEnded }) => !hasEnded).length
    let spare = this.#warm - this.#busy.size
    for (const child of this.#busy) if (this.#endsSoon(child)) spare++
    const wanted = Math.max(Math.min(waiting, room), spare)
    for (let have = this.#ready.length + this.#starting; have < wanted; have++) this.#startChild()
  }

  /** It will have done its jobs before another child could have started: that one is started now. */
  #endsSoon({ jobsDone, paceMs = Number.POSITIVE_INFINITY }: ChildProcess): boolean {
    const left = this.#options.jobsPerChild - jobsDone
    return left <= 1 || left * paceMs < 2 * this.#startMs
  }

  #startChild(): void {
    const { modules, proclinePrefix, log, startMs } = this.#options
    const startedAt = performance.now()
    this.#starting++
    let child: ChildProcess
    try {
      const onTakenBack = (jobs: ChildJob[]) => this.#options.onTakenBack?.(jobs)
      child = new ChildProcess({ modules, proclinePrefix, log, startMs, onTakenBack })
    } catch (error) {
      // There is no memory for another process, or the like. Not at once: whoever called this is not done.
      setImmediate(() => this.#startFailed(error, false))
      return
    }
    this.#all.add(child)
    void child.gone.then(() => {
      this.#all.delete(child)
      const at = this.#ready.indexOf(child)
      if (at < 0) return
      // It was killed while it had nothing to do: there shall be another before it is missed.
      this.#ready.splice(at, 1)
      this.#fill()
    })
    child.ready.then(
      () => {
        this.#starting--
        this.#failedStarts = 0
        this.#startMs = (this.#startMs + performance.now() - startedAt) / 2
        if (this.#isClosed) child.kill()
        else this.#offer(child)
      },
      (error) => this.#startFailed(error, child.isUnusable),
    )
  }

  /** Tries again, a little later each time; but no job waits for that for ever. */
  #startFailed(error: unknown, isUnusable: boolean): void {
    this.#starting--
    if (this.#isClosed) return
    this.#failedStarts++
    this.#options.log.error({ err: error }, `A child process could not be started: ${messageOf(error)}`)
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#failedStarts = 0
      const reason = new DirtyExit(`No child process could be started for this job: ${messageOf(error)}`)
      // What cannot be loaded could not be for the others either. A process that was killed says nothing of them.
      do this.#longestWaiting()?.end(failed(reason))
      while (isUnusable && this.#waiting.length > 0)
      if (this.#waiting.length === 0) return
    }
    setTimeout(() => this.#fill(), 100 * 2 ** this.#failedStarts)
  }

  #endIdle(): void {
    const { childIdleMs } = this.#options
    for (const child of [...this.#ready]) {
      if (performance.now() - child.idleSince < childIdleMs) continue
      this.#ready.splice(this.#ready.indexOf(child), 1)
      this.#warm--
      child.kill()
    }
  }
}

/** A job on its way through a child: waiting for one, in one, or ended. */
export class RemoteJob {
  readonly #job: ChildJob
  readonly #onStart: (pid: number) => void
  readonly #killGraceMs: number
  #child: ChildProcess | undefined
  #next: ChildJob | undefined
  #resolve: (outcome: Outcome) => void = () => {}
  #hasEnded = false
  /** Never rejects. */
  readonly outcome: Promise<Outcome>

  constructor(job: ChildJob, onStart: (pid: number) => void, killGraceMs: number) {
    this.#job = job
    this.#onStart = onStart
    this.#killGraceMs = killGraceMs
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Once it has ended: the job that its child has gone on to, if one was sent ahead. */
  get next(): ChildJob | undefined {
    return this.#next
  }

  start(child: ChildProcess, onEnd: () => void): void {
    this.#child = child
    this.#onStart(child.pid)
    child.perform(this.#job, (outcome) => {
      this.#next = child.next
      onEnd()
      this.end(outcome)
    })
  }

  end(outcome: Outcome): void {
    this.#hasEnded = true
    this.#resolve(outcome)
  }

  /** Aborts its signal; one that has not started does not. */
  abort(reason: Error): void {
    if (this.#child) this.#child.abort(this.#job, reason)
    else this.end(failed(reason))
  }

  /** TERM, and KILL after the grace; or KILL at once. The outcome follows. */
  kill(now = false): void {
    const child = this.#child
    if (!child) this.end(failed(new DirtyExit('The job was stopped before its child process had started.')))
    else if (now) child.kill()
    else {
      child.terminate()
      const timer = setTimeout(() => child.kill(), this.#killGraceMs)
      void child.gone.then(() => clearTimeout(timer))
    }
  }
}

function failed(error: Error): Outcome {
  return { kind: 'failed', error }
}

function stopped(): Outcome {
  return failed(new DirtyExit('The worker was stopped.'))
}
