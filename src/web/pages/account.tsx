/**
 * Signing in and out, and the choice of colours.
 */
import { type Context, Hono } from 'hono'
import { signIn } from '../access/auth.js'
import { readCookie, removeCookie, writeCookie } from '../access/cookies.js'
import { randomToken, sign } from '../access/passwords.js'
import { Refusal } from '../access/refusal.js'
import { needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther } from '../notice.js'
import { url } from '../url.js'
import { Form } from '../views/components.js'
import { html } from '../views/layout.js'

const YEAR_SECONDS = 31_536_000
const LOGIN_SECONDS = 3_600

export function accountPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/', needs('viewer'), (c) => c.redirect(url(web, '/overview'), 302))

  pages.get('/login', needs('public'), (c) => {
    const next = ownPath(web, c.req.query('next'))
    if (c.get('user')) return c.redirect(url(web, next), 302)
    return showLogin(web, c, next, 200)
  })

  pages.post('/login', needs('public'), async (c) => {
    if (!hasLogin(web)) throw new Refusal(404, 'Nobody signs in here.')
    const body = c.get('body')
    const next = ownPath(web, body.get('next'))
    const account = await signIn(c, web, body.get('name').slice(0, 128), body.get('password').slice(0, 1_024))
    if (!account) {
      await recordAction(web, c, {
        action: 'sign in',
        target: body.get('name').slice(0, 128),
        result: 'refused',
      })
      return showLogin(web, c, next, 401, 'That name and password do not belong together.')
    }
    const id = await web.sessions.begin(account.name, readCookie(c, 'session'))
    writeCookie(c, web, 'session', id, web.sessions.maxAgeSeconds)
    removeCookie(c, web, 'login')
    await recordAction(web, c, { action: 'sign in', target: account.name, result: 'done' })
    return c.redirect(url(web, next), 303)
  })

  pages.post('/logout', needs('viewer'), async (c) => {
    const id = readCookie(c, 'session')
    if (id) await web.sessions.end(id)
    removeCookie(c, web, 'session')
    await recordAction(web, c, { action: 'sign out', result: 'done' })
    return c.redirect(url(web, hasLogin(web) ? '/login' : '/overview'), 303)
  })

  pages.post('/theme', needs('public'), (c) => {
    const theme = c.get('body').get('theme')
    if (!['auto', 'light', 'dark'].includes(theme)) throw new Refusal(400, 'Expected auto, light or dark.')
    writeCookie(c, web, 'theme', theme, YEAR_SECONDS)
    return seeOther(c, web, ownPath(web, c.get('body').get('next')))
  })
  return pages
}

function hasLogin(web: WebContext): boolean {
  return web.settings.auth !== 'none' && web.settings.auth.users !== undefined
}

/**
 * A page of ours below the base path, or the overview: what stands in `next` can come from anywhere, and must not lead
 * away from here.
 */
function ownPath(web: WebContext, next: string | undefined): string {
  const { basePath } = web.settings
  if (!next?.startsWith('/') || next.length > 2_048) return '/overview'
  let target: URL
  try {
    target = new URL(next, 'http://own.invalid')
  } catch {
    return '/overview'
  }
  const path = target.pathname + target.search
  if (target.origin !== 'http://own.invalid' || path.startsWith('//')) return '/overview'
  const below = basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
  return below.startsWith('//') || /^\/(login|logout|theme)\b/.test(below) ? '/overview' : below
}

function showLogin(
  web: WebContext,
  c: Context<WebEnv>,
  next: string,
  status: 200 | 401,
  complaint?: string,
): Response | Promise<Response> {
  if (!hasLogin(web)) throw new Refusal(401, 'Please sign in the way your administrator told you.')
  // The form's token is bound to this cookie: there is no session yet that it could be bound to.
  const login = status === 401 ? (readCookie(c, 'login') ?? '') : randomToken()
  if (status === 200) {
    writeCookie(c, web, 'login', login, LOGIN_SECONDS)
    c.set('csrfToken', sign(login, 'csrf'))
  }
  return html(
    c,
    web,
    { title: 'Sign in', status },
    <section class="login">
      <h1>Sign in</h1>
      {complaint && (
        <p class="complaint" role="alert">
          {complaint}
        </p>
      )}
      <Form web={web} c={c} action="/login" fields={{ next: url(web, next) }}>
        <label class="field">
          <span>Name</span>
          <input
            name="name"
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            required
            maxlength={128}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input name="password" type="password" autocomplete="current-password" required maxlength={1024} />
        </label>
        <button class="primary" type="submit">
          Sign in
        </button>
      </Form>
    </section>,
  )
}
