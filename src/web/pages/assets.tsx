/**
 * What is served without a question: stylesheet, script and icon under names that hold for good, and the probes.
 */
import { Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { url } from '../url.js'

const YEAR_SECONDS = 31_536_000

export function assetPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/assets/:file', needs('public'), (c) => {
    const asset = web.assets.get(c.req.path)
    if (!asset) throw new Refusal(404, 'There is no such file.')
    const isZipped = (c.req.header('accept-encoding') ?? '').includes('gzip')
    return c.body(new Uint8Array(isZipped ? asset.zipped : asset.bytes), {
      headers: {
        'content-type': asset.type,
        'cache-control': `public, max-age=${YEAR_SECONDS}, immutable`,
        vary: 'accept-encoding',
        ...(isZipped && { 'content-encoding': 'gzip' }),
      },
    })
  })
  pages.get('/favicon.ico', needs('public'), (c) => c.redirect(url(web, web.assets.path('icon.svg')), 302))
  pages.get('/robots.txt', needs('public'), (c) => c.text('User-agent: *\nDisallow: /\n'))
  pages.get('/healthz', needs('public'), (c) => c.text('ok\n'))
  pages.get('/readyz', needs('public'), async (c) => {
    await web.store.ping()
    return c.text('ok\n')
  })
  return pages
}
