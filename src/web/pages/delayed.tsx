/**
 * Jobs that wait for a time, as resque-scheduler keeps them: the times, the jobs of one time, and a search. What is done
 * to them is in `delayed-actions.tsx`.
 */
import { type Context, Hono } from 'hono'
import { parseJson } from '../../json.js'
import type { DelayedJob } from '../../store/delayed.js'
import type { DelayedRow } from '../../store/delayed-glance.js'
import { redact, secretsFrom, showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { maySee } from '../access/user.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam, startParam, textParam } from '../params.js'
import { path, type Query, url } from '../url.js'
import { Empty, Form, Link, Name, Pager, Time, type View } from '../views/components.js'
import { DelayedTable, FoundTable, PAGE_SIZE } from '../views/delayed-table.js'
import { DELAYED_HOURS, DelayedSearch, DelayedTimes } from '../views/delayed-times.js'
import { page } from '../views/layout.js'
import { exact, plural, thousands } from '../views/text.js'

/** The furthest second that a Date can say. */
const MAX_TIME = 8_640_000_000_000

export function delayedPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/delayed', needs('viewer'), async (c) => {
    const start = startParam(c)
    const now = web.now()
    const from = new Date(Math.floor(now.getTime() / 3_600_000) * 3_600_000)
    const stretch = { first: seconds(from), seconds: 3_600, buckets: DELAYED_HOURS }
    const [spread, master] = await Promise.all([
      web.store.delayedGlances.spread(seconds(now), stretch, { start, count: PAGE_SIZE }),
      web.store.schedules.master(web.settings.scheduler.lockPrefix),
    ])
    return page(
      c,
      web,
      { title: 'Delayed', tab: '/delayed' },
      <DelayedTimes web={web} c={c} {...{ spread, from, start }} isServed={master !== undefined} />,
    )
  })

  pages.get('/delayed/search', needs('viewer'), async (c) => {
    const text = textParam(c, 'q')
    const from = cursorParam(c)
    return page(
      c,
      web,
      { title: 'Search delayed jobs', tab: '/delayed' },
      <Found
        {...{ web, c, text }}
        title="Search delayed jobs"
        to="/delayed/search"
        query={{ q: text }}
        found={text === '' ? undefined : await search(web, c, { text }, from)}
      />,
    )
  })

  pages.get('/delayed/jobs/:class', needs('viewer'), async (c) => {
    const name = nameParam(c, 'class')
    const text = textParam(c, 'args', { maxLength: 4_096 })
    const args = text === '' ? undefined : parseJson(text)
    if (text !== '' && args === undefined) throw new Refusal(400, 'Expected args to be JSON.')
    const secrets = secretsFrom(currentUser(c), web.settings.secrets)
    const isMeant = (job: DelayedJob) => args === undefined || sameJson(redact(job.args, secrets), args)
    return page(
      c,
      web,
      { title: name, tab: '/delayed' },
      <Found
        {...{ web, c }}
        text=""
        title={name}
        to={path`/delayed/jobs/${name}`}
        query={{ args: text }}
        found={await search(web, c, { class: name, isMeant }, cursorParam(c))}
      />,
    )
  })

  pages.get('/delayed/:timestamp{\\d+}', needs('viewer'), async (c) => {
    const time = timeParam(c)
    const start = startParam(c)
    const { total, jobs } = await web.store.delayedGlances.page(time, start, PAGE_SIZE)
    const at = new Date(time * 1_000)
    return page(
      c,
      web,
      { title: `Delayed until ${exact(at)}`, tab: '/delayed' },
      <OneTime {...{ web, c, time, at, start, total, jobs }} />,
    )
  })
  return pages
}

/** The unix second in the path. */
export function timeParam(c: Context<WebEnv>): number {
  const time = Number(c.req.param('timestamp'))
  if (time <= MAX_TIME) return time
  throw new Refusal(404, 'There is no such time.')
}

/** Jobs in queues that this user may not know of are left out. */
export function seesDelayed(
  c: Context<WebEnv>,
): (job: Pick<DelayedJob, 'queue'> & { isWhole?: boolean }) => boolean {
  const user = currentUser(c)
  return (job) => maySee(user, job)
}

type Wanted = Parameters<WebContext['store']['delayed']['search']>[0]
type Cursor = { time: number; index: number }

