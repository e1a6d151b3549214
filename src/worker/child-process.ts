/**
 * One child process, as its worker sees it: started, given jobs, which it performs one at a time, and ended. What it
 * writes to stdout and stderr comes out of the worker's log, line by line.
 */
import { fork, type ChildProcess as Process } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import type { Logger } from '../context.js'
import { DirtyExit, ResqueError } from '../errors.js'
import type { Outcome } from '../hooks.js'
import { ChildError } from './child-error.js'
import { type Ended, type FromChild, monotonicMs, type ToChild } from './child-protocol.js'
import { type ChildJob, SentJobs } from './sent-jobs.js'

/** A title can be as long as the command line was: this much room is made. */
const TITLE_ROOM = 250
/** Loading the modules of jobs may take this long. */
const START_MS = 60_000
/** A job that was sent ahead waits for its turn for this long; then another child may have it. */
const AHEAD_MS = 50
/** The pace of a child whose jobs print, for the next few: nothing shall be sent ahead behind them. */
const PRINTING_PACE_MS = 50

export interface ChildProcessOptions {
  modules: readonly string[]
  proclinePrefix: string
  log: Logger
  /** How long it may take until it is ready. Default: a minute. */
  startMs?: number | undefined
  /** These were sent ahead, did not begin, and never will in this child. */
  onTakenBack(jobs: ChildJob[]): void
}

export class ChildProcess {
  readonly #process: Process
  readonly #options: ChildProcessOptions
  readonly #sent = new SentJobs()
  /** What it printed since its last answer was dealt with. */
  readonly #lines: { level: 'info' | 'warn'; line: string }[] = []
  #trouble: string | undefined
  #isGone = false
  #isUnusable = false
  #isDoomed = false
  #isDelivering = false
  #lapse: NodeJS.Timeout | undefined
  #answeredAt = 0
  /** How long its jobs take, of late. */
  #paceMs: number | undefined
  /** Resolves when it can take a job; rejects when it never will. */
  readonly ready: Promise<void>
  /** Resolves when the process has ended, or could not be started. */
  readonly gone: Promise<void>
  jobsDone = 0
  memoryBytes = 0
  idleSince = performance.now()

