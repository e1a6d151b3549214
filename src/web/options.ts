/**
 * What `createWeb` is told: every option, checked, with its default. Nothing here starts anything.
 */
import { randomBytes } from 'node:crypto'
import type { BlockList } from 'node:net'
import { checkNumber } from '../config.js'
import { type Logger, silentLogger } from '../context.js'
import { ConfigError } from '../errors.js'
import type { Resque } from '../resque.js'
import { isPasswordHash } from './access/passwords.js'
import { makeList, type Peer } from './access/peer.js'
import { defaultSecrets } from './access/redact.js'
import { type Role, roles, type WebUser } from './access/user.js'
import { readTabs, type TabSettings, type WebTab } from './user-tabs.js'

/** A person who signs in with a password. */
export interface WebAccount {
  name: string
  /** As `hashPassword` makes it (`resque web --hash-password`). */
  password: string
  role: Role
  /** Names of the only queues this user knows of. Default: all. */
  queues?: readonly string[]
}

/** A program that signs in with `Authorization: Bearer …`. */
export interface WebToken {
  name: string
  /** As `hashToken` makes it. */
  token: string
  role: Role
  queues?: readonly string[]
}

/** A proxy in front of this server that has recognised the user, and says so in a header. */
export interface ProxyAuth {
  /** The header that names the user, such as `x-forwarded-user`. */
  header: string
  /** Addresses or CIDR ranges of the proxies. From anybody else the header means nothing. */
  peers: readonly string[]
  /** The role of a user: one for all, or by name. Undefined refuses him. */
  role: Role | ((name: string) => Role | undefined)
}

/**
 * Recognises whoever sent a request: a user, null for nobody, or a response of its own, such as a redirect. It is shown
 * `X-Forwarded-*` and the like from the proxies that were named, and from nobody else.
 */
export type CustomAuth = (request: Request, peer: Peer) => AuthAnswer | Promise<AuthAnswer>

type AuthAnswer = { user: string; role: Role; queues?: readonly string[] } | null | Response

/** Several may be used side by side. */
export interface AuthModes {
  /** Sign in on the login page, or by HTTP Basic. */
  users?: readonly WebAccount[]
  /** Ask by the browser's own dialog instead of the login page. Default false. */
  basic?: boolean
  tokens?: readonly WebToken[]
  proxy?: ProxyAuth
  custom?: CustomAuth
}

export interface WebOptions {
  resque: Resque
  /**
   * Who may come in. `'none'` is everybody, as an admin, and is only served on a loopback address under a loopback
   * name. There is no default.
   */
  auth: 'none' | AuthModes
  /** Where it is mounted, such as `/resque`. Default: at the root. */
  basePath?: string
  /** Host names under which it is reached, `name` or `name:port`. Loopback names are always known. */
  hosts?: readonly string[]
  /** Addresses of proxies whose `X-Forwarded-Host`, `-Proto` and `-For` are believed. Default: none. */
  trustedProxies?: readonly string[]
  /** Whether a user may know of a queue; beside the `queues` of his account. Default: all see all. */
  sees?: (user: Pick<WebUser, 'name' | 'role'>, queue: string) => boolean
  /** Names of members whose values are hidden in arguments, added to the usual ones; false hides nothing. */
  redact?: readonly (string | RegExp)[] | false
  /** `'public'` serves `/stats.txt` to everybody, for monitors that cannot sign in. Default: like any page. */
  statsTxt?: 'viewer' | 'public'
  /** The pages of Redis' keys, for admins. Default: on a loopback address, unless a proxy or `hosts` are named. */
  keyBrowser?: boolean
  /** Signs what must not be forged. Give the same to each process that serves the same pages. Default: random. */
  secret?: string
  /** How long a login lasts. Default: 12 hours. */
  sessionMs?: number
  /** Name of this Resque in the title. Default: its namespace. */
  title?: string
  /** Limits of one user and address a minute. */
  limits?: { login?: number; mutations?: number }
  /** How old the counts on a page may be: all who look share one look at Redis. Default: 1,000 ms. */
  cacheMs?: number
  /**
   * What becomes of a failed job that is retried: `'mark'` keeps it in the list, marked as Ruby does, `'remove'` drops it
   * in the same step. Default: `'mark'`.
   */
  retry?: 'mark' | 'remove'
  /** Take part in sampling counters and queues for the charts. Default: true. */
  history?: boolean
  /**
   * Of resque-scheduler: the environment it runs in, so that schedules for others can be told, and its
   * RESQUE_SCHEDULER_MASTER_LOCK_PREFIX.
   */
  scheduler?: { environment?: string | undefined; lockPrefix?: string | undefined }
  /** Pages of your own, behind ours in the navigation. */
  tabs?: readonly WebTab[]
  logger?: Logger
  /** The clock. Default: the system's. */
  now?: () => Date
}

