/**
 * A worker process: its life from `start` to `stop`. What it does in between stands in `turns.ts` (taking and ending
 * jobs), `perform.ts` (running one), `wake.ts` (waiting), `heartbeat.ts` (being alive) and `prune.ts` (the dead).
 */
import { randomBytes } from 'node:crypto'
import { checkNumber, defaults } from '../config.js'
import type { Logger } from '../context.js'
import { ConfigError, DirtyExit, messageOf, TermException } from '../errors.js'
import { channels, type WorkerEvent } from '../events.js'
import { runWorkerHooks, type WorkerHooks } from '../hooks.js'
import { type AnyJob, isJob } from '../job.js'
import type { Resque } from '../resque.js'
import type { Store } from '../store/store.js'
import type { WorkerKind } from '../store/workers.js'
import { Heartbeat } from './heartbeat.js'
import { type Identity, register } from './identity.js'
import { type PerformSettings, RunningJob } from './perform.js'
import { Procline } from './procline.js'
import { prune } from './prune.js'
import { QueueList } from './queue-list.js'
import { type Slot, Turns } from './turns.js'
import { Wake } from './wake.js'

export interface WorkerOptions {
  /** The client whose Redis, namespace and failure backend it uses, through connections of its own. */
  resque: Resque
  /** Names and patterns in order of priority: `['critical', 'mail_*', '*', '!slow']`, or one string with commas. */
  queues: readonly string[] | string
  /** The jobs it can perform. One it does not know goes to failed. */
  jobs: readonly AnyJob[]
  /** How many jobs at a time. Default: 1. */
  concurrency?: number
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
  /** How long a job may go on after its signal was aborted. Default: 4,000 ms. */
  abortGraceMs?: number
  /** Hooks at the turns of its life. */
  hooks?: WorkerHooks | readonly WorkerHooks[]
  /** Default: the client's. */
  logger?: Logger
  /** Show what it does in the process title. Default: true; without it no Ruby worker's check on this host may see it. */
  title?: boolean
  /** Before every title. Ruby: RESQUE_PROCLINE_PREFIX. */
  proclinePrefix?: string
}

export interface StopOptions {
  /** The whole stop takes no longer; running jobs may finish until shortly before. `Infinity`: until they are done. */
  timeoutMs?: number
  /** What becomes of a job that had to be aborted: back to the head of its queue (default), or to failed as in Ruby. */
  unfinished?: 'return' | 'fail'
  /** How long a job may go on after its signal was aborted. Default: the worker's `abortGraceMs`. */
  abortGraceMs?: number
}

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

export class Worker {
  readonly resque: Resque
  readonly #options: Required<Pick<WorkerOptions, 'intervalMs' | 'heartbeatMs' | 'deadAfterMs' | 'pruneIntervalMs' | 'maxStallMs' | 'abortGraceMs' | 'maxDeaths'>>
  readonly #concurrency: number
  readonly #untilEmpty: boolean
  readonly #queues: QueueList
  readonly #jobs: Map<string, AnyJob>
  readonly #hooks: readonly WorkerHooks[]
  readonly #log: Logger
  readonly #store: Store
  readonly #procline: Procline | undefined
  readonly #hasTitle: boolean
  readonly #settings: PerformSettings
  readonly #running = new Map<Slot, RunningJob>()
  readonly #stopped: Promise<void>
  #resolveStopped: () => void = () => {}
  #state: State = 'new'
  #identity: Identity | undefined
  #turns: Turns | undefined
  #wake: Wake | undefined
  #heartbeat: Heartbeat | undefined
  #isPaused = false
  #allPaused = false
  #hasWorked = false
  #known: readonly string[] = []
  #names: readonly string[] = []
  #json = '[]'
  #queueCount = -1
  #interval: NodeJS.Timeout | undefined
  #pruning: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined
  #escalate: (() => void) | undefined

