/**
 * What `resque web` may be told of `createWeb`'s options beside where it listens and who may come in: each by a flag or a
 * variable, read the same way.
 */
import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../config.js'
import type { WebOptions } from '../web/index.js'
import { oneOf, wholeNumber } from './command.js'
import { Misuse } from './errors.js'

type Secrets = readonly (string | RegExp)[] | false

export interface WebFlags {
  title?: string
  statsTxt?: 'viewer' | 'public'
  retry?: 'mark' | 'remove'
  keyBrowser?: boolean
  redact?: Secrets
  loginLimit?: number
  mutationLimit?: number
  sessionMs?: number
  cacheMs?: number
}

const statsTxt = oneOf(['viewer', 'public'] as const)
const retry = oneOf(['mark', 'remove'] as const)

export function addWebOptions(command: Command): void {
  command
    .option(
      '--title <text>',
      'stands in the title of each page (env: RESQUE_WEB_TITLE; default: the namespace)',
    )
    .option(
      '--stats-txt <who>',
      'viewer, or public: /stats.txt for monitors that cannot sign in (env: RESQUE_WEB_STATS_TXT; default: viewer)',
      statsTxt,
    )
    .option(
      '--retry <what>',
      'mark or remove: what becomes of a failed job that is retried (env: RESQUE_WEB_RETRY; default: mark)',
      retry,
    )
    .option(
      '--key-browser',
      "pages of Redis' keys, for admins (env: RESQUE_WEB_KEY_BROWSER=1; default: on a loopback address, with no proxy and no --allow-host)",
    )
    .option('--no-key-browser', 'none of them (env: RESQUE_WEB_KEY_BROWSER=0)')
    .option(
      '--redact <name>',
      'hide values of this name too, or of names that match /a pattern/i; may be repeated (env: RESQUE_WEB_REDACT, with commas)',
      (text: string, before: Secrets | undefined) => [...(before || []), secret(text)],
    )
    .option('--no-redact', 'hide no values (env: RESQUE_WEB_REDACT=0)')
    .option(
      '--login-limit <n>',
      'logins of one user and address a minute (env: RESQUE_WEB_LOGIN_LIMIT; default: 5)',
      wholeNumber(1),
    )
    .option(
      '--mutation-limit <n>',
      'changes by one user a minute (env: RESQUE_WEB_MUTATION_LIMIT; default: 60)',
      wholeNumber(1),
    )
    .option(
      '--session-ms <ms>',
      'how long a login lasts (env: RESQUE_WEB_SESSION_MS; default: 12 hours)',
      wholeNumber(1_000),
    )
    .option(
      '--cache-ms <ms>',
      'how old the counts on a page may be (env: RESQUE_WEB_CACHE_MS; default: 1000)',
      wholeNumber(0),
    )
}

/** The command line goes before the environment. Throws Misuse at a variable that cannot be right. */
export function readWebFlags(flags: WebFlags, { web }: Environment): Partial<WebOptions> {
  const title = flags.title ?? web.title
  const statsTxtOf = flags.statsTxt ?? read('STATS_TXT', web.statsTxt, statsTxt)
  const retryOf = flags.retry ?? read('RETRY', web.retry, retry)
  const keyBrowser = flags.keyBrowser ?? read('KEY_BROWSER', web.keyBrowser, toggle)
  const redact = flags.redact ?? read('REDACT', web.redact, secrets)
  const login = flags.loginLimit ?? read('LOGIN_LIMIT', web.loginLimit, wholeNumber(1))
  const mutations = flags.mutationLimit ?? read('MUTATION_LIMIT', web.mutationLimit, wholeNumber(1))
  const sessionMs = flags.sessionMs ?? read('SESSION_MS', web.sessionMs, wholeNumber(1_000))
  const cacheMs = flags.cacheMs ?? read('CACHE_MS', web.cacheMs, wholeNumber(0))
  return {
    ...(title !== undefined && { title }),
    ...(statsTxtOf !== undefined && { statsTxt: statsTxtOf }),
    ...(retryOf !== undefined && { retry: retryOf }),
    ...(keyBrowser !== undefined && { keyBrowser }),
    ...(redact !== undefined && { redact }),
    limits: { ...(login !== undefined && { login }), ...(mutations !== undefined && { mutations }) },
    ...(sessionMs !== undefined && { sessionMs }),
    ...(cacheMs !== undefined && { cacheMs }),
  }
}

function read<T>(name: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new Misuse(`RESQUE_WEB_${name} cannot be "${text}". ${error.message}`)
  }
}

const OFF = /^(0|false|no|off)$/i

function toggle(text: string): boolean {
  if (OFF.test(text)) return false
  if (/^(1|true|yes|on)$/i.test(text)) return true
  throw new InvalidArgumentError('Expected 1 or 0.')
}

function secrets(text: string): Secrets {
  if (OFF.test(text)) return false
  return text.split(',').map((each) => secret(each.trim()))
}

/** A name, or a pattern between slashes. */
function secret(text: string): string | RegExp {
  if (text === '') throw new InvalidArgumentError('Expected a name, or /a pattern/i.')
  if (!text.startsWith('/')) return text
  const [, source, options] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? []
  try {
    if (source !== undefined) return new RegExp(source, options)
  } catch {
    // It is said below.
  }
  throw new InvalidArgumentError('Expected a regular expression between slashes, such as /pin$/i.')
}
