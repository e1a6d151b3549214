/**
 * What a worker is told: its options, checked, with their defaults.
 */
import { checkNumber, defaults } from '../config.js'
import type { Logger } from '../context.js'
import { ConfigError } from '../errors.js'
import type { WorkerHooks } from '../hooks.js'
import { type AnyJob, isJob } from '../job.js'
import type { Resque } from '../resque.js'

export interface WorkerOptions {
  /** The client whose Redis, namespace and failure backend it uses, through connections of its own. */
  resque: Resque
  /** Names and patterns in order of priority: `['critical', 'mail_*', '*', '!slow']`, or one string with commas. */
  queues: readonly string[] | string
  /** The jobs it can perform. One it does not know goes to failed. */
  jobs: readonly AnyJob[]
  /** How many jobs at a time. Default: 1. */
  concurrency?: number
  /**
   * How many jobs more it may hold ready while those run, so that short jobs need not wait for Redis. Each of them has
   * a slot, and so an id, of its own. Where jobs take long it holds none. Default: 0.
   */
  prefetch?: number
  /** How long it rests, unwoken, before it looks by itself. Default: 5,000 ms. */
  intervalMs?: number
  /** Stop by itself once nothing is left to take (Ruby: INTERVAL=0). */
  untilEmpty?: boolean
  /** Default: 5,000 ms. */
  heartbeatMs?: number
  /** After this long without a heartbeat others take it for dead. Default: 30,000 ms. */
  deadAfterMs?: number
  /** How often, in the whole cluster, somebody looks for the dead. Default: 15,000 ms. */
  pruneIntervalMs?: number
  /** A job that killed its worker this often is parked in failed. Default: 3. */
  maxDeaths?: number
  /** An event loop that stands still for this long ends its process; 0: never. Default: an hour. */
  maxStallMs?: number
  /** How long a stop may take that does not say it itself, one told from afar among them. Default: 30,000 ms. */
  stopTimeoutMs?: number
  /** How long a job may go on after its signal was aborted. Default: 4,000 ms. */
  abortGraceMs?: number
  /**
   * Where jobs run: in this process (default), or each in a child process, which is killed on timeout and whose death
   * is a DirtyExit. A job's own `isolation` goes before it. Children load the modules named by `require`.
   */
  isolation?: 'none' | 'process'
  /** Modules that define the jobs, for child processes: paths seen from the working directory, or package names. */
  require?: readonly string[]
  /** A child process is replaced after this many jobs; 1: a process for each job, as in Ruby. Default: 100,000. */
  jobsPerChild?: number
  /** A child process that holds more than this after a job is replaced. Default: 512 MiB. */
  maxChildMemoryBytes?: number
  /** A child process that had nothing to do for this long is ended. Default: 300,000 ms. */
  childIdleMs?: number
  /** After a timeout's grace a child process gets TERM, and this much later KILL. Default: 2,000 ms. */
  killGraceMs?: number
  /** Keep figures for the charts of the web pages, in `metrics:*`. Default: true. */
  history?: boolean
  /** How often they are written. Default: 10,000 ms. */
  historyIntervalMs?: number
  /** Hooks at the turns of its life. */
  hooks?: WorkerHooks | readonly WorkerHooks[]
  /** Default: the client's. */
  logger?: Logger
  /** Show what it does in the process title. Default: true. Ruby workers on the same host look for it. */
  title?: boolean
  /** Before every title. Ruby: RESQUE_PROCLINE_PREFIX. */
  proclinePrefix?: string
}

/** The options, complete. */
export interface WorkerSettings
  extends Required<Omit<WorkerOptions, 'queues' | 'jobs' | 'hooks' | 'logger'>> {
  jobs: ReadonlyMap<string, AnyJob>
  hooks: readonly WorkerHooks[]
  log: Logger
}

/** How each number is checked; its default stands in config.ts. */
const numbers = {
  concurrency: { min: 1, integer: true },
  prefetch: { min: 0, integer: true },
  intervalMs: { min: 1 },
  heartbeatMs: { min: 1 },
  deadAfterMs: { min: 1 },
  pruneIntervalMs: { min: 1 },
  maxDeaths: { min: 1, integer: true },
  maxStallMs: { min: 0 },
  stopTimeoutMs: { min: 0 },
  abortGraceMs: { min: 0 },
  jobsPerChild: { min: 1, integer: true },
  maxChildMemoryBytes: { min: 1 },
  childIdleMs: { min: 1 },
  killGraceMs: { min: 0 },
  historyIntervalMs: { min: 1 },
} as const

const others = [
  'resque',
  'queues',
  'jobs',
  'untilEmpty',
  'isolation',
  'require',
  'hooks',
  'history',
  'logger',
  'title',
  'proclinePrefix',
]
const names = new Set([...others, ...Object.keys(numbers)])

/** Throws ConfigError at the first option that cannot be right. */
export function readOptions(options: WorkerOptions): WorkerSettings {
  for (const name of Object.keys(options)) {
    if (names.has(name)) continue
    throw new ConfigError(`Unknown option \`${name}\` of Worker.`, {
      hint: `It has: ${[...names].join(', ')}.`,
    })
  }
  if (!options.resque) throw new ConfigError('Expected `resque`, the client whose Redis the worker uses.')
  const read = {} as Record<keyof typeof numbers, number>
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    read[name] = checkNumber(name, options[name] ?? defaults[name], numbers[name])
  }
  if (read.deadAfterMs < 2 * read.heartbeatMs) {
    const both = `\`deadAfterMs\` (${read.deadAfterMs}) to be at least twice \`heartbeatMs\` (${read.heartbeatMs})`
    throw new ConfigError(`Expected ${both}.`, {
      hint: 'One heartbeat that comes late must not kill a worker.',
    })
  }
  const { hooks = [], isolation = 'none', require = [] } = options
  if (isolation !== 'none' && isolation !== 'process') {
    throw new ConfigError(`Expected \`isolation\` to be 'none' or 'process', got '${String(isolation)}'.`)
  }
  const jobs = readJobs(options.jobs)
  const isolated = [...jobs.values()].find((job) => (job.isolation ?? isolation) === 'process')
  if (isolated && require.length === 0) {
    throw new ConfigError(
      `Expected \`require\` to name the module that defines ${isolated.name}, got none.`,
      {
        hint: 'A child process loads its jobs from modules.',
      },
    )
  }
  return {
    ...read,
    resque: options.resque,
    jobs,
    isolation,
    require,
    hooks: Array.isArray(hooks) ? hooks : [hooks as WorkerHooks],
    log: options.logger ?? options.resque.logger,
    untilEmpty: options.untilEmpty ?? false,
    history: options.history ?? true,
    title: options.title ?? true,
    proclinePrefix: options.proclinePrefix ?? '',
  }
}

function readJobs(jobs: readonly AnyJob[]): ReadonlyMap<string, AnyJob> {
  if (!Array.isArray(jobs)) throw new ConfigError('Expected `jobs` to be an array of jobs.')
  const byName = new Map<string, AnyJob>()
  for (const job of jobs) {
    if (!isJob(job)) {
      throw new ConfigError('Expected `jobs` to hold jobs, got something else.', {
        hint: 'A job is what defineJob returns, or a class with a static perform.',
      })
    }
    const other = byName.get(job.name)
    if (other !== undefined && other !== job)
      throw new ConfigError(`Two jobs of this worker are named "${job.name}".`)
    byName.set(job.name, job)
  }
  return byName
}
