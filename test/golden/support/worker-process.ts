// A worker in a process of its own (worker.mjs beside this file), for what signals do to it.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { jobsAlone, withHooks } from './modules.js'
import { until } from './until.js'

export interface WorkerProcessOptions {
  /** Default: `default`. */
  queues?: string
  /** Leave by itself once nothing is left to take. */
  untilEmpty?: boolean
  /** A child process for each job, as in Ruby. Default: `none`. */
  isolation?: 'none' | 'process'
  /** Note the hooks of the worker in `resque:test:log`. */
  notesHooks?: boolean
  /** Settings of `installSignals`. */
  signals?: { termChild?: boolean; gracefulTerm?: boolean; stopTimeoutMs?: number; termTimeoutMs?: number }
  /** Further options of the worker. */
  worker?: { heartbeatMs?: number; deadAfterMs?: number; abortGraceMs?: number }
}

export interface WorkerProcess {
  readonly pid: number
  /** What its hooks printed. */
  readonly hookLines: string[]
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>
  signal(name: NodeJS.Signals): void
  /** Resolves when the hook of that name has run. */
  ranHook(name: string): Promise<void>
  /** Resolves to the pid of the first child that was given a job. */
  firstChild(): Promise<number>
  /** SIGKILL if it still runs; resolves when it is gone. */
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('./worker.mjs', import.meta.url))

export function spawnWorker(options: WorkerProcessOptions): WorkerProcess {
  const modules = options.notesHooks ? withHooks : jobsAlone
  const child = spawn(process.execPath, [program, JSON.stringify({ ...options, modules })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { pid } = child
  if (pid === undefined) throw new Error('The worker process could not be started.')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const hookLines = () => output.split('\n').filter((line) => line.startsWith('HOOK '))
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (status, signal) => resolve({ status, signal }))
  })
  return {
    pid,
    ended,
    get hookLines() {
      return hookLines()
    },
    signal: (name) => void process.kill(pid, name),
    async ranHook(name) {
      const hasRun = () => hookLines().some((line) => line.startsWith(`HOOK ${name} `))
      await until(`the hook ${name}`, hasRun)
    },
    async firstChild() {
      const find = () => /^DEBUG Forked (\d+) at /m.exec(output)?.[1]
      return Number(await until('a child to have a job', find))
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
