/**
 * The demo's workers: processes of `resque work`, as anybody would start them. One that dies is started again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isJsonObject, parseJson } from '../../json.js'
import { nodeArguments } from '../node-arguments.js'
import { endProcess, type Keeper } from './keeper.js'

export interface WorkerProcessesOptions {
  keeper: Keeper
  redisUrl: string
  count: number
  /** Jobs at a time in each. */
  concurrency: number
  /** A process died and another took its place. */
  onReplaced(death: { pid: number; how: string; newPid: number }): void
}

export class WorkerProcesses {
  readonly #options: WorkerProcessesOptions
  #running: ChildProcess[] = []
  #isStopping = false
  /** Jobs that were taken from dead workers and put back. */
  recoveredCount = 0
  /** Processes that died. */
  deathCount = 0

  constructor(options: WorkerProcessesOptions) {
    this.#options = options
  }

  get pids(): number[] {
    return this.#running.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  start(): void {
    for (let i = 0; i < this.#options.count; i++) this.#startOne()
  }

  /** Asks them to stop, and sees to it that they do. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#running.map((child) => endProcess(child, 'SIGTERM', 8_000)))
  }

  #startOne(): ChildProcess {
    const child = spawn(process.execPath, [...nodeArguments(), ...this.#arguments()], {
      cwd: this.#options.keeper.folder,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    this.#options.keeper.watch(child)
    this.#running.push(child)
    createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on('line', (line) =>
      this.#heard(line),
    )
    child.once('exit', (code, signal) => {
      this.#running = this.#running.filter((each) => each !== child)
      if (this.#isStopping) return
      this.deathCount++
      const { pid = 0 } = child
      // One that cannot even start would be started for ever.
      if (this.deathCount > MAX_DEATHS) return
      const how = signal ?? `exit code ${code}`
      this.#options.onReplaced({ pid, how, newPid: this.#startOne().pid ?? 0 })
    })
    return child
  }

  /** Everything that the environment could change is said here. */
  #arguments(): string[] {
    const { redisUrl, concurrency, keeper } = this.#options
    const settings = {
      redis: redisUrl,
      namespace: 'resque',
      queue: 'critical,mail,*',
      require: fileURLToPath(new URL('./jobs.js', import.meta.url)),
      concurrency,
      'interval-ms': 5_000,
      // Short, so that a death shows within seconds.
      'heartbeat-ms': 500,
      'dead-after-ms': 3_000,
      'prune-interval-ms': 1_000,
      'stop-timeout-ms': 4_000,
      'abort-grace-ms': 1_000,
      'failure-backend': 'redis',
      'log-format': 'json',
      pidfile: join(keeper.folder, `worker-${this.#running.length}.pid`),
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    return [fileURLToPath(new URL('../main.js', import.meta.url)), 'work', ...flags, '--detached']
  }

  #heard(line: string): void {
    const entry = parseJson(line)
    if (!isJsonObject(entry) || entry.verdict !== 'requeued') return
    this.recoveredCount++
  }
}

const MAX_DEATHS = 20
