/**
 * The frame of every page: head, tabs, the strip of counts, notices, foot.
 */
import type { Context } from 'hono'
import type { Child, PropsWithChildren } from 'hono/jsx'
import { includes } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import type { Snapshot } from '../snapshot.js'
import { url } from '../url.js'
import { Form, Link, type View } from './components.js'
import { plural, shown, thousands } from './text.js'

export interface PageOptions {
  /** Of the window, and unless the page has an `h1` of its own, nothing else. */
  title: string
  /** The path of the tab it belongs to. */
  tab?: string
  status?: 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503
  /** Seconds until the browser should load it again by itself. */
  refreshSeconds?: number
}

/** Answers with a page. */
export async function page(
  c: Context<WebEnv>,
  web: WebContext,
  options: PageOptions,
  body: Child,
): Promise<Response> {
  const user = c.get('user')
  const snapshot = user ? await web.snapshots.get(user) : undefined
  return html(c, web, options, body, snapshot)
}

/** As `page`, without a look at Redis, for what must be answered though that is gone. */
export function html(
  c: Context<WebEnv>,
  web: WebContext,
  options: PageOptions,
  body: Child,
  snapshot?: Snapshot,
): Response | Promise<Response> {
  c.status(options.status ?? 200)
  const document = (
    <Document web={web} c={c} options={options} snapshot={snapshot}>
      {body}
    </Document>
  )
  return c.body(`<!doctype html>${document.toString()}`, {
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
}

function Document({
  web,
  c,
  options,
  snapshot,
  children,
}: PropsWithChildren<View & { options: PageOptions; snapshot: Snapshot | undefined }>) {
  const theme = c.get('theme')
  const { title } = web.settings
  const badge =
    snapshot && snapshot.failed > 0 && options.tab === '/failed' ? `(${thousands(snapshot.failed)}) ` : ''
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <title>{`${badge}${shown(options.title, 120)} – ${title}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={theme === 'auto' ? 'light dark' : theme} />
        {options.refreshSeconds !== undefined && (
          <meta http-equiv="refresh" content={String(options.refreshSeconds)} />
        )}
        <link rel="stylesheet" href={url(web, web.assets.path('app.css'))} />
        <link rel="icon" href={url(web, web.assets.path('icon.svg'))} type="image/svg+xml" />
        <script type="module" src={url(web, web.assets.path('app.js'))}></script>
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <Head web={web} c={c} tab={options.tab} />
        {snapshot && <Strip web={web} snapshot={snapshot} />}
        <main id="main" tabindex={-1}>
          <Notices web={web} c={c} snapshot={snapshot} />
          {children}
        </main>
        <Foot web={web} c={c} />
      </body>
    </html>
  )
}

function Head({ web, c, tab }: View & { tab: string | undefined }) {
  const user = c.get('user')
  const tabs = user ? web.tabs.filter(({ role }) => includes(user.role, role)) : []
  return (
    <header class="head">
      <div class="head-row">
        <Link web={web} to={user ? '/overview' : '/login'} class="brand">
          <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
            <path d="M4 5h16v3H4zM4 10.5h11v3H4zM4 16h6v3H4z" fill="currentColor" />
            <path d="m14.5 17.5 2.4 2.4 4.6-5" fill="none" stroke="currentColor" stroke-width="2" />
          </svg>
          <span>
            Resque <b>{shown(web.settings.title, 40)}</b>
          </span>
        </Link>
        <div class="head-end">
          <ThemeForm web={web} c={c} />
          {user && user.by !== 'none' && (
            <span class="who">
              <bdi>{shown(user.name, 40)}</bdi> <span class="faint">{user.role}</span>
            </span>
          )}
          {user?.by === 'session' && (
            <Form web={web} c={c} action="/logout">
              <button class="plain" type="submit">
                Sign out
              </button>
            </Form>
          )}
        </div>
      </div>
      {tabs.length > 0 && (
        <nav class="tabs" aria-label="Pages">
          {tabs.map(({ path, label }) => (
            <Link web={web} to={path} current={path === tab}>
              {label}
            </Link>
          ))}
        </nav>
      )}
    </header>
  )
}

const themes = { auto: 'Auto', light: 'Light', dark: 'Dark' } as const

function ThemeForm({ web, c }: View) {
  if (c.get('csrfToken') === undefined || c.get('csrfToken') === '') return null
  const theme = c.get('theme')
  return (
    <Form
      web={web}
      c={c}
      action="/theme"
      class="theme"
      fields={{ next: new URL(c.req.url).pathname + new URL(c.req.url).search }}
    >
      <fieldset>
        <legend class="hidden">Colours</legend>
        {Object.entries(themes).map(([value, label]) => (
          <button type="submit" name="theme" value={value} aria-pressed={value === theme ? 'true' : 'false'}>
            {label}
          </button>
        ))}
      </fieldset>
    </Form>
  )
}

function Strip({ web, snapshot }: { web: WebContext; snapshot: Snapshot }) {
  const numbers: [label: string, value: number, path: string, more: string][] = [
    ['Pending', snapshot.pending, '/queues', plural(snapshot.queues.length, 'queue')],
    ['Working', snapshot.working, '/working', `of ${plural(snapshot.workers.length, 'worker')}`],
    ['Failed', snapshot.failed, '/failed', 'kept'],
    ['Processed', snapshot.processed, '/stats/resque', `${thousands(snapshot.failedEver)} failed ever`],
  ]
  return (
    <section class="strip" aria-label="Counts">
      {numbers.map(([label, value, path, more]) => (
        <Link web={web} to={path} class={label === 'Failed' && value > 0 ? 'is-failed' : ''}>
          <span class="strip-label">{label}</span>
          <span class="strip-value num" data-live={`count:${label.toLowerCase()}`}>
            {thousands(value)}
          </span>
          <span class="strip-more num">{more}</span>
        </Link>
      ))}
    </section>
  )
}

function Notices({ web, c, snapshot }: View & { snapshot: Snapshot | undefined }) {
  const notice = c.get('notice')
  const user = c.get('user')
  return (
    <>
      {notice && (
        <div class={`notice is-${notice.kind ?? 'done'}`} role="status">
          <span>
            {shown(notice.text, 500)}
            {notice.link && (
              <>
                {' '}
                <Link web={web} to={notice.link.to}>
                  {shown(notice.link.label, 100)}
                </Link>
              </>
            )}
          </span>
          {notice.undo && (
            <Form web={web} c={c} action={notice.undo.action}>
              <button type="submit">{notice.undo.label}</button>
            </Form>
          )}
        </div>
      )}
      {snapshot?.isAllPaused && (
        <div class="notice is-warning" role="status">
          <span>All workers are paused: no jobs are taken.</span>
          {user && includes(user.role, 'operator') && (
            <Form web={web} c={c} action="/resume">
              <button type="submit">Resume all</button>
            </Form>
          )}
        </div>
      )}
    </>
  )
}

function Foot({ web, c }: View) {
  const user = c.get('user')
  return (
    <footer class="foot">
      {user && <span>Namespace {shown(web.resque.namespace, 64)}</span>}
      {user && includes(user.role, 'admin') && <span>{web.store.connection.address}</span>}
      <span>resque-ts</span>
    </footer>
  )
}
