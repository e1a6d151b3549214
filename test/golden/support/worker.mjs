// A worker process with the jobs of the recorder, told by its one argument what to be (worker-process.ts).
// It prints what its hooks were given, and the pids of its children.

import { Resque, silentLogger } from 'resque-ts'
import { installSignals, Worker } from 'resque-ts/worker'
import * as jobs from '../jobs.mjs'
import { notingHooks } from '../worker-hooks.mjs'

const options = JSON.parse(process.argv[2])
const { OkJob, SleepJob, StubbornJob, TermJob, ExitBangJob } = jobs
const resque = new Resque({ redis: process.env.GOLDEN_REDIS })
const print = (line) => process.stdout.write(`${line}\n`)
const printHook =
  (name) =>
  (...args) =>
    print(`HOOK ${name} args=${args.length}`)
const printingHooks = {
  beforePause: printHook('before_pause'),
  afterPause: printHook('after_pause'),
  shutdown: printHook('shutdown'),
}

const worker = new Worker({
  resque,
  queues: options.queues ?? 'default',
  jobs: [OkJob, SleepJob, StubbornJob, TermJob, ExitBangJob],
  untilEmpty: options.untilEmpty ?? false,
  isolation: options.isolation ?? 'none',
  jobsPerChild: 1,
  require: options.modules,
  hooks: options.notesHooks ? [printingHooks, notingHooks] : [printingHooks],
  logger: { ...silentLogger, debug: (_fields, message) => print(`DEBUG ${message}`) },
  ...options.worker,
})
installSignals(worker, {
  stopTimeoutMs: 30_000,
  termChild: false,
  termTimeoutMs: 4_000,
  preShutdownTimeoutMs: 0,
  gracefulTerm: false,
  log: silentLogger,
  ...options.signals,
})
await worker.start()
await worker.stopped
// A job that was given up may still sleep: it does not keep the process.
process.exit(0)
