/**
 * What a running job can see of itself: `this` in a job made by `defineJob`, and `currentJob()` anywhere below it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** A logger in the shape of pino's: an object of fields first, then the message; or the message alone. */
export interface Logger {
  debug(fields: object | string, message?: string): void
  info(fields: object | string, message?: string): void
  warn(fields: object | string, message?: string): void
  error(fields: object | string, message?: string): void
  child?(fields: object): Logger
}

/** A logger that says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** The job that is running: where it came from, and its means to hear that it should stop. */
export interface JobContext {
  /** The class name on the wire. */
  readonly class: string
  /** The queue it was taken from; `inline` when it runs in the caller. */
  readonly queue: string
  /** The payload as it stood in Redis, the exact text. */
  readonly payload: string
  /** The id of the worker (slot) that runs it; empty when it runs in the caller. */
  readonly workerId: string
  /** 1 for the first try; each death of a worker that ran it adds one. */
  readonly attempt: number
  /** Aborted on timeout, on USR1 and when the worker must stop. `signal.reason` tells why. */
  readonly signal: AbortSignal
  /** The worker's logger, with class, queue and worker id on every line. */
  readonly log: Logger
}

const running = new AsyncLocalStorage<JobContext>()

/** The context of the job this code runs in, or undefined outside of one. */
export function currentJob(): JobContext | undefined {
  return running.getStore()
}

/** Runs `work` so that `currentJob()` is `context` in it and in everything it awaits. */
export function runAsJob<T>(context: JobContext, work: () => T): T {
  return running.run(context, work)
}
