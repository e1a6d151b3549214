// What signals do to a worker process, and to the job that it runs: in the process itself, or in a child.
//
// With jobs in the worker's process, to kill the "child" is to abort the signal of the job, and to give it up if it
// does not end.

import { OkJob, SleepJob, StubbornJob, TermJob } from '../jobs.mjs'
import { failed, list, text } from '../support/keys.js'
import type { Run } from '../support/run.js'
import { AFTER, type Difference, type Scenario } from '../support/scenario.js'
import { until } from '../support/until.js'
import { kindStands } from './worker.js'

const ID = 'worker-host:<PID1>:default'

/** The same steps for jobs in the worker's process and in a child each. */
const bothWays = (scenario: Scenario): Scenario[] => [
  { ...scenario, isolation: 'none' },
  { ...scenario, isolation: 'process' },
]

/** Ruby counts what its child reports as failed, and not what the parent puts into failed. */
export const failureCounts: Difference = {
  what: 'the failure counts in `stat:failed`',
  why: 'every failure is counted; Ruby counts only those that a child reports itself',
  keys: { [AFTER]: { 'resque:stat:failed': text('1') } },
}

const failedWith = (payload: string, exception: string, error: string) => ({
  [AFTER]: { 'resque:failed': list(failed({ payload, exception, error })) },
})

const noBacktrace: Difference = {
  what: 'the failure has no backtrace',
  why: 'nothing is thrown into the job, which hears of TERM by its signal',
  keys: failedWith('{"class":"TermJob","args":[30]}', 'Resque::TermException', 'SIGTERM'),
}

