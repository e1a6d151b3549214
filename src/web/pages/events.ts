/**
 * What changes, as a stream of events, and as JSON for where no stream comes through.
 */
import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { stillKnows } from '../access/auth.js'
import { isOwnOrigin } from '../access/csrf.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { partOf, readTopics } from '../live.js'
import { liveState } from '../live-state.js'
import { textParam } from '../params.js'

/** Who does not read this much is gone, or too slow to be kept up to date. */
const MAX_WAITING_BYTES = 1_048_576

export function eventPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/events', needs('viewer'), (c) => {
    refuseForeign(c)
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    }
    // Nobody would ever end the stream of a HEAD.
    if (c.req.method === 'HEAD') return c.body(null, { headers })
    return c.body(stream(web, c), { headers })
  })

  pages.get('/events.json', needs('viewer'), async (c) => {
    refuseForeign(c)
    const [snapshot, figures] = await Promise.all([web.snapshots.get(currentUser(c)), web.figures.queues()])
    const state = liveState(snapshot, figures)
    const text = JSON.stringify(partOf(state, readTopics(textParam(c, 'topics'))))
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    c.header('etag', etag)
    if (c.req.header('if-none-match') === etag) return c.body(null, 304)
    return c.body(text, { headers: { 'content-type': 'application/json; charset=utf-8' } })
  })
  return pages
}

/** A foreign page could not read it, but hold places that others need. */
function refuseForeign(c: Context<WebEnv>): void {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  // Where no site is told of, an older browser names the origin of one that is not ours.
  const isForeign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && !isOwnOrigin(c, origin))
  if (isForeign) {
    throw new Refusal(403, 'Only our own pages are told what changes.')
  }
}

function stream(web: WebContext, c: Context<WebEnv>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const user = currentUser(c)
  const asked = readTopics(textParam(c, 'topics'))
  let leave = () => {}
  let isOpen = true
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        leave = web.live.open({
          user,
          topics: asked,
          send(text) {
            if (!isOpen || (controller.desiredSize ?? 0) < -MAX_WAITING_BYTES) return false
            controller.enqueue(encoder.encode(text))
            return true
          },
          end() {
            if (isOpen) controller.close()
            isOpen = false
          },
          isKnown: () => stillKnows(web, c, user),
        })
      },
      cancel() {
        isOpen = false
        leave()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }),
  )
}
