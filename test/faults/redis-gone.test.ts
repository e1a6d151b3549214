// Redis goes away under load, in each of the ways it can, and comes back: workers go on by themselves, an enqueue never
// waits past its deadline, and what it accepted runs, once.

import { setTimeout as pause } from 'node:timers/promises'
import { defineJob, Resque } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { seeded } from './support/random.js'
import { WorkerProcesses } from './support/worker-process.js'

const DEADLINE_MS = 2_000
/** The event loop of this process has other things to do, and the machine too. */
const LENIENCE_MS = 1_500

const Record = defineJob({ name: 'Record', queue: 'runs', perform: (_id: string, _ms: number) => {} })

let redis: RedisServer
let processes: WorkerProcesses
let resque: Resque
const warnings: Error[] = []
const onWarning = (warning: Error) => void warnings.push(warning)

beforeEach(async () => {
  warnings.length = 0
  process.on('warning', onWarning)
  redis = await startRedis({ appendOnly: true, args: ['--appendfsync', 'always'] })
  processes = new WorkerProcesses()
  resque = new Resque({ redis: redis.url, commandTimeoutMs: DEADLINE_MS })
})
afterEach(async () => {
  process.off('warning', onWarning)
  await resque.close()
  await processes.clear()
  await redis.stop()
})

test.each([
  {
    how: 'killed and started again',
    forMs: 20_000,
    go: () => redis.kill(),
    comeBack: (): Promise<unknown> => redis.restart(),
  },
  {
    how: 'shut down and started again',
    forMs: 6_000,
    go: () => shutDown(),
    comeBack: (): Promise<unknown> => redis.restart(),
  },
  {
    how: 'stopped without closing its connections',
    forMs: 7_000,
    go: async () => process.kill(redis.pid as number, 'SIGSTOP'),
    comeBack: async (): Promise<unknown> => process.kill(redis.pid as number, 'SIGCONT'),
  },
])(
  'nothing that was accepted is lost or doubled when Redis is $how',
  async ({ how, forMs, go, comeBack }) => {
    const random = seeded(`Redis ${how}`)
    for (let i = 0; i < 2; i++) {
      processes.start({
        url: redis.url,
        resque: { commandTimeoutMs: DEADLINE_MS },
        worker: { concurrency: 10, intervalMs: 1_000, heartbeatMs: 1_000, deadAfterMs: 60_000 },
      })
    }
    await Promise.all(processes.all.map(({ ready }) => ready))

    const accepted: string[] = []
    const rejectedAfterMs: number[] = []
    let isEnqueuing = true
    let count = 0
    const enqueueAll = async () => {
      while (isEnqueuing) {
        const id = `job-${count++}`
        const startedAt = performance.now()
        void resque.enqueue(Record, id, random.between(0, 50)).then(
          () => accepted.push(id),
          () => rejectedAfterMs.push(performance.now() - startedAt),
        )
        await pause(5)
      }
    }
    const enqueuing = enqueueAll()
    await waitFor(() => processes.runs().ended.size > 200, { message: 'some load' })

    await go()
    await pause(forMs)
    await comeBack()
    const backAt = performance.now()
    const before = count
    await waitFor(() => [...processes.runs().ended.keys()].some((id) => numberOf(id) > before), {
      timeoutMs: 10_000,
      message: 'a job that was enqueued after Redis came back',
    })
    console.info(`Redis ${how}: work went on ${Math.round(performance.now() - backAt)} ms after its return`)
    isEnqueuing = false
    await enqueuing
    await waitFor(() => accepted.length + rejectedAfterMs.length === count, {
      message: 'every enqueue to end',
    })
    await waitFor(
      () => {
        const { ended } = processes.runs()
        return accepted.every((id) => ended.has(id))
      },
      { timeoutMs: 20_000, intervalMs: 100, message: 'every job that was accepted to run' },
    )
    await processes.end('SIGTERM')
    expect(await Promise.all(processes.all.map(({ exited }) => exited))).toEqual(
      processes.all.map(() => ({ code: 0, signal: null })),
    )

    expect(warnings).toEqual([])
    expect(processes.all.map(({ complaint }) => complaint)).toEqual(processes.all.map(() => ''))
    expect([...processes.runs().begun].filter(([, times]) => times > 1)).toEqual([])
    expect(rejectedAfterMs.length).toBeGreaterThan(0)
    expect(Math.max(...rejectedAfterMs)).toBeLessThan(DEADLINE_MS + LENIENCE_MS)
    expect(await leftovers(redis.client)).toEqual(nothing)
  },
)

function numberOf(id: string): number {
  return Number(id.slice('job-'.length))
}

/** As an administrator does it: Redis closes its connections and its files, and ends. */
async function shutDown(): Promise<void> {
  const pid = redis.pid as number
  process.kill(pid, 'SIGTERM')
  await waitFor(() => redis.pid === undefined, { message: 'Redis to end' })
}
