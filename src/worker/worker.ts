/**
 * A worker process: its life from `start` to `stop`. What it does in between stands in `turns.ts` (taking and ending
 * jobs), `perform.ts` (running one), `wake.ts` (waiting) and `presence.ts` (being registered and alive).
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { LONGEST_TIMER_MS } from '../config.js'
import type { Logger } from '../context.js'
import { ConfigError, DirtyExit, messageOf, TermException } from '../errors.js'
import { channels, type WorkerEvent } from '../events.js'
import { runWorkerHooks } from '../hooks.js'
import type { Resque } from '../resque.js'
import type { Store } from '../store/store.js'
import { Ahead } from './ahead.js'
import { childrenFor } from './children-for.js'
import { readOptions, type WorkerOptions, type WorkerSettings } from './options.js'
import { type PerformSettings, performSettings, RunningJob } from './perform.js'
import { Prefetched } from './prefetched.js'
import { Presence } from './presence.js'
import { Procline, titleOf } from './procline.js'
import { Rest } from './rest.js'
import type { ChildJob } from './sent-jobs.js'
import { type Held, type Slot, slotsOf } from './slot.js'
import type { StopOptions } from './stop-options.js'
import { Tally } from './tally.js'
import { Turns } from './turns.js'
import type { Turn } from './turns-options.js'
import { WatchedQueues } from './watched-queues.js'

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

export class Worker {
  readonly resque: Resque
  readonly #settings: WorkerSettings
  readonly #perform: PerformSettings
  readonly #log: Logger
  readonly #store: Store
  readonly #queues: WatchedQueues
  readonly #presence: Presence
  readonly #procline: Procline | undefined
  readonly #running = new Map<Slot, RunningJob>()
  readonly #prefetched: Prefetched
  readonly #ahead: Ahead
  readonly #stopped: Promise<void>
  #resolveStopped: () => void = () => {}
  #state: State = 'new'
  #turns: Turns | undefined
  #rest: Rest | undefined
  #tally: Tally | undefined
  #interval: NodeJS.Timeout | undefined
  #isPaused = false
  #areAllPaused = false
  #hasWorked = false
  /** The hooks that run since the last time all queues were empty. */
  #queueEmptied: Promise<void> | undefined
  #starting: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined
  #endWait: (() => void) | undefined
  /** Set once a stop has aborted the running jobs. */
  #abortLate: ((job: RunningJob) => void) | undefined

  constructor(options: WorkerOptions) {
    const settings = readOptions(options)
    const { resque, log, proclinePrefix } = settings
    this.#settings = settings
    this.resque = resque
    this.#log = log
    this.#store = resque.store.duplicate('resque-ts:worker')
    this.#queues = new WatchedQueues(options.queues, this.#store)
    this.#procline = settings.title
      ? new Procline(proclinePrefix, () =>
          titleOf([...this.#running.values()], this.#isPaused || this.#areAllPaused, this.#queues),
        )
      : undefined
    this.#presence = new Presence({
      store: this.#store,
      settings,
      label: this.#queues.label,
      hasTitle: settings.title && Procline.hasRoom(proclinePrefix),
      onReturn: () => this.#turns?.wake(),
      onOrder: (order) => void this[order](),
    })
    this.#prefetched = new Prefetched({
      limit: settings.prefetch,
      giveBack: (slot, held) => this.#giveBack(slot, held),
    })
    this.#ahead = new Ahead(this.#prefetched, settings.concurrency, (slot, held) => this.#prepare(slot, held))
    this.#perform = performSettings(settings)
    this.#stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  /** The ids under which it is registered, one per slot; the first stands for the process. Empty before `start`. */
  get ids(): readonly string[] {
    return this.#presence.ids
  }

  /** How many jobs it runs at this moment. */
  get busyCount(): number {
    return this.#running.size
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Resolves when the worker has stopped, by `stop` or (`untilEmpty`) by itself. */
  get stopped(): Promise<void> {
    return this.#stopped
  }

  /** Registers, and begins to take jobs. Rejects if Redis cannot be reached within the deadline of a call. */
  async start(): Promise<void> {
    if (this.#state !== 'new') {
      throw new ConfigError(`Expected a worker that was not started yet, got one that is ${this.#state}.`, {
        hint: 'Make a new Worker to start again.',
      })
    }
    this.#state = 'starting'
    this.#starting = this.#startUp()
    try {
      await this.#starting
    } catch (error) {
      await this.#rest?.close(0)
      await this.#perform.children?.close()
      await this.#presence.leave()
      this.#closed()
      throw error
    }
  }

  async #startUp(): Promise<void> {
    const { hooks, concurrency, intervalMs } = this.#settings
    this.#procline?.starting()
    await this.#presence.prune()
    await runWorkerHooks(hooks, 'beforeFirstFork')
    this.#perform.children = childrenFor(this.#settings, {
      upcoming: (count) => this.#ahead.take(count),
      onTakenBack: (jobs) => this.#takenBack(jobs),
    })
    const { ids, numbers, naming } = await this.#presence.enter()
    const slots = slotsOf(ids, numbers)
    const places = new Map(slots.map((slot, i) => [slot, i]))
    await this.#queues.refresh()
    const nonce = randomBytes(5).toString('hex')
    const shared = { store: this.#store, queues: this.#queues, log: this.#log, nonce }
    this.#turns = new Turns({
      ...shared,
      slots,
      naming,
      room: () => concurrency + this.#prefetched.limit,
      onJob: (slot, held) => this.#run(slot, held),
      onEnded: (slot, { kind }) => {
        if (kind !== 'returned') this.#presence.count(places.get(slot) as number, kind === 'failed')
      },
      onTurn: (turn) => this.#afterTurn(turn),
      onHandEmptied: (isEmpty) => this.#rest?.handEmptied(isEmpty),
      onUnregistered: (gone) => this.#presence.enterAgain(gone.map(({ workerId }) => workerId)),
    })
    const onWake = (queue: string | undefined) => this.#woken(queue)
    this.#rest = new Rest({ ...shared, turns: this.#turns, workerId: ids[0] as string, intervalMs, onWake })
    const { history, historyIntervalMs, jobs, log } = this.#settings
    if (history) {
      const knows = (name: string) => jobs.has(name)
      this.#tally = new Tally({ store: this.#store, intervalMs: historyIntervalMs, knows, log })
    }
    this.#state = 'running'
    this.#interval = setInterval(() => void this.#look(), intervalMs)
    this.#log.info({ workerId: ids[0], concurrency }, `Starting worker ${ids[0]}`)
    this.#tell('started')
    if (!this.#stopping) this.#turns.setTaking(!this.#isPaused)
  }

  /**
   * Stops: takes no more, waits for running jobs, aborts what is left, gives it back to the head of its queue,
   * unregisters. A second call during the first can only bring the abort forward.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.#stopping !== undefined) {
      const { timeoutMs = this.#settings.stopTimeoutMs, abortGraceMs = this.#settings.abortGraceMs } = options
      const waitMs = Math.max(0, timeoutMs - abortGraceMs)
      if (waitMs <= LONGEST_TIMER_MS) setTimeout(() => this.#endWait?.(), waitMs).unref()
      return this.#stopping
    }
    if (this.#state === 'new') this.#closed()
    if (this.#state === 'stopped') return this.#stopped
    // What has half started would only half stop: slots could stay registered.
    this.#stopping = this.#starting.then(
      () => this.#stop(options),
      () => this.#stopped,
    )
    return this.#stopping
  }

  async #stop({
    timeoutMs = this.#settings.stopTimeoutMs,
    unfinished = 'return',
    abortGraceMs,
  }: StopOptions): Promise<void> {
    this.#state = 'stopping'
    this.#log.info({ workerId: this.ids[0] }, 'Exiting...')
    clearInterval(this.#interval)
    this.#presence.beginLeaving()
    this.#presence.setState('stopping')
    this.#turns?.setTaking(false)
    this.#prefetched.giveAllBack()
    const handClosed = this.#rest?.close(Math.min(this.#store.options.deadlineMs, Math.max(500, timeoutMs)))
    await this.#guard('shutdown')
    const endAt = performance.now() + timeoutMs
    // What is left of the time, or a moment, so that what can be said to Redis is said.
    const leftMs = () => Math.min(this.#store.options.deadlineMs, Math.max(500, endAt - performance.now()))
    const graceMs = Math.min(abortGraceMs ?? this.#settings.abortGraceMs, timeoutMs)
    await this.#jobsEnd(timeoutMs - graceMs)
    // Also what a child began ahead of its turn, and starts here only now.
    this.#abortLate = (job) => job.abort(new TermException('SIGTERM'), unfinished, graceMs)
    for (const job of this.#running.values()) this.#abortLate(job)
    // Each job is given up at the end of its grace; failure hooks may take a moment more.
    await this.#jobsEnd(graceMs + 1_000)
    await handClosed
    await Promise.race([this.#turns?.settled(), delay(leftMs(), undefined, { ref: false })])
    await this.#perform.children?.close()
    const told = this.#tally?.stop(leftMs())
    await this.#presence.leave(leftMs())
    await told
    this.#closed()
    this.#tell('stopped')
    // A hook that hangs holds nobody up.
    await Promise.race([this.#queueEmptied, delay(leftMs(), undefined, { ref: false })])
    await this.#guard('workerExit')
    this.#resolveStopped()
  }

  #closed(): void {
    const isNew = this.#state !== 'stopping'
    this.#state = 'stopped'
    this.#procline?.close()
    this.#store.connection.close()
    if (isNew) this.#resolveStopped()
  }

  /** Takes no more jobs until `resume`; those that run go on. */
  async pause(): Promise<void> {
    await this.#guard('beforePause')
    this.#isPaused = true
    this.#presence.setState('paused')
    this.#turns?.setTaking(false)
    this.#prefetched.giveAllBack()
    await this.#rest?.withdraw()
    this.#procline?.changed()
    this.#tell('paused')
  }

  async resume(): Promise<void> {
    this.#isPaused = false
    this.#presence.setState('running')
    if (this.#state === 'running') this.#turns?.setTaking(true)
    this.#procline?.changed()
    this.#tell('resumed')
    await this.#guard('afterPause')
  }

  /**
   * Kills the running jobs, and the worker goes on (USR1). In this process their signal is aborted and they fail as a
   * DirtyExit; child processes are killed, after this grace for what hears its signal.
   */
  killJobs({
    abortGraceMs = this.#settings.isolation === 'process' ? 0 : this.#settings.abortGraceMs,
  } = {}): void {
    const reason = new DirtyExit('The job was killed by a signal to its worker.')
    for (const job of this.#running.values()) job.abort(reason, 'fail', abortGraceMs)
  }

  get isolation(): 'none' | 'process' {
    return this.#settings.isolation
  }

  /** The pids of the child processes there are now. */
  get childPids(): number[] {
    return this.#perform.children?.pids ?? []
  }

  #run(slot: Slot, held: Held): void {
    const isFull = this.#running.size >= this.#settings.concurrency
    // It was on its way when the stop, or the pause, began.
    if (this.#state === 'stopping' || (isFull && this.#isPaused)) this.#giveBack(slot, held)
    else if (isFull) this.#prefetched.hold(slot, held)
    else this.#start(slot, held)
  }

  #giveBack(slot: Slot, { queue, payload }: Held): void {
    this.#turns?.finish(slot, { kind: 'returned', queue, payload })
  }

  #prepare(slot: Slot, { queue, payload, deaths }: Held): RunningJob {
    return new RunningJob({ queue, payload, deaths, workerId: slot.workerId }, this.#perform)
  }

  #start(slot: Slot, held: Held, job = this.#prepare(slot, held)): void {
    this.#running.set(slot, job)
    this.#hasWorked = true
    this.#procline?.changed()
    const tally = this.#tally
    const waitedMs = tally ? job.waitedMs : -1
    const startedAt = performance.now()
    job.start((ending) => {
      this.#running.delete(slot)
      if (ending.kind !== 'returned')
        tally?.count(held.queue, job.class, ending.kind === 'failed', performance.now() - startedAt, waitedMs)
      this.#turns?.finish(slot, ending)
      const ahead = this.#ahead.after(job)
      if (ahead) this.#start(ahead.slot, ahead.held, ahead.job)
      else if (!this.#startHeld() && this.#running.size === 0) this.#endWait?.()
    })
    this.#abortLate?.(job)
  }

  /** Starts one that is held. */
  #startHeld(): boolean {
    const next = this.#prefetched.next()
    if (next) this.#start(next.slot, next.held, next.job)
    return next !== undefined
  }

  /** Jobs that were sent ahead to a child did not begin there. */
  #takenBack(jobs: ChildJob[]): void {
    this.#ahead.putBack(jobs)
    if (this.#state === 'stopping' || this.#isPaused) this.#prefetched.giveAllBack()
    while (this.#running.size < this.#settings.concurrency && this.#startHeld());
  }

  #afterTurn({ foundAll, took, isPaused, queueCount }: Turn): void {
    if (took > 0) this.#perform.children?.more()
    if (this.#queues.counted(queueCount)) {
      void this.#look()
      return
    }
    this.#rest?.looked(took > 0)
    if (!foundAll) return
    if (!this.#settings.untilEmpty) this.#rest?.begin()
    if (this.#running.size > 0 || took > 0) return
    this.#areAllPaused = isPaused
    this.#procline?.changed()
    if (this.#hasWorked && !isPaused) {
      this.#hasWorked = false
      this.#queueEmptied = this.#guard('queueEmpty')
    }
    if (this.#settings.untilEmpty && this.#state === 'running') void this.stop()
  }

  #woken(queue: string | undefined): void {
    if (!this.#turns || this.#state !== 'running') return
    if (queue !== undefined) this.#queues.add(queue)
    // Also while every slot is busy: one of them may be so only until the answer to a look that came too early.
    this.#turns.wake()
    if (!this.#turns.hasFreeSlot) this.#rest?.unheeded()
  }

  /** Looks by itself: the net under the wake-up. */
  async #look(): Promise<void> {
    try {
      await this.#queues.refresh()
    } catch {
      // Redis is gone; the turn finds out, says so, and waits for it.
    }
    this.#turns?.wake('every slot')
  }

  /** Resolves when no job runs any more, at the latest after this time, or when a second stop hastens the first. */
  #jobsEnd(timeoutMs: number): Promise<void> {
    if (this.#running.size === 0 || timeoutMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const isTimed = timeoutMs <= LONGEST_TIMER_MS
      const timer = isTimed ? setTimeout(() => this.#endWait?.(), timeoutMs) : undefined
      this.#endWait = () => {
        clearTimeout(timer)
        this.#endWait = undefined
        resolve()
      }
    })
  }

  /** Runs hooks whose errors must not stop the worker. */
  async #guard(kind: 'shutdown' | 'workerExit' | 'beforePause' | 'afterPause' | 'queueEmpty'): Promise<void> {
    const { hooks } = this.#settings
    try {
      await (kind === 'beforePause' || kind === 'afterPause'
        ? runWorkerHooks(hooks, kind, this)
        : runWorkerHooks(hooks, kind))
    } catch (error) {
      this.#log.error({ err: error }, `A ${kind} hook threw: ${messageOf(error)}`)
    }
  }

  #tell(event: WorkerEvent['event']): void {
    if (channels.worker.hasSubscribers) channels.worker.publish({ workerId: this.ids[0] ?? '', event })
  }
}
