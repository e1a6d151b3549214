/**
 * How a worker stops.
 */
export interface StopOptions {
  /**
   * The whole stop takes no longer; jobs may finish until shortly before. `Infinity`: until they are done.
   * Default: the worker's `stopTimeoutMs`.
   */
  timeoutMs?: number
  /** What becomes of a job that had to be aborted: back to the head of its queue (default), or to failed as in Ruby. */
  unfinished?: 'return' | 'fail'
  /** How long a job may go on after its signal was aborted. Default: the worker's `abortGraceMs`. */
  abortGraceMs?: number
}
