// A Ruby process that a test drives, line by line (see ../ruby/driver.rb): the code in the test is Ruby's own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root, rubyEnvironment, type Stack } from './stacks.js'

interface Answer {
  id?: number
  value?: unknown
  error?: string
  trace?: string[]
}

/** What the process says of itself when it is ready. */
export interface RubyVersions {
  ruby: string
  resque: string
  redis: string
  pid: number
}

export class Ruby {
  readonly versions: RubyVersions
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #complaint = ''
  #count = 0

  /** Starts the process; resolves when Resque is loaded and knows its Redis. */
  static async start(stack: Stack, redisUrl: string): Promise<Ruby> {
    const child = spawn('ruby', [join(root, 'test/interop/ruby/driver.rb'), redisUrl], {
      env: rubyEnvironment(stack),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const lines = createInterface({ input: child.stdout })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4_000)
    })
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => undefined)])
    if (!first) throw new Error(`The Ruby process did not start: ${complaint}`)
    return new Ruby(child, lines, (JSON.parse(String(first[0])) as { value: RubyVersions }).value)
  }

  private constructor(child: ChildProcess, lines: NodeJS.EventEmitter, versions: RubyVersions) {
    this.#child = child
    this.versions = versions
    child.stderr?.on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-4_000)
    })
    lines.on('line', (line: string) => {
      const answer = JSON.parse(line) as Answer
      this.#waiting.get(answer.id as number)?.(answer)
      this.#waiting.delete(answer.id as number)
    })
    child.on('exit', () => {
      for (const settle of this.#waiting.values()) settle({ error: `Ruby ended: ${this.#complaint}` })
      this.#waiting.clear()
    })
  }

  /** Runs Ruby code, in which `arg` is what is given here; resolves to its value as JSON says it. */
  async run<T = unknown>(code: string, arg?: unknown): Promise<T> {
    const id = ++this.#count
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.stdin?.write(`${JSON.stringify({ id, code, arg })}\n`)
    })
    if (answer.error !== undefined) {
      const error = new Error(`Ruby: ${answer.error}`)
      error.stack = [error.message, ...(answer.trace ?? [])].join('\n  ')
      throw error
    }
    return answer.value as T
  }

  /** Starts a Ruby worker in a process of its own. */
  startWorker(queues: string[], options: { interval?: number; termChild?: boolean } = {}): Promise<number> {
    const { interval = 0.05, termChild = false } = options
    return this.run('start_worker(*arg[0], interval: arg[1], term_child: arg[2])', [
      queues,
      interval,
      termChild,
    ])
  }

  /** A Ruby worker takes these queues until they are empty. */
  async work(...queues: string[]): Promise<void> {
    await this.run('work(*arg)', queues)
  }

  /** Ends the process, and with it its workers. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await ended
  }
}
