// @ts-check
// What empty queues cost: one worker on 1,000 queues with jobs only in the last, against the same
// worker on that queue alone.
import { QUEUE } from '../adapters/adapter.js'
import { THROUGHPUT_COLUMNS } from '../table.js'
import { fill, measureThroughput, OURS } from './scenario.js'

const CONCURRENCY = 100
const ONE = `${OURS}, 1 queue`
const MANY = `${OURS}, 1000 queues`

/** @type {import('./scenario.js').Scenario} */
export const queues1000 = {
  name: 'queues-1000',
  title: 'no-op jobs in the last of 1,000 queues, concurrency 100',
  jobs: 100_000,
  baseline: ONE,
  variants: [
    { label: ONE, adapter: OURS },
    { label: MANY, adapter: OURS, queues: [...emptyQueues(999), QUEUE] },
  ],
  columns: THROUGHPUT_COLUMNS,
  measure: async (bench, variant) => {
    await fill(bench, variant)
    return measureThroughput(bench, variant, { task: 'drain', concurrency: CONCURRENCY })
  },
  targets: [
    {
      what: 'jobs/s on 1,000 queues, × on one',
      atLeast: 1 / 4,
      measured: (samples) => samples.ratio(MANY, ONE, 'perSecond'),
    },
  ],
}

/** @param {number} count */
function emptyQueues(count) {
  return Array.from({ length: count }, (_, i) => `empty-${String(i + 1).padStart(3, '0')}`)
}
