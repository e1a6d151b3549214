/**
 * The frame of every page: head, tabs, the strip of counts, notices, foot.
 */
import type { Context } from 'hono'
import type { Child, PropsWithChildren } from 'hono/jsx'
import { includes } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import type { Snapshot } from '../snapshot.js'
import { url } from '../url.js'
import { Form, Link, PausedBy, type View } from './components.js'
import { plural, shown, thousands } from './text.js'

export interface PageOptions {
  /** Of the window, and unless the page has an `h1` of its own, nothing else. */
  title: string
  /** The path of the tab it belongs to. */
  tab?: string
  status?: 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503 | 504
  /** The live value that counts what it lists, where the path is not that of its tab. */
  liveCount?: string
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
  const refreshSeconds = options.refreshSeconds ?? (snapshot && askedRefresh(c))
  const badge =
    snapshot && snapshot.failed > 0 && options.tab === '/failed' ? `(${thousands(snapshot.failed)}) ` : ''
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{`${badge}${shown(options.title, 120)} – ${title}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={theme === 'auto' ? 'light dark' : theme} />
        {refreshSeconds !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={String(refreshSeconds)} />
          </noscript>
        )}
        <link rel="stylesheet" href={url(web, web.assets.path('app.css'))} />
        {theme !== 'light' && (
          <link
            rel="stylesheet"
            href={url(web, web.assets.path('dark.css'))}
            media={theme === 'auto' ? 'screen and (prefers-color-scheme: dark)' : 'screen'}
          />
        )}
        <link rel="icon" href={url(web, web.assets.path('icon.svg'))} type="image/svg+xml" />
        {scripts.map((name) => (
          <script type="module" src={url(web, web.assets.path(name))}></script>
        ))}
      </head>
      <body
        data-live={snapshot && url(web, '/events')}
        data-live-as={snapshot && c.get('user')?.name}
        data-alert-icon={url(web, web.assets.path('alert.svg'))}
        data-retry={options.refreshSeconds === undefined ? undefined : ''}
      >
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <Head web={web} c={c} tab={options.tab} />
        {snapshot && <Strip web={web} c={c} snapshot={snapshot} />}
        <main
          id="main"
          tabindex={-1}
          data-live-list={
            options.liveCount !== undefined || c.req.path.endsWith(options.tab ?? ' ')
              ? lists[options.tab ?? '']
              : undefined
          }
          data-live-count={options.liveCount}
          data-live-badge={options.tab === '/failed' ? '' : undefined}
        >
          <Notices web={web} c={c} snapshot={snapshot} />
          {children}
        </main>
        <Foot web={web} c={c} />
      </body>
    </html>
  )
}

const scripts = ['app.js', 'show.js', 'live.js', 'keys.js']

/** What the list of a page holds: how many of these are new is said above it. */
const lists: Record<string, string> = {
  '/overview': 'job',
  '/working': 'job',
  '/queues': 'queue',
  '/workers': 'worker',
  '/failed': 'failed',
}

const REFRESH = { min: 5, max: 3_600 }

/** `?refresh=10`: for browsers without scripts, within bounds. */
function askedRefresh(c: Context<WebEnv>): number | undefined {
  const seconds = Number.parseInt(c.req.query('refresh') ?? '', 10)
  return Number.isNaN(seconds) ? undefined : Math.min(REFRESH.max, Math.max(REFRESH.min, seconds))
}

/** This page, with or without. */
function withRefresh(c: Context<WebEnv>, seconds: number | undefined): string {
  const query = new URL(c.req.url).searchParams
  if (seconds === undefined) query.delete('refresh')
  else query.set('refresh', String(seconds))
  return `?${query}`
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
          <span>Resque {web.settings.title !== 'resque' && <b>{shown(web.settings.title, 40)}</b>}</span>
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

function Strip({ web, c, snapshot }: View & { snapshot: Snapshot }) {
  const numbers: [label: string, value: number, path: string, more: string][] = [
    ['Pending', snapshot.pending, '/queues', plural(snapshot.queues.length, 'queue')],
    ['Working', snapshot.working, '/working', `of ${plural(snapshot.workers.length, 'worker')}`],
    ['Failed', snapshot.failed, '/failed', 'kept'],
    ['Processed', snapshot.processed, '/stats/resque', `${thousands(snapshot.failedEver)} failed ever`],
  ]
  return (
    <section aria-label="Counts">
      <div class="strip">
        {numbers.map(([label, value, path, more]) => (
          <Link web={web} to={path} class={label === 'Failed' && value > 0 ? 'is-failed' : ''}>
            <span class="strip-label">{label}</span>
            <span
              class="strip-value num"
              data-live={`count:${label.toLowerCase()}`}
              data-fails={label === 'Failed' ? '' : undefined}
            >
              {thousands(value)}
            </span>
            <span class="strip-more num">{more}</span>
          </Link>
        ))}
      </div>
      <LiveBar c={c} />
    </section>
  )
}

/** Whether the page is live: of use with scripts only. Without them it can be loaded again and again. */
function LiveBar({ c }: { c: Context<WebEnv> }) {
  const isRefreshing = askedRefresh(c) !== undefined
  return (
    <div class="live">
      <span class="live-bar" data-live-bar="">
        <span class="live-state" aria-live="polite" data-live-state="">
          Connecting
        </span>
        <button class="plain" type="button" data-live-pause="">
          Pause
        </button>
      </span>
      <span class="hidden" aria-live="polite" data-live-news=""></span>
      <noscript>
        <a href={withRefresh(c, isRefreshing ? undefined : 10)}>
          {isRefreshing ? 'Stop loading again' : 'Load again every 10 seconds'}
        </a>
      </noscript>
    </div>
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
              <button type="submit" aria-label={`${notice.undo.label}: ${shown(notice.text, 100)}`}>
                {notice.undo.label}
              </button>
            </Form>
          )}
        </div>
      )}
      {snapshot?.isAllPaused && (
        <div class="notice is-warning" role="status">
          <span>
            All workers are paused{snapshot.allPausedBy && ' '}
            <PausedBy web={web} pause={snapshot.allPausedBy} />: no jobs are taken.
          </span>
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
      {user && (
        <a href={url(web, '/shortcuts')} data-confirm="" data-keys-help="">
          Keys
        </a>
      )}
      <span>resque-ts</span>
    </footer>
  )
}
