/**
 * One connection to Redis, and the rules every call goes by. The only file that imports the Redis client.
 *
 * - A deadline on everything: a call waits for a connection and for its reply, and then rejects.
 * - Never sent twice: a command whose reply was lost is not repeated, it rejects. What really happened is then
 *   for the caller to find out; a queue that repeats blindly doubles jobs.
 * - It reconnects for ever, within a second of Redis being there again.
 */
import { EventEmitter } from 'node:events'
import { Command, Redis, type RedisOptions } from '#redis-client'
import { describeRedis, type RedisTarget } from '../config.js'
import { ClosedError, CommandError, ConnectionError } from '../errors.js'
import type { Script } from './scripts.js'

type Stream = Parameters<Redis['sendCommand']>[1]
export type Arg = string | number | Buffer

export interface ConnectionOptions {
  target: RedisTarget
  /** Shown by `CLIENT LIST`. */
  name: string
  /** How long a call may take, the wait for a connection included. */
  deadlineMs: number
}

/** Emits `ready` each time it is connected, `lost` each time it no longer is. */
export class Connection extends EventEmitter<{ ready: []; lost: [] }> {
  readonly #redis: Redis
  readonly #options: ConnectionOptions
  #lastError: Error | undefined
  #closed = false
  #heardAt = performance.now()
  /** While it is connected and not yet ready. */
  #greeting: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    super()
    this.setMaxListeners(0)
    this.#options = options
    this.#redis = new Redis(clientOptions(options))
    // Each call that waits for the connection listens.
    this.#redis.setMaxListeners(0)
    this.#redis.on('ready', () => {
      clearTimeout(this.#greeting)
      this.#lastError = undefined
      this.emit('ready')
    })
    this.#redis.on('close', () => {
      clearTimeout(this.#greeting)
      this.emit('lost')
    })
    // A connection that is accepted and then falls silent would be waited for without end.
    this.#redis.on('connect', () => {
      this.#greeting = setTimeout(() => this.reset(), options.deadlineMs).unref()
    })
    // A failed attempt to connect: calls that wait for it report it when their deadline comes.
    this.#redis.on('error', (error) => {
      this.#lastError = withoutCommand(error)
      this.#expectErrors()
    })
  }

  /** Where it leads to, without credentials. */
  get address(): string {
    return describeRedis(this.#options.target)
  }

  /** When the last answer came, by the clock of `performance.now()`. */
  get heardAt(): number {
    return this.#heardAt
  }

  get isReady(): boolean {
    // One that was dropped counts as ready until its end was noticed.
    return this.#redis.status === 'ready' && this.#redis.stream.writable
  }

  get options(): ConnectionOptions {
    return this.#options
  }

  /** Another connection to the same Redis. */
  duplicate(name: string): Connection {
    return new Connection({ ...this.#options, name })
  }

  /** Sends one command; resolves to its reply, strings as UTF-8. */
  send(name: string, args: Arg[], deadlineMs?: number): Promise<unknown> {
    return this.#call(() => this.#command(name, args), deadlineMs)
  }

  /** Sends one command; the strings of its reply come as bytes. */
  sendForBytes(name: string, args: Arg[], deadlineMs?: number): Promise<unknown> {
    return this.#call(() => this.#redis.sendCommand(new Command(name, args)) as Promise<unknown>, deadlineMs)
  }

  /**
   * Sends commands in one write (a pipeline, not a transaction) and resolves to their replies in order.
   * Rejects with the first error; the other commands have been done nevertheless.
   */
  sendAll(commands: readonly (readonly [name: string, args: Arg[]])[]): Promise<unknown[]> {
    return this.#call(() => {
      const parts: (string | Buffer)[] = []
      const collect = { write: (part: string | Buffer) => parts.push(part) }
      const replies = commands.map(([name, args]) => this.#command(name, args, collect))
      const isText = parts.every((part) => typeof part === 'string')
      this.#redis.stream.write(
        isText ? parts.join('') : Buffer.concat(parts.map((part) => Buffer.from(part as string))),
      )
      return Promise.all(replies)
    })
  }

  /**
   * As `sendAll`, with the strings of the replies as bytes. A command that Redis refuses replies null: for reads that
   * one key of a wrong type must not spoil.
   */
  sendAllForBytes(commands: readonly (readonly [name: string, args: Arg[]])[]): Promise<unknown[]> {
    return this.#call(() => {
      const parts: (string | Buffer)[] = []
      const collect = { write: (part: string | Buffer) => parts.push(part) }
      const replies = commands.map(async ([name, args]) => {
        try {
          return await this.#redis.sendCommand(new Command(name, args), collect as unknown as Stream)
        } catch (error) {
          if ((error as Error).name === 'ReplyError') return null
          throw error
        }
      })
      this.#redis.stream.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
      return Promise.all(replies)
    })
  }

  /** Runs a script by its digest, and by its text where Redis does not have it (any more). */
  run(script: Script, keys: Arg[], args: Arg[], deadlineMs?: number): Promise<unknown> {
    return this.#runBy((name, all) => this.send(name, all, deadlineMs), script, [
      keys.length,
      ...keys,
      ...args,
    ])
  }

  /** As `run`; the strings of its reply come as bytes. */
  runForBytes(script: Script, keys: Arg[], args: Arg[]): Promise<unknown> {
    return this.#runBy((name, all) => this.sendForBytes(name, all), script, [keys.length, ...keys, ...args])
  }

  async #runBy(send: (name: string, args: Arg[]) => Promise<unknown>, { sha, source }: Script, args: Arg[]) {
    try {
      return await send('evalsha', [sha, ...args])
    } catch (error) {
      if (!(error instanceof CommandError && /^NOSCRIPT/.test(String((error.cause as Error).message))))
        throw error
      return send('eval', [source, ...args])
    }
  }

  /**
   * Delivers what Redis publishes on a channel, and resolves to the client id of this connection. It is good for
   * nothing else afterwards; when it was lost, listen again.
   */
  async listen(channel: string, listener: (message: unknown) => void): Promise<number> {
    const id = (await this.send('client', ['id'])) as number
    await this.send('subscribe', [channel])
    this.#redis.removeAllListeners('messageBuffer')
    this.#redis.on('messageBuffer', (_channel: Buffer, message: unknown) => listener(message))
    return id
  }

  /** Resolves once connected; rejects when the deadline passes first. */
  whenReady(deadlineMs = this.#options.deadlineMs): Promise<void> {
    if (this.isReady) return Promise.resolve()
    if (this.#closed) return Promise.reject(this.#closedError())
    if (this.#redis.status === 'wait') this.#redis.connect().catch(() => {})
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => () => {
        clearTimeout(timer)
        this.#redis.off('ready', onReady)
        this.#redis.off('end', onEnd)
        act()
      }
      const onReady = settle(resolve)
      const onEnd = settle(() => reject(this.#closedError()))
      const timer = setTimeout(
        settle(() => reject(this.#unreachable(deadlineMs))),
        deadlineMs,
      )
      this.#redis.on('ready', onReady)
      this.#redis.on('end', onEnd)
    })
  }

  /**
   * The client listens for one error of each socket. A TLS socket that is given up may have more to say, which nobody
   * would hear, and which would end the process.
   */
  #expectErrors(): void {
    const { stream } = this.#redis
    if (stream && !stream.listeners('error').includes(ignore)) stream.on('error', ignore)
  }

  /** Drops the connection now and makes a new one; calls under way reject. */
  reset(): void {
    if (this.#closed || this.#redis.stream?.destroyed) return
    this.#expectErrors()
    this.#redis.disconnect(true)
    // Not only said good-bye to: the other side may be gone, and never answer that either.
    this.#redis.stream?.destroy()
  }

  /** Ends the connection for good. Calls under way reject. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#expectErrors()
    this.#redis.disconnect()
  }

  #command(name: string, args: Arg[], stream?: { write(part: string | Buffer): unknown }): Promise<unknown> {
    const command = new Command(name, args, { replyEncoding: 'utf8' })
    return this.#redis.sendCommand(command, stream as Stream) as Promise<unknown>
  }

  #call<T>(act: () => Promise<T>, deadlineMs = this.#options.deadlineMs): Promise<T> {
    if (this.isReady && !this.#closed) return this.#withDeadline(act(), deadlineMs, deadlineMs)
    const startedAt = performance.now()
    return this.whenReady(deadlineMs).then(() =>
      this.#withDeadline(act(), deadlineMs - (performance.now() - startedAt), deadlineMs),
    )
  }

  #withDeadline<T>(reply: Promise<T>, remainingMs: number, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      let late: NodeJS.Immediate | undefined
      const expire = () => {
        // No answer on a connection that looks open: it may be open at this end only.
        reject(this.#unanswered(deadlineMs))
        this.reset()
      }
      // Where this thread was kept busy, the answer may have come, and lie there unread.
      const timer = setTimeout(() => {
        late = setImmediate(expire)
      }, remainingMs)
      const answered = () => {
        clearTimeout(timer)
        clearImmediate(late)
      }
      reply.then(
        (value) => {
          answered()
          this.#heardAt = performance.now()
          resolve(value)
        },
        (error) => {
          answered()
          reject(this.#explain(error))
        },
      )
    })
  }

  #explain(reason: Error): Error {
    const error = withoutCommand(reason)
    if (error.name === 'ReplyError') {
      return new CommandError(`Redis at ${this.address} refused a command: ${error.message}`, {
        cause: error,
      })
    }
    if (this.#closed) return this.#closedError()
    return new ConnectionError(
      `The connection to Redis at ${this.address} was lost before its answer came.`,
      {
        hint: 'The command may or may not have been done.',
        cause: error,
      },
    )
  }

  #unanswered(deadlineMs: number): Error {
    return new ConnectionError(`Redis at ${this.address} did not answer within ${deadlineMs} ms.`, {
      hint: 'The command may or may not have been done. Is Redis overloaded, or the network cut?',
    })
  }

  #unreachable(deadlineMs: number): Error {
    const because = this.#lastError ? ` (last error: ${this.#lastError.message})` : ''
    return new ConnectionError(
      `Redis at ${this.address} could not be reached within ${deadlineMs} ms${because}.`,
      {
        hint: 'Nothing was written. Check that Redis runs there and that its address and password are right.',
        cause: this.#lastError,
      },
    )
  }

  #closedError(): Error {
    return new ClosedError('This connection to Redis was closed.', { hint: 'Make the call before close().' })
  }
}

function ignore(): void {}

/** The client hangs a command and its arguments on an error: a password, or payloads, which logs would show. */
function withoutCommand(error: Error & { command?: unknown }): Error {
  delete error.command
  return error
}

function clientOptions({ target, name }: ConnectionOptions): RedisOptions & { replyMapping: 'legacy' } {
  return {
    ...(target.settings as RedisOptions),
    keyPrefix: '',
    connectionName: name,
    protocol: 2,
    replyMapping: 'legacy',
    lazyConnect: true,
    autoResubscribe: false,
    enableAutoPipelining: false,
    // The three that make a lost reply an error instead of a second try.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: true,
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(25 * 2 ** Math.min(times, 10), 800) + Math.random() * 200,
    // After a failover the old master may live on as a replica: look for the new one.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  }
}
