// @ts-check
// A producer that puts on the wire what Ruby Resque's `Resque.enqueue` does: SADD and RPUSH in one
// pipeline. It stands in for a Ruby process, so it has no worker.
import { Redis } from 'ioredis'
import { QUEUE } from './adapter.js'

/** @type {import('./adapter.js').Adapter['openProducer']} */
export async function openProducer(port) {
  const redis = new Redis({ port, host: '127.0.0.1' })
  /** @param {(number | undefined)[]} ns */
  const push = async (ns) => {
    const pipeline = redis.pipeline()
    for (const n of ns) {
      pipeline.sadd('resque:queues', QUEUE)
      pipeline.rpush(
        `resque:queue:${QUEUE}`,
        JSON.stringify({ class: 'Noop', args: n === undefined ? [] : [n] }),
      )
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }
  return {
    enqueue: (n) => push([n]),
    enqueueMany: push,
    pending: () => redis.llen(`resque:queue:${QUEUE}`),
    close: () => redis.quit(),
  }
}
