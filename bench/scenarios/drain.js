// @ts-check
// One worker process works off a full queue.
import { THROUGHPUT_COLUMNS } from '../table.js'
import { BEE, BULLMQ, fill, measureThroughput, OURS, plain } from './scenario.js'

/** @typedef {import('./scenario.js').Scenario} Scenario */

const PREFETCHING = `${OURS}, prefetch`

/**
 * @param {object} options
 * @param {string} options.name
 * @param {string} options.title
 * @param {number} options.jobs
 * @param {number} options.concurrency
 * @param {number} [options.jobMs]
 * @param {number} [options.prefetch]  a second row of ours, with so many jobs held ready
 * @param {string[]} [options.peers]  the first one is the baseline
 * @param {import('./scenario.js').Target[]} options.targets
 * @returns {Scenario}
 */
function drain({ name, title, jobs, concurrency, jobMs = 0, prefetch = 0, peers = [BULLMQ, BEE], targets }) {
  return {
    name,
    title,
    jobs,
    ...(peers[0] && { baseline: peers[0] }),
    variants: [
      ...plain(OURS),
      ...(prefetch > 0 ? [{ label: PREFETCHING, adapter: OURS, prefetch }] : []),
      ...plain(...peers),
    ],
    columns: THROUGHPUT_COLUMNS,
    measure: async (bench, variant) => {
      await fill(bench, variant)
      return measureThroughput(bench, variant, { task: 'drain', concurrency, jobMs })
    },
    targets,
  }
}

/**
 * @param {number} atLeast
 * @param {string} [label]
 * @returns {import('./scenario.js').Target}
 */
function timesBullmq(atLeast, label = OURS) {
  return {
    what: `jobs/s${ofRow(label)}, × ${BULLMQ}`,
    atLeast,
    measured: (samples) => samples.ratio(label, BULLMQ, 'perSecond'),
  }
}

/**
 * @param {number} atMost
 * @param {string} [label]
 * @returns {import('./scenario.js').Target}
 */
function cpuOfBullmq(atMost, label = OURS) {
  return {
    what: `CPU a job (node and Redis)${ofRow(label)}, × ${BULLMQ}`,
    atMost,
    digits: 3,
    measured: (samples) => samples.ratio(label, BULLMQ, 'totalCpu'),
  }
}

/** @param {string} label */
function ofRow(label) {
  return label === PREFETCHING ? ' (prefetch)' : ''
}

export const drains = [
  drain({
    name: 'drain-100',
    title: 'no-op jobs, concurrency 100',
    jobs: 100_000,
    concurrency: 100,
    prefetch: 400,
    targets: [
      timesBullmq(5),
      cpuOfBullmq(1 / 8),
      timesBullmq(5, PREFETCHING),
      cpuOfBullmq(1 / 8, PREFETCHING),
      {
        what: 'Redis commands a job',
        atMost: 0.2,
        digits: 3,
        measured: (samples) => samples.median(OURS, 'commands'),
      },
    ],
  }),
  drain({
    name: 'drain-10',
    title: 'no-op jobs, concurrency 10',
    jobs: 100_000,
    concurrency: 10,
    prefetch: 90,
    targets: [timesBullmq(4), timesBullmq(4, PREFETCHING)],
  }),
  drain({
    name: 'drain-1',
    title: 'no-op jobs, one at a time',
    jobs: 100_000,
    concurrency: 1,
    prefetch: 9,
    targets: [timesBullmq(1.6), timesBullmq(1.6, PREFETCHING)],
  }),
  drain({
    name: 'drain-1ms',
    title: 'jobs that wait 1 ms on a timer, concurrency 100',
    jobs: 100_000,
    concurrency: 100,
    jobMs: 1,
    prefetch: 400,
    targets: [timesBullmq(2.5), timesBullmq(2.5, PREFETCHING)],
  }),
  drain({
    name: 'node-resque',
    title: 'no-op jobs, concurrency 50, against node-resque',
    jobs: 30_000,
    concurrency: 50,
    peers: ['node-resque'],
    targets: [],
  }),
]
