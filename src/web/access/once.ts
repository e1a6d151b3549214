/**
 * A form that was confirmed and is sent twice (a double click, a page that is loaded again) is done once, and answered
 * twice alike.
 */
import type { MiddlewareHandler } from 'hono'
import { isJsonObject, parseJson } from '../../json.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther } from '../notice.js'
import { isUnsafe } from './csrf.js'

export function doOnce(web: WebContext): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const id = isUnsafe(c.req.method) ? c.get('body').get('once') : ''
    if (!/^[0-9a-f-]{36}$/.test(id) || !c.get('user')) return next()
    const { onces } = web.store
    const before = await onces.begin(id)
    if (before === undefined) {
      await next()
      const location = c.res.headers.get('location')
      const isDone = c.res.status === 303 && location !== null
      const noted = isDone
        ? onces.end(id, JSON.stringify({ location, cookies: c.res.headers.getSetCookie() }))
        : onces.forget(id)
      // What was done stays done, and what was answered stands, also where Redis went meanwhile.
      await noted.catch(() => {})
      return
    }
    const answer = parseJson(before)
    if (isJsonObject(answer) && typeof answer.location === 'string' && Array.isArray(answer.cookies)) {
      for (const cookie of answer.cookies) c.header('set-cookie', String(cookie), { append: true })
      return c.redirect(answer.location, 303)
    }
    return seeOther(c, web, '/overview', {
      text: 'This was sent before, and is still under way. It is done once.',
      kind: 'warning',
    })
  }
}
