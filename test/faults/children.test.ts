// Jobs in child processes that are killed at any moment: each comes to exactly one end, and nothing is left of any child.

import { defineJob, Resque } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { childrenOfAll, Killer, standStill } from './support/killer.js'
import { leftovers, nothing } from './support/leftovers.js'
import { childrenOf, openFiles, startedWith } from './support/proc.js'
import { type Random, scaled, seeded } from './support/random.js'
import { type ProcessSettings, type WorkerProcess, WorkerProcesses } from './support/worker-process.js'

const Record = defineJob({ name: 'Record', queue: 'runs', perform: (_id: string, _ms: number) => {} })
const Spin = defineJob({ name: 'Spin', queue: 'runs', perform: (_id: string, _ms: number) => {} })

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

const start = (worker: ProcessSettings['worker']) =>
  processes.start({
    url: redis.url,
    worker: { isolation: 'process', intervalMs: 500, heartbeatMs: 500, ...worker },
  })

/** Jobs that take up to so many milliseconds; of those of `spins`, each keeps its event loop busy for 120. */
async function enqueue(count: number, random: Random, maxMs: number, spins = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `job-${i}`)
  const isSpin = () => random.next() < spins
  await resque.enqueueMany(
    ids.map((id) => (isSpin() ? [Spin, id, 120] : [Record, id, random.between(0, maxMs)])),
  )
  return ids
}

/** Kills children of the workers there are, one for each so many jobs that have ended. */
const startKilling = (random: Random, jobsPerKill: number) =>
  new Killer({
    random,
    victims: () => childrenOfAll(processes.alive.map(({ pid }) => pid)),
    budget: async () => 5 + (await processed()) / jobsPerKill,
  })

const processed = async () => Number(await redis.client.get('resque:stat:processed'))

/** Every process that was started below a worker of this test, and lives. */
const descendants = () => startedWith('FAULT_DIR', processes.dir)

/** Each worker's heartbeat has a connection of its own, which it opens when it beats for the first time. */
const allBeat = () =>
  waitFor(
    async () => {
      const beats = String(await redis.client.client('LIST')).match(/name=resque-ts:worker:heartbeat/g) ?? []
      return beats.length === processes.alive.length
    },
    { timeoutMs: 30_000, message: 'heartbeats' },
  )

/** What a worker has open, once as many children as it keeps are there and nothing is on its way. */
async function settled(worker: WorkerProcess, children: number): Promise<Record<string, number>> {
  let before = ''
  await waitFor(
    () => {
      const last = before
      before = JSON.stringify([childrenOf(worker.pid), openFiles(worker.pid)])
      const all = childrenOf(worker.pid)
      return before === last && all.length === children && !all.some(({ isZombie }) => isZombie)
    },
    { timeoutMs: 30_000, intervalMs: 500, message: () => `${children} children; there are ${before}` },
  )
  return openFiles(worker.pid)
}

const allEnded = () =>
  waitFor(
    async () => {
      const { waiting, records } = await leftovers(redis.client)
      return Object.keys(waiting).length + Object.keys(records).length === 0
    },
    { timeoutMs: 90_000, intervalMs: 100, message: 'every job to end' },
  )

/**
 * Each of these jobs came to exactly one end: it ran to its own, or it failed as a DirtyExit, and no more of them than
 * children were killed. Returns how many failed.
 */
async function expectOneEndEach(ids: string[], kills: number): Promise<number> {
  const failures = await resque.failed.all(0, 100_000)
  expect(failures.filter(({ exception }) => exception !== 'Resque::DirtyExit')).toEqual([])
  const failed = failures.map(({ args }) => String((args as unknown[])[0]))
  const unique = new Set(failed)
  const { ended } = processes.runs()
  expect(unique.size).toBe(failed.length)
  expect(failed.length).toBeLessThanOrEqual(kills)
  expect(ids.filter((id) => !ended.has(id) && !unique.has(id))).toEqual([])
  // Both are counted in the step that ends a job.
  expect(await processed()).toBe(ids.length)
  expect(Number(await redis.client.get('resque:stat:failed'))).toBe(failed.length)
  return failed.length
}

/** Ends the workers; then there is no process left of them, and nothing in Redis but the failed jobs. */
async function expectNothingLeft(failed: number): Promise<void> {
  const last = processes.alive
  await processes.end('SIGTERM')
  expect(last.map(({ complaint }) => complaint)).toEqual(last.map(() => ''))
  await waitFor(() => descendants().length === 0, { message: 'every child to be gone' })
  expect(await leftovers(redis.client)).toEqual({ ...nothing, failed })
}

