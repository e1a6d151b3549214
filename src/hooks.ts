/**
 * Hooks: code that runs before, around and after a job, and at the turns of a worker's life.
 *
 * A job hook is any function member of a job, or of one of its plugins, whose name begins with the hook's name:
 * `beforePerform`, `before_perform` and `beforePerformLog` all run before perform. All of one kind, wherever they
 * come from, run in the byte order of their names (protocol 4); equal names keep the order job, then plugins.
 * A member may also be an array of functions, which run in its order.
 */
import { type JobContext, runAsJob } from './context.js'
import { DontPerform, FailureHookError, messageOf, wireNameOf } from './errors.js'
import type { AnyJob, JobHooks, OneOrMany } from './job.js'

/** An object of hooks that several jobs share. */
export type Plugin<Args extends unknown[] = unknown[]> = JobHooks<Args> & { name?: string }

type HookFunction = (...args: unknown[]) => unknown

const kinds = [
  'beforeEnqueue',
  'afterEnqueue',
  'beforeDequeue',
  'afterDequeue',
  'beforePerform',
  'aroundPerform',
  'afterPerform',
  'onFailure',
] as const
type Kind = (typeof kinds)[number]
type HookTable = Record<Kind, HookFunction[]>

const tables = new WeakMap<AnyJob, HookTable>()

/** The hooks of a job, in the order they run. Read once per job, as Ruby does (P:26). */
export function hooksOf(job: AnyJob): HookTable {
  let table = tables.get(job)
  if (!table) {
    table = collect(job)
    tables.set(job, table)
  }
  return table
}

function collect(job: AnyJob): HookTable {
  const found: { kind: Kind; name: string; call: HookFunction }[] = []
  for (const owner of [job, ...(job.plugins ?? [])]) {
    for (const key of memberNames(owner)) {
      const name = snakePrefix(key)
      const kind = kinds.find((each) => name.startsWith(snakePrefix(each)))
      if (!kind) continue
      const member = (owner as Record<string, unknown>)[key]
      for (const each of Array.isArray(member) ? member : [member]) {
        if (typeof each === 'function') found.push({ kind, name, call: each.bind(owner) as HookFunction })
      }
    }
  }
  found.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  const table = Object.fromEntries(kinds.map((kind) => [kind, [] as HookFunction[]])) as HookTable
  for (const { kind, call } of found) table[kind].push(call)
  return table
}

/** Own and inherited member names; a class inherits the static hooks of the class it extends. */
function memberNames(owner: object): Set<string> {
  const names = new Set<string>()
  let each: object | null = owner
  while (each && each !== Function.prototype && each !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name)
    each = Object.getPrototypeOf(each)
  }
  return names
}

/** `beforePerformLog` → `before_performLog`: both spellings of a hook sort, and are recognised, as Ruby's. */
function snakePrefix(name: string): string {
  return name.replace(
    /^(before|after|around|on)(Enqueue|Dequeue|Perform|Failure)/,
    (_, when: string, what: string) => {
      return `${when}_${what.toLowerCase()}`
    },
  )
}

/** Runs all hooks of a before kind; false if one of them returned exactly false (the others still ran). */
export async function runVetoHooks(
  job: AnyJob,
  kind: 'beforeEnqueue' | 'beforeDequeue',
  args: unknown[],
): Promise<boolean> {
  let allowed = true
  for (const hook of hooksOf(job)[kind]) {
    if ((await hook(...args)) === false) allowed = false
  }
  return allowed
}

/** Runs the hooks after an enqueue or a dequeue. What they throw reaches the caller; the deed is done. */
export async function runAfterHooks(
  job: AnyJob,
  kind: 'afterEnqueue' | 'afterDequeue',
  args: unknown[],
): Promise<void> {
  for (const hook of hooksOf(job)[kind]) await hook(...args)
}

/** How a job ended: a value, not an exception. `skipped`: a before_perform hook said DontPerform. */
export type Outcome = { kind: 'done' } | { kind: 'skipped' } | { kind: 'failed'; error: unknown }

const done: Outcome = { kind: 'done' }
const skipped: Outcome = { kind: 'skipped' }

/**
 * Performs a job with its hooks: before (a DontPerform ends it), around (the first is the outermost), perform, after.
 * Ruby: J:150-205. Its failure hooks are not run here: `runFailureHooks` does that, once, when the fate is known.
 */
export function performJob(job: AnyJob, args: unknown[], context: JobContext): Promise<Outcome> {
  const hooks = hooksOf(job)
  const isBare = hooks.beforePerform.length + hooks.aroundPerform.length + hooks.afterPerform.length === 0
  return runAsJob(context, () =>
    isBare ? performBare(job, args, context) : performHooked(hooks, job, args, context),
  )
}

const hasDone = Promise.resolve(done)

/** The hot path: one promise beside the job's own, and none for one that has done all when it returns. */
function performBare(job: AnyJob, args: unknown[], context: JobContext): Promise<Outcome> {
  try {
    const result: unknown = job.perform.apply(selfOf(job, context), args)
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return hasDone
    return Promise.resolve(result).then(toDone, toFailed)
  } catch (error) {
    return Promise.resolve(toFailed(error))
  }
}

