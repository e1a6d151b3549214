// The worker hooks of the recorder: each notes its name. Child processes load this file too.

import { defineWorkerHooks } from 'resque-ts'
import { note } from './jobs.mjs'

// The recorder noted the class of the job that the hook was given. With us that is a plain object.
const describe = (job) => (job.class && Array.isArray(job.args) && job.payload ? 'Resque::Job' : typeof job)

export const notingHooks = defineWorkerHooks({
  beforeFirstFork: () => note('before_first_fork'),
  beforeFork: (job) => note(`before_fork ${describe(job)}`),
  afterFork: (job) => note(`after_fork ${describe(job)}`),
  queueEmpty: () => note('queue_empty'),
  workerExit: () => note('worker_exit'),
})
