// @ts-check
// What one waiting job costs in Redis: a no-op job without arguments.
import { usedMemoryBytes } from '../meter.js'
import { BEE, BULLMQ, fill, OURS, plain } from './scenario.js'

/** @type {import('./scenario.js').Scenario} */
export const memoryPending = {
  name: 'memory-pending',
  title: 'memory of Redis for each waiting job',
  jobs: 100_000,
  once: true,
  baseline: BULLMQ,
  variants: plain(OURS, BULLMQ, BEE, 'node-resque'),
  columns: [
    { key: 'bytes', title: 'B/job', digits: 1 },
    { key: 'fillPerSecond', title: 'jobs/s of the fill' },
  ],
  measure: async (bench, variant) => {
    const before = await usedMemoryBytes(bench.redis.client)
    const { seconds } = await fill(bench, variant, { bare: true })
    const after = await usedMemoryBytes(bench.redis.client)
    return { bytes: (after - before) / bench.jobs, fillPerSecond: bench.jobs / seconds }
  },
  targets: [
    {
      what: 'bytes a waiting job',
      atMost: 60,
      digits: 1,
      measured: (samples) => samples.median(OURS, 'bytes'),
    },
  ],
}