  constructor(options: WorkerOptions) {
    checkOptions(options)
    this.resque = options.resque
    this.#queues = new QueueList(options.queues)
    this.#jobs = registerJobs(options.jobs)
    this.#concurrency = checkNumber('concurrency', options.concurrency ?? defaults.concurrency, { min: 1, integer: true })
    this.#untilEmpty = options.untilEmpty ?? false
    this.#options = {
      intervalMs: checkNumber('intervalMs', options.intervalMs ?? defaults.intervalMs, { min: 1 }),
      heartbeatMs: checkNumber('heartbeatMs', options.heartbeatMs ?? defaults.heartbeatMs, { min: 1 }),
      deadAfterMs: checkNumber('deadAfterMs', options.deadAfterMs ?? defaults.deadAfterMs, { min: 1 }),
      pruneIntervalMs: checkNumber('pruneIntervalMs', options.pruneIntervalMs ?? defaults.pruneIntervalMs, { min: 1 }),
      maxStallMs: checkNumber('maxStallMs', options.maxStallMs ?? defaults.maxStallMs, { min: 0 }),
      abortGraceMs: checkNumber('abortGraceMs', options.abortGraceMs ?? defaults.abortGraceMs, { min: 0 }),
      maxDeaths: checkNumber('maxDeaths', options.maxDeaths ?? defaults.maxDeaths, { min: 1, integer: true }),
    }
    const { heartbeatMs, deadAfterMs } = this.#options
    if (deadAfterMs < 2 * heartbeatMs) {
      throw new ConfigError(`Expected \`deadAfterMs\` (${deadAfterMs}) to be at least twice \`heartbeatMs\` (${heartbeatMs}).`, {
        hint: 'One heartbeat that comes late must not kill a worker.',
      })
    }
    this.#hooks = options.hooks === undefined ? [] : Array.isArray(options.hooks) ? options.hooks : [options.hooks as WorkerHooks]
    this.#log = options.logger ?? this.resque.logger
    const prefix = options.proclinePrefix ?? ''
    this.#hasTitle = options.title !== false && Procline.hasRoom(prefix)
    this.#procline = options.title === false ? undefined : new Procline(prefix, () => this.#describe())
    this.#store = this.resque.store.duplicate('resque-ts:worker')
    this.#settings = {
      jobs: this.#jobs,
      hooks: this.#hooks,
      failureBackend: this.resque.failureBackend,
      log: this.#log,
      maxPayloadBytes: this.resque.maxPayloadBytes,
      abortGraceMs: this.#options.abortGraceMs,
    }
    this.#stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  /** The ids under which it is registered, one per slot; the first stands for the process. Empty before `start`. */
  get ids(): readonly string[] {
    return this.#identity?.ids ?? []
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
    try {
      await this.#startUp()
    } catch (error) {
      this.#state = 'stopped'
      this.#store.connection.close()
      this.#resolveStopped()
      throw error
    }
  }

  async #startUp(): Promise<void> {
    this.#procline?.starting()
    const { heartbeatMs, maxStallMs, deadAfterMs, pruneIntervalMs } = this.#options
    await this.#prune(0)
    await runWorkerHooks(this.#hooks, 'beforeFirstFork')
    const failOnDeath = [...this.#jobs.values()].filter((job) => job.onWorkerDeath === 'fail').map((job) => job.name)
    const kindOf = (process: string): WorkerKind => ({ process, deadAfterMs, failOnDeath })
    const identity = { label: this.#queues.label, count: this.#concurrency, hasTitle: this.#hasTitle }
    this.#identity = await register(this.#store, identity, kindOf)
    const { ids, numbers, naming } = this.#identity
    const slots = ids.map((workerId, i): Slot => ({ number: numbers[i] as number, workerId, held: undefined }))
    const places = new Map(slots.map((slot, i) => [slot, i]))
    const heartbeat = new Heartbeat({
      store: this.#store.options,
      ids,
      beatMs: heartbeatMs,
      maxStallMs,
      onUnregistered: (gone) => void this.#registerAgain(gone, kindOf(ids[0] as string)),
      onTrouble: (message) => this.#log.warn({ workerId: ids[0] }, `A heartbeat could not be sent: ${message}`),
    })
    this.#heartbeat = heartbeat
    this.#wake = new Wake({
      connection: this.#store.connection,
      keys: this.#store.keys,
      log: this.#log,
      concerns: (queue) => this.#queues.includes(queue),
      onWake: (queue) => this.#woken(queue),
    })
    await this.#refreshQueues()
    this.#turns = new Turns({
      store: this.#store,
      slots,
      nonce: randomBytes(5).toString('hex'),
      naming,
      log: this.#log,
      queues: () => ({ names: this.#names, json: this.#json, countQueues: this.#queues.isDynamic }),
      onJob: (slot, held) => this.#perform(slot, held),
      onEnded: (slot, ending) => {
        if (ending.kind !== 'returned') heartbeat.count(places.get(slot) as number, ending.kind === 'failed')
      },
      onTurn: (turn) => this.#afterTurn(turn),
      onUnregistered: (gone) => this.#registerAgain(gone.map(({ workerId }) => workerId), kindOf(ids[0] as string)),
    })
    this.#state = 'running'
    this.#interval = setInterval(() => this.#look(), this.#options.intervalMs)
    this.#pruning = setInterval(() => void this.#prune(pruneIntervalMs), pruneIntervalMs)
    this.#log.info({ workerId: ids[0], concurrency: this.#concurrency }, `Starting worker ${ids[0]}`)
    this.#tell('started')
    this.#turns.setTaking(!this.#isPaused)
  }

  /**
   * Stops: takes no more, waits for running jobs, aborts what is left, gives it back to the head of its queue,
   * unregisters. A second call during the first brings the abort forward.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.#stopping) {
      const waitMs = (options.timeoutMs ?? defaults.stopTimeoutMs) - (options.abortGraceMs ?? this.#options.abortGraceMs)
      if (waitMs < Infinity) setTimeout(() => this.#escalate?.(), Math.max(0, waitMs)).unref()
      return this.#stopping
    }
    if (this.#state === 'new') {
      this.#state = 'stopped'
      this.#store.connection.close()
      this.#resolveStopped()
    }
    if (this.#state === 'stopped') return this.#stopped
    this.#stopping = this.#stop(options)
    return this.#stopping
  }

  async #stop({ timeoutMs = defaults.stopTimeoutMs, unfinished = 'return', abortGraceMs = this.#options.abortGraceMs }: StopOptions): Promise<void> {
    this.#state = 'stopping'
    this.#log.info({ workerId: this.ids[0] }, 'Exiting...')
    clearInterval(this.#interval)
    clearInterval(this.#pruning)
    this.#turns?.setTaking(false)
    this.#wake?.close()
    await this.#guard('shutdown')
    const graceMs = Math.min(abortGraceMs, timeoutMs)
    await this.#jobsEnd(timeoutMs - graceMs)
    if (this.#running.size > 0) {
      for (const job of this.#running.values()) {
        job.abort(new TermException('The worker was told to stop.'), unfinished, graceMs)
      }
      await this.#jobsEnd(graceMs + 1_000)
    }
    await this.#signOff()
    this.#state = 'stopped'
    this.#tell('stopped')
    await this.#guard('workerExit')
    this.#resolveStopped()
  }

  /** Sends the last endings and unregisters, if Redis lets it; else recovery will find what is left. */
  async #signOff(): Promise<void> {
    const { deadlineMs } = this.#store.options
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([this.#turns?.settled(), late])
    clearTimeout(timer)
    await this.#heartbeat?.stop()
    try {
      const busy = await this.#store.workers.unregister([...this.ids])
      for (const id of busy) this.#log.warn({ workerId: id }, `${id} still holds a job; recovery will put it back.`)
    } catch (error) {
      this.#log.warn({ err: error }, `The worker could not unregister (${messageOf(error)}); recovery will find it.`)
    }
    this.#store.connection.close()
    this.#identity?.release()
  }

  /** Takes no more jobs until `resume`; those that run go on. */
  async pause(): Promise<void> {
    await this.#guard('beforePause')
    this.#isPaused = true
    this.#turns?.setTaking(false)
    this.#showState()
    this.#tell('paused')
  }

  async resume(): Promise<void> {
    this.#isPaused = false
    if (this.#state === 'running') this.#turns?.setTaking(true)
    this.#showState()
    this.#tell('resumed')
    await this.#guard('afterPause')
  }

  /** Kills the running jobs: their signal is aborted, they fail as a DirtyExit, and the worker goes on (USR1). */
  killJobs(): void {
    for (const job of this.#running.values()) job.abort(new DirtyExit('The job was killed by a signal to its worker.'), 'fail')
  }

  #perform(slot: Slot, held: { queue: string; payload: string | Buffer; deaths: number }): void {
    const { queue, payload, deaths } = held
    const job = new RunningJob({ queue, payload, deaths, workerId: slot.workerId }, this.#settings)
    this.#running.set(slot, job)
    this.#hasWorked = true
    this.#showState()
    job.start((ending) => {
      this.#running.delete(slot)
      this.#turns?.finish(slot, ending)
      if (this.#running.size === 0) this.#escalate?.()
    })
  }

  #afterTurn({ rest, took, isPaused, queueCount }: { rest: boolean; took: number; isPaused: boolean; queueCount: number }): void {
    if (this.#queues.isDynamic && queueCount !== this.#queueCount && queueCount >= 0) {
      this.#queueCount = queueCount
      void this.#refreshQueues().then(() => this.#turns?.wake())
      return
    }
    this.#wake?.looked(took > 0)
    if (!rest) return
    if (!this.#wake?.isArmed) {
      void this.#wake?.arm().then((isArmed) => isArmed && this.#turns?.wake())
    }
    if (this.#running.size > 0 || took > 0) return
    this.#showState(isPaused)
    if (this.#hasWorked && !isPaused) {
      this.#hasWorked = false
      void this.#guard('queueEmpty')
    }
    if (this.#untilEmpty && this.#state === 'running') void this.stop()
  }

  #woken(queue: string | undefined): void {
    const turns = this.#turns
    if (!turns || this.#state !== 'running') return
    if (!turns.hasFreeSlot) {
      this.#wake?.unheeded()
      return
    }
    if (queue !== undefined && this.#queues.isDynamic && !this.#names.includes(queue)) this.#addQueue(queue)
    turns.wake()
  }

  /** The net under the wake-up. */
  #look(): void {
    if (this.#queues.isDynamic) void this.#refreshQueues().then(() => this.#turns?.wake())
    else this.#turns?.wake()
  }

  async #refreshQueues(): Promise<void> {
    try {
      this.#setKnown(this.#queues.isDynamic ? await this.#store.queues.names() : [])
    } catch (error) {
      if (this.#state === 'starting') throw error
    }
  }

  /** A queue that nobody had heard of yet. */
  #addQueue(queue: string): void {
    this.#setKnown([...this.#known, queue])
  }

  #setKnown(known: readonly string[]): void {
    this.#known = known
    this.#names = this.#queues.expand(known)
    this.#json = JSON.stringify(this.#names)
  }

  async #prune(turnMs: number): Promise<void> {
    const workerId = this.ids[0] ?? `${process.pid}`
    try {
      if (turnMs > 0 && !(await this.#store.workers.takePruneTurn(workerId, turnMs * 0.9))) return
      const { maxDeaths } = this.#options
      const { failureBackend } = this.resque
      await prune({ store: this.#store, workerId, failureBackend, jobs: this.#jobs, maxDeaths, log: this.#log })
    } catch (error) {
      if (this.#state === 'starting') throw error
      this.#log.warn({ err: error }, `Could not look for dead workers: ${messageOf(error)}`)
    }
  }

  /** It was declared dead, or unregistered by hand, and lives: it comes back under the same ids. */
  async #registerAgain(ids: string[], kind: WorkerKind): Promise<void> {
    if (this.#state !== 'running') return
    for (const id of ids) {
      try {
        await this.#store.workers.register([id], kind, new Date())
        this.#log.warn({ workerId: id }, `${id} was registered no more; it registered again.`)
        this.#tell('reregistered', id)
      } catch (error) {
        this.#log.warn({ err: error, workerId: id }, `${id} could not register again yet: ${messageOf(error)}`)
      }
    }
    this.#turns?.wake()
  }

  #jobsEnd(timeoutMs: number): Promise<void> {
    if (this.#running.size === 0 || timeoutMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = timeoutMs === Infinity ? undefined : setTimeout(() => this.#escalate?.(), timeoutMs)
      this.#escalate = () => {
        clearTimeout(timer)
        this.#escalate = undefined
        resolve()
      }
    })
  }

  #showState(allPaused = false): void {
    this.#allPaused = allPaused
    this.#procline?.changed()
  }

  /** What the process title says (protocol 6.9). */
  #describe(): string {
    const [first] = this.#running.values()
    if (first) {
      const at = Math.floor(Date.now() / 1_000)
      const others = this.#running.size > 1 ? ` and ${this.#running.size - 1} more` : ''
      return `Processing ${first.taken.queue} since ${at} [${first.class || 'No Name'}]${others}`
    }
    if (this.#isPaused || this.#allPaused) return 'Paused'
    return `Waiting for ${this.#queues.isDynamic ? this.#names.join(',') : this.#queues.label}`
  }

  /** Runs hooks whose errors must not stop the worker. */
  async #guard(kind: 'shutdown' | 'workerExit' | 'beforePause' | 'afterPause' | 'queueEmpty'): Promise<void> {
    try {
      await runWorkerHooks(this.#hooks, kind)
    } catch (error) {
      this.#log.error({ err: error }, `A ${kind} hook threw: ${messageOf(error)}`)
    }
  }

  #tell(event: WorkerEvent['event'], workerId = this.ids[0] ?? ''): void {
    if (channels.worker.hasSubscribers) channels.worker.publish({ workerId, event })
  }
}

function registerJobs(jobs: readonly AnyJob[]): Map<string, AnyJob> {
  const byName = new Map<string, AnyJob>()
  for (const job of jobs) {
    if (!isJob(job)) {
      throw new ConfigError('Expected `jobs` to hold jobs, got something else.', {
        hint: 'A job is what defineJob returns, or a class with a static perform.',
      })
    }
    const other = byName.get(job.name)
    if (other !== undefined && other !== job) throw new ConfigError(`Two jobs of this worker are named "${job.name}".`)
    byName.set(job.name, job)
  }
  return byName
}

const optionNames = new Set<string>([
  'resque', 'queues', 'jobs', 'concurrency', 'intervalMs', 'untilEmpty', 'heartbeatMs', 'deadAfterMs', 'pruneIntervalMs',
  'maxDeaths', 'maxStallMs', 'abortGraceMs', 'hooks', 'logger', 'title', 'proclinePrefix',
])

function checkOptions(options: WorkerOptions): void {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) {
      throw new ConfigError(`Unknown option \`${name}\` of Worker.`, { hint: `It has: ${[...optionNames].join(', ')}.` })
    }
  }
  if (!options.resque) throw new ConfigError('Expected `resque`, the client whose Redis the worker uses.')
  if (!Array.isArray(options.jobs)) throw new ConfigError('Expected `jobs` to be an array of jobs.')
}
