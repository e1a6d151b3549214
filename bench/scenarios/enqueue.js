// @ts-check
// One producer process fills an empty queue.
import { THROUGHPUT_COLUMNS } from '../table.js'
import { BATCH, BEE, BULLMQ, measureThroughput, OURS, plain } from './scenario.js'

/**
 * @param {object} options
 * @param {string} options.name
 * @param {string} options.title
 * @param {number} options.jobs
 * @param {number} options.atLeast  times BullMQ's jobs a second
 * @param {{ inFlight: number } | { batch: number }} options.how
 * @returns {import('./scenario.js').Scenario}
 */
function enqueue({ name, title, jobs, atLeast, how }) {
  return {
    name,
    title,
    jobs,
    baseline: BULLMQ,
    variants: plain(OURS, BULLMQ, BEE),
    columns: THROUGHPUT_COLUMNS,
    measure: (bench, variant) => measureThroughput(bench, variant, { task: 'enqueue', ...how }),
    targets: [
      {
        what: `jobs/s, × ${BULLMQ}`,
        atLeast,
        measured: (samples) => samples.ratio(OURS, BULLMQ, 'perSecond'),
      },
    ],
  }
}

export const enqueues = [
  enqueue({
    name: 'enqueue-1',
    title: 'enqueue, each call awaited before the next',
    jobs: 30_000,
    atLeast: 1.4,
    how: { inFlight: 1 },
  }),
  enqueue({
    name: 'enqueue-100',
    title: 'enqueue, 100 calls in flight',
    jobs: 200_000,
    atLeast: 10,
    how: { inFlight: 100 },
  }),
  enqueue({
    name: 'enqueue-many',
    title: `enqueue with the bulk call, ${BATCH} jobs in each`,
    jobs: 200_000,
    atLeast: 15,
    how: { batch: BATCH },
  }),
]
