/**
 * The process of `resque work`, from the loading of its jobs to its exit code.
 */
import { writeSync } from 'node:fs'
import { defaults, type Environment } from '../config.js'
import type { Logger } from '../context.js'
import { ConnectionError, messageOf } from '../errors.js'
import { installSignals } from '../worker/signals.js'
import { Worker } from '../worker/worker.js'
import { reportToForeground } from './background.js'
import { type CommonFlags, connectionComplaint, openResque } from './command.js'
import { complaintOf, exitCodeOf, Failure, Misuse } from './errors.js'
import { type LogFormat, type LogOptions, makeLogger } from './logs.js'
import { writePidFile } from './pid-file.js'
import { joinPool } from './pooled.js'
import { requireJobs } from './require-jobs.js'

export interface WorkFlags extends CommonFlags {
  queue?: string
  require?: readonly string[]
  concurrency?: number
  prefetch?: number
  intervalMs?: number
  untilEmpty?: boolean
  heartbeatMs?: number
  deadAfterMs?: number
  pruneIntervalMs?: number
  stopTimeoutMs?: number
  abortGraceMs?: number
  maxPayloadBytes?: number
  maxDeaths?: number
  maxStallMs?: number
  isolation?: 'none' | 'process'
  jobsPerChild?: number
  history?: boolean
  pidfile?: string
  quiet?: boolean
  veryVerbose?: boolean
  logFormat?: LogFormat
  background?: boolean
  detached?: boolean
  pooled?: boolean
}

export interface WorkerProcessOptions {
  flags: WorkFlags
  env: Environment
  queues: string
  log: LogOptions
}

/** Ends the process: with 0 after a stop, 1 where the worker could not start or a job's code broke the process. */
export async function runWorker(options: WorkerProcessOptions): Promise<void> {
  const log = makeLogger(options.log)
  const pidFile = options.flags.pidfile ?? options.env.pidFile
  let exitCode = 0
  let isOver = false
  // A job that calls process.exit takes the others with it; recovery puts them back, and this says why.
  process.once('exit', (code) => {
    if (isOver) return
    writeSync(
      2,
      `resque: a job ended worker ${process.pid} by process.exit(${code}); what it held will be recovered.\n`,
    )
    // Not by its own choice: whoever started it should see that.
    if (code === 0) process.exitCode = 1
  })
  try {
    const worker = await makeWorker(options, log)
    // What no job waits for still belongs to some job: it is told, and the others go on.
    process.on('unhandledRejection', (error) => {
      log.error({ err: error }, `A promise was rejected and nobody heard it: ${messageOf(error)}`)
    })
    // Nobody knows what state is left, so nothing new is begun.
    process.on('uncaughtException', (error) => {
      log.error(
        { err: error },
        `An exception was thrown and nobody caught it, so the worker stops: ${messageOf(error)}`,
      )
      exitCode = 1
      void worker.stop()
    })
    if (pidFile !== undefined) writePidFile(pidFile)
    await start(worker)
    if (options.flags.detached) await reportToForeground({ kind: 'started', workerId: worker.ids[0] ?? '' })
    if (options.flags.pooled) joinPool(worker)
    await worker.stopped
    await worker.resque.close()
  } catch (error) {
    exitCode = exitCodeOf(error)
    if (options.flags.detached)
      await reportToForeground({ kind: 'failed', sentence: messageOf(error), exitCode })
    process.stderr.write(`${complaintOf(error, options.log.level === 'debug')}\n`)
  }
  isOver = true
  // A job that was given up may still run.
  process.exit(exitCode)
}

/** Signals are heard from here on, before anything connects. */
async function makeWorker({ flags, env, queues }: WorkerProcessOptions, logger: Logger) {
  const modules = flags.require ?? []
  const { jobs, hooks } = await requireJobs(modules)
  if (jobs.length === 0) {
    const where =
      modules.length === 0 ? 'Nothing was required' : `No job is exported by ${modules.join(', ')}`
    throw new Misuse(
      `${where}: a worker that knows no job would fail all it takes. Give --require ./jobs.js, a module that exports jobs.`,
    )
  }
  const resque = await openResque(flags, env, {
    logger,
    ...(flags.maxPayloadBytes !== undefined && { maxPayloadBytes: flags.maxPayloadBytes }),
  })
  const intervalMs = flags.intervalMs ?? env.intervalMs ?? defaults.intervalMs
  const abortGraceMs = flags.abortGraceMs ?? env.termTimeoutMs ?? defaults.abortGraceMs
  const worker = new Worker({
    resque,
    queues,
    jobs,
    hooks,
    concurrency: flags.concurrency ?? env.count ?? defaults.concurrency,
    prefetch: flags.prefetch ?? defaults.prefetch,
    untilEmpty: flags.untilEmpty === true || intervalMs === 0,
    intervalMs: intervalMs || defaults.intervalMs,
    heartbeatMs: flags.heartbeatMs ?? defaults.heartbeatMs,
    deadAfterMs: flags.deadAfterMs ?? defaults.deadAfterMs,
    pruneIntervalMs: flags.pruneIntervalMs ?? defaults.pruneIntervalMs,
    maxDeaths: flags.maxDeaths ?? defaults.maxDeaths,
    maxStallMs: flags.maxStallMs ?? defaults.maxStallMs,
    isolation: flags.isolation ?? 'none',
    jobsPerChild: flags.jobsPerChild ?? defaults.jobsPerChild,
    require: modules,
    history: flags.history !== false && env.history,
    stopTimeoutMs: flags.stopTimeoutMs ?? defaults.stopTimeoutMs,
    abortGraceMs,
    proclinePrefix: env.proclinePrefix,
  })
  installSignals(worker, {
    termTimeoutMs: abortGraceMs,
    termChild: env.termChild,
    preShutdownTimeoutMs: env.preShutdownTimeoutMs ?? 0,
    gracefulTerm: env.gracefulTerm,
    log: logger,
  })
  return worker
}

/** Resolves when it works, or when it has been told to stop before it did. */
async function start(worker: Worker): Promise<void> {
  let isToldToStop = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      isToldToStop = true
    })
  }
  try {
    await worker.start()
  } catch (error) {
    if (isToldToStop) return
    if (error instanceof ConnectionError) throw new Failure(connectionComplaint(error), { cause: error })
    throw error
  }
}
