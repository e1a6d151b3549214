/**
 * A worker of one queue waits with its hand open: the first job that is pushed while there is nothing to do is put into
 * it by Redis itself, so the job starts after one trip instead of two (`wake.ts` is told, and then has to ask).
 *
 * What comes into a hand is held by nobody until its record is written; every hand is listed, and whoever finds one of a
 * worker that is no more puts its job back. A hand belongs to one connection. When that breaks, Redis may not know it yet
 * and go on moving jobs into the hand: it is closed for good, and the next one has another name.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../context.js'
import { ClosedError, CommandError, messageOf } from '../errors.js'
import { isJsonObject, parseJson } from '../json.js'
import type { Connection } from '../store/connection.js'
import { handOf, type OpenHand } from '../store/hands.js'
import type { Payload } from '../store/records.js'
import type { Store } from '../store/store.js'

/** The longest that Redis is asked to wait at a time, and so the longest that it believes in a connection that is gone. */
const MAX_WAIT_MS = 10_000
/** For how long a hand is sealed whose connection Redis may still believe in. */
export const SEALED_MS = 6 * MAX_WAIT_MS
/** The longest pause after Redis refused several times. */
const MAX_REST_MS = 1_000

export interface HandOptions {
  store: Store
  /** The first of the process. */
  workerId: string
  queue: string
  /** Unique for the process. */
  nonce: string
  /** How long to wait at most before a look. */
  waitMs: number
  log: Logger
  /** It cannot be opened until it is connected again. */
  onLost(): void
}

export interface HandedJob extends OpenHand {
  payload: Payload
  /** Its class (of an endless one the beginning), if it is a JSON object. */
  name: string | undefined
  /** It is no job, or may have killed workers before: what it is, only the call tells that writes its record. */
  isCareful: boolean
}

export class Hand {
  readonly #options: HandOptions
  readonly #connection: Connection
  #count = 0
  #open: OpenHand | undefined
  /** Undefined while it is not connected. */
  #clientId: number | undefined
  #connecting: Promise<void> | undefined
  #waiting: Promise<HandedJob | 'look' | undefined> | undefined
  #isWithdrawn = false
  /** It got a job whose record is not known to be written yet. */
  #isFull = false
  #onEmptied: () => void = () => {}
  #isBroken = false
  #refusals = 0
  #restUntil = 0
  /** Hands that are being closed. */
  readonly #closing = new Set<Promise<void>>()

