/**
 * A child of a worker: it performs one job at a time, each in the same process or, when its parent wants it so, only one.
 *
 * It lives for its parent: it ends when the channel closes, and a thread sees to it that this holds while a job keeps
 * the event loop busy. Signals are the parent's to answer; TERM alone is heard here, and aborts the job.
 */
import process from 'node:process'
import { Worker as Thread } from 'node:worker_threads'
import { RESQUE_VERSION } from '../config.js'
import type { JobContext, Logger } from '../context.js'
import { DirtyExit, JobTimeoutError, messageOf, TermException, wireNameOf } from '../errors.js'
import { isWorkerHooks, performJob, runFailureHooks, runWorkerHooks, type WorkerHooks } from '../hooks.js'
import { type AnyJob, readJob } from '../job.js'
import { type FromChild, monotonicMs, type SentError, type SentJob, type ToChild } from './child-protocol.js'
import { loadJobs } from './load-jobs.js'
import { backtraceOf } from './report.js'

/** How often, at most, it looks how much memory it holds. */
const MEMORY_MS = 20

let jobs: ReadonlyMap<string, AnyJob> = new Map()
let hooks: readonly WorkerHooks[] = []
let title = ''
/** The job that runs, or ran last. */
let current: Current | undefined
/** Jobs that wait for their turn. */
const waiting: SentJob[] = []
let isWorking = false
/** Jobs that were sent ahead are refused until one comes that was not. */
let refusesAhead = false
let memoryBytes = 0
let memoryAt = Number.NEGATIVE_INFINITY

for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
  process.on(signal, () => {})
process.on('SIGTERM', () => current?.abort(new TermException('SIGTERM')))
process.on('disconnect', () => process.exit(1))
// An error that no job catches leaves the process in a state nobody knows: it ends, and its job is a DirtyExit.
process.on('uncaughtException', (error) => {
  void send({
    kind: 'log',
    level: 'error',
    fields: {},
    message: `Uncaught: ${error.stack ?? messageOf(error)}`,
  })
  process.exit(1)
})
// Its parent went before this began to listen.
if (!process.connected) process.exit(1)
new Thread(new URL('./parent-watch.js', import.meta.url), { workerData: process.ppid }).unref()

process.on('message', (message: ToChild) => {
  if (message.kind === 'load') void load(message)
  else if (message.kind === 'perform') {
    waiting.push(...message.jobs)
    if (!isWorking) void work()
  } else if (message.number === current?.number) {
    current.abort(abortReason(message.exception, message.message))
  }
})

async function load({ modules, proclinePrefix }: Extract<ToChild, { kind: 'load' }>): Promise<void> {
  title = `${proclinePrefix}resque-${RESQUE_VERSION}: `
  process.title = `${title}Ready`
  try {
    const loaded = await loadJobs(modules)
    jobs = new Map(loaded.jobs.map((job) => [job.name, job]))
    hooks = loaded.hooks.filter(isWorkerHooks)
    void send({ kind: 'ready' })
  } catch (error) {
    void send({ kind: 'unusable', message: messageOf(error) })
  }
}

/** One after the other. The next begins only when the answer to the last has left: it must not die with what follows. */
async function work(): Promise<void> {
  isWorking = true
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    if (next.until === undefined) refusesAhead = false
    else if (monotonicMs() >= next.until) refusesAhead = true
    if (refusesAhead) {
      await send({ kind: 'refused' })
      continue
    }
    const printedBefore = printedBytes()
    const error = await perform(next)
    // Whose lines they are could not be told if another job printed as well.
    const hasPrinted = printedBytes() !== printedBefore
    refusesAhead ||= hasPrinted
    const rest = { kind: 'ended', memoryBytes: memory(), hasPrinted } as const
    await send(
      typeof error === 'string' ? { ...rest, outcome: error } : { ...rest, outcome: 'failed', error },
    )
  }
  isWorking = false
  process.title = `${title}Ready`
}

