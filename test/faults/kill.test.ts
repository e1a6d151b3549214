// Processes that die without a word, at any moment, while others go on: no job is lost.

import { defineJob, Resque } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { scaled, seeded } from './support/random.js'
import { WorkerProcesses } from './support/worker-process.js'

const Record = defineJob({ name: 'Record', queue: 'runs', perform: (_id: string, _ms: number) => {} })

let redis: RedisServer
let resque: Resque
let processes: WorkerProcesses

beforeEach(async () => {
  redis = await startRedis()
  resque = new Resque({ redis: redis.url })
  processes = new WorkerProcesses()
})
afterEach(async () => {
  await processes.clear()
  await resque.close()
  await redis.stop()
})

test('every job runs though worker processes are killed at random moments', async () => {
  const random = seeded('kill')
  const jobCount = scaled(20_000)
  const slots = 20
  const ids = Array.from({ length: jobCount }, (_, i) => `job-${i}`)
  for (let i = 0; i < jobCount; i += 5_000) {
    await resque.enqueueMany(ids.slice(i, i + 5_000).map((id) => [Record, id, random.between(0, 10)]))
  }
  const start = () =>
    processes.start({
      url: redis.url,
      worker: {
        concurrency: slots,
        intervalMs: 500,
        heartbeatMs: 400,
        deadAfterMs: 4_000,
        pruneIntervalMs: 400,
        maxDeaths: 100,
      },
    })
  for (let i = 0; i < 3; i++) start()
  await Promise.all(processes.all.map(({ ready }) => ready))

  let killedSlots = 0
  const processed = async () => Number(await redis.client.get('resque:stat:processed'))
  for (let next = 0; (await redis.client.llen('resque:queue:runs')) > 0; ) {
    next = (await processed()) + random.between(1, jobCount / 12)
    await waitFor(
      async () => (await processed()) >= next || !(await redis.client.exists('resque:queue:runs')),
      {
        timeoutMs: 30_000,
      },
    )
    const victim = random.pick(processes.alive)
    victim.kill('SIGKILL')
    await victim.exited
    killedSlots += slots
    start()
  }

  // Not by what Redis holds: a job that goes back to its queue is for a moment in nobody's hands.
  const unfinished = () => {
    const { ended } = processes.runs()
    return ids.filter((id) => !ended.has(id))
  }
  await waitFor(() => unfinished().length === 0, {
    timeoutMs: 20_000,
    intervalMs: 200,
    message: () => `the last jobs to be recovered and run: ${unfinished()}`,
  })
  await waitFor(async () => (await resque.workers()).length === processes.alive.length * slots, {
    message: 'the last dead workers to be buried',
  })
  const last = processes.alive
  await processes.end('SIGTERM')
  expect(await Promise.all(last.map(({ exited }) => exited))).toEqual(
    last.map(() => ({ code: 0, signal: null })),
  )

  const { begun } = processes.runs()
  const runCount = [...begun.values()].reduce((sum, each) => sum + each, 0)
  console.info(
    `kill: ${processes.all.length} processes, ${killedSlots} slots killed, ${runCount - jobCount} extra runs`,
  )
  expect(unfinished()).toEqual([])
  expect(runCount - jobCount).toBeLessThanOrEqual(killedSlots)
  expect(await leftovers(redis.client)).toEqual(nothing)
})
