/**
 * That a worker process is there: its registration, its heartbeat, its way back after it was declared dead, and its
 * share in looking for others that died.
 */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from '../context.js'
import { ConnectionError, messageOf } from '../errors.js'
import { channels } from '../events.js'
import type { Store } from '../store/store.js'
import { type Order, orders, type WorkerKind } from '../store/workers.js'
import { Heartbeat } from './heartbeat.js'
import { type Identity, register } from './identity.js'
import type { WorkerSettings } from './options.js'
import { failOnDeath, prune } from './prune.js'
import type { ProcessState } from './shared-cells.js'

export interface PresenceOptions {
  store: Store
  settings: WorkerSettings
  /** The queue list as it stands in ids. */
  label: string
  /** Whether the process title shows Ruby's workers that it lives. */
  hasTitle: boolean
  /** It had been declared dead and is registered again. */
  onReturn(): void
  /** Somebody told the process through Redis. */
  onOrder(order: Order): void
}

export class Presence {
  readonly #options: PresenceOptions
  readonly #log: Logger
  readonly #nonce = randomBytes(6).toString('hex')
  #identity: Identity | undefined
  #heartbeat: Heartbeat | undefined
  #pruning: NodeJS.Timeout | undefined
  #isLeaving = false
  /** Since when it has been in touch with Redis without a break that matters. */
  #inTouchSince = performance.now()
  #tookTurnAt = performance.now()

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#log = options.settings.log
    const { deadAfterMs, heartbeatMs } = options.settings
    const { connection } = options.store
    connection.on('ready', () => {
      const now = performance.now()
      // A break that costs nobody more than some heartbeats is none.
      if (now - connection.heardAt > deadAfterMs / 2 - heartbeatMs) this.#inTouchSince = now
    })
  }

  /** The ids, one per slot; empty before `enter`. */
  get ids(): readonly string[] {
    return this.#identity?.ids ?? []
  }

  /** Registers every slot, and keeps them alive from then on. */
  async enter(): Promise<Identity> {
    const { store, settings, label, hasTitle } = this.#options
    const count = settings.concurrency + settings.prefetch
    const identity = await register(store, { label, count, hasTitle }, (id) => this.#kind(id))
    this.#identity = identity
    this.#tookTurnAt = performance.now()
    this.#heartbeat = new Heartbeat({
      store: store.options,
      ids: identity.ids,
      kind: this.#kind(identity.ids[0] as string),
      onOrder: (text) => void this.#obey(text),
      beatMs: settings.heartbeatMs,
      maxStallMs: settings.maxStallMs,
      onUnregistered: (ids) => void this.enterAgain(ids),
      onTrouble: (message) =>
        this.#log.warn({ workerId: identity.ids[0] }, `A heartbeat could not be sent: ${message}`),
    })
    const { pruneIntervalMs } = settings
    this.#pruning = setInterval(() => void this.#takeTurn(pruneIntervalMs), pruneIntervalMs)
    return identity
  }

  /** These were registered no more, by a prune or by hand, while they live: they come back under the same ids. */
  async enterAgain(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (this.#isLeaving) return
      try {
        const held = await this.#options.store.workers.register(
          [id],
          this.#kind(this.ids[0] as string),
          new Date(),
        )
        // It is registered by now, or its job is still recorded: then it comes back once that has ended.
        if (held.length > 0) continue
        this.#log.warn({ workerId: id }, `${id} was registered no more; it registered again.`)
        if (channels.worker.hasSubscribers) channels.worker.publish({ workerId: id, event: 'reregistered' })
      } catch (error) {
        this.#log.warn(
          { err: error, workerId: id },
          `${id} could not register again yet: ${messageOf(error)}`,
        )
      }
    }
    this.#options.onReturn()
  }

  /** What others are shown of the process. */
  setState(state: ProcessState): void {
    this.#heartbeat?.setState(state)
  }

  /** An order for another process under the same id, or one that this version does not know, is taken off unheeded. */
  async #obey(text: string): Promise<void> {
    const id = this.ids[0] as string
    const [name, nonce] = text.split(' ')
    const order = orders.find((each) => each === name)
    try {
      await this.#options.store.workers.obeyed(id, text)
    } catch {
      // It is told again with the next heartbeat.
      return
    }
    if (order === undefined || nonce !== this.#nonce) return
    this.#log.info({ workerId: id }, `Told through Redis to ${order}.`)
    this.#options.onOrder(order)
  }

  /** Counts one job that the slot at this place of `ids` ended. */
  count(place: number, isFailed: boolean): void {
    this.#heartbeat?.count(place, isFailed)
  }

  /** Looks for the dead, now. */
  async prune(): Promise<void> {
    const { store, settings, label } = this.#options
    const { maxDeaths, jobs, log, resque } = settings
    // Before it has registered: the id that it would like best.
    const workerId = this.ids[0] ?? `${hostname()}:${process.pid}:${label}`
    await prune({
      ...{ store, workerId, failureBackend: resque.failureBackend, jobs, maxDeaths, log },
      own: this.ids,
      inTouchMs: () => performance.now() - this.#inTouchSince,
    })
  }

  /** Looks for nobody any more, and comes back no more. */
  beginLeaving(): void {
    this.#isLeaving = true
    clearInterval(this.#pruning)
  }

  /** Ends the heartbeat and unregisters, if Redis lets it in time; else recovery will find what is left. */
  async leave(deadlineMs = this.#options.store.options.deadlineMs): Promise<void> {
    this.beginLeaving()
    await this.#heartbeat?.stop()
    if (this.ids.length === 0) return
    try {
      const busy = await this.#unregister(performance.now() + deadlineMs)
      for (const id of busy)
        this.#log.warn({ workerId: id }, `${id} still holds a job; recovery will put it back.`)
    } catch (error) {
      this.#log.warn(
        { err: error },
        `The worker could not unregister (${messageOf(error)}); recovery will find it.`,
      )
    }
    this.#identity?.release()
  }

  /** May be done twice without harm, so a connection that breaks meanwhile is not the end of it. */
  async #unregister(endAt: number): Promise<string[]> {
    for (;;) {
      try {
        return await this.#options.store.workers.unregister([...this.ids], endAt - performance.now())
      } catch (error) {
        if (!(error instanceof ConnectionError) || performance.now() >= endAt) throw error
      }
    }
  }

  /** Once in each interval somebody of the whole cluster looks; this may be who does. */
  async #takeTurn(intervalMs: number): Promise<void> {
    const now = performance.now()
    // This process stood still meanwhile, and all others may have, with the machine.
    if (now - this.#tookTurnAt > 2 * intervalMs) this.#inTouchSince = now
    this.#tookTurnAt = now
    try {
      const isMine = await this.#options.store.workers.takePruneTurn(this.ids[0] as string, intervalMs * 0.9)
      if (isMine) await this.prune()
    } catch (error) {
      if (!this.#isLeaving)
        this.#log.warn({ err: error }, `Could not look for dead workers: ${messageOf(error)}`)
    }
  }

  #kind(process: string): WorkerKind {
    const { deadAfterMs, jobs } = this.#options.settings
    return { process, deadAfterMs, failOnDeath: failOnDeath(jobs), nonce: this.#nonce }
  }
}