/** The options, complete. */
export interface WebSettings {
  auth: 'none' | AuthModes
  basePath: string
  hosts: readonly string[]
  trustedProxies: BlockList
  proxyPeers: BlockList
  sees: (user: Pick<WebUser, 'name' | 'role'>, queue: string) => boolean
  secrets: readonly RegExp[]
  statsTxt: 'viewer' | 'public'
  /** `local`: where both ends of the connection are this machine. */
  keyBrowser: boolean | 'local'
  secret: string
  sessionMs: number
  title: string
  limits: { login: number; mutations: number }
  cacheMs: number
  /** What is retried leaves the failed list. */
  dropsRetried: boolean
  history: boolean
  scheduler: { environment: string | undefined; lockPrefix: string }
  tabs: readonly TabSettings[]
  logger: Logger
  now: () => Date
}

const names: readonly string[] = [
  ...[
    'resque',
    'auth',
    'basePath',
    'hosts',
    'trustedProxies',
    'sees',
    'redact',
    'statsTxt',
    'keyBrowser',
    'secret',
  ],
  ...['sessionMs', 'title', 'limits', 'cacheMs', 'retry', 'history', 'scheduler', 'tabs', 'logger', 'now'],
]

const HOURS = 3_600_000

/** Where nothing was said about who sees what. */
export const seesEvery = () => true

/** Throws ConfigError at the first option that cannot be right. */
export function readWebOptions(options: WebOptions): WebSettings {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new ConfigError(`Unknown option \`${name}\` of createWeb.`, {
        hint: `It has: ${names.join(', ')}.`,
      })
  }
  const auth = readAuth(options.auth)
  const basePath = readBasePath(options.basePath ?? '')
  const { hosts = [], trustedProxies = [], limits = {}, sessionMs = 12 * HOURS, cacheMs = 1_000 } = options
  const isProxied = hosts.length + trustedProxies.length > 0 || (auth !== 'none' && auth.proxy !== undefined)
  return {
    auth,
    basePath,
    hosts: hosts.map(readHost),
    trustedProxies: readAddresses('trustedProxies', trustedProxies),
    proxyPeers: readAddresses('auth.proxy.peers', auth === 'none' ? [] : (auth.proxy?.peers ?? [])),
    sees: options.sees ?? seesEvery,
    secrets: options.redact === false ? [] : [...defaultSecrets, ...(options.redact ?? []).map(toPattern)],
    statsTxt: options.statsTxt ?? 'viewer',
    keyBrowser: options.keyBrowser ?? (isProxied ? false : 'local'),
    secret: options.secret ?? randomBytes(32).toString('base64url'),
    sessionMs: checkNumber('sessionMs', sessionMs, { min: 1_000 }),
    title: options.title ?? options.resque.namespace,
    limits: {
      login: checkNumber('limits.login', limits.login ?? 5, { min: 1 }),
      mutations: checkNumber('limits.mutations', limits.mutations ?? 60, { min: 1 }),
    },
    cacheMs: checkNumber('cacheMs', cacheMs, { min: 0 }),
    dropsRetried: readRetry(options.retry) === 'remove',
    history: options.history ?? true,
    scheduler: {
      environment: options.scheduler?.environment,
      lockPrefix: options.scheduler?.lockPrefix ?? '',
    },
    tabs: readTabs(options.tabs ?? [], basePath),
    logger: options.logger ?? silentLogger,
    now: options.now ?? (() => new Date()),
  }
}

