/**
 * One child process, as its worker sees it: started, given one job at a time, and ended. What it writes to stdout and
 * stderr comes out of the worker's log, line by line.
 */
import { fork, type ChildProcess as Process } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import type { Logger } from '../context.js'
import { DirtyExit, ResqueError } from '../errors.js'
import type { Outcome } from '../hooks.js'
import { ChildError } from './child-error.js'
import type { FromChild, ToChild } from './child-protocol.js'

/** A title can be as long as the command line was: this much room is made. */
const TITLE_ROOM = 250
/** Loading the modules of jobs may take this long. */
const START_MS = 60_000

/** A job that a child shall perform. */
export interface ChildJob {
  queue: string
  payload: string
  workerId: string
  deaths: number
  class: string
}

export interface ChildProcessOptions {
  modules: readonly string[]
  proclinePrefix: string
  log: Logger
  /** How long it may take until it is ready. Default: a minute. */
  startMs?: number | undefined
}

interface CurrentJob {
  job: ChildJob
  onEnd: (outcome: Outcome) => void
  /** Set once it is known. */
  outcome?: Outcome
}

export class ChildProcess {
  readonly #process: Process
  readonly #log: Logger
  #job: CurrentJob | undefined
  #trouble: string | undefined
  #isGone = false
  #isUnusable = false
  #isDoomed = false
  /** Resolves when it can take a job; rejects when it never will. */
  readonly ready: Promise<void>
  /** Resolves when the process has ended, or could not be started. */
  readonly gone: Promise<void>
  jobsDone = 0
  memoryBytes = 0
  idleSince = performance.now()

  constructor(options: ChildProcessOptions) {
    this.#log = options.log
    this.#process = fork(new URL('./child.js', import.meta.url), [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'json',
      execArgv: [
        ...process.execArgv.filter((arg) => !/^--(inspect|title|cpu-prof)/.test(arg)),
        `--title=${' '.repeat(TITLE_ROOM)}`,
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
          this.#ended(code, signal)
          resolve()
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

  /** Performs a job. Calls `onEnd` once, later, whatever becomes of the process. Only for one that is ready and idle. */
  perform(job: ChildJob, onEnd: (outcome: Outcome) => void): void {
    this.#job = { job, onEnd }
    const { queue, payload, workerId, deaths } = job
    this.#send({ kind: 'perform', queue, payload, workerId, deaths })
  }

  /** Aborts the signal of its job. */
  abort(reason: Error): void {
    const exception = reason instanceof ResqueError ? reason.wireName : reason.name
    this.#send({ kind: 'abort', exception, message: reason.message })
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

  #heard(message: FromChild): void {
    if (message.kind === 'log') {
      this.#log[message.level]({ ...message.fields, ...this.#fields() }, message.message)
    } else if (message.kind === 'ended') {
      const current = this.#job
      if (!current) return
      this.jobsDone++
      this.memoryBytes = message.memoryBytes
      current.outcome =
        message.outcome === 'failed'
          ? { kind: 'failed', error: new ChildError(message.error) }
          : { kind: message.outcome }
      // What the job printed has arrived too, and is read in this round of the event loop: as its own, not the next one's.
      setImmediate(() => this.#end(current, current.outcome as Outcome))
    }
  }

  #end(current: CurrentJob, outcome: Outcome): void {
    if (this.#job !== current) return
    this.#job = undefined
    this.idleSince = performance.now()
    current.onEnd(outcome)
  }

  /** A process that ends while it has a job has not done it, with whatever code it ended. */
  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#job) return
    const message = signal
      ? `Child process received unhandled signal pid ${this.pid} ${signal} (signal ${signalNumber(signal)})`
      : `Child process exited with code ${code} before its job ended, pid ${this.pid}`
    this.#end(this.#job, this.#job.outcome ?? { kind: 'failed', error: new DirtyExit(message) })
  }

  /** Whole lines; the last one also without its end. */
  #listen(level: 'info' | 'warn', stream: NodeJS.ReadableStream | null): void {
    if (!stream) return
    createInterface({ input: stream }).on('line', (line) => this.#log[level](this.#fields(), line))
  }

  #fields(): object {
    const job = this.#job?.job
    return job
      ? { child: this.pid, class: job.class, queue: job.queue, workerId: job.workerId }
      : { child: this.pid }
  }
}

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal]
}
