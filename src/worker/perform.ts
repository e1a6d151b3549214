/**
 * One job on one slot, from its payload to its ending. Whatever it does, it comes to exactly one end.
 */
import { LONGEST_TIMER_MS } from '../config.js'
import type { JobContext, Logger } from '../context.js'
import {
  DirtyExit,
  JobTimeoutError,
  messageOf,
  PayloadTooLargeError,
  UnknownJobError,
  wireNameOf,
} from '../errors.js'
import { channels, type JobFinishedEvent } from '../events.js'
import type { FailureBackend } from '../failure/backend.js'
import {
  hooksOf,
  type Outcome,
  performJob,
  runFailureHooks,
  runWorkerHooks,
  type WorkerHooks,
} from '../hooks.js'
import { type AnyJob, type ParsedJob, readJob } from '../job.js'
import type { Payload } from '../store/records.js'
import type { Ending } from '../store/slots.js'
import { ChildError } from './child-error.js'
import type { ChildPool, RemoteJob } from './child-pool.js'
import type { WorkerSettings } from './options.js'
import { failedEnding } from './report.js'
import type { ChildJob } from './sent-jobs.js'
import { waitedMs } from './tally.js'

/** What the jobs of a worker share. */
export interface PerformSettings {
  jobs: ReadonlyMap<string, AnyJob>
  hooks: readonly WorkerHooks[]
  failureBackend: FailureBackend
  log: Logger
  maxPayloadBytes: number
  /** How long a job may go on after its signal was aborted. */
  abortGraceMs: number
  /** Where jobs run that do not say it themselves. */
  isolation: 'none' | 'process'
  /** Set if any job runs in a child process. */
  children: ChildPool | undefined
}

/** Those of a worker; child processes are added once they are there. */
export function performSettings({ resque, ...settings }: WorkerSettings): PerformSettings {
  const { jobs, hooks, log, abortGraceMs, isolation } = settings
  return {
    ...{ jobs, hooks, log, abortGraceMs, isolation },
    failureBackend: resque.failureBackend,
    maxPayloadBytes: resque.maxPayloadBytes,
    children: undefined,
  }
}

export interface TakenJob {
  queue: string
  payload: Payload
  workerId: string
  /** How many workers died of it before. */
  deaths: number
}

/** Why a running job was told to stop, and what becomes of it if it does not end well by itself. */
type Stop = { reason: Error; then: 'fail' | 'return' }

export class RunningJob {
  readonly taken: TakenJob
  /** The class name, or '' where the payload is no job. */
  readonly class: string
  readonly #settings: PerformSettings
  readonly #parsed: ParsedJob | Error
  readonly #job: AnyJob | undefined
  #controller: AbortController | undefined
  /** Set while it runs in a child process. */
  #remote: RemoteJob | undefined
  #childPid: number | undefined
  #childJob: ChildJob | undefined
  #stop: Stop | undefined
  #isSettled = false
  #startedAt = 0
  #onEnd: (ending: Ending) => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined

  constructor(taken: TakenJob, settings: PerformSettings) {
    this.taken = taken
    this.#settings = settings
    this.#parsed = readTaken(taken.payload, settings.maxPayloadBytes)
    this.class = this.#parsed instanceof Error ? '' : this.#parsed.class
    this.#job = settings.jobs.get(this.class)
  }

