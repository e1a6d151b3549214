// Finding the dead: Ruby's workers are judged by Ruby's rule, under Ruby's lock, but never by `ps`.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { OkJob } from '../jobs.mjs'
import { idOf } from '../support/ids.js'
import { hash, set, text } from '../support/keys.js'
import type { Key } from '../support/recording.js'
import type { Run } from '../support/run.js'
import { AFTER, type Scenario } from '../support/scenario.js'
import { anHourAgo, seedWorker } from '../support/seeds.js'

const DEAD = idOf(111, 'default', 'other-host')
const PAYLOAD = '{"class":"OkJob","args":[1]}'
const STARTED = text('<YYYY-MM-DD HH:MM:SS> +0000')
const BEAT = '<YYYY-MM-DDTHH:MM:SS>+00:00'

const noLookAtProcesses = {
  what: 'a worker on the same host whose process is not seen stays, until its heartbeat is too old',
  why: 'a look at processes takes living workers for dead (another container, another title); heartbeats do not',
}

/** What stands of a seeded worker. */
function seeded(id: string): Record<string, Key> {
  return {
    [`resque:worker:${id}:started`]: STARTED,
    [`resque:stat:processed:${id}`]: text('7'),
    [`resque:stat:failed:${id}`]: text('2'),
  }
}

const start = (run: Run, queues: string) => run.workUntilEmpty({ queues, jobs: [OkJob] })

export const prune: readonly Scenario[] = [
  {
    recording: 'prune_expired_heartbeat_idle',
    claim: 'a Ruby worker without a heartbeat for an hour is gone after the start of ours',
    async steps(run) {
      await seedWorker(run, DEAD, anHourAgo())
      await start(run, 'unrelated')
    },
  },
  {
    recording: 'prune_expired_heartbeat_with_job',
    claim: 'the job of a dead Ruby worker is in failed as a PruneDeadWorkerDirtyExit',
    async steps(run) {
      await seedWorker(run, DEAD, anHourAgo(), PAYLOAD)
      await start(run, 'unrelated')
    },
  },
  {
    recording: 'prune_lock_held',
    claim: "while another holds Ruby's lock, a dead Ruby worker is left alone",
    async steps(run) {
      await run.redis.set('resque:pruning_dead_workers_in_progress', 'someone', 'EX', 60)
      await seedWorker(run, DEAD, anHourAgo())
      await start(run, 'default')
    },
  },
  {
    recording: 'prune_same_host_dead_pid',
    claim: 'a Ruby worker with a fresh heartbeat is left alone, though its process is not seen here',
    differences: [
      {
        ...noLookAtProcesses,
        keys: {
          [AFTER]: {
            ...seeded('worker-host:999111:default'),
            'resque:worker:worker-host:999111:default': text(
              `{"queue":"default","run_at":"<YYYY-MM-DDTHH:MM:SS>Z","payload":${PAYLOAD}}`,
            ),
            'resque:failed': null,
            'resque:workers': set('worker-host:999111:default', 'worker-host:999222:other'),
            'resque:workers:heartbeat': hash({
              'worker-host:999111:default': BEAT,
              'worker-host:999222:other': BEAT,
            }),
          },
        },
      },
    ],
    async steps(run) {
      await seedWorker(run, idOf(999111, 'default'), new Date(), PAYLOAD)
      await seedWorker(run, idOf(999222, 'other'), new Date())
      await start(run, 'default')
    },
  },
  {
    recording: 'prune_spares_pid_with_resque_title',
    claim: 'living workers on this host are left alone, whatever the titles of their processes',
    differences: [
      {
        ...noLookAtProcesses,
        keys: { [AFTER]: bothStay(), 'after start of the Ruby worker': bothStay() },
      },
    ],
    async steps(run) {
      const alive = ['resque-9: x', 'node worker'].map((title) => spawn('sleep', ['60'], { argv0: title }))
      try {
        for (const { pid } of alive) {
          run.pids.push(pid as number)
          await seedWorker(run, idOf(pid as number, 'default'), new Date())
        }
        await start(run, 'default')
        await run.snapshot('after start of the Ruby worker')
      } finally {
        await Promise.all(alive.map(end))
      }
    },
  },
]

function bothStay(): Record<string, Key> {
  const [titled, untitled] = ['worker-host:<PID1>:default', 'worker-host:<PID2>:default']
  return {
    ...seeded(untitled),
    'resque:workers': set(titled, untitled),
    'resque:workers:heartbeat': hash({ [titled]: BEAT, [untitled]: BEAT }),
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