/** Resolves to how the job ended: well, or the error that says how not. */
async function perform(sent: SentJob): Promise<'done' | 'skipped' | SentError> {
  const running = new Current(sent.number)
  current = running
  const parsed = readJob(sent.payload)
  const job = parsed instanceof Error ? undefined : jobs.get(parsed.class)
  if (parsed instanceof Error || !job) {
    const name = parsed instanceof Error ? '' : parsed.class
    return sentError(
      new DirtyExit(`The child process does not know the job "${name}" that its worker gave it.`),
    )
  }
  const at = Math.floor(Date.now() / 1_000)
  process.title = `${title}Processing ${sent.queue} since ${at} [${parsed.class}]`
  if (hooks.length > 0) {
    const worked = { queue: sent.queue, class: parsed.class, args: parsed.args, payload: sent.payload }
    try {
      await runWorkerHooks(hooks, 'afterFork', worked)
    } catch (error) {
      return sentError(error)
    }
  }
  const context: JobContext = {
    class: parsed.class,
    queue: sent.queue,
    payload: sent.payload,
    workerId: sent.workerId,
    attempt: sent.deaths + 1,
    get signal() {
      return running.signal
    },
    log: parentLogger,
  }
  const outcome = await performJob(job, parsed.args, context)
  if (outcome.kind !== 'failed') return outcome.kind
  // A job that ends badly after its abort failed of the abort, whatever it threw.
  const error = running.reason ?? outcome.error
  const description = `(Job{${sent.queue}} | ${parsed.class} | ${JSON.stringify(parsed.args)})`
  return sentError(await runFailureHooks(job, error, parsed.args, description))
}

/** What can happen to a job while it runs. Its signal is made when it is first asked for: most jobs never do. */
class Current {
  readonly number: number
  reason: Error | undefined
  #controller: AbortController | undefined

  constructor(number: number) {
    this.number = number
  }

  abort(reason: Error): void {
    this.reason ??= reason
    this.#controller?.abort(this.reason)
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.reason) this.#controller.abort(this.reason)
    }
    return this.#controller.signal
  }
}

function sentError(error: unknown): SentError {
  return { exception: wireNameOf(error), message: messageOf(error), backtrace: backtraceOf(error) }
}

/** What this process holds, as it was a moment ago: to ask costs as much as a small job. */
function memory(): number {
  const now = performance.now()
  if (now - memoryAt < MEMORY_MS) return memoryBytes
  memoryAt = now
  memoryBytes = process.memoryUsage.rss()
  return memoryBytes
}

/** How much has been written to stdout and stderr, by whoever used Node's streams. */
function printedBytes(): number {
  return bytesOf(process.stdout) + bytesOf(process.stderr)
}

function bytesOf(stream: NodeJS.WriteStream): number {
  return (stream as { bytesWritten?: number }).bytesWritten ?? 0
}

function abortReason(exception: string, message: string): Error {
  const reasons = [TermException, JobTimeoutError, DirtyExit].map((Reason) => new Reason(message))
  return reasons.find((reason) => reason.wireName === exception) ?? new DirtyExit(message)
}

/** Resolves when the message has left this process, or never will. */
function send(message: FromChild): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve())
    else resolve()
  })
}

/** A job's log lines are the parent's to write. */
const parentLogger: Logger = {
  debug: (fields, message) => log('debug', fields, message),
  info: (fields, message) => log('info', fields, message),
  warn: (fields, message) => log('warn', fields, message),
  error: (fields, message) => log('error', fields, message),
}

function log(
  level: Extract<FromChild, { kind: 'log' }>['level'],
  fields: object | string,
  message?: string,
): void {
  if (typeof fields === 'string') void send({ kind: 'log', level, fields: {}, message: fields })
  else void send({ kind: 'log', level, fields: plain(fields), message })
}

/** Errors have no members of their own that JSON would carry. */
function plain(fields: object): object {
  const show = ([name, value]: [string, unknown]) => [name, value instanceof Error ? value.stack : value]
  return Object.fromEntries(Object.entries(fields).map(show))
}