  /** Runs the job, and calls `onEnd` once, when it is known how it ended. */
  start(onEnd: (ending: Ending) => void): void {
    this.#onEnd = onEnd
    if (channels.jobFinished.hasSubscribers) this.#startedAt = performance.now()
    if (channels.jobStarted.hasSubscribers) channels.jobStarted.publish(this.#event())
    const parsed = this.#parsed
    if (parsed instanceof Error) {
      this.#settle({ kind: 'failed', error: parsed })
      return
    }
    const job = this.#job
    if (!job) {
      this.#settle({ kind: 'failed', error: this.#unknown(parsed.class) })
      return
    }
    void this.#work(job, parsed).then(this.#settle)
    if (job.timeoutMs !== undefined && job.timeoutMs > 0) {
      const reason = new JobTimeoutError(`${job.name} ran longer than its timeoutMs of ${job.timeoutMs}.`)
      this.#timer = setTimeout(() => this.abort(reason, 'fail'), Math.min(job.timeoutMs, LONGEST_TIMER_MS))
    }
  }

  /**
   * Aborts the job's signal. If it has not ended after the grace it is given up: in this process it may go on, unheeded;
   * a child process is killed, at once when the grace is 0.
   */
  abort(reason: Error, then: Stop['then'], graceMs = this.#settings.abortGraceMs): void {
    if (this.#stop) return
    this.#stop = { reason, then }
    this.#controller?.abort(reason)
    if (!this.#remote || graceMs > 0) this.#remote?.abort(reason)
    this.#grace = setTimeout(() => this.#giveUp(), Math.min(graceMs, LONGEST_TIMER_MS))
  }

  #giveUp(): void {
    // A child's end is its outcome. One that took too long gets TERM first; one that is stopped has had its grace.
    if (this.#remote) this.#remote.kill(!(this.#stop?.reason instanceof JobTimeoutError))
    else this.#settle(undefined)
  }

  /** How long it has waited until now, by what its payload says; -1 where it says nothing. */
  get waitedMs(): number {
    return this.#parsed instanceof Error ? -1 : waitedMs(this.#parsed)
  }

  /** The child process it runs in, if any. */
  get childPid(): number | undefined {
    return this.#childPid
  }

  /** The first outcome counts; undefined: the job was given up. */
  readonly #settle = (outcome: Outcome | undefined): void => {
    if (this.#isSettled) return
    this.#isSettled = true
    clearTimeout(this.#timer)
    clearTimeout(this.#grace)
    const stop = this.#stop
    const endedWell = outcome !== undefined && outcome.kind !== 'failed'
    // A timeout is a failure even if the job ended in its grace: it took too long.
    if (endedWell && !(stop?.reason instanceof JobTimeoutError)) {
      this.#end(done, outcome.kind === 'skipped' ? 'skipped' : 'done')
    } else if (stop?.then === 'return') {
      this.#end({ kind: 'returned', queue: this.taken.queue, payload: this.taken.payload }, 'returned')
    } else {
      void this.#fail(outcome).then(([ending, error]) => this.#end(ending, 'failed', error))
    }
  }

  #end(ending: Ending, outcome: JobFinishedEvent['outcome'], error?: unknown): void {
    if (channels.jobFinished.hasSubscribers) {
      const durationMs = performance.now() - this.#startedAt
      channels.jobFinished.publish({
        ...this.#event(),
        outcome,
        durationMs,
        ...(outcome === 'failed' && { error }),
      })
    }
    this.#onEnd(ending)
  }

  #work(job: AnyJob, parsed: ParsedJob): Promise<Outcome> {
    const { hooks } = this.#settings
    const children = this.#childrenFor(job)
    // One that was sent ahead may have begun already.
    if (children && (hooks.length === 0 || this.#childJob)) return this.#performIn(children)
    if (hooks.length === 0 && !children) return this.#performHere(job, parsed)
    return this.#fork(job, parsed, children)
  }

  /** Where it runs, if not in this process. */
  #childrenFor(job: AnyJob): ChildPool | undefined {
    const { isolation, children } = this.#settings
    return (job.isolation ?? isolation) === 'process' ? children : undefined
  }

  #performHere(job: AnyJob, parsed: ParsedJob): Promise<Outcome> {
    return performJob(job, parsed.args, new Context(this, this.taken, this.class, this.#settings.log))
  }

  /** With the fork hooks around it; `afterFork` runs where the job does. */
  async #fork(job: AnyJob, parsed: ParsedJob, children: ChildPool | undefined): Promise<Outcome> {
    const { hooks } = this.#settings
    const { queue, payload } = this.taken
    const worked = { queue, class: parsed.class, args: parsed.args, payload: payload.toString() }
    try {
      await runWorkerHooks(hooks, 'beforeFork', worked)
      if (!children) await runWorkerHooks(hooks, 'afterFork', worked)
    } catch (error) {
      return { kind: 'failed', error }
    }
    if (!children) return this.#performHere(job, parsed)
    if (this.#stop) return { kind: 'failed', error: this.#stop.reason }
    return this.#performIn(children)
  }

  #performIn(children: ChildPool): Promise<Outcome> {
    this.#childJob ??= this.#makeChildJob()
    this.#remote = children.perform(this.#childJob, (pid) => {
      this.#childPid = pid
      this.#settings.log.debug({ child: pid }, `Forked ${pid} at ${Math.floor(Date.now() / 1_000)}`)
    })
    return this.#remote.outcome
  }

  #makeChildJob(): ChildJob {
    const { queue, payload, workerId, deaths } = this.taken
    return { queue, payload: payload.toString(), workerId, deaths, class: this.class }
  }

  /**
   * Itself, as it may be sent to a child before it starts, and before its worker knows that it has begun. So there is
   * none where the start means something: to hooks, or to a timeout.
   */
  get aheadJob(): ChildJob | undefined {
    const job = this.#job
    if (!job || !this.#childrenFor(job) || job.timeoutMs !== undefined) return undefined
    if (this.taken.payload.length > MAX_AHEAD_BYTES || this.#settings.hooks.some((each) => each.beforeFork))
      return undefined
    this.#childJob ??= this.#makeChildJob()
    return this.#childJob
  }

  /** Once it has ended: the job that its child has gone on to, if one was sent ahead. */
  get nextInChild(): ChildJob | undefined {
    return this.#remote?.next
  }

  async #fail(outcome: Outcome | undefined): Promise<[Ending, error: unknown]> {
    const { log, failureBackend } = this.#settings
    if (outcome === undefined) {
      log.warn(
        { class: this.class, queue: this.taken.queue },
        `${this.#name} did not end after its abort; it was given up.`,
      )
    }
    let error = this.#reason(outcome)
    const hasRunHooks = error instanceof ChildError
    if (
      !hasRunHooks &&
      this.#job &&
      !(this.#parsed instanceof Error) &&
      hooksOf(this.#job).onFailure.length > 0
    ) {
      error = await runFailureHooks(this.#job, error, this.#parsed.args, this.description)
    }
    log.error(
      { err: error, class: this.class, queue: this.taken.queue, workerId: this.taken.workerId },
      `${this.#name} failed: #<${wireNameOf(error)}: ${messageOf(error)}>`,
    )
    return [await failedEnding({ ...this.taken, error }, failureBackend, log), error]
  }

  /** What the job failed of. A child process tells it itself, unless it took too long. */
  #reason(outcome: Outcome | undefined): unknown {
    const own = outcome?.kind === 'failed' ? outcome.error : new DirtyExit('The job was given up.')
    const isTold = this.#remote !== undefined && !(this.#stop?.reason instanceof JobTimeoutError)
    return isTold ? own : (this.#stop?.reason ?? own)
  }

  /** The job in a log line. Its arguments may be nobody's business; Ruby shows them. */
  get #name(): string {
    return `(Job{${this.taken.queue}} | ${this.class || 'No Name'})`
  }

  /** As Ruby shows a job in logs (J:253). */
  get description(): string {
    const args = this.#parsed instanceof Error ? '' : JSON.stringify(this.#parsed.args)
    return `(Job{${this.taken.queue}} | ${this.class || 'No Name'} | ${args})`
  }

  #unknown(name: string): Error {
    const known = [...this.#settings.jobs.keys()]
    const some =
      known.length > 10 ? `${known.slice(0, 10).join(', ')}, and ${known.length - 10} more` : known.join(', ')
    return new UnknownJobError(`This worker knows no job named "${name}". It knows: ${some || 'none'}.`, {
      hint: 'Give it the job (jobs: […], or --require), or let it work other queues; then retry.',
    })
  }

  #event() {
    const { workerId, queue, payload } = this.taken
    return { workerId, queue, class: this.class, payload: payload.toString() }
  }

  /** The job's signal, made when it is first asked for: most jobs never do. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#stop) this.#controller.abort(this.#stop.reason)
    }
    return this.#controller.signal
  }
}

/** A larger one is not sent to where it may only wait. */
const MAX_AHEAD_BYTES = 16_384

const done: Ending = { kind: 'done' }

function readTaken(payload: Payload, maxBytes: number): ParsedJob | Error {
  if (payload.length > maxBytes || (payload.length * 3 > maxBytes && Buffer.byteLength(payload) > maxBytes)) {
    return new PayloadTooLargeError(
      `Expected a payload of at most ${maxBytes} bytes (maxPayloadBytes), got ${Buffer.byteLength(payload)}.`,
    )
  }
  return readJob(payload)
}

/** What the job sees of itself; its costlier parts are made when asked for. */
class Context implements JobContext {
  readonly #running: RunningJob
  readonly #taken: TakenJob
  readonly #log: Logger
  readonly class: string

  constructor(running: RunningJob, taken: TakenJob, name: string, log: Logger) {
    this.#running = running
    this.#taken = taken
    this.#log = log
    this.class = name
  }
  get queue(): string {
    return this.#taken.queue
  }
  get payload(): string {
    return this.#taken.payload.toString()
  }
  get workerId(): string {
    return this.#taken.workerId
  }
  get attempt(): number {
    return this.#taken.deaths + 1
  }
  get signal(): AbortSignal {
    return this.#running.signal
  }
  get log(): Logger {
    const { class: name, queue, workerId } = this
    return this.#log.child?.({ class: name, queue, workerId }) ?? this.#log
  }
}
