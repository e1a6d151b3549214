// @ts-check
// The contract of a scenario, and the measurement most of them share.
import { withChild } from '../child-process.js'
import { metered } from '../meter.js'

/** @typedef {import('../child-process.js').ChildSpec} ChildSpec */
/** @typedef {import('../child-process.js').Figures} Figures */
/** @typedef {import('../statistics.js').Samples} Samples */

/**
 * One row of a scenario's table.
 * @typedef {object} Variant
 * @property {string} label
 * @property {string} adapter
 * @property {string} [producer]  adapter of the producing process, when it is another one
 * @property {string[]} [queues]
 * @property {number} [prefetch]
 * @property {number} [jobsPerChild]
 * @property {boolean} [inChildren]
 */

/**
 * What a scenario is given.
 * @typedef {object} Bench
 * @property {import('../redis-server.js').RedisServer} redis
 * @property {number} jobs
 * @property {string[]} nodeOptions  for the measured process
 */

/**
 * @typedef {object} Target
 * @property {string} what
 * @property {number} [atLeast]
 * @property {number} [atMost]
 * @property {number} [digits]  of the measured value
 * @property {(samples: Samples) => number} measured
 */

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {number} jobs
 * @property {boolean} [long]  left out by --quick
 * @property {boolean} [once]  one round is enough: the figures hardly move
 * @property {string} [baseline]  label of the variant that the others are compared with
 * @property {Variant[]} variants
 * @property {import('../table.js').Column[]} columns
 * @property {(bench: Bench, variant: Variant) => Promise<Figures>} measure  one measurement, on an empty Redis
 * @property {Target[]} targets
 */

export const OURS = 'resque-ts'
export const BULLMQ = 'bullmq'
export const BEE = 'bee-queue'

/**
 * Variants that need nothing but their adapter.
 * @param {string[]} adapters
 * @returns {Variant[]}
 */
export function plain(...adapters) {
  return adapters.map((adapter) => ({ label: adapter, adapter }))
}

/** Jobs in one bulk enqueue. */
export const BATCH = 1_000

/**
 * Fills the queue, in a process of its own so that the measured one starts cold.
 * @param {Bench} bench
 * @param {Variant} variant
 * @param {{ bare?: boolean }} [options]
 * @returns {Promise<{ seconds: number }>}
 */
export function fill(bench, variant, { bare = false } = {}) {
  const { jobs, redis } = bench
  const adapter = variant.producer ?? variant.adapter
  return withChild({ adapter, task: 'enqueue', port: redis.port, jobs, batch: BATCH, bare }, (child) =>
    child.go(),
  )
}

/**
 * Runs one task in a process of its own and counts what the process and Redis spent for each job.
 * @param {Bench} bench
 * @param {Variant} variant
 * @param {Omit<ChildSpec, 'adapter' | 'port' | 'jobs'>} spec
 * @returns {Promise<Figures>}
 */
export function measureThroughput(bench, variant, spec) {
  const { jobs, redis, nodeOptions } = bench
  const { adapter, queues, prefetch = 0, jobsPerChild } = variant
  const port = redis.port
  const own = { ...(queues && { queues }), ...(jobsPerChild && { jobsPerChild }) }
  const whole = { adapter, port, jobs, nodeOptions, prefetch, ...own, ...spec }
  return withChild(whole, async (child) => {
    const { result, spent } = await metered(redis.client, () => child.go())
    const nodeCpu = (result.cpuSeconds / jobs) * 10_000
    const redisCpu = (spent.cpuSeconds / jobs) * 10_000
    return {
      perSecond: jobs / result.seconds,
      nodeCpu,
      redisCpu,
      totalCpu: nodeCpu + redisCpu,
      commands: spent.commands / jobs,
      networkBytes: spent.networkBytes / jobs,
      rssMiB: result.rssMiB,
    }
  })
}
