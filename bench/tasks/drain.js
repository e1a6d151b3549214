// @ts-check
// Works off a queue that is full when it starts. The clock runs from the first job to the last; CPU
// is counted from before the start of the worker to after its stop.
import { setTimeout as delay } from 'node:timers/promises'
import { QUEUE } from '../adapters/adapter.js'
import { cpuSeconds, rssMiB, Tally } from './task.js'

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, jobs = 0, concurrency = 1, jobMs = 0, queues = [QUEUE], prefetch = 0 } = spec
  const tally = new Tally(jobs)
  const noop = (/** @type {number} */ n) => {
    tally.begin()
    tally.finish(n)
  }
  const timed = async (/** @type {number} */ n) => {
    tally.begin()
    await delay(jobMs)
    tally.finish(n)
  }
  const perform = jobMs > 0 ? timed : noop
  const worker = await adapter.openWorker({ port, concurrency, prefetch, queues, perform })

  const go = async () => {
    const before = cpuSeconds()
    await worker.start()
    await tally.complete
    const rss = rssMiB()
    await worker.stop()
    return { seconds: tally.seconds(), cpuSeconds: cpuSeconds() - before, rssMiB: rss }
  }
  return { go }
}
