/**
 * How an idle worker learns that there is something to do, without polling and without taking anything.
 *
 * Redis is asked to tell (server-assisted client tracking, in broadcast mode) when a key changes that begins with
 * `queue:`, or that pauses workers. It works for any number of queues on one connection, whoever pushed, Ruby
 * included, and for queues that did not exist before. What is told is only "look": nothing can be lost by it.
 * Where tracking is not to be had (a proxy, an ACL), the worker's interval is what remains.
 */
import type { Logger } from '../context.js'
import { CommandError, messageOf } from '../errors.js'
import type { Connection } from '../store/connection.js'
import type { Keys } from '../store/keys.js'

/** So many messages that came while there was no free slot, and the tracking is switched off until the next rest. */
const TOO_MANY = 64
/** The longest pause before a message is followed, after several of them led to nothing. */
const MAX_PAUSE_MS = 64

export interface WakeOptions {
  /** The connection that takes jobs: what it changes itself is not told. */
  connection: Connection
  keys: Keys
  log: Logger
  /** Whether to ask for changes of queues, and not only for what pauses and resumes. */
  watchesQueues(): boolean
  /** Whether a change of this queue concerns the worker. */
  concerns(queue: string): boolean
  /** Look now. `queue` is undefined when something else than a queue changed. */
  onWake(queue: string | undefined): void
}

export class Wake {
  readonly #options: WakeOptions
  readonly #listener: Connection
  #listening: Promise<number> | undefined
  #arming: Promise<boolean> | undefined
  #isArmed = false
  #isBroken = false
  #unheeded = 0
  #fruitless = 0
  /** A message was followed, and what came of it is not known yet. */
  #isFollowing = false
  #pause: NodeJS.Timeout | undefined

  constructor(options: WakeOptions) {
    this.#options = options
    this.#listener = options.connection.duplicate(`${options.connection.options.name}:listener`)
    // Either end gone: Redis has forgotten whom to tell.
    this.#listener.on('lost', () => {
      this.#listening = undefined
      this.#lost()
    })
    options.connection.on('lost', () => this.#lost())
  }

  get isArmed(): boolean {
    return this.#isArmed
  }

  /**
   * Asks Redis to tell. After it, look once more: what came before was not told. False if it cannot be had now.
   */
  arm(): Promise<boolean> {
    if (this.#isArmed || this.#isBroken) return Promise.resolve(this.#isArmed)
    this.#arming ??= this.#arm().finally(() => {
      this.#arming = undefined
    })
    return this.#arming
  }

  async #arm(): Promise<boolean> {
    const { connection, keys, log, watchesQueues } = this.#options
    const watched = watchesQueues() ? [keys.queue('')] : []
    try {
      this.#listening ??= this.#listener.listen('__redis__:invalidate', (message) => this.#heard(message))
      const id = await this.#listening
      const prefixes = [...watched, keys.pauseAll, keys.pausedQueues].flatMap((key) => ['PREFIX', key])
      await connection.sendAll([
        // What was asked for before led to a listener that is gone, and does not go together with what is asked now.
        ['client', ['tracking', 'off']],
        ['client', ['tracking', 'on', 'REDIRECT', id, 'BCAST', ...prefixes, 'NOLOOP']],
      ])
      this.#isArmed = true
      this.#unheeded = 0
    } catch (error) {
      this.#listening = undefined
      if (isRefusal(error) && !this.#isBroken) {
        this.#isBroken = true
        log.warn(
          { err: error },
          `Redis does not tell of new jobs (${messageOf(error)}); the worker looks for itself at its interval.`,
        )
      }
    }
    return this.#isArmed
  }

  /** Call it when a look found jobs, or found none: messages that lead to nothing are followed ever more slowly. */
  looked(foundJobs: boolean): void {
    if (foundJobs) this.#fruitless = 0
    else if (this.#isFollowing) this.#fruitless++
    this.#isFollowing = false
  }

  /** Call it when a message came while no slot was free. */
  unheeded(): void {
    if (++this.#unheeded < TOO_MANY || !this.#isArmed) return
    this.disarm()
    this.#options.connection.send('client', ['tracking', 'off']).catch(() => {})
  }

  close(): void {
    clearTimeout(this.#pause)
    this.#isBroken = true
    this.#listener.close()
  }

  /** Asks anew at the next rest: it is to be told of something else. */
  disarm(): void {
    this.#isArmed = false
  }

  /** Nobody tells any more: looking is what leads to the next rest, where Redis is asked again. */
  #lost(): void {
    if (!this.#isArmed) return
    this.disarm()
    this.#options.onWake(undefined)
  }

  #heard(message: unknown): void {
    // No keys at all: everything was flushed, or Redis lost track.
    const keys = Array.isArray(message) ? message.map(String) : undefined
    let queue: string | undefined
    if (keys) {
      const queues = keys.map((key) => this.#options.keys.queueOfKey(key))
      const isOurs = queues.some((each) => each === undefined || this.#options.concerns(each))
      if (!isOurs) return
      queue = queues.find((each) => each !== undefined && this.#options.concerns(each))
    }
    // What is paused is heard at once.
    if (queue === undefined) {
      this.#follow(undefined)
      return
    }
    if (this.#pause) return
    if (this.#fruitless <= 1) {
      this.#follow(queue)
      return
    }
    // Many idle workers are told of one job: whoever found nothing lately lets others go first.
    const pauseMs = Math.random() * Math.min(2 ** this.#fruitless, MAX_PAUSE_MS)
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.#follow(queue)
    }, pauseMs)
    this.#pause.unref()
  }

  #follow(queue: string | undefined): void {
    this.#isFollowing = true
    this.#options.onWake(queue)
  }
}

/** Redis, or what stands before it, does not do this at all; every other error is of the moment. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false
  return !/LOADING|BUSY|does not exist/.test(String((error.cause as Error).message))
}
