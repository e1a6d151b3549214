// @ts-check
// Waits for jobs that carry the instant of their enqueue call, and notes how long each took to start.
import { QUEUE } from '../adapters/adapter.js'
import { monotonicMicros } from './task.js'

/** The first ones find code that has not run yet, on both sides. */
export const WARM_UP_JOBS = 25

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, jobs = 0, concurrency = 1, queues = [QUEUE] } = spec
  /** @type {number[]} */
  const micros = []
  /** @type {() => void} */
  let resolve = () => {}
  const complete = /** @type {Promise<void>} */ (
    new Promise((done) => {
      resolve = done
    })
  )
  const perform = (/** @type {number} */ enqueuedAt) => {
    micros.push(monotonicMicros() - enqueuedAt)
    if (micros.length === jobs) resolve()
  }
  const worker = await adapter.openWorker({ port, concurrency, queues, perform })
  await worker.start()
  return {
    go: async () => {
      await complete
      return { micros: micros.slice(WARM_UP_JOBS) }
    },
    end: () => worker.stop(),
  }
}
