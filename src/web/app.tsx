/**
 * The application: what every request goes through, in this order, and the pages behind it.
 */
import { type Context, Hono } from 'hono'
import { getPath } from 'hono/utils/url'
import { authenticate } from './access/auth.js'
import { readBody } from './access/body.js'
import { readCookie } from './access/cookies.js'
import { checkCsrf, isUnsafe } from './access/csrf.js'
import { secureHeaders } from './access/headers.js'
import { checkHost } from './access/host.js'
import { doOnce } from './access/once.js'
import { Refusal } from './access/refusal.js'
import { needs, type Role } from './access/roles.js'
import { apiPages } from './api/api.js'
import type { WebContext, WebEnv } from './context.js'
import { answerError } from './errors.js'
import { readNotice } from './notice.js'
import { accountPages } from './pages/account.js'
import { assetPages } from './pages/assets.js'
import { auditPages } from './pages/audit.js'
import { delayedPages } from './pages/delayed.js'
import { delayedActionPages } from './pages/delayed-actions.js'
import { delayedJobPages } from './pages/delayed-job.js'
import { downloadPages } from './pages/downloads.js'
import { eventPages } from './pages/events.js'
import { failedPages } from './pages/failed.js'
import { failedBulkPages } from './pages/failed-bulk.js'
import { failedEditPages } from './pages/failed-edit.js'
import { failedJobPages } from './pages/failed-job.js'
import { jobPages } from './pages/jobs.js'
import { markerPages } from './pages/markers.js'
import { metricsPages } from './pages/metrics.js'
import { operationPages } from './pages/operations.js'
import { overviewPages } from './pages/overview.js'
import { pendingPages } from './pages/pending.js'
import { pendingBulkPages } from './pages/pending-bulk.js'
import { pollPages } from './pages/poll.js'
import { queueActionPages } from './pages/queue-actions.js'
import { queuePages } from './pages/queues.js'
import { schedulePages } from './pages/schedule.js'
import { scheduleActionPages } from './pages/schedule-actions.js'
import { shortcutPages } from './pages/shortcuts.js'
import { statsPages } from './pages/stats.js'
import { userTabPages } from './pages/user-tabs.js'
import { workerActionPages } from './pages/worker-actions.js'
import { workerPages } from './pages/workers.js'
import { workingPages } from './pages/working.js'
import { checkPaths } from './user-tabs.js'

/** All page modules, in the order in which their routes are tried. */
const modules: ((web: WebContext) => Hono<WebEnv>)[] = [
  assetPages,
  apiPages,
  accountPages,
  pollPages,
  overviewPages,
  workingPages,
  queuePages,
  queueActionPages,
  pendingPages,
  pendingBulkPages,
  failedBulkPages,
  failedJobPages,
  failedEditPages,
  failedPages,
  operationPages,
  workerPages,
  workerActionPages,
  statsPages,
  metricsPages,
  markerPages,
  auditPages,
  jobPages,
  delayedActionPages,
  delayedPages,
  delayedJobPages,
  downloadPages,
  schedulePages,
  scheduleActionPages,
  eventPages,
  shortcutPages,
]

export function makeApp(web: WebContext): Hono<WebEnv> {
  const app = new Hono<WebEnv>({ getPath: (request) => pathOf(request, web.settings.basePath) })
  app.onError((error, c) => answerError(web)(error, c))
  app.notFound((c) => answerError(web)(new Refusal(404, 'There is no such page.'), c))
  app.use(
    secureHeaders(),
    checkHost(web),
    readTheme,
    readBody(),
    authenticate(web),
    checkCsrf(web),
    limitMutations(web),
    doOnce(web),
    readNotice(web),
  )
  for (const make of modules) app.route('/', make(web))
  checkPaths(
    web.settings.tabs,
    app.routes.map(({ path }) => path),
  )
  app.route('/', userTabPages(web))
  app.all('*', needs('public'), () => {
    throw new Refusal(404, 'There is no such page.')
  })
  checkRoutes(app)
  return app
}

/**
 * The path below the base path, without a slash at its end. Where something in front of us has cut the base path off
 * already, all of it.
 */
function pathOf(request: Request, basePath: string): string {
  const whole = getPath(request)
  const isBelow = basePath !== '' && (whole === basePath || whole.startsWith(`${basePath}/`))
  return (isBelow ? whole.slice(basePath.length) : whole).replace(/(?<=.)\/$/, '') || '/'
}

async function readTheme(c: Context<WebEnv>, next: () => Promise<void>): Promise<void> {
  const theme = readCookie(c, 'theme')
  c.set('theme', theme === 'light' || theme === 'dark' ? theme : 'auto')
  await next()
}

/** Also: whoever changes something sees what is there afterwards. */
function limitMutations(web: WebContext) {
  return async (c: Context<WebEnv>, next: () => Promise<void>): Promise<void> => {
    if (!isUnsafe(c.req.method)) return next()
    const user = c.get('user')
    const waitSeconds = user ? web.limits.mutations.take(user.name, web.now().getTime()) : 0
    if (waitSeconds > 0) {
      throw new Refusal(429, 'Too many changes within a minute.', {
        headers: { 'retry-after': String(waitSeconds) },
        hint: `Try again in ${waitSeconds} seconds.`,
      })
    }
    await next()
    web.snapshots.forget()
    web.live.wake()
  }
}

/** Every route with the role it asks for. */
export interface RouteLine {
  method: string
  path: string
  role: Role | 'public' | undefined
}

export function routesOf(app: Hono<WebEnv>): RouteLine[] {
  const lines = new Map<string, RouteLine>()
  for (const { method, path, handler } of app.routes) {
    const role = 'needs' in handler ? (handler.needs as Role | 'public') : undefined
    if (method === 'ALL' && path === '/*' && role === undefined) continue
    const key = `${method} ${path}`
    const line = lines.get(key)
    // The guard must be the first of its route.
    if (!line) lines.set(key, { method, path, role })
  }
  return [...lines.values()]
}

/** A route that forgot to ask for a role would be open to all. */
function checkRoutes(app: Hono<WebEnv>): void {
  const open = routesOf(app).filter(({ role }) => role === undefined)
  if (open.length > 0)
    throw new Error(`These routes ask for no role: ${open.map(({ path }) => path).join(', ')}`)
}
