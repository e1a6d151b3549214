/**
 * The worker's side of `resque pool`: it says when it works, and stops by itself when its pool is gone.
 */
import type { Worker } from '../worker/worker.js'

/** Marks a worker of a pool; not for people. */
export const POOLED_FLAG = '--pooled'

/** Call it once the worker has started. */
export function joinPool(worker: Worker): void {
  process.on('disconnect', () => void worker.stop())
  if (process.connected) process.send?.({ kind: 'ready' })
  else void worker.stop()
}
