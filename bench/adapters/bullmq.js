// @ts-check
// BullMQ, keeping no finished jobs.
import { fileURLToPath } from 'node:url'
import { Queue, Worker } from 'bullmq'
import { QUEUE } from './adapter.js'

const PROCESSOR = fileURLToPath(new URL('../children/bullmq.js', import.meta.url))
const JOB_OPTIONS = { removeOnComplete: true }

/** @type {import('./adapter.js').Adapter['openProducer']} */
export async function openProducer(port) {
  const queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port } })
  await queue.waitUntilReady()
  return {
    enqueue: (n) => queue.add('noop', data(n), JOB_OPTIONS),
    enqueueMany: (ns) => queue.addBulk(ns.map((n) => ({ name: 'noop', data: data(n), opts: JOB_OPTIONS }))),
    pending: () => queue.getWaitingCount(),
    close: () => queue.close(),
  }
}

/** @param {number | undefined} n */
function data(n) {
  return n === undefined ? {} : { n }
}

/** @type {import('./adapter.js').Adapter['openWorker']} */
export async function openWorker({ port, concurrency, perform, children }) {
  const processor = children ? PROCESSOR : async (/** @type {any} */ job) => perform(job.data.n)
  const worker = new Worker(QUEUE, processor, {
    connection: { host: '127.0.0.1', port, maxRetriesPerRequest: null },
    concurrency,
    autorun: false,
  })
  worker.on('error', fail)
  if (children) {
    worker.on('completed', (job) => children.onEnd(job.data.n))
    worker.on('failed', (_job, error) => fail(error))
  }
  await worker.waitUntilReady()
  return {
    start: async () => {
      worker.run().catch(fail)
    },
    stop: () => worker.close(),
  }
}

/** @param {Error} error */
function fail(error) {
  throw error
}