function toDone(): Outcome {
  return done
}

function toFailed(error: unknown): Outcome {
  return { kind: 'failed', error }
}

async function performHooked(
  hooks: HookTable,
  job: AnyJob,
  args: unknown[],
  context: JobContext,
): Promise<Outcome> {
  try {
    if (!(await runBeforePerform(hooks.beforePerform, args))) return skipped
    await around(hooks.aroundPerform, job, args, context)
    for (const hook of hooks.afterPerform) await hook(...args)
    return done
  } catch (error) {
    return toFailed(error)
  }
}

/** A class keeps its own `this`, so that its static helpers work; a defined job gets its context. */
function selfOf(job: AnyJob, context: JobContext): unknown {
  return typeof job === 'function' ? job : context
}

async function runBeforePerform(hooks: HookFunction[], args: unknown[]): Promise<boolean> {
  try {
    for (const hook of hooks) await hook(...args)
    return true
  } catch (error) {
    if (error instanceof DontPerform) return false
    throw error
  }
}

function around(hooks: HookFunction[], job: AnyJob, args: unknown[], context: JobContext): unknown {
  let next = () => job.perform.apply(selfOf(job, context), args)
  for (let i = hooks.length - 1; i >= 0; i--) {
    const hook = hooks[i] as HookFunction
    const inner = next
    next = () => hook(async () => inner(), ...args)
  }
  return next()
}

/**
 * Runs the failure hooks of a job and returns the error to record: the job's own, or, when a hook throws,
 * the one Ruby makes of both (J:232-244).
 */
export async function runFailureHooks(
  job: AnyJob,
  error: unknown,
  args: unknown[],
  description: string,
): Promise<unknown> {
  try {
    for (const hook of hooksOf(job).onFailure) await hook(error, ...args)
    return error
  } catch (hookError) {
    const failure = new FailureHookError(
      `Additional error (${wireNameOf(hookError)}: ${messageOf(hookError)}) occurred in running failure hooks for job ` +
        `${description}\nOriginal error that caused job failure was ${wireNameOf(hookError)}: ${wireNameOf(error)}: ${messageOf(error)}`,
      { cause: error },
    )
    failure.stack = ''
    return failure
  }
}

/** What a job that is being worked on looks like to the hooks of a worker. */
export interface WorkedJob {
  readonly queue: string
  readonly class: string
  readonly args: readonly unknown[]
  readonly payload: string
}

/** What the hooks of a pause are given: the `Worker`. */
export interface PausedWorker {
  readonly ids: readonly string[]
  readonly busyCount: number
  readonly isPaused: boolean
}

interface HookArgs {
  beforeFork: [WorkedJob]
  afterFork: [WorkedJob]
  beforePause: [PausedWorker]
  afterPause: [PausedWorker]
}

/**
 * The turns of a worker's life (protocol 6.5). Each may be one function or several, run in order.
 * In one process without children the fork hooks run around the job in that process: `beforeFork` before its
 * perform hooks, `afterFork` right after it. Ruby's no-fork mode skips them.
 */
export interface WorkerHooks {
  /** Once, before the worker registers. An error stops the start. */
  beforeFirstFork?: OneOrMany<() => unknown>
  /** Before each job, where its child will be made. */
  beforeFork?: OneOrMany<(job: WorkedJob) => unknown>
  /** Before each job, where it will run. An error fails the job. */
  afterFork?: OneOrMany<(job: WorkedJob) => unknown>
  /** When USR2 or `pause()` stops the taking of jobs. */
  beforePause?: OneOrMany<(worker: PausedWorker) => unknown>
  /** When CONT or `resume()` lets it go on, also if it was not paused. */
  afterPause?: OneOrMany<(worker: PausedWorker) => unknown>
  /** When the worker finds nothing after having worked. */
  queueEmpty?: OneOrMany<() => unknown>
  /** When the stop begins. */
  shutdown?: OneOrMany<() => unknown>
  /** After the worker has unregistered. */
  workerExit?: OneOrMany<() => unknown>
}

const workerHooksMark = Symbol.for('resque-ts.worker-hooks')

/** Marks an object of worker hooks, so that `resque work --require` recognises the export. */
export function defineWorkerHooks(hooks: WorkerHooks): WorkerHooks {
  return Object.freeze({ ...hooks, [workerHooksMark]: true })
}

export function isWorkerHooks(value: unknown): value is WorkerHooks {
  return typeof value === 'object' && value !== null && workerHooksMark in value
}

/** Runs one kind of worker hook, of several objects of hooks, in order. */
export async function runWorkerHooks<K extends keyof WorkerHooks>(
  sources: readonly WorkerHooks[],
  kind: K,
  ...args: K extends keyof HookArgs ? HookArgs[K] : []
): Promise<void> {
  for (const source of sources) {
    const hooks = source[kind]
    if (!hooks) continue
    for (const hook of Array.isArray(hooks) ? hooks : [hooks]) await (hook as HookFunction)(...args)
  }
}
