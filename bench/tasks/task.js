// @ts-check
// The contract of a task, and what several tasks measure: the process' own CPU, memory and clock.

/** @typedef {import('../adapters/adapter.js').Adapter} Adapter */
/** @typedef {import('../child-process.js').ChildSpec} ChildSpec */

/**
 * What a module in this folder exports as `prepare(adapter, spec)` resolves to this, once all that
 * should not be measured is done.
 * @typedef {object} Task
 * @property {() => Promise<unknown>} go  the measured part; its result goes to the harness
 * @property {() => Promise<unknown>} [end]  before the process ends
 */

/** CPU seconds of this process with all its threads. */
export function cpuSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export function rssMiB() {
  return process.memoryUsage.rss() / 2 ** 20
}

/** The machine's monotonic clock (CLOCK_MONOTONIC on Linux): the same in every process. */
export function monotonicMicros() {
  return Number(process.hrtime.bigint()) / 1000
}

/** Counts the jobs that are performed, and tells a job lost from a job run twice. */
export class Tally {
  #expected
  #sum = 0
  #performed = 0
  #firstAt = 0
  #lastAt = 0
  /** @type {() => void} */
  #resolve = () => {}
  /** Resolves when the last job has run. @type {Promise<void>} */
  complete

  /** @param {number} expected  jobs, carrying 0 to expected - 1 */
  constructor(expected) {
    this.#expected = expected
    this.complete = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get performed() {
    return this.#performed
  }

  /** Says that a job has begun. Only the first one matters. */
  begin() {
    if (this.#firstAt === 0) this.#firstAt = monotonicMicros()
  }

  /** @param {number} n  what the job carried */
  finish(n) {
    this.#sum += n
    if (++this.#performed !== this.#expected) return
    this.#lastAt = monotonicMicros()
    this.#resolve()
  }

  /** Seconds from the begin of the first job to the end of the last one. */
  seconds() {
    const sum = (this.#expected * (this.#expected - 1)) / 2
    if (this.#performed !== this.#expected || this.#sum !== sum) {
      throw new Error(
        `expected each of ${this.#expected} jobs once, ` +
          `but ${this.#performed} ran, with a sum of ${this.#sum} in place of ${sum}`,
      )
    }
    return (this.#lastAt - this.#firstAt) / 1e6
  }
}
