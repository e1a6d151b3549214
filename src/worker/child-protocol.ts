/**
 * What a worker and its children say to each other, over Node's IPC channel, as JSON.
 *
 * A child performs jobs in the order it got them, one at a time, and answers each in that order. It begins the next one
 * only when the answer to the last is on its way. Jobs may be sent ahead of their turn, each with the instant until
 * which it may begin; a child that comes to one later refuses it, and all behind it, until it is given one outright. So
 * the worker can have such a job performed elsewhere, once that instant has passed and no answer to the one before it
 * has come: whatever the child is busy with, it will not begin it.
 */

/** To the child. */
export type ToChild =
  /** Once, first: what to load. */
  | { kind: 'load'; modules: string[]; proclinePrefix: string }
  /** Perform these. */
  | { kind: 'perform'; jobs: SentJob[] }
  /** Abort the signal of the job with this number, if it is the one that runs. */
  | { kind: 'abort'; number: number; exception: string; message: string }

export interface SentJob {
  /** Counts the jobs of a child. */
  number: number
  queue: string
  /** The raw text from the queue. */
  payload: string
  workerId: string
  deaths: number
  /** By the clock of `monotonicMs`: it may begin until then. Without it: now, or whenever its turn comes. */
  until?: number
}

/** From the child. */
export type FromChild =
  | { kind: 'ready' }
  /** It cannot be used: a module could not be loaded. */
  | { kind: 'unusable'; message: string }
  | Ended
  /** The next job was sent ahead and comes too late. It has not begun. */
  | { kind: 'refused' }
  | { kind: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string | undefined }

/** The next job has ended. */
export type Ended = {
  kind: 'ended'
  memoryBytes: number
  /** It wrote to stdout or stderr. What was sent ahead behind it is refused. */
  hasPrinted: boolean
} & ({ outcome: 'done' | 'skipped' } | { outcome: 'failed'; error: SentError })

/** An error that crosses from one process to another. */
export interface SentError {
  /** As it stands in a failed record. */
  exception: string
  message: string
  backtrace: string[]
}

/** A clock that all processes of a machine share, and that nobody sets. */
export function monotonicMs(): number {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1_000 + nanos / 1e6
}
