/**
 * What a client is told: its options, checked, with their defaults.
 */
import { checkNumber, defaults, type RedisOption, type RedisTarget, readRedisOption } from './config.js'
import { type Logger, silentLogger } from './context.js'
import { ConfigError } from './errors.js'
import type { FailureBackend } from './failure/backend.js'
import { redisBackend } from './failure/redis.js'

export interface ResqueOptions {
  /**
   * Where Redis is: `redis://` or `rediss://` URL, Ruby's `host:port:db/namespace`, an object of settings
   * (`host`, `port`, `db`, `username`, `password`, `path`, `tls`, and any other of ioredis), or an ioredis client,
   * whose settings are copied. Default: 127.0.0.1:6379.
   */
  redis?: RedisOption
  /** Key names begin with it and a colon. Default: `resque`, or what Ruby's short form names. */
  namespace?: string
  /** The largest payload that is accepted. Default: 1 MiB. */
  maxPayloadBytes?: number
  /** The deadline of each call to Redis. Default: 5,000 ms. */
  commandTimeoutMs?: number
  /** Perform jobs in the caller instead of enqueuing them, as Ruby's `Resque.inline = true`. For tests. */
  inline?: boolean
  /** Where failures go. Default: the list `failed`. */
  failureBackend?: FailureBackend
  /** For what cannot be returned or thrown. Default: says nothing. */
  logger?: Logger
}

/** The options, complete. */
export interface ResqueSettings {
  target: RedisTarget
  namespace: string
  maxPayloadBytes: number
  deadlineMs: number
  inline: boolean
  failureBackend: FailureBackend
  logger: Logger
}

const names = [
  'redis',
  'namespace',
  'maxPayloadBytes',
  'commandTimeoutMs',
  'inline',
  'failureBackend',
  'logger',
]

/** Throws ConfigError at the first option that cannot be right. */
export function readOptions(options: ResqueOptions): ResqueSettings {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    throw new ConfigError(`Unknown option \`${name}\` of Resque.`, { hint: `It has: ${names.join(', ')}.` })
  }
  const target = readRedisOption(options.redis)
  const namespace = options.namespace ?? target.namespace ?? defaults.namespace
  if (typeof namespace !== 'string' || namespace === '') {
    throw new ConfigError(
      `Expected \`namespace\` to be a string that is not empty, got ${JSON.stringify(namespace)}.`,
    )
  }
  const { maxPayloadBytes = defaults.maxPayloadBytes, commandTimeoutMs = defaults.commandTimeoutMs } = options
  return {
    target,
    namespace,
    maxPayloadBytes: checkNumber('maxPayloadBytes', maxPayloadBytes, { min: 1 }),
    deadlineMs: checkNumber('commandTimeoutMs', commandTimeoutMs, { min: 1 }),
    inline: options.inline ?? false,
    failureBackend: options.failureBackend ?? redisBackend,
    logger: options.logger ?? silentLogger,
  }
}
