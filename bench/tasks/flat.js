// @ts-check
// A long drain that watches its own memory: after a fifth of the jobs, and at the end. The heap is
// what is left after a collection (the process runs with --expose-gc).
import { QUEUE } from '../adapters/adapter.js'
import { median } from '../statistics.js'
import { rssMiB, Tally } from './task.js'

const SAMPLES = 200

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, jobs = 0, concurrency = 1 } = spec
  const tally = new Tally(jobs)
  const early = Math.floor(jobs / 5)
  const every = Math.max(1, Math.floor(jobs / SAMPLES))
  /** @type {{ performed: number, rss: number }[]} */
  const samples = []
  let heapEarly = 0

  const perform = (/** @type {number} */ n) => {
    tally.begin()
    tally.finish(n)
    const { performed } = tally
    if (performed % every === 0) samples.push({ performed, rss: rssMiB() })
    if (performed === early) heapEarly = collectedHeapMiB()
  }
  const worker = await adapter.openWorker({ port, concurrency, queues: [QUEUE], perform })
  /** RSS moves with each collection, so a tenth of the run is taken together. */
  const rssAround = (/** @type {number} */ from) =>
    median(
      samples
        .filter((s) => s.performed > from)
        .slice(0, SAMPLES / 10)
        .map((s) => s.rss),
    )

  const go = async () => {
    await worker.start()
    await tally.complete
    const heapLate = collectedHeapMiB()
    await worker.stop()
    return {
      seconds: tally.seconds(),
      heapEarlyMiB: heapEarly,
      heapLateMiB: heapLate,
      rssEarlyMiB: rssAround(early),
      rssLateMiB: rssAround(jobs - jobs / 10),
    }
  }
  return { go }
}

function collectedHeapMiB() {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}
