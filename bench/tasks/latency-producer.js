// @ts-check
// Enqueues at a steady but jittered rate; each job carries the instant of its enqueue call.
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMicros } from './task.js'

const JOBS_PER_SECOND = 50

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, { port, jobs = 0 }) {
  const producer = await adapter.openProducer(port)
  await producer.pending()
  return {
    go: async () => {
      for (let i = 0; i < jobs; i++) {
        await delay((1000 / JOBS_PER_SECOND) * (0.5 + Math.random()))
        await producer.enqueue(monotonicMicros())
      }
      return {}
    },
    end: () => producer.close(),
  }
}
