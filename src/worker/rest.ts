/**
 * What a worker does while there is nothing to do: it is told when there may be jobs (`wake.ts`), and where it works one
 * queue by name, the next job is handed to it (`hand.ts`).
 */
import type { Logger } from '../context.js'
import type { Store } from '../store/store.js'
import { Hand } from './hand.js'
import type { Turns } from './turns.js'
import { Wake } from './wake.js'
import type { WatchedQueues } from './watched-queues.js'

export interface RestOptions {
  store: Store
  queues: WatchedQueues
  turns: Turns
  /** The first of the process, and what is unique for the process. */
  workerId: string
  nonce: string
  intervalMs: number
  log: Logger
  /** Look now. `queue` is undefined when something else than a queue changed. */
  onWake(queue: string | undefined): void
}

export class Rest {
  readonly #options: RestOptions
  readonly #wake: Wake
  readonly #hand: Hand | undefined
  #resting: NodeJS.Timeout | undefined

  constructor(options: RestOptions) {
    const { store, queues, workerId, nonce, intervalMs, log } = options
    const { only } = queues
    this.#options = options
    if (only !== undefined) {
      const onLost = () => this.#listenAnew()
      this.#hand = new Hand({ store, workerId, queue: only, nonce, waitMs: intervalMs, log, onLost })
    }
    this.#wake = new Wake({
      connection: store.connection,
      keys: store.keys,
      log,
      // What comes to a queue that it waits on is handed over.
      watchesQueues: () => !this.#hand?.isConnected || this.#hand.isBroken,
      concerns: (queue) => queues.includes(queue),
      onWake: (queue) => {
        if (queue !== undefined) options.onWake(queue)
        // Something was paused, or goes on: then it may not stay open, or may be opened.
        else void this.withdraw().then(() => options.onWake(undefined))
      },
    })
  }

  /** A look found jobs, or none. */
  looked(foundJobs: boolean): void {
    this.#wake.looked(foundJobs)
  }

  /** There is nothing to do, and jobs are wanted. */
  begin(): void {
    const { turns } = this.#options
    // What pauses jobs is to be heard before any is waited for.
    if (this.#wake.isArmed) this.#openHand()
    else void this.#wake.arm().then((isArmed) => isArmed && turns.wake())
  }

  /** Another way to wait is due: Redis is asked to tell of other things, from the next look on. */
  #listenAnew(): void {
    this.#wake.disarm()
    this.#options.turns.wake()
  }

  /** A message came while no slot was free. */
  unheeded(): void {
    this.#wake.unheeded()
  }

  #openHand(): void {
    const { turns } = this.#options
    if (!this.#hand || this.#hand.isOpen || this.#hand.isBroken) return
    if (!this.#hand.isConnected) {
      void this.#hand.connect().then((isConnected) => isConnected && this.#listenAnew())
      return
    }
    const { restMs } = this.#hand
    if (restMs > 0) {
      this.#resting ??= setTimeout(() => {
        this.#resting = undefined
        turns.wake()
      }, restMs).unref()
      return
    }
    const slot = turns.lend()
    if (!slot) return
    void this.#hand.wait().then((job) => {
      if (typeof job === 'object') {
        turns.handed(slot, job)
      } else {
        turns.giveBack(slot)
        if (this.#hand?.isBroken) this.#listenAnew()
        if (job === 'look') turns.wake('every slot')
      }
    })
  }

  /** The job that was handed over is in the hand no more; or (not `isEmpty`) that is not known. */
  handEmptied(isEmpty: boolean): void {
    this.#hand?.emptied(isEmpty)
  }

  /** No job is handed over any more until the next rest. */
  async withdraw(): Promise<void> {
    await this.#hand?.withdraw()
  }

  /** For good. When it resolves, nothing comes any more, if Redis could be told in time. */
  async close(deadlineMs: number): Promise<void> {
    this.#wake.close()
    clearTimeout(this.#resting)
    await this.#hand?.close(deadlineMs)
  }
}
