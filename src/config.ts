/**
 * Every option: its unit, its default and the reason for it; and the only reader of the environment.
 *
 * Nothing here connects or starts anything.
 */
import { ConfigError } from './errors.js'

/** The Ruby Resque version whose behaviour and process titles this package follows. */
export const RESQUE_VERSION = '3.0.0'

export const defaults = {
  /** Ruby's own default: key names begin with `resque:`. */
  namespace: 'resque',
  /** How long one call to Redis may take, its wait for a connection included. */
  commandTimeoutMs: 5_000,
  /** The largest payload that is taken or run: a queue is no place for files. */
  maxPayloadBytes: 1024 * 1024,
  /** Jobs at a time in one worker process. */
  concurrency: 1,
  prefetch: 0,
  /** The net under the wake-up by Redis: how long an idle worker waits before it looks for itself. Ruby polls at 5 s. */
  intervalMs: 5_000,
  /** How often a process shows that it lives. Ruby: 60 s. */
  heartbeatMs: 5_000,
  /** A worker of ours is dead after this long without a heartbeat. Six beats may fail. Ruby: 300 s. */
  deadAfterMs: 30_000,
  /** How often, in the whole cluster, somebody looks for the dead. With `deadAfterMs` it stays under 60 s. */
  pruneIntervalMs: 15_000,
  /** A job that killed its worker this often is parked in failed. */
  maxDeaths: 3,
  /** How long an event loop may stand still before its process is ended. 0: for ever. */
  maxStallMs: 3_600_000,
  /** How often a process tells what its jobs came to, and the sampler looks. */
  historyIntervalMs: 10_000,
  /** How long `stop` waits for running jobs before it aborts their signal. */
  stopTimeoutMs: 30_000,
  /** How long a job may take to end after its signal was aborted, before it is given up. Ruby: RESQUE_TERM_TIMEOUT. */
  abortGraceMs: 4_000,
  /** A child process that was told to end is killed after this long. */
  killGraceMs: 2_000,
  /** A child process is replaced after this many jobs, in case something leaks in it. A new one is slow at first. Ruby: 1. */
  jobsPerChild: 100_000,
  /** A child process that holds more than this after a job is replaced. */
  maxChildMemoryBytes: 512 * 1024 * 1024,
  /** A child process that had nothing to do for this long is ended. */
  childIdleMs: 300_000,
} as const

/** A timer of Node's that is longer than this ends at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** What a Ruby Resque worker lives by; a Ruby worker is judged by these alone. */
export const rubyRhythm = { heartbeatSeconds: 60, deadAfterSeconds: 300 } as const

/** Redis connection settings, named as ioredis names them; any further ioredis option is passed on. */
export interface RedisSettings {
  host?: string | undefined
  port?: number | undefined
  db?: number | undefined
  username?: string | undefined
  password?: string | undefined
  /** A unix socket, instead of host and port. */
  path?: string | undefined
  /** Options of `tls.connect`; an empty object is TLS with the system's certificates. */
  tls?: object | undefined
  [option: string]: unknown
}

/** Where Redis is: a URL, Ruby's `host:port:db/namespace`, settings, or an ioredis client whose settings are copied. */
export type RedisOption = string | RedisSettings | { options: object }

/** Where Redis is, read. */
export interface RedisTarget {
  settings: RedisSettings
  /** Only Ruby's short form can name one. */
  namespace?: string
}

/**
 * Reads the `redis` option the way Ruby's `Resque.redis=` does (R:114-143): a string with `redis://` or
 * `rediss://` in it is a URL and names no namespace; so does one that begins with `unix://`, the path of a socket,
 * with `?db=3` after it where it is not 0 (what redis-rb takes, and Ruby's line does not); any other string is `host:port:db/namespace`, each part
 * optional. Differs: a URL or a number that cannot be right is refused here, not at the first command.
 */
export function readRedisOption(option: RedisOption | undefined): RedisTarget {
  if (option === undefined) return { settings: { host: '127.0.0.1', port: 6379, db: 0 } }
  if (typeof option === 'string') {
    if (option.startsWith('unix://')) return readSocketUrl(option)
    return /rediss?:\/\//.test(option) ? readUrl(option) : readShortForm(option)
  }
  if (typeof option !== 'object' || option === null) {
    throw new ConfigError(`Expected \`redis\` to be a string or an object, got ${typeof option}.`)
  }
  return { settings: isClient(option) ? { ...option.options } : { ...option } }
}

function isClient(option: object): option is { options: RedisSettings } {
  return 'options' in option && typeof option.options === 'object' && 'duplicate' in option
}

