// A private redis-server for one test file: on a free loopback port, in a folder of its own, gone afterwards.
// Not a mock and not shared: a test may stop, kill, restart or flush it as it likes.

import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { waitFor } from './wait-for.js'

export interface RedisOptions {
  /** Write an append-only file, so that data survives `restart()` and `kill()`. Default false. */
  appendOnly?: boolean
  /** Data folder. Default: a new temporary one, removed by `stop()`. A given folder is left alone. */
  dir?: string
  /** Default: a free one. */
  port?: number
  /** Further command line arguments of redis-server, such as `['--maxmemory', '50mb']`. */
  args?: readonly string[]
}

export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly dir: string
  readonly socketPath: string
  /** Of the running redis-server (it changes with `restart()`), or undefined while it is down. */
  readonly pid: number | undefined
  /** A connection of the test's own to this server, made at the first use and closed by `stop()`. */
  readonly client: Redis
  /** SIGTERM, wait for the exit, remove the folder. Does nothing when it is already down. */
  stop(): Promise<void>
  /** SIGKILL, wait for the exit. The folder stays, for `restart()`. */
  kill(): Promise<void>
  /** The server again on the same port and folder, stopped first (by SIGTERM) if it runs. */
  restart(): Promise<void>
}

/** Temporary folders whose server was not stopped by the test, or not to the end. */
const leftOver = new Set<string>()
process.once('exit', () => {
  for (const dir of leftOver) {
    try {
      rmSync(dir, { recursive: true, force: true })
    } catch {
      // Its server still runs and writes: the keeper below removes both.
    }
  }
})

/** Starts a redis-server and resolves when it answers PING. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'resque-redis-')))
  if (options.dir === undefined) leftOver.add(dir)
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const server = new PrivateRedis(port, dir, options)
    try {
      await server.start()
      return server
    } catch (error) {
      const portWasTaken = error instanceof Error && error.message.includes('Address already in use')
      if (portWasTaken && options.port === undefined && attempt < 5) continue
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
      throw error
    }
  }
}

/**
 * Runs redis-server and sees to it that it does not outlive the test process, whatever ends that: the watch
 * reads a pipe whose other end only the test process holds, so it reads end-of-file the moment that is gone.
 * Arguments: the folder to remove in that case ('' for none), then those of redis-server. Says the server's
 * pid on stdout and exits with its status. Needs nothing but a POSIX shell.
 */
const keeper = `
trap '' INT HUP
dir=$1; shift
exec 3<&0
redis-server "$@" </dev/null >&2 3<&- &
server=$!
echo "$server"
exec >/dev/null 2>&1
( read -r _ <&3; kill -KILL "$server" ) &
watch=$!
wait "$server"
status=$?
kill "$watch"
wait "$watch"
orphaned=$?
[ "$orphaned" -gt 128 ] || [ -z "$dir" ] || rm -rf "$dir"
exit "$status"
`

class PrivateRedis implements RedisServer {
  readonly url: string
  readonly socketPath: string
  #shell: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #pid: number | undefined
  #client: Redis | undefined

  constructor(
    readonly port: number,
    readonly dir: string,
    private readonly options: RedisOptions,
  ) {
    this.url = `redis://127.0.0.1:${port}`
    this.socketPath = join(dir, 'redis.sock')
  }

  get pid(): number | undefined {
    return this.#pid
  }

  get client(): Redis {
    if (!this.#client) {
      this.#client = new Redis(this.port, '127.0.0.1', {
        maxRetriesPerRequest: null,
        retryStrategy: () => 20,
      })
      this.#client.on('error', () => {}) // a test that kills its server expects this
    }
    return this.#client
  }

  async start(): Promise<void> {
    const logFile = join(this.dir, 'redis.log')
    await rm(logFile, { force: true })
    const args = [
      ...['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.dir],
      ...['--unixsocket', this.socketPath, '--logfile', logFile, '--daemonize', 'no'],
      ...['--save', '', '--appendonly', this.options.appendOnly ? 'yes' : 'no'],
      ...(this.options.args ?? []),
    ]
    const temporaryDir = this.options.dir === undefined ? this.dir : ''
    const shell = spawn('sh', ['-c', keeper, 'redis-keeper', temporaryDir, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let complaint = ''
    shell.stderr.setEncoding('utf8').on('data', (text) => {
      complaint += text
    })
    this.#shell = shell
    this.#exited = new Promise((resolve) => {
      shell.once('exit', () => {
        this.#pid = undefined
        this.#shell = undefined
        resolve()
      })
    })
    for await (const line of createInterface({ input: shell.stdout })) {
      this.#pid = Number(line)
      break
    }
    await waitFor(() => !this.#shell || this.#answers(), { message: `redis-server on port ${this.port}` })
    if (!this.#shell) {
      const log = await readFile(logFile, 'utf8').catch(() => '')
      throw new Error(`redis-server did not start on port ${this.port}: ${complaint}${log.slice(-1000)}`)
    }
  }

  async stop(): Promise<void> {
    this.#client?.disconnect()
    this.#client = undefined
    await this.#end('SIGTERM')
    if (this.options.dir === undefined) await rm(this.dir, { recursive: true, force: true })
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM')
    await this.start()
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#pid !== undefined) process.kill(this.#pid, signal)
    await this.#exited
  }

  /** True when the server on our port answers, has its data loaded, and is the one we started. */
  async #answers(): Promise<boolean> {
    const probe = new Redis(this.port, '127.0.0.1', {
      lazyConnect: true,
      retryStrategy: () => null,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
    })
    probe.on('error', () => {})
    try {
      await probe.connect()
      await probe.ping()
      return (await probe.info('server')).includes(`process_id:${this.#pid}\r\n`)
    } finally {
      probe.disconnect()
    }
  }
}

/**
 * A port that is free now, below the range that systems hand out to outgoing connections: else a client's own
 * connection could sit on it while the server is down.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
