// @ts-check
// What an idle worker holds, and each of its children if it has any, after each has performed a few jobs.
import { setTimeout as delay } from 'node:timers/promises'
import { QUEUE } from '../adapters/adapter.js'
import { median } from '../statistics.js'
import { childrenOf, memoryMiB } from './processes.js'
import { Tally } from './task.js'

const JOB_MS = 50
const SETTLE_MS = 3_000

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, jobs = 0, concurrency = 1, inChildren = false } = spec
  process.env.BENCH_JOB_MS = String(JOB_MS)
  const tally = new Tally(jobs)
  const onEnd = (/** @type {number} */ n) => tally.finish(n)
  const perform = async (/** @type {number} */ n) => {
    await delay(JOB_MS)
    tally.finish(n)
  }
  const common = { port, concurrency, queues: [QUEUE], perform }
  const worker = await adapter.openWorker({ ...common, ...(inChildren && { children: { onEnd } }) })

  const go = async () => {
    await worker.start()
    await tally.complete
    await delay(SETTLE_MS)
    const own = memoryMiB(process.pid)
    const children = childrenOf(process.pid).map(memoryMiB)
    const expected = inChildren ? concurrency : 0
    if (children.length !== expected) {
      throw new Error(`expected ${expected} children, found ${children.length}`)
    }
    return {
      rssMiB: own.rss,
      pssMiB: own.pss,
      childRssMiB: median(children.map(({ rss }) => rss)),
      childPssMiB: median(children.map(({ pss }) => pss)),
      totalPssMiB: [own, ...children].reduce((sum, { pss }) => sum + pss, 0),
    }
  }
  return { go, end: () => worker.stop() }
}