export const signals: readonly Scenario[] = [
  {
    recording: 'worker_start_idle_quit',
    claim: 'a worker registers, and on QUIT unregisters and exits with 0',
    differences: [kindStands('registered and idle', 'worker-host:<PID1>:high,default')],
    async steps(run) {
      const worker = run.spawn({ queues: 'high,default', notesHooks: true })
      await run.registers(worker, 'high,default')
      await run.snapshot('registered and idle')
      worker.signal('SIGQUIT')
      await run.exits(worker)
      run.hooks(worker.hookLines)
    },
  },
  ...bothWays({
    recording: 'quit_while_working',
    claim: 'QUIT lets the running job finish and takes no other',
    async steps(run) {
      await run.resque.enqueue(SleepJob, 2)
      await run.resque.enqueue(OkJob, 9)
      const worker = run.spawn({ notesHooks: true })
      await run.jobRuns(worker, 'SleepJob')
      worker.signal('SIGQUIT')
      await worker.ranHook('shutdown')
      await run.wakeJob()
      await run.exits(worker)
      run.hooks(worker.hookLines)
    },
  }),
  ...bothWays({
    recording: 'pause_usr2_cont',
    claim: 'USR2 stops the taking of jobs, CONT lets it go on',
    differences: [kindStands('paused by USR2', ID)],
    async steps(run) {
      const worker = run.spawn({ notesHooks: true })
      await run.registers(worker)
      worker.signal('SIGUSR2')
      await worker.ranHook('before_pause')
      await run.resque.enqueue(OkJob, 1)
      await run.snapshot('paused by USR2')
      worker.signal('SIGCONT')
      const noted = () => run.redis.lrange('resque:test:log', 0, -1)
      await until('the job to be done', async () => (await noted()).includes('queue_empty'))
      worker.signal('SIGQUIT')
      await run.exits(worker)
      run.hooks(worker.hookLines)
    },
  }),
  ...bothWays({
    recording: 'term_graceful',
    claim: 'with GRACEFUL_TERM, TERM lets the running job finish',
    async steps(run) {
      await run.resque.enqueue(SleepJob, 2)
      const worker = run.spawn({ signals: { gracefulTerm: true } })
      await run.jobRuns(worker, 'SleepJob')
      worker.signal('SIGTERM')
      await worker.ranHook('shutdown')
      await run.wakeJob()
      await run.exits(worker)
    },
  }),
  {
    recording: 'term_without_term_child',
    isolation: 'process',
    claim: 'TERM kills the child, and its job is in failed as a DirtyExit',
    differences: [failureCounts],
    steps: terminateSleepJob,
  },
  {
    recording: 'term_without_term_child',
    isolation: 'none',
    claim: 'TERM gives a job that does not end in time back to the head of its queue',
    differences: [
      {
        what: 'the job stands at the head of its queue again, and counts as neither processed nor failed',
        why: 'nothing was wrong with it; Ruby kills its child',
        keys: {
          [AFTER]: {
            'resque:failed': null,
            'resque:queue:default': list('{"class":"SleepJob","args":[30]}', '{"class":"OkJob","args":[9]}'),
            'resque:stat:processed': null,
          },
        },
      },
    ],
    steps: terminateSleepJob,
  },
  ...bothWays({
    recording: 'term_with_term_child',
    claim: 'with TERM_CHILD, TERM ends the running job with a TermException, which it may rescue',
    differences: [noBacktrace],
    steps: terminateTermJob,
  }),
  {
    recording: 'term_no_fork_term_child',
    claim: "with TERM_CHILD, TERM ends a job in the worker's process with a TermException",
    differences: [noBacktrace],
    steps: terminateTermJob,
  },
  {
    recording: 'term_with_term_child_stubborn',
    isolation: 'process',
    claim: 'with TERM_CHILD, a child that does not end in time is killed',
    differences: [failureCounts],
    steps: terminateStubbornJob,
  },
  {
    recording: 'term_with_term_child_stubborn',
    isolation: 'none',
    claim: 'with TERM_CHILD, a job that does not end in time is given up, and failed',
    differences: [
      {
        what: 'the failure is the TermException that the job did not heed',
        why: 'there is no child that could be killed',
        keys: failedWith('{"class":"StubbornJob","args":[30]}', 'Resque::TermException', 'SIGTERM'),
      },
      failureCounts,
    ],
    steps: terminateStubbornJob,
  },
  {
    recording: 'usr1_kills_child_worker_goes_on',
    isolation: 'process',
    claim: 'USR1 kills the child, its job is in failed as a DirtyExit, and the worker goes on',
    differences: [failureCounts],
    steps: killSleepJob,
  },
  {
    recording: 'usr1_kills_child_worker_goes_on',
    isolation: 'none',
    claim: 'USR1 fails the running job as a DirtyExit, and the worker goes on',
    differences: [
      {
        what: 'the DirtyExit says that the job was killed by a signal to its worker',
        why: 'there is no child that could be killed',
        keys: failedWith(
          '{"class":"SleepJob","args":[30]}',
          'Resque::DirtyExit',
          'The job was killed by a signal to its worker.',
        ),
      },
      failureCounts,
    ],
    steps: killSleepJob,
  },
]

async function terminateSleepJob(run: Run): Promise<void> {
  await run.resque.enqueue(SleepJob, 30)
  await run.resque.enqueue(OkJob, 9)
  const worker = run.spawn({ signals: { stopTimeoutMs: 200, termTimeoutMs: 100 } })
  await run.jobRuns(worker, 'SleepJob')
  await run.knowsChild(worker)
  worker.signal('SIGTERM')
  await run.exits(worker)
}

async function terminateTermJob(run: Run): Promise<void> {
  await run.resque.enqueue(TermJob, 30)
  const worker = run.spawn({ signals: { termChild: true } })
  await run.jobRuns(worker, 'TermJob')
  await run.knowsChild(worker)
  worker.signal('SIGTERM')
  await run.exits(worker)
}

async function terminateStubbornJob(run: Run): Promise<void> {
  await run.resque.enqueue(StubbornJob, 30)
  const worker = run.spawn({ signals: { termChild: true, termTimeoutMs: 100 } })
  await run.jobRuns(worker, 'StubbornJob')
  await run.knowsChild(worker)
  worker.signal('SIGTERM')
  await run.exits(worker)
}

async function killSleepJob(run: Run): Promise<void> {
  await run.resque.enqueue(SleepJob, 30)
  await run.resque.enqueue(OkJob, 1)
  const worker = run.spawn({ untilEmpty: true, worker: { abortGraceMs: 100 } })
  await run.jobRuns(worker, 'SleepJob')
  await run.knowsChild(worker)
  worker.signal('SIGUSR1')
  await run.exits(worker)
}
