/**
 * `resque work`: a worker process. The options, and from them the worker; its life stands in `worker-process.ts`.
 */
import { type Command, Option } from 'commander'
import { defaults, type Environment, readEnvironment } from '../../config.js'
import { QueueList } from '../../worker/queue-list.js'
import { DETACHED_FLAG, startInBackground } from '../background.js'
import {
  addCommand,
  addCommonOptions,
  collect,
  failureBackendOption,
  flagsOf,
  oneOf,
  wholeNumber,
} from '../command.js'
import { Misuse } from '../errors.js'
import { checkQueueList } from '../known-queue.js'
import type { LogOptions } from '../logs.js'
import { POOLED_FLAG } from '../pooled.js'
import type { WorkFlags } from '../worker-process.js'

export function addWork(program: Command): void {
  const command = addCommand(program, 'work', {
    summary: 'Run a worker: take jobs from queues and perform them',
    details: 'It runs until it is told to stop, and exits with code 0 then.',
    examples: [
      `resque work --require ./jobs.js --queue critical,'mail_*','!mail_old' --concurrency 20`,
      'QUEUE=mail INTERVAL=0 resque work --require ./jobs.js   # until the queue is empty',
    ],
  })
  command
    .option(
      '-q, --queue <list>',
      'names and patterns in order of priority, with commas: a,b_*,!b_old,* (env: QUEUES or QUEUE)',
    )
    .option(
      '--require <module>',
      'a path, or the name of a package, that exports jobs and worker hooks; may be repeated',
      collect,
    )
    .option(
      '-c, --concurrency <n>',
      `jobs at a time (env: COUNT; default: ${defaults.concurrency})`,
      wholeNumber(1),
    )
    .option(
      '--prefetch <n>',
      `jobs held ready beyond those, for queues of many short jobs (default: ${defaults.prefetch})`,
      wholeNumber(0),
    )
    .option(
      '--interval-ms <ms>',
      `how long an idle worker rests, unless a new job wakes it, before it looks for itself; 0: as --until-empty (env: INTERVAL, in seconds; default: ${defaults.intervalMs})`,
      wholeNumber(0),
    )
    .option('--until-empty', 'stop when nothing is left to take')
    .option(
      '--heartbeat-ms <ms>',
      `how often it shows that it lives (default: ${defaults.heartbeatMs})`,
      wholeNumber(1),
    )
    .option(
      '--dead-after-ms <ms>',
      `without a heartbeat for this long it is dead to others, and they take over its jobs; at least twice --heartbeat-ms (default: ${defaults.deadAfterMs})`,
      wholeNumber(1),
    )
    .option(
      '--prune-interval-ms <ms>',
      `how often one of all workers looks for dead ones (default: ${defaults.pruneIntervalMs})`,
      wholeNumber(1),
    )
    .option(
      '--stop-timeout-ms <ms>',
      `how long TERM lets running jobs go on, before they are aborted and given back (default: ${defaults.stopTimeoutMs})`,
      wholeNumber(0),
    )
    .option(
      '--abort-grace-ms <ms>',
      `how long an aborted job may go on; part of the stop timeout (env: RESQUE_TERM_TIMEOUT, in seconds; default: ${defaults.abortGraceMs})`,
      wholeNumber(0),
    )
    .option(
      '--max-payload-bytes <n>',
      `larger jobs go to failed (default: ${defaults.maxPayloadBytes})`,
      wholeNumber(1),
    )
    .option(
      '--max-deaths <n>',
      `a job that killed its worker this often goes to failed (default: ${defaults.maxDeaths})`,
      wholeNumber(1),
    )
    .option(
      '--max-stall-ms <ms>',
      `an event loop that stands still for this long ends the process; 0: never (default: ${defaults.maxStallMs})`,
      wholeNumber(0),
    )
    .option(
      '--isolation <kind>',
      'where jobs run: none (in the worker itself) or process (in child processes) (default: none)',
      oneOf(['none', 'process'] as const),
    )
    .option(
      '--jobs-per-child <n>',
      `with child processes: jobs until one is replaced; 1: a process for each job, as in Ruby (default: ${defaults.jobsPerChild})`,
      wholeNumber(1),
    )
    .addOption(failureBackendOption())
    .option('--no-history', 'keep no figures for the charts of the web pages (env: RESQUE_HISTORY=0)')
    .option('--pidfile <path>', 'write the pid there; removed at the end (env: PIDFILE)')
    .option(
      '--background',
      'go on without the terminal; the output goes to the file stdout is redirected to, else nowhere (env: BACKGROUND)',
    )
    .option('--quiet', 'log errors only')
    .option(
      '--verbose',
      "log in the form of Ruby's verbose log, with a line for each job (env: VERBOSE or LOGGING)",
    )
    .option(
      '--very-verbose',
      "log in the form of Ruby's very verbose log, with details and the arguments of jobs (env: VVERBOSE)",
    )
    .option(
      '--log-format <format>',
      'pretty, json or ruby (default: pretty on a terminal, else json)',
      oneOf(['pretty', 'json', 'ruby'] as const),
    )
    .addOption(new Option('--json', 'as --log-format json'))
    .addOption(new Option(DETACHED_FLAG).hideHelp())
    .addOption(new Option(POOLED_FLAG).hideHelp())
  addCommonOptions(command, { json: false }).addHelpText('after', signals).action(work)
}

const signals = `
Signals: TERM finishes the running jobs within the stop timeout, then exits; QUIT finishes them however long they take;
  INT aborts them now; USR1 kills the running jobs and goes on; USR2 takes no new jobs; CONT takes jobs again.
Further environment: TERM_CHILD, RESQUE_PRE_SHUTDOWN_TIMEOUT, GRACEFUL_TERM, RESQUE_PROCLINE_PREFIX, as in Ruby.`

async function work(this: Command): Promise<void> {
  const flags = flagsOf<WorkFlags>(this)
  const env = readEnvironment()
  const queues = flags.queue ?? env.queues
  if (queues === undefined) {
    throw new Misuse(
      "Expected the queues to work: --queue critical,low, or --queue '*' for all; or the environment variable QUEUE.",
    )
  }
  checkQueueList(queues)
  new QueueList(queues)
  if ((flags.background || env.background) && !flags.detached && !flags.pooled) {
    const { pid, workerId } = await startInBackground()
    process.stdout.write(
      flags.json
        ? `${JSON.stringify({ pid, worker: workerId })}\n`
        : `Started worker ${workerId} in the background.\n`,
    )
    return
  }
  const { runWorker } = await import('../worker-process.js')
  await runWorker({ flags, env, queues, log: logOptions(flags, env) })
}

/** The flags go before the environment, and a format that is named before the one that a verbosity implies. */
function logOptions(flags: WorkFlags, env: Environment): LogOptions {
  const verbosity = flags.quiet
    ? 'quiet'
    : flags.veryVerbose
      ? 'very-verbose'
      : flags.verbose
        ? 'verbose'
        : (env.verbosity ?? 'normal')
  const isRuby = verbosity === 'verbose' || verbosity === 'very-verbose'
  return {
    level: verbosity === 'quiet' ? 'error' : verbosity === 'very-verbose' ? 'debug' : 'info',
    format: flags.logFormat ?? (flags.json ? 'json' : isRuby ? 'ruby' : undefined),
    showsJobs: isRuby,
  }
}
