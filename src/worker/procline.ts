/**
 * The title of the process, as `ps` shows it (protocol 6.9).
 *
 * More than decoration: a Ruby worker that starts on the same host takes every worker there for dead whose process
 * has no title with `resque-<digit>` in it. Node cuts a title to the room its command line had at the start;
 * `bin/resque` makes room for a long one.
 */
import { RESQUE_VERSION } from '../config.js'
import type { RunningJob } from './perform.js'
import type { WatchedQueues } from './watched-queues.js'

/** At most one change of the title in this time: under load a change for each job would be felt. */
const QUIET_MS = 50

export class Procline {
  readonly #prefix: string
  readonly #describe: () => string
  #timer: NodeJS.Timeout | undefined
  #isStale = false
  #isOver = false

  /** `describe` gives the text after `resque-3.0.0: `, whenever it is shown. */
  constructor(prefix: string, describe: () => string) {
    this.#prefix = prefix
    this.#describe = describe
  }

  /** What `describe` says has changed. */
  changed(): void {
    if (this.#isOver) return
    this.#isStale = true
    if (!this.#timer) this.#show()
  }

  /** From now on the title is left alone. */
  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #show(): void {
    this.#isStale = false
    this.#set(`resque-${RESQUE_VERSION}: ${this.#describe()}`)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#isStale) this.#show()
    }, QUIET_MS)
    this.#timer.unref()
  }

  /** The title while a worker starts. */
  starting(): void {
    this.#set('resque: Starting')
  }

  #set(title: string): void {
    process.title = `${this.#prefix}${title}`
  }

  /** Whether a title shown here has room for what Ruby's workers look for. */
  static hasRoom(prefix: string): boolean {
    const before = process.title
    const probe = `${prefix}resque-${RESQUE_VERSION}: `
    process.title = probe
    const room = process.title
    process.title = before
    return /resque-[0-9]/.test(room)
  }
}

/** What it says after `resque-3.0.0: ` (protocol 6.9). */
export function titleOf(running: readonly RunningJob[], isPaused: boolean, queues: WatchedQueues): string {
  const [first] = running
  if (first) {
    const at = Math.floor(Date.now() / 1_000)
    if (running.length === 1 && first.childPid !== undefined) return `Forked ${first.childPid} at ${at}`
    const others = running.length > 1 ? ` and ${running.length - 1} more` : ''
    return `Processing ${first.taken.queue} since ${at} [${first.class || 'No Name'}]${others}`
  }
  if (isPaused) return 'Paused'
  return `Waiting for ${queues.isDynamic ? queues.names.join(',') : queues.label}`
}
