// @ts-check
// Whether a worker's memory grows with the number of jobs it has run.
import { withChild } from '../child-process.js'
import { fill, OURS, plain } from './scenario.js'

const CONCURRENCY = 100

/** @type {import('./scenario.js').Scenario} */
export const flat = {
  name: 'flat',
  title: 'memory of a worker, after a fifth of the jobs and at the end',
  jobs: 1_000_000,
  long: true,
  once: true,
  variants: plain(OURS),
  columns: [
    { key: 'heapEarlyMiB', title: 'heap MiB, a fifth', digits: 1 },
    { key: 'heapLateMiB', title: 'heap MiB, end', digits: 1 },
    { key: 'rssEarlyMiB', title: 'RSS MiB, a fifth', digits: 1 },
    { key: 'rssLateMiB', title: 'RSS MiB, end', digits: 1 },
    { key: 'perSecond', title: 'jobs/s' },
  ],
  measure: async (bench, variant) => {
    await fill(bench, variant)
    const { port } = bench.redis
    const { jobs } = bench
    const nodeOptions = ['--expose-gc', ...bench.nodeOptions]
    return withChild(
      { adapter: variant.adapter, task: 'flat', port, jobs, concurrency: CONCURRENCY, nodeOptions },
      async (child) => {
        const { seconds, ...memory } = await child.go()
        return { ...memory, perSecond: jobs / seconds }
      },
    )
  },
  targets: [
    {
      what: 'heap at the end, × after a fifth',
      atMost: 1.15,
      measured: (samples) => samples.change(OURS, 'heapLateMiB', 'heapEarlyMiB'),
    },
    {
      what: 'RSS at the end, × after a fifth',
      atMost: 1.15,
      measured: (samples) => samples.change(OURS, 'rssLateMiB', 'rssEarlyMiB'),
    },
  ],
}
