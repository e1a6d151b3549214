// @ts-check
// bee-queue without events, without a map of jobs in the process, keeping no finished jobs.
import BeeQueue from 'bee-queue'
import { QUEUE } from './adapter.js'

/**
 * @param {number} port
 * @param {boolean} isWorker
 */
async function open(port, isWorker) {
  const queue = new BeeQueue(QUEUE, {
    redis: { host: '127.0.0.1', port },
    isWorker,
    storeJobs: false,
    sendEvents: false,
    getEvents: false,
    removeOnSuccess: true,
  })
  await queue.ready()
  return queue
}

/** @type {import('./adapter.js').Adapter['openProducer']} */
export async function openProducer(port) {
  const queue = await open(port, false)
  return {
    enqueue: (n) => queue.createJob(data(n)).save(),
    enqueueMany: async (ns) => {
      const errors = await queue.saveAll(ns.map((n) => queue.createJob(data(n))))
      for (const error of errors.values()) throw error
    },
    pending: async () => (await queue.checkHealth()).waiting,
    close: () => queue.close(),
  }
}

/** @param {number | undefined} n */
function data(n) {
  return n === undefined ? {} : { n }
}

/** @type {import('./adapter.js').Adapter['openWorker']} */
export async function openWorker({ port, concurrency, perform }) {
  const queue = await open(port, true)
  return {
    start: async () => {
      queue.process(concurrency, async (job) => perform(job.data.n))
    },
    stop: () => queue.close(),
  }
}