const authHint =
  "Give { users: [{ name, password: await hashPassword('…'), role: 'admin' }] }, tokens, proxy or custom; or 'none' for a page that only this machine can open."

function readAuth(auth: WebOptions['auth'] | undefined): 'none' | AuthModes {
  if (auth === 'none') return auth
  if (typeof auth !== 'object' || auth === null)
    throw new ConfigError('Expected `auth` to say who may come in, got nothing.', { hint: authHint })
  for (const key of Object.keys(auth)) {
    if (!['users', 'basic', 'tokens', 'proxy', 'custom'].includes(key))
      throw new ConfigError(`Unknown mode \`${key}\` of \`auth\`.`, { hint: authHint })
  }
  const { users = [], tokens = [], proxy, custom } = auth
  if (users.length + tokens.length === 0 && !proxy && !custom)
    throw new ConfigError('`auth` lets nobody in.', { hint: authHint })
  for (const { name, password, role } of users) {
    checkRole(role, name)
    if (typeof name !== 'string' || name === '' || name.includes(':'))
      throw new ConfigError('Expected the name of a user to be a word without a colon.')
    if (!isPasswordHash(password))
      throw new ConfigError(`The password of ${name} is not a hash.`, {
        hint: 'Make one with hashPassword() or resque web --hash-password.',
      })
  }
  for (const { name, token, role } of tokens) {
    checkRole(role, name)
    if (!/^sha256\$[\w-]{43}$/.test(token))
      throw new ConfigError(`The token of ${name} is not a hash.`, { hint: 'Make one with hashToken().' })
  }
  if (proxy) {
    if (!/^[\w-]+$/.test(proxy.header))
      throw new ConfigError('Expected `auth.proxy.header` to name a header.')
    if (!Array.isArray(proxy.peers) || proxy.peers.length === 0)
      throw new ConfigError('Expected `auth.proxy.peers` to list the addresses of the proxies, got none.', {
        hint: 'Without it anybody could send that header.',
      })
    if (typeof proxy.role !== 'function') checkRole(proxy.role, 'auth.proxy')
  }
  return auth
}

function checkRole(role: Role, of: string): void {
  if (!roles.includes(role))
    throw new ConfigError(
      `Expected the role of ${of} to be ${roles.join(', ')}, got ${JSON.stringify(role)}.`,
    )
}

function readRetry(retry: WebOptions['retry'] = 'mark'): 'mark' | 'remove' {
  if (retry === 'mark' || retry === 'remove') return retry
  throw new ConfigError(`Expected \`retry\` to be mark or remove, got ${JSON.stringify(retry)}.`)
}

function readBasePath(path: string): string {
  const plain = path.replace(/\/+$/, '')
  if (plain === '' || /^(\/[\w.~-]+)+$/.test(plain)) return plain
  throw new ConfigError(`Expected \`basePath\` to look like /resque, got ${JSON.stringify(path)}.`)
}

function readHost(host: string): string {
  if (/^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(host)) return host.toLowerCase()
  throw new ConfigError(
    `Expected \`hosts\` to hold names such as jobs.example.com, got ${JSON.stringify(host)}.`,
  )
}

function readAddresses(name: string, entries: readonly string[]): BlockList {
  try {
    return makeList(entries)
  } catch (cause) {
    throw new ConfigError(
      `Expected \`${name}\` to hold addresses such as 10.0.0.0/8, got ${entries.join(', ')}.`,
      {
        cause,
      },
    )
  }
}

function toPattern(key: string | RegExp): RegExp {
  if (key instanceof RegExp) return new RegExp(key.source, key.flags.replace(/[gy]/g, ''))
  return new RegExp(`^${key.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}$`, 'i')
}