function readUrl(text: string): RedisTarget {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new ConfigError('Expected a Redis URL that can be read, got one that cannot.', {
      hint: 'Write redis://user:password@host:port/db, and percent-encode special characters of the password.',
    })
  }
  const db = url.pathname.split('/')[1] ?? ''
  const settings: RedisSettings = {
    host: url.hostname ? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '') : '127.0.0.1',
    port: url.port ? Number(url.port) : 6379,
    db: db === '' ? 0 : readNumber(db, 'the database of the Redis URL'),
  }
  if (url.username) settings.username = decodeURIComponent(url.username)
  if (url.password) settings.password = decodeURIComponent(url.password)
  if (url.protocol === 'rediss:') settings.tls = {}
  return { settings }
}

function readSocketUrl(text: string): RedisTarget {
  const parts = /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\/[^?]+)(?:\?db=(\d+))?$/.exec(text)
  if (!parts) {
    throw new ConfigError('Expected the URL of a unix socket that can be read, got one that cannot.', {
      hint: 'Write unix:///path/to/redis.sock, or unix://user:password@/path/to/redis.sock?db=1.',
    })
  }
  const [, username, password, path = '', db = '0'] = parts
  const settings: RedisSettings = { path: decodeURIComponent(path), db: Number(db) }
  if (username) settings.username = decodeURIComponent(username)
  if (password) settings.password = decodeURIComponent(password)
  return { settings }
}

function readShortForm(text: string): RedisTarget {
  const slash = text.indexOf('/')
  const [host, port, db] = (slash < 0 ? text : text.slice(0, slash)).split(':')
  const namespace = slash < 0 ? '' : text.slice(slash + 1)
  const settings: RedisSettings = {
    host: host || '127.0.0.1',
    port: port ? readNumber(port, 'the port in host:port:db/namespace') : 6379,
    db: db ? readNumber(db, 'the database in host:port:db/namespace') : 0,
  }
  return namespace ? { settings, namespace } : { settings }
}

function readNumber(text: string, what: string): number {
  if (!/^\d+$/.test(text)) throw new ConfigError(`Expected ${what} to be a whole number, got "${text}".`)
  return Number(text)
}

/** Where Redis is, for people: never with a user name or a password. */
export function describeRedis({ settings }: RedisTarget): string {
  if (settings.path) return `unix:${settings.path}`
  const scheme = settings.tls ? 'rediss' : 'redis'
  return `${scheme}://${settings.host ?? '127.0.0.1'}:${settings.port ?? 6379}/${settings.db ?? 0}`
}

/** Checks a number option, with a sentence that names it. */
export function checkNumber(name: string, value: number, limits: { min: number; integer?: boolean }): number {
  const isRight =
    typeof value === 'number' &&
    value >= limits.min &&
    (!limits.integer || Number.isInteger(value)) &&
    value < Infinity
  if (isRight && name.endsWith('Ms') && value > LONGEST_TIMER_MS) {
    throw new ConfigError(`Expected \`${name}\` to be at most ${LONGEST_TIMER_MS} (24 days), got ${value}.`)
  }
  if (isRight) return value
  const kind = limits.integer ? 'a whole number' : 'a number'
  throw new ConfigError(
    `Expected \`${name}\` to be ${kind} of at least ${limits.min}, got \`${String(value)}\` (${typeof value}).`,
  )
}

