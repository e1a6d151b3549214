// Worker processes that a test may kill, stop and signal: each runs `worker.mjs` on the built package.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ResqueOptions } from 'resque-ts'
import type { SignalSettings, WorkerOptions } from 'resque-ts/worker'

export interface ProcessSettings {
  url: string
  worker?: Partial<Omit<WorkerOptions, 'resque' | 'jobs' | 'hooks' | 'logger'>>
  resque?: Partial<Pick<ResqueOptions, 'commandTimeoutMs' | 'namespace'>>
  signals?: Partial<Omit<SignalSettings, 'log'>>
}

export interface LogLine {
  level: string
  message: string
  workerId?: string
  error?: string
}

/** How often each job began and ended, by its id. */
export interface Runs {
  begun: Map<string, number>
  ended: Map<string, number>
  /** Begun as another attempt, after a worker died of it. */
  retried: Map<string, number>
  /** How many began in each process. */
  begunByProcess: number[]
}

const script = fileURLToPath(new URL('./worker.mjs', import.meta.url))

/** The processes of one test, and the folder they write to. */
export class WorkerProcesses {
  readonly dir = mkdtempSync(join(tmpdir(), 'resque-faults-'))
  readonly all: WorkerProcess[] = []

  start(settings: ProcessSettings): WorkerProcess {
    const process = new WorkerProcess({ ...settings, dir: this.dir })
    this.all.push(process)
    return process
  }

  get alive(): WorkerProcess[] {
    return this.all.filter((process) => !process.hasExited)
  }

  /** What all of them did so far. */
  runs(): Runs {
    const runs: Runs = { begun: new Map(), ended: new Map(), retried: new Map(), begunByProcess: [] }
    const kinds: { [letter: string]: Map<string, number> } = { b: runs.begun, e: runs.ended, r: runs.retried }
    for (const name of readdirSync(this.dir).filter((each) => each.endsWith('.runs'))) {
      const lines = readFileSync(join(this.dir, name), 'utf8').split('\n')
      runs.begunByProcess.push(lines.filter((line) => line.startsWith('b ')).length)
      for (const line of lines) {
        const counts = kinds[line.slice(0, 1)]
        counts?.set(line.slice(2), (counts.get(line.slice(2)) ?? 0) + 1)
      }
    }
    return runs
  }

  /** Sends a signal to each that lives, and resolves when all have ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    for (const process of this.alive) process.kill(signal)
    await Promise.all(this.all.map((process) => process.exited))
  }

  /** Whatever is left: gone, with the folder. */
  async clear(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export class WorkerProcess {
  /** It hears signals from now on; its worker has not started yet. */
  readonly listening: Promise<void>
  /** Its worker ids, once its worker has started. */
  readonly ready: Promise<string[]>
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  hasExited = false
  /** What it wrote to stderr: nothing, if all is well. */
  complaint = ''
  readonly #child: ChildProcess
  readonly #dir: string

  constructor(settings: ProcessSettings & { dir: string }) {
    this.#dir = settings.dir
    const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.complaint += text
    })
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.hasExited = true
        resolve({ code, signal })
      })
    })
    const lines = createInterface({ input: child.stdout })
    const line = (wanted: RegExp) =>
      new Promise<string>((resolve, reject) => {
        lines.on('line', (text) => wanted.test(text) && resolve(text))
        void this.exited.then(() => reject(new Error(`A worker process ended early. ${this.complaint}`)))
      })
    this.listening = line(/^listening$/).then(() => {})
    this.ready = line(/^\[/).then((text) => JSON.parse(text) as string[])
    this.listening.catch(() => {})
    this.ready.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid as number
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  log(): LogLine[] {
    let text = ''
    try {
      text = readFileSync(join(this.#dir, `${this.pid}.log`), 'utf8')
    } catch {
      // It did not come to that.
    }
    // The last line of a process that was killed may be cut off.
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine)
  }
}
