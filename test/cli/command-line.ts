// The `resque` command as a user has it: bin/resque in a process of its own, in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { waitFor } from '../support/wait-for.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const bin = join(root, 'bin/resque')
/** A module of jobs for `--require`. */
export const jobs = join(root, 'test/cli/fixtures/jobs.mjs')

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  cwd?: string
  input?: string
  /** Default: bin/resque. */
  command?: string
}

/** A running command. */
export interface Running {
  readonly process: ChildProcess
  readonly pid: number
  /** What it has written to stdout so far. */
  readonly stdout: string
  readonly stderr: string
  readonly finished: Promise<Finished>
  /** Resolves when stdout holds this text. */
  says(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
}

export interface CommandLine {
  /** A folder of this file's own, the working folder of the commands. */
  readonly folder: string
  /** Runs a command to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>
  /** As `run`, for one that prints JSON. */
  json(args: readonly string[], options?: RunOptions): Promise<unknown>
  /** Starts a command; it is killed after the test if it still runs. */
  start(args: readonly string[], options?: RunOptions): Running
  /** Lines that the jobs of `fixtures/jobs.mjs` have noted. */
  noted(): Promise<string[]>
}

/** Call it at the top of a test file. Commands see `env` and nothing of Resque's in the environment of the tests. */
export function useCommandLine(env: () => Record<string, string> = () => ({})): CommandLine {
  // Each command is a process that starts: on a busy machine a few of them take a while.
  vi.setConfig({ testTimeout: 90_000 })
  let folder = ''
  let running: Running[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'resque-cli-'))
  })
  afterEach(async () => {
    for (const each of running) each.kill('SIGKILL')
    await Promise.all(running.map(({ finished }) => finished))
    running = []
    await rm(join(folder, 'noted'), { force: true })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const start: CommandLine['start'] = (args, options = {}) => {
    const child = new Command(args, {
      cwd: folder,
      ...options,
      env: { ...env(), NOTED: join(folder, 'noted'), ...options.env },
    })
    running.push(child)
    return child
  }
  const run: CommandLine['run'] = (args, options) => start(args, options).finished
  return {
    get folder() {
      return folder
    },
    start,
    run,
    async json(args, options) {
      const { stdout, stderr, code } = await run([...args, '--json'], options)
      if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
      return JSON.parse(stdout)
    },
    async noted() {
      const text = await readFile(join(folder, 'noted'), 'utf8').catch(() => '')
      return text.split('\n').filter(Boolean)
    },
  }
}

const plainEnvironment = Object.fromEntries(
  ['PATH', 'HOME', 'LANG', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }),
)

class Command implements Running {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  stdout = ''
  stderr = ''

  constructor(args: readonly string[], { env = {}, cwd, input, command = bin }: RunOptions) {
    const child = spawn(command, args, { cwd, env: { ...plainEnvironment, ...env }, stdio: 'pipe' })
    this.process = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    child.stdin.on('error', () => {}).end(input)
    this.finished = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  get pid(): number {
    return this.process.pid ?? -1
  }

  async says(text: string): Promise<void> {
    const isOver = () => this.process.exitCode !== null || this.process.signalCode !== null
    const message = () => `stdout to hold ${JSON.stringify(text)}; it holds:\n${this.stdout}\n${this.stderr}`
    await waitFor(() => this.stdout.includes(text) || isOver(), { timeoutMs: 20_000, message })
    if (!this.stdout.includes(text)) throw new Error(`It ended; waited for ${message()}`)
  }

  kill(signal: NodeJS.Signals): void {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal)
  }
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
