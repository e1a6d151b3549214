// A worker's life in Redis: registering, working, being paused, waiting, dying, being unregistered.

import { expect } from 'vitest'
import { LowJob, OkJob, SleepJob } from '../jobs.mjs'
import { idOf } from '../support/ids.js'
import { kinds, text, working } from '../support/keys.js'
import type { Run } from '../support/run.js'
import { AFTER, type Difference, type Scenario } from '../support/scenario.js'
import { seedWorker } from '../support/seeds.js'
import { until } from '../support/until.js'

const ID = 'worker-host:<PID1>:default'

/** Whenever a worker of ours is registered. */
export function kindStands(moment: string, id: string, deadAfterMs?: number): Difference {
  return {
    what: 'while it is registered, `workers:kind` says how it is to be judged',
    why: "a worker of ours beats and dies in another rhythm than Ruby's; nobody shall guess",
    keys: { [moment]: { 'resque:workers:kind': kinds(id, deadAfterMs) } },
  }
}

/** Whenever a worker of ours has a job. */
function runStands(moment: string, id: string, payload: string): Difference {
  return {
    what: 'a working record carries the key `run`',
    why: 'it makes the record unique, so that after a lost reply the worker knows what is its own',
    keys: { [moment]: { [`resque:worker:${id}`]: text(working('default', payload)) } },
  }
}

const leftByTheDead = [kindStands(AFTER, ID, 200), runStands(AFTER, ID, '{"class":"SleepJob","args":[2]}')]

export const worker: readonly Scenario[] = [
  {
    recording: 'worker_during_perform',
    claim: 'while a job runs, its working record and its worker stand in the same keys',
    differences: [
      kindStands('during perform', 'worker-host:<PID1>:*'),
      runStands('during perform', 'worker-host:<PID1>:*', '{"class":"SleepJob","args":[3,"payload"]}'),
    ],
    async steps(run) {
      await run.resque.enqueue(SleepJob, 3, 'payload')
      const worker = run.worker({ queues: '*', jobs: [SleepJob], untilEmpty: true })
      await worker.start()
      await until('the job to run', () => worker.busyCount === 1)
      await run.snapshot('during perform')
      run.title(process.title)
      await run.wakeJob()
      await worker.stopped
    },
  },
  {
    recording: 'worker_star_queues',
    claim: 'a worker on * works through the known queues in the order of their names',
    async steps(run) {
      await run.resque.enqueue(LowJob, 1)
      await run.resque.enqueue(OkJob, 1)
      await run.resque.enqueueTo('zeta', OkJob, 2)
      await run.workUntilEmpty({ queues: '*', jobs: [OkJob, LowJob] })
      expect(run.performed).toEqual([
        '{"class":"OkJob","args":[1]}',
        '{"class":"LowJob","args":[1]}',
        '{"class":"OkJob","args":[2]}',
      ])
    },
  },
  {
    recording: 'heartbeat',
    claim: 'a worker shows again and again that it lives, and its last heartbeat goes with it',
    differences: [
      kindStands('alive', ID),
      {
        what: 'the lock of pruning lives for 60 s, whatever the heartbeat of the worker',
        why: "it is Ruby's lock, and guards Ruby's workers by Ruby's usual rhythm",
        keys: {
          alive: { 'resque:pruning_dead_workers_in_progress': text(ID, 60) },
          [AFTER]: { 'resque:pruning_dead_workers_in_progress': text(ID, 60) },
        },
      },
    ],
    async steps(run) {
      const worker = run.worker({ jobs: [OkJob], heartbeatMs: 100 })
      await worker.start()
      const beat = () => run.redis.hget('resque:workers:heartbeat', idOf(process.pid, 'default'))
      const first = await beat()
      await until('another heartbeat', async () => (await beat()) !== first)
      await run.snapshot('alive')
      await worker.stop()
    },
  },
  {
    recording: 'pause_all_workers_key',
    claim: 'the key that pauses all workers holds a worker until it is gone',
    differences: [kindStands('paused', ID)],
    async steps(run) {
      await run.redis.set('resque:pause-all-workers', ' TRUE ')
      await run.resque.enqueue(OkJob, 1)
      const worker = run.worker({ jobs: [OkJob] })
      await worker.start()
      await until('the title to say Paused', () => process.title.endsWith('Paused'))
      run.title(process.title)
      await run.snapshot('paused')
      await run.redis.del('resque:pause-all-workers')
      await until('the job to be taken', () => run.performed.length === 1)
      await worker.stop()
    },
  },
  {
    recording: 'unregister_idle_and_working',
    claim: 'a worker that is removed by hand is gone, and its job is in failed as a DirtyExit',
    async steps(run) {
      const [idle, busy] = [idOf(111, 'default'), idOf(222, 'default')]
      await seedWorker(run, idle, new Date())
      await seedWorker(run, busy, new Date(), '{"class":"OkJob","args":[1]}')
      expect(await run.resque.removeWorker(idle)).toBe(true)
      expect(await run.resque.removeWorker(busy)).toBe(true)
      expect(await run.resque.removeWorker(busy)).toBe(false)
    },
  },
  {
    recording: 'worker_killed_hard',
    isolation: 'none',
    claim: 'a worker that is killed leaves its job in its working record, from where it comes back',
    differences: leftByTheDead,
    steps: (run) => killAndRecover(run),
  },
  {
    recording: 'worker_killed_hard',
    isolation: 'process',
    claim: 'a worker that is killed leaves its job in its working record, and no child that goes on with it',
    differences: [
      ...leftByTheDead,
      {
        what: 'the child ends with its worker',
        why: 'its job comes back and shall not run twice; in Ruby the child goes on, and its job is failed later',
        isInSteps: true,
      },
    ],
    async steps(run) {
      const isSleeping = async () => String(await run.redis.client('LIST')).includes('cmd=blpop')
      await killAndRecover(run, {
        before: () => until('the child to sleep', isSleeping),
        after: () => until('the child to end', async () => !(await isSleeping())),
      })
    },
  },
]

async function killAndRecover(
  run: Run,
  { before, after }: { before?(): unknown; after?(): unknown } = {},
): Promise<void> {
  await run.resque.enqueue(SleepJob, 2)
  const killed = run.spawn({ worker: { heartbeatMs: 100, deadAfterMs: 200 } })
  await run.jobRuns(killed, 'SleepJob')
  await before?.()
  killed.signal('SIGKILL')
  await run.exits(killed)
  await after?.()
  await run.after()

  // Here the recording ends. Ours goes on: any worker finds the dead one, and its job is done.
  const other = run.worker({ jobs: [SleepJob], isolation: 'none', pruneIntervalMs: 50 })
  await other.start()
  await until('the job to come back', () => other.busyCount === 1)
  await run.wakeJob()
  await other.stop()
  expect(run.performed).toEqual(['{"class":"SleepJob","args":[2]}'])
  expect(await run.redis.exists('resque:workers', 'resque:workers:kind', 'resque:deaths')).toBe(0)
  expect(await run.redis.get('resque:stat:processed')).toBe('1')
}
