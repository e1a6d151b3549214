/**
 * That a request which changes something was meant by its user, and not sent by a foreign page in his name.
 *
 * Two checks, each enough by itself: where the browser says the request comes from, and a token that only our own
 * pages hold, bound to the session or the user. A bearer token is sent by programs and never by a browser on its own.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { WebContext, WebEnv } from '../context.js'
import { readCookie } from './cookies.js'
import { sameText, sign } from './passwords.js'
import { Refusal } from './refusal.js'

export function isUnsafe(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

/** The name of the field, and of the header for scripts of ours. */
export const CSRF_FIELD = '_token'
const CSRF_HEADER = 'x-csrf-token'

export function checkCsrf(web: WebContext): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const token = tokenOf(c, web)
    c.set('csrfToken', token)
    if (isUnsafe(c.req.method) && c.get('user')?.by !== 'bearer') {
      checkOrigin(c)
      const sent = c.req.header(CSRF_HEADER) ?? c.get('body').get(CSRF_FIELD)
      if (token === '' || !sameText(sent, token)) {
        throw new Refusal(403, 'This form is not, or no longer, one of ours.', {
          hint: 'Go back, load the page again, and repeat what you did.',
        })
      }
    }
    await next()
  }
}

/** '' where nothing is there that a token could be bound to. */
function tokenOf(c: Context<WebEnv>, web: WebContext): string {
  const user = c.get('user')
  if (user?.by === 'session') return sign(readCookie(c, 'session') ?? '', 'csrf')
  if (user) return sign(web.settings.secret, `csrf:${user.by}:${user.name}`)
  const login = readCookie(c, 'login')
  return login ? sign(login, 'csrf') : ''
}

function checkOrigin(c: Context<WebEnv>): void {
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined) {
    if (site === 'same-origin') return
    throw foreign(site)
  }
  const origin = c.req.header('origin')
  if (origin === undefined || !isOwnOrigin(c, origin)) throw foreign(origin ?? 'nowhere')
}

export function isOwnOrigin(c: Context<WebEnv>, origin: string): boolean {
  // A TLS proxy that we were not told of makes https of what we see as http; the other way round is foreign.
  const own = [`https://${c.get('host')}`, ...(c.get('isSecure') ? [] : [`http://${c.get('host')}`])]
  return own.includes(origin.toLowerCase())
}

function foreign(from: string): Refusal {
  return new Refusal(403, 'This request was sent by another site, so nothing was done.', {
    hint: `It says it comes from ${from.slice(0, 100)}. Programs should send a bearer token.`,
  })
}
