/**
 * Our cookies: read by the server alone, sent to nobody else's requests, and bound to the host where that is TLS.
 */
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import type { WebContext, WebEnv } from '../context.js'

export type CookieName = 'session' | 'login' | 'notice' | 'theme'

export function readCookie(c: Context<WebEnv>, name: CookieName): string | undefined {
  return getCookie(c, wireName(c, name))
}

export function writeCookie(
  c: Context<WebEnv>,
  web: WebContext,
  name: CookieName,
  value: string,
  maxAgeSeconds: number,
): void {
  const isSecure = c.get('isSecure')
  setCookie(c, wireName(c, name), value, {
    httpOnly: true,
    sameSite: 'Strict',
    secure: isSecure,
    // __Host- asks for the root.
    path: isSecure ? '/' : `${web.settings.basePath}/`,
    maxAge: maxAgeSeconds,
  })
}

export function removeCookie(c: Context<WebEnv>, web: WebContext, name: CookieName): void {
  writeCookie(c, web, name, '', 0)
}

function wireName(c: Context<WebEnv>, name: CookieName): string {
  return `${c.get('isSecure') ? '__Host-' : ''}resque_${name}`
}
