/**
 * What the page after an action says: kept in a signed cookie for that one page, so that no link can put words in
 * our mouth.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { isJsonObject, parseJson } from '../json.js'
import { readCookie, removeCookie, writeCookie } from './access/cookies.js'
import { sameText, sign } from './access/passwords.js'
import type { Removal } from './actions.js'
import type { Notice, WebContext, WebEnv } from './context.js'
import { url } from './url.js'

const SECONDS = 60

/** Redirects to a page of ours after an action (303), where the notice is shown once. */
export function seeOther(c: Context<WebEnv>, web: WebContext, path: string, notice?: Notice): Response {
  if (notice) {
    const text = Buffer.from(JSON.stringify(notice)).toString('base64url')
    writeCookie(c, web, 'notice', `${text}.${signatureOf(c, web, text)}`, SECONDS)
  }
  return c.redirect(url(web, path), 303)
}

/** The way back from a removal, where there is one. */
export function undoOf({ undoPath }: Removal): Pick<Notice, 'undo'> {
  return undoPath === undefined ? {} : { undo: { action: undoPath, label: 'Undo' } }
}

/** Reads the notice of the action before, and lets it be shown once. */
export function readNotice(web: WebContext): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const cookie = c.req.method === 'GET' ? readCookie(c, 'notice') : undefined
    const notice = cookie === undefined ? undefined : verified(c, web, cookie)
    c.set('notice', notice)
    await next()
    if (notice && c.res.headers.get('content-type')?.startsWith('text/html')) removeCookie(c, web, 'notice')
  }
}

function verified(c: Context<WebEnv>, web: WebContext, cookie: string): Notice | undefined {
  const [text = '', signature = ''] = cookie.split('.')
  if (!sameText(signature, signatureOf(c, web, text))) return undefined
  const notice = parseJson(Buffer.from(text, 'base64url').toString('utf8'))
  return isJsonObject(notice) && typeof notice.text === 'string' ? (notice as unknown as Notice) : undefined
}

function signatureOf(c: Context<WebEnv>, web: WebContext, text: string): string {
  return sign(web.settings.secret, `notice:${c.get('user')?.name ?? ''}:${text}`)
}
