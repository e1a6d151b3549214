/**
 * The main thread's side of the heartbeat: it starts and ends the thread, and counts for it.
 */
import { Worker as Thread } from 'node:worker_threads'
import type { StoreOptions } from '../store/store.js'
import type { HeartbeatMessage, HeartbeatThreadData } from './heartbeat-thread.js'

export interface HeartbeatOptions {
  store: StoreOptions
  ids: string[]
  beatMs: number
  maxStallMs: number
  /** These workers were found to be registered no more. */
  onUnregistered(ids: string[]): void
  /** A heartbeat could not be sent. */
  onTrouble(message: string): void
}

export class Heartbeat {
  readonly #thread: Thread
  readonly #counters: Uint32Array
  readonly #turn: NodeJS.Timeout
  #isStopped = false

  constructor(options: HeartbeatOptions) {
    const { store, ids, beatMs, maxStallMs } = options
    const buffer = new SharedArrayBuffer(4 * (1 + 2 * ids.length))
    this.#counters = new Uint32Array(buffer)
    const workerData: HeartbeatThreadData = {
      store: { ...store, name: `${store.name}:heartbeat`, target: withoutFunctions(store.target) },
      ids,
      beatMs,
      maxStallMs,
      counters: buffer,
    }
    this.#thread = new Thread(new URL('./heartbeat-thread.js', import.meta.url), {
      workerData,
      name: 'resque-heartbeat',
    })
    this.#thread.on('message', (message: HeartbeatMessage) => {
      if (message.kind === 'unregistered') options.onUnregistered(message.ids)
      else options.onTrouble(message.message)
    })
    this.#thread.on('error', (error) => options.onTrouble(`The heartbeat thread ended: ${error.message}`))
    this.#thread.unref()
    this.#turn = setInterval(() => Atomics.add(this.#counters, 0, 1), Math.min(500, beatMs))
    this.#turn.unref()
  }

  /** Counts one job that this slot (from 0) ended. */
  count(slot: number, isFailed: boolean): void {
    Atomics.add(this.#counters, 1 + 2 * slot, 1)
    if (isFailed) Atomics.add(this.#counters, 2 + 2 * slot, 1)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#turn)
    const ended = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()))
    this.#thread.ref()
    this.#thread.postMessage('stop')
    const force = setTimeout(() => this.#thread.terminate(), 2_000)
    await ended
    clearTimeout(force)
  }
}

/** Only data reaches a thread; what ioredis takes as functions (a strategy for reconnecting, say) stays behind. */
function withoutFunctions<T extends object>(target: T): T {
  return JSON.parse(JSON.stringify(target)) as T
}
