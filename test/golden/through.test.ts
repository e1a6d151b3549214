// What Ruby wrote passes through a worker of ours, a failed record and a requeue, and is the same bytes afterwards.
// (JavaScript could not write some of it: 1.0, integers beyond 2^53, the order of keys that look like integers.)

import { defineJob, Resque } from 'resque-ts'
import { Worker } from 'resque-ts/worker'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { idOf } from './support/ids.js'
import { type Key, readRecording } from './support/recording.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(() => server.client.flushall())
afterAll(() => server?.stop())

for (const recording of ['enqueue_numbers', 'enqueue_unicode_nested', 'enqueue_large_args']) {
  test(`the payload of ${recording} comes out as it went in`, async () => {
    const queue = readRecording(recording).keysAfter['resque:queue:default'] as Key
    const [written] = queue.value as [string]
    await comesThrough(written)
  })
}

test('a requeued payload keeps the keys that are no concern of Resque (Ruby drops them)', async () => {
  await comesThrough('{"class":"OkJob","args":[1.0],"trace":"12345678901234567890123","at":1.0e+20}')
})

async function comesThrough(written: string): Promise<void> {
  const { client } = server
  const resque = new Resque({ redis: server.url })
  let working: string | null = null
  const job = defineJob({
    name: 'OkJob',
    async perform(..._args: unknown[]) {
      working = await client.get(`resque:worker:${idOf(process.pid, 'default')}`)
      throw new Error('once')
    },
  })
  try {
    await client.sadd('resque:queues', 'default')
    await client.rpush('resque:queue:default', written)
    const worker = new Worker({ resque, queues: 'default', jobs: [job], untilEmpty: true })
    await worker.start()
    await worker.stopped
    expect(working).toContain(`,"payload":${written},"run":`)
    expect(await client.lrange('resque:failed', 0, -1)).toEqual([
      expect.stringContaining(`,"payload":${written},"exception":`),
    ])
    expect(await resque.failed.requeueAll()).toBe(1)
    expect(await client.lrange('resque:queue:default', 0, -1)).toEqual([written])
  } finally {
    await resque.close()
  }
}