  constructor(options: ChildProcessOptions) {
    this.#options = options
    this.#process = fork(new URL('./child.js', import.meta.url), [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'json',
      execArgv: [
        ...process.execArgv.filter((arg) => !/^--(inspect|title|cpu-prof)/.test(arg)),
        `--title=${' '.repeat(TITLE_ROOM)}`,
        // The Redis client is loaded when a job asks for it.
        '--conditions=resque-ts-child',
      ],
    })
    this.#listen('info', this.#process.stdout)
    this.#listen('warn', this.#process.stderr)
    this.gone = this.#untilGone()
    this.ready = this.#untilReady(options.startMs ?? START_MS)
    this.ready.catch(() => this.kill())
    this.#send({ kind: 'load', modules: [...options.modules], proclinePrefix: options.proclinePrefix })
  }

  #untilGone(): Promise<void> {
    return new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#isGone = true
        const end = () => {
          clearTimeout(late)
          // What it printed last is read in this round of the event loop.
          setImmediate(() => {
            this.#ended(code, signal)
            resolve()
          })
        }
        // What it said last may still be on its way; the channel closes behind it, unless a grandchild holds it open.
        const late = setTimeout(end, 1_000)
        if (this.#process.connected) this.#process.once('disconnect', end)
        else end()
      })
      this.#process.on('error', (error) => {
        // Of a process that runs it says only that a signal or a message did not arrive.
        if (this.#process.pid !== undefined) return
        this.#isGone = true
        this.#trouble = error.message
        resolve()
      })
    })
  }

  #untilReady(startMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        this.#trouble ??= why
        reject(new Error(this.#trouble))
      }
      const late = setTimeout(() => fail(`It was not ready after ${startMs} ms.`), startMs)
      this.#process.on('message', (message: FromChild) => {
        if (message.kind === 'ready') {
          clearTimeout(late)
          resolve()
        } else if (message.kind === 'unusable') {
          this.#isUnusable = true
          fail(message.message)
        } else this.#heard(message)
      })
      void this.gone.then(() => {
        clearTimeout(late)
        fail('The child process ended before it was ready.')
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  /** It has ended: there is no use in giving it a job. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** It could not load its modules, and no other will. */
  get isUnusable(): boolean {
    return this.#isUnusable
  }

  /** It was told to end, and KILL will follow: another job would die of it. */
  get isDoomed(): boolean {
    return this.#isDoomed
  }

  /** How long its jobs take, of late; undefined before the first. */
  get paceMs(): number | undefined {
    return this.#paceMs
  }

  /** How many jobs wait for their turn in it. */
  get aheadCount(): number {
    return this.#sent.aheadCount
  }

  /** How many jobs it will have done when it has done all that it was sent. */
  get jobsInSight(): number {
    return this.jobsDone + this.#sent.unanswered
  }

  /** The job it performs when the one it performs has ended; it may have begun already. */
  get next(): ChildJob | undefined {
    return this.#sent.next
  }

  /**
   * Performs a job. Calls `onEnd` once, later, whatever becomes of the process. Only for one that is ready and idle, or
   * for its `next`.
   */
  perform(job: ChildJob, onEnd: (outcome: Outcome) => void): void {
    if (this.#sent.start(job, onEnd)) {
      if (this.#sent.isBehind) queueMicrotask(() => this.#deliver())
      return
    }
    if (this.#sent.unanswered === 0) this.#answeredAt = performance.now()
    this.#give(job, onEnd)
  }

  #give(job: ChildJob, onEnd: (outcome: Outcome) => void): void {
    const { queue, payload, workerId, deaths } = job
    const number = this.#sent.add(job, onEnd)
    this.#send({ kind: 'perform', jobs: [{ number, queue, payload, workerId, deaths }] })
  }

  /** Sends these ahead of their turn. They begin one after the other, or are taken back. Only for one that is busy. */
  sendAhead(jobs: ChildJob[]): void {
    const until = monotonicMs() + AHEAD_MS
    const sent = jobs.map((job) => {
      const { queue, payload, workerId, deaths } = job
      return { number: this.#sent.addAhead(job, until), queue, payload, workerId, deaths, until }
    })
    this.#send({ kind: 'perform', jobs: sent })
    this.#lapse ??= setTimeout(() => this.#checkLapse(), AHEAD_MS + 1)
  }

  /** Looks for jobs whose time has passed while the one before them went on. */
  #checkLapse(): void {
    this.#lapse = undefined
    const { lapseAt } = this.#sent
    if (lapseAt === undefined) return
    const now = monotonicMs()
    if (lapseAt > now) {
      this.#lapse = setTimeout(() => this.#checkLapse(), Math.ceil(lapseAt - now) + 1)
      return
    }
    // All that the child said before this instant is read until then.
    setImmediate(() => {
      if (this.#sent.haveLapsed(now)) this.#takenBack(this.#sent.takeBack())
      if (this.#sent.aheadCount > 0) this.#lapse ??= setTimeout(() => this.#checkLapse(), AHEAD_MS)
    })
  }

  #takenBack(jobs: ChildJob[]): void {
    if (jobs.length > 0) this.#options.onTakenBack(jobs)
  }

  /** Aborts the signal of a job that it performs. */
  abort(job: ChildJob, reason: Error): void {
    const number = this.#sent.numberOf(job)
    if (number === undefined) return
    const exception = reason instanceof ResqueError ? reason.wireName : reason.name
    this.#send({ kind: 'abort', number, exception, message: reason.message })
  }

  /** TERM: the job hears it as its signal, if its event loop turns. */
  terminate(): void {
    this.#isDoomed = true
    this.#process.kill('SIGTERM')
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #send(message: ToChild): void {
    // A channel that is closed already: `close` tells the rest.
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  #heard(message: Exclude<FromChild, { kind: 'ready' | 'unusable' }>): void {
    if (message.kind === 'log') {
      const fields = { ...message.fields, ...this.#fields(this.#sent.current) }
      this.#options.log[message.level](fields, message.message)
    } else if (message.kind === 'refused') {
      const { again, free } = this.#sent.refuse()
      this.#takenBack(free)
      if (again) this.#give(again.job, again.onEnd)
    } else this.#answered(message)
  }

  #answered(message: Ended): void {
    this.jobsDone++
    this.memoryBytes = message.memoryBytes
    const now = performance.now()
    const tookMs = message.hasPrinted ? PRINTING_PACE_MS : now - this.#answeredAt
    this.#answeredAt = now
    const isFirst = this.#paceMs === undefined || message.hasPrinted
    this.#paceMs = isFirst ? tookMs : (this.#paceMs as number) * 0.8 + tookMs * 0.2
    const outcome: Outcome =
      message.outcome === 'failed'
        ? { kind: 'failed', error: new ChildError(message.error) }
        : { kind: message.outcome }
    this.#sent.answer(outcome, message.hasPrinted)
    this.#deliverSoon()
  }

  /** What the job printed has arrived as well, and is read in this round of the event loop. */
  #deliverSoon(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    setImmediate(() => {
      this.#isDelivering = false
      this.#deliver()
    })
  }

  /** Ends jobs that the child has answered, in their order. Each that was sent ahead is told to start by the one before. */
  #deliver(): void {
    for (let ended = this.#sent.takeEnded(); ended; ended = this.#sent.takeEnded()) {
      if (ended.hasPrinted) this.#logLines(ended.job)
      this.idleSince = performance.now()
      ended.onEnd(ended.outcome)
    }
    if (!this.#sent.isBehind) this.#logLines(this.#sent.current)
  }

  /** A process that ends while it has a job has not done it, with whatever code it ended. */
  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#lapse)
    const message = signal
      ? `Child process received unhandled signal pid ${this.pid} ${signal} (signal ${signalNumber(signal)})`
      : `Child process exited with code ${code} before its job ended, pid ${this.pid}`
    this.#takenBack(this.#sent.die({ kind: 'failed', error: new DirtyExit(message) }))
    this.#deliver()
  }

  /** Whole lines; the last one also without its end. Whose they are is known when the child has answered. */
  #listen(level: 'info' | 'warn', stream: NodeJS.ReadableStream | null): void {
    if (!stream) return
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push({ level, line })
      this.#deliverSoon()
    })
  }

  #logLines(job: ChildJob | undefined): void {
    if (this.#lines.length === 0) return
    for (const { level, line } of this.#lines.splice(0)) this.#options.log[level](this.#fields(job), line)
  }

  #fields(job: ChildJob | undefined): object {
    return job
      ? { child: this.pid, class: job.class, queue: job.queue, workerId: job.workerId }
      : { child: this.pid }
  }
}

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal]
}
