/**
 * Who makes a request. Each mode that is set up is asked in turn; the first that knows him says what he may.
 */

import { createHash } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import type { WebContext, WebEnv } from '../context.js'
import { type AuthModes, seesEvery, type WebAccount } from '../options.js'
import { readCookie } from './cookies.js'
import { isUnsafe } from './csrf.js'
import { isProbe } from './host.js'
import { hashToken, noPassword, passwordMatches, sameText } from './passwords.js'
import { isIn } from './peer.js'
import { Refusal } from './refusal.js'
import { type Role, roles, type WebUser } from './roles.js'

/** Verified Basic headers, so that a browser that sends one each time does not cost a derivation each time. */
const BASIC_MS = 60_000
const MAX_BASIC = 1_000

export function authenticate(web: WebContext): MiddlewareHandler<WebEnv> {
  const known = new Map<string, { user: WebUser; until: number }>()
  const { auth } = web.settings
  return async (c, next) => {
    // Nobody is asked who he is: a custom function would send a probe to its login.
    if (!isUnsafe(c.req.method) && isOpen(c.req.path, web.settings)) return next()
    const found = auth === 'none' ? everybody : await recognise(c, web, auth, known)
    if (found instanceof Response) return found
    c.set('user', found)
    await next()
  }
}

function isOpen(path: string, { statsTxt }: WebContext['settings']): boolean {
  return isProbe(path) || (statsTxt === 'public' && path === '/stats.txt')
}

const everybody: WebUser = { name: 'local', role: 'admin', by: 'none', sees: () => true, seesAll: true }

/** Whether he who made a request that lasts would be let in again, as the same. */
export async function stillKnows(web: WebContext, c: Context<WebEnv>, user: WebUser): Promise<boolean> {
  const { auth } = web.settings
  if (auth === 'none') return true
  if (user.by === 'session') return (await web.sessions.userOf(readCookie(c, 'session') ?? '')) === user.name
  if (user.by !== 'custom') return true
  const answer = await auth.custom?.(c.req.raw, c.get('peer'))
  return (
    answer != null && !(answer instanceof Response) && answer.user === user.name && answer.role === user.role
  )
}

async function recognise(
  c: Context<WebEnv>,
  web: WebContext,
  auth: AuthModes,
  known: Map<string, { user: WebUser; until: number }>,
): Promise<WebUser | Response | undefined> {
  const header = c.req.header('authorization') ?? ''
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer' && auth.tokens) return byToken(c, web, auth, credentials)
  if (scheme.toLowerCase() === 'basic' && auth.users) return byBasic(c, web, credentials, known)
  const session = auth.users && readCookie(c, 'session')
  if (session) {
    const name = await web.sessions.userOf(session)
    const account = auth.users?.find((each) => each.name === name)
    if (account) return userFrom(web, account, 'session')
  }
  const { address } = c.get('peer')
  if (auth.proxy && address !== undefined && isIn(web.settings.proxyPeers, address)) {
    const name = c.req.header(auth.proxy.header)
    const role = name && (typeof auth.proxy.role === 'function' ? auth.proxy.role(name) : auth.proxy.role)
    if (name && role) return userFrom(web, { name, role }, 'proxy')
  }
  if (!auth.custom) return undefined
  const answer = await auth.custom(c.req.raw, c.get('peer'))
  if (answer === null || answer instanceof Response) return answer ?? undefined
  if (!roles.includes(answer.role)) throw new Error(`auth.custom gave ${answer.user} no role.`)
  return userFrom(web, { ...answer, name: answer.user }, 'custom')
}

function byToken(c: Context<WebEnv>, web: WebContext, auth: AuthModes, token: string): WebUser | undefined {
  // Tokens are random: who guesses is slowed down, and nobody is locked out by it.
  const hash = hashToken(token)
  const account = auth.tokens?.find((each) => sameText(each.token, hash))
  if (account) return userFrom(web, account, 'bearer')
  slowDown(c, web, 'bearer')
  return undefined
}

async function byBasic(
  c: Context<WebEnv>,
  web: WebContext,
  credentials: string,
  known: Map<string, { user: WebUser; until: number }>,
): Promise<WebUser | undefined> {
  const digest = createHash('sha256').update(credentials).digest('base64')
  const now = web.now().getTime()
  const before = known.get(digest)
  if (before && before.until > now) return before.user
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const account = colon < 0 ? undefined : await signIn(c, web, text.slice(0, colon), text.slice(colon + 1))
  if (!account) return undefined
  const user = userFrom(web, account, 'basic')
  if (known.size >= MAX_BASIC) known.clear()
  known.set(digest, { user, until: now + BASIC_MS })
  return user
}

/** The account with this name and password. Refuses who has tried too often. */
export async function signIn(
  c: Context<WebEnv>,
  web: WebContext,
  name: string,
  password: string,
): Promise<WebAccount | undefined> {
  const { auth } = web.settings
  const address = c.get('address')
  if (name.length > 128 || password.length > 1_024) return undefined
  slowDown(c, web, name)
  const account = auth === 'none' ? undefined : auth.users?.find((each) => sameText(each.name, name))
  const isRight = await passwordMatches(password, account?.password ?? noPassword)
  if (!account || !isRight) {
    web.log.warn({ user: name.slice(0, 64), address }, 'A login was refused.')
    return undefined
  }
  web.limits.login.forgive(`${name}\0${address}`)
  return account
}

function slowDown(c: Context<WebEnv>, web: WebContext, name: string): void {
  const now = web.now().getTime()
  const address = c.get('address')
  const waitSeconds = Math.max(
    web.limits.login.take(`${name}\0${address}`, now),
    web.limits.loginFrom.take(address, now),
  )
  if (waitSeconds === 0) return
  throw new Refusal(429, 'Too many logins that failed.', {
    headers: { 'retry-after': String(waitSeconds) },
    hint: `Try again in ${waitSeconds} seconds.`,
  })
}

function userFrom(
  web: WebContext,
  account: { name: string; role: Role; queues?: readonly string[] },
  by: WebUser['by'],
): WebUser {
  const { name, role, queues } = account
  return {
    name,
    role,
    by,
    seesAll: queues === undefined && web.settings.sees === seesEvery,
    sees: (queue) =>
      (queues === undefined || queues.includes(queue)) && web.settings.sees({ name, role }, queue),
  }
}