  constructor(options: HandOptions) {
    this.#options = options
    const { connection } = options.store
    this.#connection = connection.duplicate(`${connection.options.name}:hand`)
    this.#connection.on('lost', () => {
      this.#renew()
      options.onLost()
    })
  }

  /** Redis puts the next job that is pushed into it, or has just done so. */
  get isOpen(): boolean {
    return this.#waiting !== undefined || this.#isFull
  }

  /** For how long it is to be left alone, after it was refused several times. */
  get restMs(): number {
    return this.#restUntil - performance.now()
  }

  get isConnected(): boolean {
    return this.#clientId !== undefined
  }

  /** Resolves to whether it is connected now. */
  async connect(): Promise<boolean> {
    this.#connecting ??= this.#connection.send('client', ['id']).then(
      (id) => {
        this.#clientId = id as number
        void this.#closeForgotten()
      },
      () => {},
    )
    await this.#connecting
    this.#connecting = undefined
    return this.isConnected
  }

  /** Redis does not know how to. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /**
   * Waits for a job. `look`: none came in time, or Redis withheld it: ask. Undefined: it was withdrawn, or jobs are paused.
   */
  wait(): Promise<HandedJob | 'look' | undefined> {
    this.#isWithdrawn = false
    this.#waiting = this.#wait()
      .catch((error) => this.#refused(error))
      .finally(() => {
        this.#waiting = undefined
      })
    return this.#waiting
  }

  async #wait(): Promise<HandedJob | 'look' | undefined> {
    const { store, workerId, queue, nonce, waitMs } = this.#options
    this.#open ??= { hand: handOf(workerId, nonce, ++this.#count), queue }
    const open = this.#open
    const state = await store.hands.open(open)
    if (open !== this.#open) {
      // It was closed meanwhile, and its listing may just have been written again.
      this.#close(open)
      return 'look'
    }
    if (this.#isWithdrawn || state === 'paused') return undefined
    if (state === 'unregistered') {
      this.#restUntil = performance.now() + MAX_REST_MS
      return 'look'
    }
    const payload = await store.hands.receive(this.#connection, open, Math.min(waitMs, MAX_WAIT_MS))
    this.#refusals = 0
    // A hand that was closed meanwhile has given its job back.
    if (open !== this.#open || payload === undefined) return this.#isWithdrawn ? undefined : 'look'
    this.#isFull = true
    const job = typeof payload === 'string' ? parseJson(payload) : undefined
    const name = isJsonObject(job) ? String(job.class).slice(0, 200) : undefined
    return { ...open, payload, name, isCareful: name === undefined || state === 'careful' }
  }

  #refused(error: unknown): 'look' | undefined {
    // Once is no matter: jobs are withheld for a moment when a worker has died.
    const restMs = this.#refusals++ === 0 ? 0 : Math.min(25 * 2 ** this.#refusals, MAX_REST_MS)
    this.#restUntil = performance.now() + restMs
    if (error instanceof CommandError) {
      const reason = String((error.cause as Error).message)
      if (/^(ERR unknown|NOPERM)/.test(reason) && !this.#isBroken) {
        this.#isBroken = true
        this.#options.log.info(
          { err: error },
          `Redis does not hand jobs over (${messageOf(error)}); the worker asks for each, which takes a second trip.`,
        )
      }
    }
    return error instanceof ClosedError ? undefined : 'look'
  }

  /** The job that was in it has its record, or was taken away; or (not `isEmpty`) what is in it is not known. */
  emptied(isEmpty: boolean): void {
    this.#isFull = false
    this.#onEmptied()
    if (!isEmpty || this.#clientId === undefined) this.#renew()
  }

  /** What may still come into it is not known: it is closed, and another will be opened. Not while a job is in it. */
  #renew(): void {
    const open = this.#open
    this.#clientId = undefined
    if (!open || this.#isFull) return
    this.#open = undefined
    this.#close(open)
  }

  #close(open: OpenHand): void {
    const closing = this.#closeWhenPossible(open).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  async #closeWhenPossible(open: OpenHand): Promise<void> {
    const { store, log } = this.#options
    for (;;) {
      try {
        const count = await store.hands.close(open, SEALED_MS)
        if (count > 0)
          log.warn({ queue: open.queue }, 'A job that was being handed over is back in its queue.')
        return
      } catch (error) {
        if (error instanceof ClosedError) return
      }
      await delay(500, undefined, { ref: false })
    }
  }

  /**
   * Closes what is listed of this process and open no more: a Redis that came back with an older state, or one that took
   * over from it, has hands again that were closed, and jobs in them.
   */
  async #closeForgotten(): Promise<void> {
    const { store, workerId, nonce } = this.#options
    const listed = await store.hands.ofProcess(workerId, nonce).catch(() => [])
    for (const each of listed) if (each.hand !== this.#open?.hand) this.#close(each)
  }

  /** Takes the hand back. When it resolves, Redis puts nothing into it any more; what it got, `wait` has resolved to. */
  async withdraw(): Promise<void> {
    this.#isWithdrawn = true
    while (this.#waiting !== undefined) {
      await Promise.race([this.#waiting, this.#unblock()])
      // It may not have begun to wait when it was told to stop.
      await Promise.race([this.#waiting, delay(5)])
    }
  }

  async #unblock(): Promise<void> {
    try {
      const { connection } = this.#options.store
      if (this.#clientId !== undefined) await connection.send('client', ['unblock', this.#clientId])
    } catch {
      // Not allowed, or not to be reached: a hand without a connection is closed as well.
      this.#connection.reset()
    }
  }

  /** Ends it, if Redis lets it in time; else recovery finds what is in it. */
  async close(deadlineMs: number): Promise<void> {
    this.#isBroken = true
    const timeout = delay(deadlineMs, undefined, { ref: false })
    await Promise.race([this.#withdrawEmpty(), timeout])
    const open = this.#open
    this.#open = undefined
    this.#connection.close()
    // The job in it runs: it is judged as that of a worker that died.
    if (!this.#isFull) {
      const sealedMs = this.#waiting === undefined ? 0 : SEALED_MS
      if (open) await this.#options.store.hands.close(open, sealedMs, deadlineMs).catch(() => {})
      await Promise.race([this.#closeForgotten(), timeout])
    }
    await Promise.race([Promise.all(this.#closing), timeout])
  }

  async #withdrawEmpty(): Promise<void> {
    await this.withdraw()
    if (this.#isFull) {
      await new Promise<void>((resolve) => {
        this.#onEmptied = resolve
      })
    }
  }
}