test.each([
  ['5,000 jobs', { prefetch: 0, maxMs: 10, jobsPerKill: 30 }],
  ['5,000 jobs, most of them sent ahead,', { prefetch: 30, maxMs: 1, jobsPerKill: 60 }],
])('each of %s ends once, done or as a DirtyExit, though children are killed', async (_name, settings) => {
  const { prefetch, maxMs, jobsPerKill } = settings
  const random = seeded(`children, prefetch ${prefetch}`)
  const slots = 3
  const options = { concurrency: slots, prefetch }
  const workers = [start(options), start(options)]
  await allBeat()
  const before = await Promise.all(workers.map((worker) => settled(worker, slots)))

  const ids = await enqueue(scaled(5_000), random, maxMs)
  const killer = startKilling(random, jobsPerKill)
  await allEnded()
  const kills = await killer.stop()
  const failed = await expectOneEndEach(ids, kills)
  console.info(`children: ${kills} killed, ${failed} jobs with them`)
  expect(kills).toBeGreaterThan(10)
  // A worker that lives gives no job away twice.
  expect([...processes.runs().begun].filter(([, times]) => times > 1)).toEqual([])

  // The killed ones are replaced, no zombie is among them, and all that was opened for them is closed.
  expect(await Promise.all(workers.map((worker) => settled(worker, slots)))).toEqual(before)
  await expectNothingLeft(failed)
})

test('processes that stand still for a while, children or workers, run no job twice and fail none', async () => {
  const random = seeded('standing still')
  const worker = start({ concurrency: 3, prefetch: 30 })
  await worker.ready
  const ids = await enqueue(scaled(4_000), random, 1, 0.01)
  const killer = new Killer({
    random,
    victims: () => [worker.pid, ...childrenOfAll([worker.pid])],
    budget: async () => 5 + (await processed()) / 40,
    strike: (pid) => standStill(pid, random.between(10, 200)),
  })
  await allEnded()
  const strikes = await killer.stop()
  console.info(`standing still: ${strikes} times`)
  expect(strikes).toBeGreaterThan(10)
  expect([...processes.runs().begun].filter(([, times]) => times > 1)).toEqual([])
  expect(await expectOneEndEach(ids, 0)).toBe(0)
  await expectNothingLeft(0)
})

test('with a process for each job, a killed one takes no job with it but its own', async () => {
  const random = seeded('children for one job each')
  const slots = 2
  const worker = start({ concurrency: slots, jobsPerChild: 1 })
  await allBeat()
  const before = await settled(worker, slots)
  const ids = await enqueue(scaled(60), random, 100)
  const killer = startKilling(random, 4)
  await allEnded()
  const kills = await killer.stop()
  const failed = await expectOneEndEach(ids, kills)
  console.info(`children for one job each: ${kills} killed, ${failed} jobs with them`)
  expect(Math.max(...processes.runs().begunByProcess)).toBe(1)
  expect([...processes.runs().begun].filter(([, times]) => times > 1)).toEqual([])
  expect(await settled(worker, slots)).toEqual(before)
  await expectNothingLeft(failed)
})

test('a worker process that is killed takes its children with it, and their jobs run again, elsewhere', async () => {
  const random = seeded('children of the killed')
  const slots = 3
  const rhythm = { deadAfterMs: 4_000, pruneIntervalMs: 400, maxDeaths: 100 }
  const startOne = () => start({ ...rhythm, concurrency: slots })
  startOne()
  startOne()
  await Promise.all(processes.all.map(({ ready }) => ready))
  const ids = await enqueue(scaled(600), random, 50)
  const killer = startKilling(random, 10)
  const ran = () => processes.runs().ended.size
  let parentKills = 0
  while (ran() < 0.9 * ids.length) {
    const enough = ran() + random.between(1, ids.length / 5)
    await waitFor(() => ran() >= Math.min(enough, 0.9 * ids.length), { timeoutMs: 60_000, intervalMs: 50 })
    const victim = random.pick(processes.alive)
    const orphans = childrenOf(victim.pid).map(({ pid }) => pid)
    victim.kill('SIGKILL')
    parentKills++
    await victim.exited
    await waitFor(() => !descendants().some((pid) => orphans.includes(pid)), {
      timeoutMs: 10_000,
      message: 'the children of a killed worker to end by themselves',
    })
    startOne()
  }
  const kills = await killer.stop()
  await allEnded()
  await waitFor(async () => (await resque.workers()).length === processes.alive.length * slots, {
    timeoutMs: 20_000,
    message: 'the last dead workers to be buried',
  })
  const failed = await expectOneEndEach(ids, kills)
  const runs = [...processes.runs().begun.values()].reduce((sum, each) => sum + each, 0)
  console.info(
    `children of the killed: ${parentKills} workers and ${kills} children killed, ${runs - ids.length} extra runs, ${failed} failed`,
  )
  expect(runs - ids.length).toBeLessThanOrEqual(parentKills * slots)
  await expectNothingLeft(failed)
})

test('children that keep their event loop busy end with a worker that is killed, too', async () => {
  const worker = start({ concurrency: 2 })
  await worker.ready
  await resque.enqueueMany([1, 2].map((i) => [Spin, `spin-${i}`, 600_000]))
  await waitFor(() => processes.runs().begun.size === 2, { timeoutMs: 30_000 })
  worker.kill('SIGKILL')
  await waitFor(() => descendants().length === 0, { timeoutMs: 10_000, message: 'both children to be gone' })
  expect(processes.runs().ended.size).toBe(0)
})
