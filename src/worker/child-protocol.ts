/**
 * What a worker and its children say to each other, over Node's IPC channel, as JSON.
 */

/** To the child. */
export type ToChild =
  /** Once, first: what to load. */
  | { kind: 'load'; modules: string[]; proclinePrefix: string }
  /** Perform this. The payload is the raw text from the queue. */
  | { kind: 'perform'; queue: string; payload: string; workerId: string; deaths: number }
  /** Abort the signal of the job. */
  | { kind: 'abort'; exception: string; message: string }

/** From the child. */
export type FromChild =
  | { kind: 'ready' }
  /** It cannot be used: a module could not be loaded. */
  | { kind: 'unusable'; message: string }
  | { kind: 'ended'; outcome: 'done' | 'skipped'; memoryBytes: number }
  | { kind: 'ended'; outcome: 'failed'; error: SentError; memoryBytes: number }
  | { kind: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string | undefined }

/** An error that crosses from one process to another. */
export interface SentError {
  /** As it stands in a failed record. */
  exception: string
  message: string
  backtrace: string[]
}
