// @ts-check
// A measured process, seen from the harness: start it, let it go, take its result, end it by its
// pid. What runs inside is `child.js`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const DEADLINE_MS = 300_000
const END_DEADLINE_MS = 15_000

/**
 * @typedef {object} ChildSpec
 * @property {string} adapter  file name in `adapters/`, without `.js`
 * @property {'drain' | 'enqueue' | 'flat' | 'latency-worker' | 'latency-producer' | 'idle' | 'children' | 'memory'} task
 * @property {number} port  of the private Redis
 * @property {number} [jobs]
 * @property {number} [concurrency]
 * @property {number} [prefetch]
 * @property {number} [jobMs]  how long each job waits on a timer
 * @property {boolean} [inChildren]  jobs run in child processes
 * @property {number} [jobsPerChild]
 * @property {string[]} [queues]
 * @property {number} [inFlight]  enqueue calls that are awaited at the same time
 * @property {number} [batch]  jobs in one bulk enqueue
 * @property {boolean} [bare]  jobs without any argument
 * @property {number} [durationMs]
 * @property {string[]} [nodeOptions]
 */

/** @typedef {Record<string, number>} Figures */

/** @typedef {{ ready?: true, result?: any, error?: string }} Answer */

export class ChildProcess {
  /** @type {import('node:child_process').ChildProcess} */
  #process
  #label

  /** @param {ChildSpec} spec */
  constructor(spec) {
    this.#label = `${spec.task} of ${spec.adapter}`
    this.#process = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [JSON.stringify(spec)], {
      execArgv: spec.nodeOptions ?? [],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' },
      // Standard output belongs to the tables.
      stdio: ['ignore', 2, 2, 'ipc'],
    })
  }

  /** Resolves when the process has loaded and connected all it needs. */
  async ready() {
    await this.#answer()
    return this
  }

  /**
   * Lets the process do its task.
   * @returns {Promise<any>} what the task measured of itself
   */
  async go() {
    const answer = this.#answer()
    this.#process.send('go')
    return (await answer).result
  }

  /** Asks the process to end, and kills it if it does not. Safe to call at any time. */
  async end() {
    const child = this.#process
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    const timer = setTimeout(() => child.kill('SIGKILL'), END_DEADLINE_MS)
    if (child.connected) child.send('end', () => {})
    else child.kill('SIGKILL')
    await exit
    clearTimeout(timer)
  }

  /** @returns {Promise<Answer>} */
  #answer() {
    const child = this.#process
    return new Promise((resolve, reject) => {
      const settle = (/** @type {() => void} */ act) => {
        clearTimeout(timer)
        child.removeListener('message', onMessage)
        child.removeListener('exit', onExit)
        act()
      }
      const fail = (/** @type {string} */ why) => {
        settle(() => reject(new Error(`${this.#label}: ${why}`)))
      }
      const onMessage = (/** @type {Answer} */ message) => {
        if (message.error !== undefined) fail(message.error)
        else settle(() => resolve(message))
      }
      const onExit = (/** @type {number | null} */ code, /** @type {string | null} */ signal) => {
        fail(`the process ended before it reported (exit code ${code}, signal ${signal})`)
      }
      const timer = setTimeout(() => fail(`no report within ${DEADLINE_MS} ms`), DEADLINE_MS)
      child.on('message', onMessage)
      child.on('exit', onExit)
    })
  }
}

/**
 * Runs `use` with a process that is ready, and ends the process whatever happens.
 * @template T
 * @param {ChildSpec} spec
 * @param {(child: ChildProcess) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withChild(spec, use) {
  const child = new ChildProcess(spec)
  try {
    return await use(await child.ready())
  } finally {
    await child.end()
  }
}
