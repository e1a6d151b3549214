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
    if (!/^[0-9a-f-]{36}$/.test(id)) return next()
    const { onces } = web.store
    const before = await onces.begin(id)
    if (before === undefined) {
      await next()
      const location = c.res.headers.get('location')
      const isDone = c.res.status === 303 && location !== null
      await (isDone
        ? onces.end(id, JSON.stringify({ location, cookies: c.res.headers.getSetCookie() }))
        : onces.forget(id))
      return
    }
    const answer = parseJson(before)
    if (isJsonObject(answer) && typeof answer.location === 'string' && Array.isArray(answer.cookies)) {
      for (const cookie of answer.cookies) c.header('set-cookie', String(cookie), { append: true })
      return c.redirect(answer.location, 303)
    }
    const [, section = 'overview'] = c.req.path.slice(web.settings.basePath.length).split('/')
    return seeOther(c, web, `/${section}`, {
      text: 'This was sent twice; it is being done, once.',
      kind: 'warning',
    })
  }
}
