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
import type { FromChild, SentError, ToChild } from './child-protocol.js'
import { loadJobs } from './load-jobs.js'
import { backtraceOf } from './report.js'

type PerformMessage = Extract<ToChild, { kind: 'perform' }>

let jobs: ReadonlyMap<string, AnyJob> = new Map()
let hooks: readonly WorkerHooks[] = []
let title = ''
let controller: AbortController | undefined

for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
  process.on(signal, () => {})
process.on('SIGTERM', () => controller?.abort(new TermException('SIGTERM')))
process.on('disconnect', () => process.exit(1))
// An error that no job catches leaves the process in a state nobody knows: it ends, and its job is a DirtyExit.
process.on('uncaughtException', (error) => {
  send({ kind: 'log', level: 'error', fields: {}, message: `Uncaught: ${error.stack ?? messageOf(error)}` })
  process.exit(1)
})
// Its parent went before this began to listen.
if (!process.connected) process.exit(1)
new Thread(new URL('./parent-watch.js', import.meta.url), { workerData: process.ppid }).unref()

process.on('message', (message: ToChild) => {
  if (message.kind === 'load') void load(message)
  else if (message.kind === 'perform') void perform(message)
  else controller?.abort(abortReason(message.exception, message.message))
})

async function load({ modules, proclinePrefix }: Extract<ToChild, { kind: 'load' }>): Promise<void> {
  title = `${proclinePrefix}resque-${RESQUE_VERSION}: `
  process.title = `${title}Ready`
  try {
    const loaded = await loadJobs(modules)
    jobs = new Map(loaded.jobs.map((job) => [job.name, job]))
    hooks = loaded.hooks.filter(isWorkerHooks)
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'unusable', message: messageOf(error) })
  }
}

async function perform(message: PerformMessage): Promise<void> {
  controller = new AbortController()
  const { signal } = controller
  const parsed = readJob(message.payload)
  const job = parsed instanceof Error ? undefined : jobs.get(parsed.class)
  if (parsed instanceof Error || !job) {
    const name = parsed instanceof Error ? '' : parsed.class
    end(new DirtyExit(`The child process does not know the job "${name}" that its worker gave it.`))
    return
  }
  const at = Math.floor(Date.now() / 1_000)
  process.title = `${title}Processing ${message.queue} since ${at} [${parsed.class}]`
  try {
    const worked = { queue: message.queue, class: parsed.class, args: parsed.args, payload: message.payload }
    await runWorkerHooks(hooks, 'afterFork', worked)
  } catch (error) {
    end(error)
    return
  }
  const context: JobContext = {
    class: parsed.class,
    queue: message.queue,
    payload: message.payload,
    workerId: message.workerId,
    attempt: message.deaths + 1,
    signal,
    log: parentLogger,
  }
  const outcome = await performJob(job, parsed.args, context)
  if (outcome.kind !== 'failed') {
    send({ kind: 'ended', outcome: outcome.kind, memoryBytes: process.memoryUsage.rss() })
  } else {
    // A job that ends badly after its abort failed of the abort, whatever it threw.
    const error = signal.aborted ? signal.reason : outcome.error
    const description = `(Job{${message.queue}} | ${parsed.class} | ${JSON.stringify(parsed.args)})`
    end(await runFailureHooks(job, error, parsed.args, description))
  }
  process.title = `${title}Ready`
}

function end(error: unknown): void {
  const sent: SentError = {
    exception: wireNameOf(error),
    message: messageOf(error),
    backtrace: backtraceOf(error),
  }
  send({ kind: 'ended', outcome: 'failed', error: sent, memoryBytes: process.memoryUsage.rss() })
}

function abortReason(exception: string, message: string): Error {
  const reasons = [TermException, JobTimeoutError, DirtyExit].map((Reason) => new Reason(message))
  return reasons.find((reason) => reason.wireName === exception) ?? new DirtyExit(message)
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message)
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
  if (typeof fields === 'string') send({ kind: 'log', level, fields: {}, message: fields })
  else send({ kind: 'log', level, fields: plain(fields), message })
}

/** Errors have no members of their own that JSON would carry. */
function plain(fields: object): object {
  const show = ([name, value]: [string, unknown]) => [name, value instanceof Error ? value.stack : value]
  return Object.fromEntries(Object.entries(fields).map(show))
}
