/**
 * A job as it stands in Redis, as a file: for what is longer than its page shows. What the page hides is hidden here too.
 */
import { type Context, Hono } from 'hono'
import { parseJson } from '../../json.js'
import { longDigest } from '../../store/glance.js'
import { digest } from '../../store/records.js'
import { redactJson } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { failedJobOf } from '../failed-query.js'
import { nameParam } from '../params.js'
import { bytes } from '../views/text.js'
import { delayedJobOf } from './delayed-job.js'
import { pendingJobOf } from './pending.js'

/** To look through more for secrets would keep everybody else waiting. */
const MAX_BYTES = 16 * 1_024 * 1_024
/** A text of more is cut where anything may be hidden. */
const LONGEST = 1_024 * 1_024

export function downloadPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/failed/job/:ref/download', needs('viewer'), async (c) => {
    const job = await failedJobOf(web, c, nameParam(c, 'ref'))
    return send(web, c, `failed-${job.class}`, job.text)
  })
  pages.get('/queues/:queue/job/:ref/download', needs('viewer'), async (c) => {
    const job = await pendingJobOf(web, c)
    return send(web, c, job.queue, job.text)
  })
  pages.get('/delayed/:timestamp{\\d+}/job/:ref/download', needs('viewer'), async (c) => {
    const job = await delayedJobOf(web, c)
    return send(web, c, `delayed-${job.class}`, job.text)
  })
  pages.get('/workers/:worker/job/:digest/download', needs('viewer'), async (c) => {
    const wanted = nameParam(c, 'digest')
    const { workers } = await web.snapshots.get(currentUser(c))
    // A job that this user may not see has no digest here.
    const worker = workers.find(({ id, job }) => id === nameParam(c, 'worker') && job?.digest === wanted)
    const record = worker && wanted !== '' ? await web.store.workers.record(worker.id) : undefined
    if (!record || longDigest(record) !== wanted)
      throw new Refusal(404, 'This job runs there no more.', { hint: 'It has ended, well or not.' })
    return send(web, c, `running-${worker?.job?.class}`, record.toString())
  })
  return pages
}

function send(web: WebContext, c: Context<WebEnv>, name: string, entry: string): Response {
  if (entry.length > MAX_BYTES)
    throw new Refusal(413, `This entry is too long to be downloaded here: ${bytes(entry.length)}.`, {
      hint: 'Read it from Redis.',
    })
  const text = redactJson(entry, web.settings.secrets, LONGEST)
  const isJson = parseJson(text) !== undefined
  const file = `${name.replace(/[^\w-]+/g, '_').slice(0, 80)}-${digest(entry)}.${isJson ? 'json' : 'txt'}`
  return c.body(text, 200, {
    'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
    'content-disposition': `attachment; filename="${file}"`,
  })
}
