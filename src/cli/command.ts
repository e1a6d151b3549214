/**
 * What all commands share: the options that say where Redis is, the form of their help, and the life of a call:
 * connect, do it, close.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Environment, readEnvironment } from '../config.js'
import { ConnectionError } from '../errors.js'
import type { FailureBackend } from '../failure/backend.js'
import { redisBackend } from '../failure/redis.js'
import { redisMultiQueueBackend } from '../failure/redis-multi-queue.js'
import type { Resque } from '../resque.js'
import type { ResqueOptions } from '../resque-options.js'
import { Failure, Misuse, nearest, suggestion } from './errors.js'
import { Output } from './output.js'

/** A Redis that a person waits for should be there by then. */
const CONNECT_MS = 2_500

/** Work on many entries may take a call longer than a worker would wait. */
const COMMAND_MS = 15_000

export interface CommonFlags {
  redis?: string
  namespace?: string
  json?: boolean
  verbose?: boolean
  failureBackend?: string
}

export interface Description {
  /** One line: what it is for. */
  summary: string
  /** More, where it is needed. */
  details?: string
  examples: readonly string[]
}

/** Adds a command with what all have; its own arguments and options follow. */
export function addCommand(
  parent: Command,
  name: string,
  { summary, details, examples }: Description,
): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(details === undefined ? `${summary}.` : `${summary}.\n\n${details.replaceAll('\n', ' ')}`)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
}

const connectionHeading = 'Options of all commands:'

/** Adds the options that every command has, after its own. */
export function addCommonOptions(command: Command, { json = true } = {}): Command {
  command
    .addOption(
      new Option(
        '-r, --redis <address>',
        'redis:// or rediss:// URL, or host:port:db/namespace (env: REDIS_URL, where a password is safer; ' +
          'default: 127.0.0.1:6379)',
      ).helpGroup(connectionHeading),
    )
    .addOption(
      new Option(
        '-N, --namespace <name>',
        'key names begin with it (env: RESQUE_NAMESPACE; default: resque)',
      ).helpGroup(connectionHeading),
    )
  if (json) {
    command
      .addOption(new Option('--json', 'print JSON').helpGroup(connectionHeading))
      .addOption(new Option('--verbose', 'show the stack of an error').helpGroup(connectionHeading))
  }
  return command
    .helpOption(undefined)
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(connectionHeading))
}

/** The option that says where failed jobs are kept. */
export function failureBackendOption(): Option {
  return new Option(
    '--failure-backend <name>',
    `where failed jobs go: redis (the list "failed") or redis_multi_queue (a list per queue) (env: FAILURE_BACKEND; default: redis)`,
  ).argParser(oneOf(Object.keys(failureBackends)))
}

const failureBackends: Record<string, FailureBackend> = {
  redis: redisBackend,
  redis_multi_queue: redisMultiQueueBackend,
}

/** The options of a call, those given before the command's name included. */
export function flagsOf<Flags>(command: Command): Flags & CommonFlags {
  const flags = command.parent ? flagsOf<object>(command.parent) : {}
  return { ...flags, ...command.opts() } as Flags & CommonFlags
}

/** A call of a command that speaks with Redis. */
export interface Call<Flags> {
  resque: Resque
  out: Output
  flags: Flags & CommonFlags
  /** The words after the command's name, as they are. */
  args: readonly string[]
  env: Environment
}

/** The action of a command that connects, does something and is done. */
export function redisAction<Flags>(work: (call: Call<Flags>) => Promise<void>) {
  return async function action(this: Command): Promise<void> {
    const flags = flagsOf<Flags>(this)
    const env = readEnvironment()
    const resque = await openResque(flags, env, { commandTimeoutMs: COMMAND_MS })
    try {
      await resque.store.connection.whenReady(CONNECT_MS)
      await work({ resque, flags, env, args: this.args, out: new Output(flags.json === true) })
    } catch (error) {
      if (error instanceof ConnectionError) throw new Failure(connectionComplaint(error), { cause: error })
      throw error
    } finally {
      await resque.close()
    }
  }
}

/** The library's sentence, without what only a program would do something about. */
export function connectionComplaint(error: ConnectionError): string {
  return error.message.replace(
    'Nothing was written. Check that Redis runs there and',
    'Check that Redis runs there and',
  )
}

/** The client a call asks for. The command line goes before the environment. */
export async function openResque(
  flags: CommonFlags,
  env: Environment,
  options: ResqueOptions = {},
): Promise<Resque> {
  const address = flags.redis ?? env.redis
  if (address !== undefined) checkAddress(address, flags.redis === undefined ? 'REDIS_URL' : '--redis')
  // A namespace in --redis is closer to the user's mind than one in the environment.
  const namesOne = flags.redis !== undefined && !flags.redis.includes('://') && /\/./.test(flags.redis)
  const namespace = flags.namespace ?? (namesOne ? undefined : env.namespace)
  // Only now: help and complaints should not wait for a Redis client to load.
  const { Resque } = await import('../resque.js')
  return new Resque({
    ...options,
    failureBackend: readFailureBackend(flags.failureBackend ?? env.failureBackend),
    ...(address !== undefined && { redis: address }),
    ...(namespace !== undefined && { namespace }),
  })
}

function readFailureBackend(name = 'redis'): FailureBackend {
  const names = Object.keys(failureBackends)
  const backend = failureBackends[name]
  if (backend) return backend
  throw new Misuse(
    `Expected the failure backend to be ${names.join(' or ')}, got "${name}".${suggestion(name, names)}`,
  )
}

/** What is no URL is taken as host:port:db/namespace, parts of which get printed: a password must not be among them. */
function checkAddress(address: string, source: string): void {
  if (/^rediss?:\/\//.test(address) || !/:\/\/|@/.test(address)) return
  throw new Misuse(
    `Expected ${source} to be redis://user:password@host:port/db or host:port:db/namespace, got something else.`,
  )
}

/** For an option or argument that takes one of a few words. */
export function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    if (values.includes(text as T)) return text as T
    const near = nearest(text, values)
    throw new InvalidArgumentError(
      `Expected ${values.join(' or ')}.${near === undefined ? '' : ` Did you mean "${near}"?`}`,
    )
  }
}

/** For an option that takes a whole number. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (/^-?\d+$/.test(text) && Number(text) >= min && Number.isSafeInteger(Number(text))) return Number(text)
    throw new InvalidArgumentError(`Expected a whole number of at least ${min}.`)
  }
}

/** For an option that may be given more than once. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}