function search(web: WebContext, c: Context<WebEnv>, wanted: Wanted, from: Cursor | undefined) {
  const sees = seesDelayed(c)
  const shows = showsTo(currentUser(c), wanted.text, web.settings.secrets)
  const isMeant = (job: DelayedJob) =>
    sees(job) && (shows?.(job.text) ?? true) && (wanted.isMeant?.(job) ?? true)
  return web.searches.run(currentUser(c).name, () =>
    web.store.delayed.search({ ...wanted, isMeant }, { ...(from && { from }), limit: PAGE_SIZE }),
  )
}

function cursorParam(c: Context<WebEnv>): Cursor | undefined {
  const text = textParam(c, 'from')
  if (text === '') return undefined
  const [, time, index] = /^(-?\d{1,15})\.(\d{1,9})$/.exec(text) ?? []
  if (time === undefined) throw new Refusal(400, 'Expected from to be where a search ended.')
  return { time: Number(time), index: Number(index) }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000)
}

function OneTime({
  web,
  c,
  time,
  at,
  start,
  total,
  jobs,
}: View & { time: number; at: Date; start: number; total: number; jobs: readonly DelayedRow[] }) {
  const sees = seesDelayed(c)
  const visible = jobs.filter(sees)
  const hidden = jobs.length - visible.length
  const mayAct = includes(currentUser(c).role, 'operator')
  const to = path`/delayed/${time}`
  return (
    <section>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <p class="crumbs">
        <Link web={web} to="/delayed">
          Delayed
        </Link>
      </p>
      <div class="section-head">
        <h1>{exact(at)}</h1>
        <span class="faint num">
          <Time web={web} at={at} /> · {plural(total, 'job')}
        </span>
        {mayAct && visible.length > 0 && (
          <div class="row">
            <a class="button small" href={url(web, `${to}/queue-all`)} data-confirm="">
              Queue all now
            </a>
            <a class="button small quiet-danger" href={url(web, `${to}/clear`)} data-confirm="">
              Remove all
            </a>
          </div>
        )}
      </div>
      {visible.length === 0 ? (
        <Empty title="No job waits for this time">
          {hidden > 0 ? 'None that you may see.' : 'They were queued or removed, or there never were any.'}
        </Empty>
      ) : mayAct ? (
        <Form web={web} c={c} action={`${to}/queue`} class="stack">
          {/* Before the table: Enter presses the first button of its form, which must not be that of a row. */}
          <div class="row selected-actions">
            <span class="faint">Selected:</span>
            <button class="small" type="submit">
              Queue selected now
            </button>
            <button class="small quiet-danger" type="submit" formaction={url(web, `${to}/remove`)}>
              Remove selected
            </button>
            {visible.some((job) => job.isReadable && job.queue === '') && (
              <label class="row small">
                <span class="faint">Those that name no queue, on</span>
                <input name="queue" autocomplete="off" maxlength={200} size={12} />
              </label>
            )}
          </div>
          <DelayedTable {...{ web, to }} jobs={visible} mayAct />
        </Form>
      ) : (
        <DelayedTable {...{ web, to }} jobs={visible} />
      )}
      {hidden > 0 && visible.length > 0 && (
        <p class="small faint">{plural(hidden, 'job')} here in queues that you may not see.</p>
      )}
      <Pager web={web} path={to} start={start} size={PAGE_SIZE} total={total} what="job" />
    </section>
  )
}

interface Result {
  jobs: DelayedJob[]
  looked: number
  next: Cursor | undefined
}

function Found({
  web,
  text,
  title,
  to,
  query,
  found,
}: View & { text: string; title: string; to: string; query: Query; found: Result | undefined }) {
  return (
    <section>
      <p class="crumbs">
        <Link web={web} to="/delayed">
          Delayed
        </Link>
      </p>
      <div class="section-head">
        <h1>
          <Name>{title}</Name>
        </h1>
        {to === '/delayed/search' && <DelayedSearch web={web} text={text} />}
      </div>
      {found === undefined ? (
        <Empty title="What are you looking for?">
          Any part of a delayed job as it stands in Redis: its class, its queue, an argument.
        </Empty>
      ) : (
        <>
          {found.jobs.length === 0 ? (
            <Empty title="Nothing found">{found.next ? 'Not so far.' : 'No delayed job is like that.'}</Empty>
          ) : (
            <FoundTable web={web} jobs={found.jobs} />
          )}
          <div class="pager">
            <span class="num">
              {plural(found.jobs.length, 'job')} found; looked at {thousands(found.looked)}
              {found.next ? '.' : ', all there are from here on.'}
            </span>
            {found.next && (
              <Link
                web={web}
                to={to}
                query={{ ...query, from: `${found.next.time}.${found.next.index}` }}
                class="button small"
              >
                Continue
              </Link>
            )}
          </div>
        </>
      )}
    </section>
  )
}
