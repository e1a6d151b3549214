// What becomes of a job whose child process ends without it.

import { ExitBangJob, SleepJob } from '../jobs.mjs'
import { failed, list, text } from '../support/keys.js'
import { AFTER, type Scenario } from '../support/scenario.js'
import { failureCounts } from './signals.js'

export const child: readonly Scenario[] = [
  {
    recording: 'child_killed_dirty_exit',
    isolation: 'process',
    claim: 'a job whose child is killed is in failed as a DirtyExit',
    differences: [failureCounts],
    async steps(run) {
      await run.resque.enqueue(SleepJob, 30)
      const worker = run.spawn({ untilEmpty: true })
      await run.jobRuns(worker, 'SleepJob')
      process.kill(await run.knowsChild(worker), 'SIGKILL')
      await run.exits(worker)
    },
  },
  {
    recording: 'child_exit_bang_is_success',
    isolation: 'process',
    claim: 'a job that ends its process is in failed as a DirtyExit',
    differences: [
      {
        what: 'the job is in failed, as a DirtyExit that says with which status its process ended',
        why: 'a job whose process ended has not come to its own end; Ruby counts it as done',
        keys: {
          [AFTER]: {
            'resque:failed': list(
              failed({
                payload: '{"class":"ExitBangJob","args":[]}',
                exception: 'Resque::DirtyExit',
                error: 'Child process exited with code 3 before its job ended, pid <PID2>',
              }),
            ),
            'resque:stat:failed': text('1'),
          },
        },
      },
    ],
    async steps(run) {
      await run.resque.enqueue(ExitBangJob)
      const worker = run.spawn({ untilEmpty: true })
      await run.knowsChild(worker)
      await run.exits(worker)
    },
  },
]
