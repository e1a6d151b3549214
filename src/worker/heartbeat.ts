/**
 * The main thread's side of the heartbeat: it starts and ends the thread, and counts for it.
 */
import { Worker as Thread } from 'node:worker_threads'
import type { StoreOptions } from '../store/store.js'
import type { WorkerKind } from '../store/workers.js'
import type { HeartbeatMessage, HeartbeatThreadData } from './heartbeat-thread.js'
import { cells, FIRST_SLOT, type ProcessState, states } from './shared-cells.js'

export interface HeartbeatOptions {
  store: StoreOptions
  ids: string[]
  kind: WorkerKind
  beatMs: number
  maxStallMs: number
  /** What the process is told to do, as it stands in Redis. May come more than once, until it is taken off there. */
  onOrder(text: string): void
  /** These workers were found to be registered no more. */
  onUnregistered(ids: string[]): void
  /** A heartbeat could not be sent. */
  onTrouble(message: string): void
}

/** How long after it died of itself the thread is made again. */
const RESTART_MS = 1_000

export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #data: HeartbeatThreadData
  readonly #counters: Uint32Array
  readonly #turn: NodeJS.Timeout
  /** Undefined while there is none: it died of itself, and is about to be made again. */
  #thread: Thread | undefined
  #restart: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: HeartbeatOptions) {
    const { store, ids, kind, beatMs, maxStallMs } = options
    const size = 4 * (FIRST_SLOT + 2 * ids.length)
    this.#options = options
    this.#data = {
      store: { ...store, name: `${store.name}:heartbeat`, target: onlyData(store.target) },
      ids,
      kind,
      beatMs,
      maxStallMs,
      counters: new SharedArrayBuffer(size),
      reported: new SharedArrayBuffer(size),
    }
    this.#counters = new Uint32Array(this.#data.counters)
    this.#startThread()
    const everyMs = Math.min(500, beatMs)
    let dueAt = performance.now() + everyMs
    this.#turn = setInterval(() => {
      Atomics.add(this.#counters, cells.turns, 1)
      const now = performance.now()
      const lagMs = Math.max(0, Math.floor(now - dueAt))
      dueAt = now + everyMs
      if (lagMs > Atomics.load(this.#counters, cells.lagMs)) Atomics.store(this.#counters, cells.lagMs, lagMs)
    }, everyMs)
    this.#turn.unref()
  }

  /** What others are shown of the process from the next heartbeat on. */
  setState(state: ProcessState): void {
    Atomics.store(this.#counters, cells.state, states.indexOf(state))
  }

  #startThread(): void {
    const { onUnregistered, onOrder, onTrouble } = this.#options
    const thread = new Thread(new URL('./heartbeat-thread.js', import.meta.url), {
      workerData: this.#data,
      name: 'resque-heartbeat',
      // What node was started with (a loader, --input-type) is for the program, and may not even suit a thread.
      execArgv: [],
    })
    thread.on('message', (message: HeartbeatMessage) => {
      if (message.kind === 'unregistered') onUnregistered(message.ids)
      else if (message.kind === 'order') onOrder(message.text)
      else onTrouble(message.message)
    })
    thread.on('error', (error) => onTrouble(`The heartbeat thread ended: ${error.message}`))
    thread.on('exit', () => {
      this.#thread = undefined
      // A worker that does not beat is taken for dead.
      if (!this.#isStopped) this.#restart = setTimeout(() => this.#startThread(), RESTART_MS).unref()
    })
    thread.unref()
    this.#thread = thread
  }

  /** Counts one job that this slot (from 0) ended. */
  count(slot: number, isFailed: boolean): void {
    Atomics.add(this.#counters, FIRST_SLOT + 2 * slot, 1)
    if (isFailed) Atomics.add(this.#counters, FIRST_SLOT + 1 + 2 * slot, 1)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#turn)
    clearTimeout(this.#restart)
    const thread = this.#thread
    if (!thread) return
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
    thread.ref()
    thread.postMessage('stop')
    const force = setTimeout(() => void thread.terminate(), 2_000)
    await ended
    clearTimeout(force)
  }
}

/**
 * Only data reaches a thread: what ioredis takes as functions or instances (a strategy for reconnecting, say) stays
 * behind. Bytes, such as a certificate, go along.
 */
function onlyData<T>(value: T): T {
  const copy = (each: unknown): unknown => {
    if (typeof each === 'function' || typeof each === 'symbol') return undefined
    if (typeof each !== 'object' || each === null || ArrayBuffer.isView(each)) return each
    if (Array.isArray(each)) return each.map(copy)
    if (Object.getPrototypeOf(each) !== Object.prototype) return undefined
    return Object.fromEntries(Object.entries(each).map(([name, member]) => [name, copy(member)]))
  }
  return copy(value) as T
}
