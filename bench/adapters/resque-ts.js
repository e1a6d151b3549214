// @ts-check
// resque-ts as it comes: heartbeat thread, working records and pruning are on.
import { subscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import { defineJob, Resque } from 'resque-ts'
import { QUEUE } from './adapter.js'

/** @type {(n: number) => void | Promise<void>} */
let perform = () => {}

const Noop = defineJob({
  name: 'Noop',
  queue: QUEUE,
  perform(/** @type {number} */ n = 0) {
    return perform(n)
  },
})

/**
 * @param {number | undefined} n
 * @returns {[job: typeof Noop, n?: number]}
 */
function entry(n) {
  return n === undefined ? [Noop] : [Noop, n]
}

/** @param {number} port */
function connect(port) {
  return new Resque({ redis: `redis://127.0.0.1:${port}` })
}

/** @type {import('./adapter.js').Adapter['openProducer']} */
export async function openProducer(port) {
  const resque = connect(port)
  return {
    enqueue: (n) => resque.enqueue(...entry(n)),
    enqueueMany: (ns) => resque.enqueueMany(ns.map(entry)),
    pending: () => resque.size(QUEUE),
    close: () => resque.close(),
  }
}

/** @type {import('./adapter.js').Adapter['openWorker']} */
export async function openWorker(spec) {
  const { Worker } = await import('resque-ts/worker')
  perform = spec.perform
  const resque = connect(spec.port)
  const { children } = spec
  if (children) subscribe('resque:job:finished', (event) => ended(event, children))
  const worker = new Worker({
    resque,
    queues: spec.queues,
    jobs: children ? [(await import('../children/resque-ts.js')).Job] : [Noop],
    concurrency: spec.concurrency,
    prefetch: spec.prefetch ?? 0,
    ...(children && {
      isolation: 'process',
      require: [fileURLToPath(new URL('../children/resque-ts.js', import.meta.url))],
      ...(children.jobsPerChild && { jobsPerChild: children.jobsPerChild }),
    }),
  })
  return {
    start: () => worker.start(),
    stop: async () => {
      await worker.stop()
      await resque.close()
    },
  }
}

/**
 * @param {any} event  a JobFinishedEvent
 * @param {import('./adapter.js').ChildrenSpec} children
 */
function ended({ outcome, payload, error }, { onEnd }) {
  if (outcome !== 'done') throw error ?? new Error(`a job came to be ${outcome}`)
  onEnd(JSON.parse(payload).args[0])
}
