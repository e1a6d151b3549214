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
}

export class ChildProcess {
  readonly #process: Process
  readonly #log: Logger
  #job: { job: ChildJob; resolve: (outcome: Outcome) => void } | undefined
  #trouble: string | undefined
  #isGone = false
  /** Resolves when it can take a job; rejects when it never will. */
  readonly ready: Promise<void>
  /** Resolves when the process has ended. */
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
    this.gone = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
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
    })
    this.ready = new Promise((resolve, reject) => {
      this.#process.on('message', (message: FromChild) => {
        if (message.kind === 'ready') resolve()
        else if (message.kind === 'unusable') this.#trouble = message.message
        if (message.kind === 'unusable') reject(new Error(message.message))
        else this.#heard(message)
      })
      this.#process.once('error', reject)
      void this.gone.then(() =>
        reject(new Error(this.#trouble ?? 'The child process ended before it was ready.')),
      )
    })
    this.ready.catch(() => this.kill())
    this.#send({ kind: 'load', modules: [...options.modules], proclinePrefix: options.proclinePrefix })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Performs a job. Resolves to its outcome, whatever becomes of the process; never rejects. */
  perform(job: ChildJob): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#job = { job, resolve }
      const { queue, payload, workerId, deaths } = job
      if (this.#isGone) this.#ended(null, null)
      else this.#send({ kind: 'perform', queue, payload, workerId, deaths })
    })
  }

  /** Aborts the signal of its job. */
  abort(reason: Error): void {
    const exception = reason instanceof ResqueError ? reason.wireName : reason.name
    this.#send({ kind: 'abort', exception, message: reason.message })
  }

  /** TERM: the job hears it as its signal, if its event loop turns. */
  terminate(): void {
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
      this.jobsDone++
      this.memoryBytes = message.memoryBytes
      this.#end(
        message.outcome === 'failed'
          ? { kind: 'failed', error: new ChildError(message.error) }
          : { kind: message.outcome },
      )
    }
  }

  #end(outcome: Outcome): void {
    const held = this.#job
    this.#job = undefined
    this.idleSince = performance.now()
    held?.resolve(outcome)
  }

  /** A process that ends while it has a job has not done it, with whatever code it ended. */
  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#isGone = true
    const message = signal
      ? `Child process received unhandled signal pid ${this.pid} ${signal} (signal ${signalNumber(signal)})`
      : `Child process exited with code ${code} before its job ended, pid ${this.pid}`
    this.#end({ kind: 'failed', error: new DirtyExit(message) })
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
