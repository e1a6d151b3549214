// @ts-check
// Enqueues a number of jobs: one by one, several in flight, or many with one call. The connection is
// up before the clock starts.
import { cpuSeconds, monotonicMicros, rssMiB } from './task.js'

/** @typedef {import('../adapters/adapter.js').Producer} Producer */

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { jobs = 0, inFlight = 1, batch, bare = false } = spec
  const producer = await adapter.openProducer(spec.port)
  const present = await producer.pending()

  const go = async () => {
    const before = cpuSeconds()
    const startedAt = monotonicMicros()
    if (batch === undefined) await enqueueSingly(producer, jobs, inFlight)
    else await enqueueInBatches(producer, jobs, batch, bare)
    const seconds = (monotonicMicros() - startedAt) / 1e6
    const figures = { seconds, cpuSeconds: cpuSeconds() - before, rssMiB: rssMiB() }
    const added = (await producer.pending()) - present
    if (added !== jobs) throw new Error(`expected ${jobs} jobs in the queue, found ${added}`)
    return figures
  }
  return { go, end: () => producer.close() }
}

/**
 * @param {Producer} producer
 * @param {number} jobs
 * @param {number} inFlight
 */
async function enqueueSingly(producer, jobs, inFlight) {
  let next = 0
  const lane = async () => {
    while (next < jobs) await producer.enqueue(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

/**
 * @param {Producer} producer
 * @param {number} jobs
 * @param {number} batch
 * @param {boolean} bare
 */
async function enqueueInBatches(producer, jobs, batch, bare) {
  for (let first = 0; first < jobs; first += batch) {
    const size = Math.min(batch, jobs - first)
    await producer.enqueueMany(Array.from({ length: size }, (_, i) => (bare ? undefined : first + i)))
  }
}
