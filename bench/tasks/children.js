// @ts-check
// Works off a full queue with jobs in child processes. The clock runs from the end of the first tenth of the jobs to
// that of the last one: then every child has started. CPU is that of this process and of all its children.
import { QUEUE } from '../adapters/adapter.js'
import { childrenCpuSeconds } from './processes.js'
import { cpuSeconds, rssMiB, Tally } from './task.js'

/**
 * @param {import('./task.js').Adapter} adapter
 * @param {import('./task.js').ChildSpec} spec
 * @returns {Promise<import('./task.js').Task>}
 */
export async function prepare(adapter, spec) {
  const { port, jobs = 0, concurrency = 1, jobMs = 0, prefetch = 0, jobsPerChild } = spec
  // Children inherit it.
  process.env.BENCH_JOB_MS = String(jobMs)
  const tally = new Tally(jobs)
  const warmUp = Math.ceil(jobs / 10)
  const onEnd = (/** @type {number} */ n) => {
    tally.finish(n)
    if (tally.performed === warmUp) tally.begin()
  }
  const worker = await adapter.openWorker({
    port,
    concurrency,
    prefetch,
    queues: [QUEUE],
    perform: () => {},
    children: { onEnd, ...(jobsPerChild && { jobsPerChild }) },
  })

  const go = async () => {
    const before = cpuSeconds()
    await worker.start()
    await tally.complete
    const rss = rssMiB()
    await worker.stop()
    return {
      seconds: (tally.seconds() * jobs) / (jobs - warmUp),
      // Those of children count once they have been waited for.
      cpuSeconds: cpuSeconds() - before + childrenCpuSeconds(),
      rssMiB: rss,
    }
  }
  return { go }
}
