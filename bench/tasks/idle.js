// @ts-check
// A worker with nothing to do, for a while.
import { setTimeout as delay } from 'node:timers/promises'
import { QUEUE } from '../adapters/adapter.js'
import { cpuSeconds, rssMiB } from './task.js'

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, concurrency = 1, queues = [QUEUE], durationMs = 0 } = spec
  const worker = await adapter.openWorker({ port, concurrency, queues, perform: () => {} })
  await worker.start()
  return {
    go: async () => {
      const before = cpuSeconds()
      await delay(durationMs)
      return { cpuSeconds: cpuSeconds() - before, rssMiB: rssMiB() }
    },
    end: () => worker.stop(),
  }
}
