// @ts-check
// How long an idle worker takes to start a job: from the enqueue call in one process to the first
// line of the job in another.
import { withChild } from '../child-process.js'
import { percentile } from '../statistics.js'
import { WARM_UP_JOBS } from '../tasks/latency-worker.js'
import { BEE, BULLMQ, OURS, plain } from './scenario.js'

const CONCURRENCY = 10

/** @type {import('./scenario.js').Scenario} */
export const latency = {
  name: 'latency',
  title: 'from enqueue to start, an idle worker, 50 jobs a second',
  jobs: 400,
  baseline: BEE,
  variants: [
    ...plain(OURS),
    { label: `${OURS}, three queues`, adapter: OURS, queues: ['high', 'bench', 'low'] },
    { label: `${OURS}, Ruby's commands`, adapter: OURS, producer: 'ruby-pipeline' },
    ...plain(BEE, BULLMQ),
  ],
  columns: [
    { key: 'p50', title: 'p50 µs', range: true },
    { key: 'p99', title: 'p99 µs', range: true },
  ],
  measure: (bench, { adapter, producer = adapter, queues }) => {
    const { port } = bench.redis
    const jobs = WARM_UP_JOBS + bench.jobs
    const common = { port, jobs, concurrency: CONCURRENCY, ...(queues && { queues }) }
    return withChild(
      { ...common, adapter, task: 'latency-worker', nodeOptions: bench.nodeOptions },
      (worker) =>
        withChild({ ...common, adapter: producer, task: 'latency-producer' }, async (from) => {
          await from.go()
          const { micros } = await worker.go()
          return { p50: percentile(micros, 50), p99: percentile(micros, 99) }
        }),
    )
  },
  targets: [
    {
      what: `p50, × ${BEE}`,
      atMost: 1,
      measured: (samples) => samples.ratio(OURS, BEE, 'p50'),
    },
  ],
}