/** The environment variables that Ruby Resque and its users know, read once. Unset ones are undefined. */
export interface Environment {
  /** `REDIS_URL`. */
  redis: string | undefined
  /** `RESQUE_NAMESPACE`. */
  namespace: string | undefined
  /** `QUEUES`, else `QUEUE`. */
  queues: string | undefined
  /** `INTERVAL`, given in seconds. 0: work until the queues are empty, then exit. */
  intervalMs: number | undefined
  /** `COUNT`. */
  count: number | undefined
  /** `PIDFILE`. */
  pidFile: string | undefined
  /** `BACKGROUND`. */
  background: boolean
  /** `VERBOSE` or `LOGGING`; `VVERBOSE` wins. */
  verbosity: 'verbose' | 'very-verbose' | undefined
  /** `TERM_CHILD`: any value counts, as in Ruby. */
  termChild: boolean
  /** `RESQUE_TERM_TIMEOUT`, given in seconds. */
  termTimeoutMs: number | undefined
  /** `RESQUE_PRE_SHUTDOWN_TIMEOUT`, given in seconds. */
  preShutdownTimeoutMs: number | undefined
  /** `GRACEFUL_TERM`. */
  gracefulTerm: boolean
  /** `RESQUE_PROCLINE_PREFIX`. */
  proclinePrefix: string
  /** `FAILURE_BACKEND`: `redis` or `redis_multi_queue`. */
  failureBackend: string | undefined
  /** `RESQUE_HISTORY`: false where it is 0, false, no or off. */
  history: boolean
  /** `RESQUE_POOL_CONFIG`. */
  poolConfig: string | undefined
  /** `RESQUE_WEB_USER` and `RESQUE_WEB_PASSWORD`: the one who may sign in to `resque web`. */
  webUser: string | undefined
  webPassword: string | undefined
  /** `RESQUE_WEB_SECRET`: signs what the web pages must recognise, in every process that serves them. */
  webSecret: string | undefined
  /** `RESQUE_WEB_TITLE`, `RESQUE_WEB_STATS_TXT` and so on: more options of `resque web`, as they stand there. */
  web: Readonly<Record<WebVariable, string | undefined>>
  /** `RAILS_ENV` and `RESQUE_SCHEDULER_MASTER_LOCK_PREFIX`: what resque-scheduler goes by. */
  schedulerEnvironment: string | undefined
  schedulerLockPrefix: string | undefined
  /** `RAILS_ENV`, else `RACK_ENV`, else `RESQUE_ENV`, else `NODE_ENV`; shown in `info`. */
  environment: string
  /** `NO_COLOR` is set. */
  noColor: boolean
}

type WebVariable =
  | 'title'
  | 'statsTxt'
  | 'retry'
  | 'keyBrowser'
  | 'redact'
  | 'loginLimit'
  | 'mutationLimit'
  | 'sessionMs'
  | 'cacheMs'

export function readEnvironment(env: Record<string, string | undefined> = process.env): Environment {
  return {
    redis: env.REDIS_URL || undefined,
    namespace: env.RESQUE_NAMESPACE || undefined,
    queues: env.QUEUES || env.QUEUE || undefined,
    intervalMs: seconds(env, 'INTERVAL'),
    count: env.COUNT ? checkNumber('COUNT', Number(env.COUNT), { min: 1, integer: true }) : undefined,
    pidFile: env.PIDFILE || undefined,
    background: Boolean(env.BACKGROUND),
    verbosity: env.VVERBOSE ? 'very-verbose' : env.VERBOSE || env.LOGGING ? 'verbose' : undefined,
    termChild: env.TERM_CHILD !== undefined,
    termTimeoutMs: seconds(env, 'RESQUE_TERM_TIMEOUT'),
    preShutdownTimeoutMs: seconds(env, 'RESQUE_PRE_SHUTDOWN_TIMEOUT'),
    gracefulTerm: Boolean(env.GRACEFUL_TERM),
    proclinePrefix: env.RESQUE_PROCLINE_PREFIX ?? '',
    failureBackend: env.FAILURE_BACKEND || undefined,
    history: !/^(0|false|no|off)$/i.test(env.RESQUE_HISTORY ?? ''),
    poolConfig: env.RESQUE_POOL_CONFIG || undefined,
    webUser: env.RESQUE_WEB_USER || undefined,
    webPassword: env.RESQUE_WEB_PASSWORD || undefined,
    webSecret: env.RESQUE_WEB_SECRET || undefined,
    web: {
      title: env.RESQUE_WEB_TITLE || undefined,
      statsTxt: env.RESQUE_WEB_STATS_TXT || undefined,
      retry: env.RESQUE_WEB_RETRY || undefined,
      keyBrowser: env.RESQUE_WEB_KEY_BROWSER || undefined,
      redact: env.RESQUE_WEB_REDACT || undefined,
      loginLimit: env.RESQUE_WEB_LOGIN_LIMIT || undefined,
      mutationLimit: env.RESQUE_WEB_MUTATION_LIMIT || undefined,
      sessionMs: env.RESQUE_WEB_SESSION_MS || undefined,
      cacheMs: env.RESQUE_WEB_CACHE_MS || undefined,
    },
    schedulerEnvironment: env.RAILS_ENV || undefined,
    schedulerLockPrefix: env.RESQUE_SCHEDULER_MASTER_LOCK_PREFIX || undefined,
    environment: env.RAILS_ENV || env.RACK_ENV || env.RESQUE_ENV || env.NODE_ENV || 'development',
    noColor: Boolean(env.NO_COLOR),
  }
}

function seconds(env: Record<string, string | undefined>, name: string): number | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  return checkNumber(name, Number(text), { min: 0 }) * 1_000
}
