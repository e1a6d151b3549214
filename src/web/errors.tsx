/**
 * The answer where a page could not be given: what happened, what to do, and an id to find it in the log by. Never a
 * stack.
 */
import type { Context } from 'hono'
import { ClosedError, CommandError, ConnectionError, messageOf } from '../errors.js'
import { isUnsafe } from './access/csrf.js'
import { Refusal, type RefusalStatus } from './access/refusal.js'
import { recordAction } from './audit.js'
import type { WebContext, WebEnv } from './context.js'
import { refusalOf } from './redis-refusals.js'
import { url } from './url.js'
import { html } from './views/layout.js'
import { shown } from './views/text.js'

interface Trouble {
  status: RefusalStatus
  title: string
  text: string
  hint?: string | undefined
  headers?: Record<string, string> | undefined
}

export function answerError(web: WebContext): (error: Error, c: Context<WebEnv>) => Promise<Response> {
  return async (error, c) => {
    const trouble = describe(error)
    const requestId = c.get('requestId')
    if (trouble.status >= 500)
      web.log.error({ err: error, requestId }, `A page could not be given: ${shown(messageOf(error), 1_000)}`)
    else if (trouble.status === 401 ? c.req.header('authorization') !== undefined : trouble.status !== 404)
      web.log.warn(
        { requestId, status: trouble.status, path: c.req.path },
        `A request was refused: ${shown(error.message, 1_000)}`,
      )
    // A page that somebody may not see counts, and not one that he has no name for yet.
    const audited = isUnsafe(c.req.method) ? [401, 403, 409, 422, 429] : c.get('user') ? [403] : []
    if (audited.includes(trouble.status)) {
      await recordAction(web, c, {
        action: shown(`${c.req.method} ${c.req.path}`, 200),
        result: 'refused',
        detail: trouble.title,
      })
    }
    if (trouble.status === 401) {
      const answer = challenge(web, c)
      if (answer) return answer
    }
    for (const [name, value] of Object.entries(trouble.headers ?? {})) c.header(name, value)
    if (trouble.status === 503) c.header('retry-after', '5')
    return show(web, c, trouble)
  }
}

function describe(error: Error): Trouble {
  if (error instanceof Refusal) {
    const { status, message } = error
    return { status, title: titles[status] ?? 'Refused', text: message, ...error.details }
  }
  if (error instanceof ConnectionError || error instanceof ClosedError) {
    // It may be there, and let nobody in.
    const refusal = refusalOf(error.cause)
    return {
      status: 503,
      title: refusal ? 'Redis lets nobody in' : 'Redis cannot be reached',
      text: refusal?.text ?? 'Jobs are not lost by this: they lie in Redis, and workers wait for it.',
      hint: refusal?.hint,
    }
  }
  if (error instanceof CommandError) {
    const refusal = refusalOf(error.cause) ?? { status: 500, text: 'The log says what it answered.' }
    return { title: 'Redis refused a command', ...refusal }
  }
  return { status: 500, title: 'Something went wrong', text: 'It is in the log, under the id below.' }
}

const titles: Partial<Record<RefusalStatus, string>> = {
  400: 'That cannot be right',
  401: 'Please sign in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not like this',
  409: 'It has changed meanwhile',
  413: 'Too large',
  415: 'Not a form',
  421: 'Another name',
  429: 'Too many requests',
  504: 'It took too long',
}

/** For programs. */
const codes: Record<RefusalStatus, string> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'too_large',
  415: 'unsupported_media_type',
  421: 'misdirected',
  422: 'unprocessable',
  429: 'too_many_requests',
  500: 'internal_error',
  503: 'unavailable',
  504: 'timeout',
}

/** What leads on to a login: the page for people, a challenge for programs. */
function challenge(web: WebContext, c: Context<WebEnv>): Response | undefined {
  const { auth } = web.settings
  if (auth === 'none') return undefined
  const wantsPage = !isUnsafe(c.req.method) && (c.req.header('accept') ?? '').includes('text/html')
  if (auth.users && !auth.basic && wantsPage) {
    const { pathname, search } = new URL(c.req.url)
    return c.redirect(url(web, '/login', { next: pathname + search }), 302)
  }
  if (auth.users) c.header('www-authenticate', 'Basic realm="Resque", charset="UTF-8"')
  else if (auth.tokens) c.header('www-authenticate', 'Bearer realm="Resque"')
  return undefined
}

function show(web: WebContext, c: Context<WebEnv>, trouble: Trouble): Response | Promise<Response> {
  const { status, title, text, hint } = trouble
  const requestId = c.get('requestId')
  if (c.req.path.startsWith('/api/') || c.req.header('accept')?.startsWith('application/json')) {
    return c.json(
      {
        error: {
          ...{ status, code: codes[status], title },
          message: [text, hint].filter(Boolean).join(' '),
          requestId,
        },
      },
      status,
    )
  }
  if (/\.(txt|prom)$|^\/(healthz|readyz)$/.test(c.req.path)) return c.text(`${title}\n`, status)
  const isRetried = status === 503 && !isUnsafe(c.req.method)
  return html(
    c,
    web,
    { title, status, ...(isRetried && { refreshSeconds: 5 }) },
    <section class="trouble">
      <p class="trouble-status num">{String(status)}</p>
      <h1>{title}</h1>
      <p>
        {text}
        {isRetried && ' This page tries again by itself.'}
      </p>
      {hint && <p>{hint}</p>}
      <p>
        <a class="button" href={url(web, '/overview')}>
          Overview
        </a>
      </p>
      <p class="faint small">
        Request <code>{requestId}</code>
      </p>
    </section>,
  )
}
