// @ts-check
// node-resque: its Worker runs one job at a time, so concurrency is that many Workers, each with its
// own connection.
import { Queue, Worker } from 'node-resque'
import { QUEUE } from './adapter.js'

/** It has no bulk call: this many of its single calls are in flight at a time. */
const BULK_IN_FLIGHT = 1_000

/** @param {number} port */
function connection(port) {
  return { host: '127.0.0.1', port }
}

/** @type {import('./adapter.js').Adapter['openProducer']} */
export async function openProducer(port) {
  const queue = new Queue({ connection: connection(port) })
  queue.on('error', fail)
  await queue.connect()
  const enqueue = (/** @type {number | undefined} */ n) =>
    queue.enqueue(QUEUE, 'Noop', n === undefined ? [] : [n])
  return {
    enqueue,
    enqueueMany: async (ns) => {
      for (let i = 0; i < ns.length; i += BULK_IN_FLIGHT) {
        await Promise.all(ns.slice(i, i + BULK_IN_FLIGHT).map(enqueue))
      }
    },
    pending: () => queue.length(QUEUE),
    close: () => queue.end(),
  }
}

/** @type {import('./adapter.js').Adapter['openWorker']} */
export async function openWorker({ port, concurrency, perform }) {
  const jobs = { Noop: { perform: async (/** @type {number} */ n) => perform(n) } }
  const workers = Array.from({ length: concurrency }, (_, i) => {
    const name = `bench:${process.pid}:${i + 1}`
    return new Worker({ connection: connection(port), queues: [QUEUE], name }, jobs)
  })
  for (const worker of workers) {
    worker.on('error', fail)
    worker.on('failure', (_queue, _job, failure) => fail(failure))
  }
  await Promise.all(workers.map((worker) => worker.connect()))
  return {
    start: () => Promise.all(workers.map((worker) => worker.start())),
    stop: () => Promise.all(workers.map((worker) => worker.end())),
  }
}

/** @param {Error} error */
function fail(error) {
  throw error
}
