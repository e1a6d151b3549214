// @ts-check
// Jobs in child processes: how fast, what a process for each costs, and how much memory they hold.
import { withChild } from '../child-process.js'
import { THROUGHPUT_COLUMNS } from '../table.js'
import { BULLMQ, fill, measureThroughput, OURS, plain } from './scenario.js'

/** @typedef {import('./scenario.js').Scenario} Scenario */

/** As many as this machine's small relatives have cores: more children would only wait for each other. */
const CONCURRENCY = 2
const PREFETCHING = `${OURS}, prefetch`
const REUSED = `${OURS}, reused`
const FRESH = `${OURS}, one each`
/** Longer than a process takes to start. */
const LONG_JOB_MS = 400
const IDLE_CHILDREN = 4

/** @type {Scenario} */
const reused = {
  name: 'children',
  title: `no-op jobs in ${CONCURRENCY} child processes that are reused`,
  jobs: 40_000,
  baseline: BULLMQ,
  variants: [...plain(OURS), { label: PREFETCHING, adapter: OURS, prefetch: 98 }, ...plain(BULLMQ)],
  columns: THROUGHPUT_COLUMNS,
  measure: async (bench, variant) => {
    await fill(bench, variant)
    return measureThroughput(bench, variant, { task: 'children', concurrency: CONCURRENCY })
  },
  targets: [
    {
      what: `jobs/s (prefetch), × ${BULLMQ}`,
      atLeast: 5,
      measured: (samples) => samples.ratio(PREFETCHING, BULLMQ, 'perSecond'),
    },
  ],
}

/** @type {Scenario} */
const fresh = {
  name: 'children-fresh',
  title: `jobs of ${LONG_JOB_MS} ms, ${CONCURRENCY} at a time, in a process for each`,
  jobs: 60,
  baseline: REUSED,
  variants: [
    { label: REUSED, adapter: OURS },
    { label: FRESH, adapter: OURS, jobsPerChild: 1 },
  ],
  columns: THROUGHPUT_COLUMNS.map((column) =>
    column.key === 'perSecond' ? { ...column, digits: 2 } : column,
  ),
  measure: async (bench, variant) => {
    await fill(bench, variant)
    return measureThroughput(bench, variant, {
      task: 'children',
      concurrency: CONCURRENCY,
      jobMs: LONG_JOB_MS,
    })
  },
  targets: [
    {
      what: 'jobs/s, × reused children',
      atLeast: 0.9,
      measured: (samples) => samples.ratio(FRESH, REUSED, 'perSecond'),
    },
  ],
}

/** @type {Scenario} */
const memory = {
  name: 'children-memory',
  title: `memory of an idle worker, in MiB, without children and with ${IDLE_CHILDREN} of them`,
  jobs: 0,
  once: true,
  variants: [
    ...plain(OURS),
    { label: `${OURS}, children`, adapter: OURS, inChildren: true },
    ...plain(BULLMQ),
    { label: `${BULLMQ}, children`, adapter: BULLMQ, inChildren: true },
  ],
  columns: [
    { key: 'rssMiB', title: 'worker RSS', digits: 1 },
    { key: 'pssMiB', title: 'worker PSS', digits: 1 },
    { key: 'childRssMiB', title: 'child RSS', digits: 1 },
    { key: 'childPssMiB', title: 'child PSS', digits: 1 },
    { key: 'totalPssMiB', title: 'all, PSS', digits: 1 },
  ],
  measure: async (bench, variant) => {
    const jobs = 5 * IDLE_CHILDREN
    await fill({ ...bench, jobs }, variant)
    const { adapter, inChildren = false } = variant
    const spec = { adapter, task: /** @type {const} */ ('memory'), port: bench.redis.port, jobs }
    return withChild({ ...spec, concurrency: IDLE_CHILDREN, inChildren }, (child) => child.go())
  },
  targets: [],
}

export const children = [reused, fresh, memory]
