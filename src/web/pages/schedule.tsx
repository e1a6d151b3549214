/**
 * Schedules, as resque-scheduler keeps those that persist: when each fires, what it enqueues, and whether anybody is
 * there to do it. What is done to them is in `schedule-actions.tsx`.
 */
import { type Context, Hono } from 'hono'
import type { Schedule } from '../../store/schedules.js'
import { currentUser, includes, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { rhythmOf } from '../cron.js'
import { startParam } from '../params.js'
import { path, url } from '../url.js'
import { Empty, HiddenHead, Link, Name, Pager, Time, type View } from '../views/components.js'
import { Json, Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { NoScheduler } from '../views/scheduler.js'
import { duration, exact, plural, shown } from '../views/text.js'

const PAGE_SIZE = 50

export function schedulePages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/schedule', needs('viewer'), async (c) => {
    const start = startParam(c)
    const [{ schedules, total }, master] = await Promise.all([
      web.store.schedules.all(),
      web.store.schedules.master(web.settings.scheduler.lockPrefix),
    ])
    const visible = schedules.filter((schedule) => seesSchedule(c, schedule))
    const unread = total - schedules.filter(({ text }) => text !== '').length
    return page(
      c,
      web,
      { title: 'Schedule', tab: '/schedule' },
      <Schedules {...{ web, c, master, start, unread }} schedules={visible} />,
    )
  })

  return pages
}

/** One that tells no queue is enqueued where its class says, which nobody here knows. */
export function seesSchedule(c: Context<WebEnv>, { queue = '' }: Schedule): boolean {
  const user = currentUser(c)
  return user.seesAll || user.sees(queue)
}

/** Whether a scheduler in this environment passes it over; undefined where that is not known. */
function isForeign(environments: string | undefined, environment: string | undefined): boolean | undefined {
  if (environments === undefined) return false
  if (environment === undefined) return undefined
  return !environments.split(/[\s,]+/).includes(environment)
}

function Schedules({
  web,
  c,
  schedules,
  master,
  start,
  unread,
}: View & {
  schedules: readonly Schedule[]
  master: { holder: string; ttlMs: number } | undefined
  start: number
  unread: number
}) {
  const mayAct = includes(currentUser(c).role, 'operator')
  return (
    <>
      {master === undefined && schedules.length > 0 && <NoScheduler what="schedules" />}
      <section>
        <div class="section-head">
          <h1>Schedule</h1>
          <span class="faint num">{plural(schedules.length, 'schedule')}</span>
          {master !== undefined && (
            <span class="faint push">
              Master: <Name limit={100}>{master.holder}</Name>
              {master.ttlMs > 0 && `, its lock lasts another ${duration(master.ttlMs)}`}
            </span>
          )}
        </div>
        {schedules.length === 0 ? (
          <Empty title="No schedules">
            Here are those that resque-scheduler keeps in Redis: <code>persist: true</code>.
          </Empty>
        ) : (
          <table class="cards roomy">
            <caption class="hidden">Schedules</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">When</th>
                <th scope="col">Job</th>
                <th scope="col">Last</th>
                {mayAct && <HiddenHead end>Actions</HiddenHead>}
              </tr>
            </thead>
            <tbody>
              {schedules.slice(start, start + PAGE_SIZE).map((schedule) => (
                <Row {...{ web, c, schedule, mayAct }} />
              ))}
            </tbody>
          </table>
        )}
        {unread > 0 && <p class="small faint">{plural(unread, 'schedule')} more than are read here.</p>}
        <Pager
          {...{ web, start }}
          path="/schedule"
          size={PAGE_SIZE}
          total={schedules.length}
          what="schedule"
        />
      </section>
    </>
  )
}

function Row({ web, schedule, mayAct }: View & { schedule: Schedule; mayAct: boolean }) {
  const { name, text, description } = schedule
  const label = shown(name, 100)
  return (
    <tr>
      <th scope="row">
        <b>
          <Name>{name}</Name>
        </b>
        {description !== undefined && <p class="small faint">{shown(description, 300)}</p>}
      </th>
      <td data-label="When" class="when">
        <When web={web} schedule={schedule} />
      </td>
      <td data-label="Job">
        <Job web={web} schedule={schedule} />
      </td>
      <td data-label="Last">
        <Time web={web} at={schedule.lastEnqueuedAt} missing="not known" />
      </td>
      {mayAct && (
        <td class="end actions">
          {text !== '' && (
            <>
              {schedule.isReadable && (
                <a
                  class="button small"
                  href={url(web, path`/schedule/${name}/run`)}
                  data-confirm=""
                  aria-label={`Run now: ${label}`}
                >
                  Run now
                </a>
              )}{' '}
              <a
                class="button small quiet-danger"
                href={url(web, path`/schedule/${name}/remove`)}
                data-confirm=""
                aria-label={`Remove ${label}`}
              >
                Remove
              </a>
            </>
          )}
        </td>
      )}
    </tr>
  )
}

function When({ web, schedule }: { web: WebContext; schedule: Schedule }) {
  const { cron, every, environments, text, isReadable } = schedule
  if (text === '') return <span class="faint">in a file of its scheduler, not in Redis</span>
  if (!isReadable) return <span class="warning">not readable</span>
  const raw = cron ?? every
  if (raw === undefined) return <span class="warning">says neither cron nor every, so it never fires</span>
  const { words, zone, next } = rhythmOf(schedule, web.now())
  const foreign = isForeign(environments, web.settings.scheduler.environment)
  return (
    <>
      {words ?? <span class="faint">cannot be said in words here</span>}{' '}
      <code class={raw.length <= 24 ? 'faint nowrap' : 'faint'}>{shown(raw, 200)}</code>
      {cron !== undefined && zone === undefined && words !== undefined && (
        <p class="small faint">In the time zone of its scheduler.</p>
      )}
      {zone !== undefined && <p class="small faint">In the time zone {zone}.</p>}
      {next.length > 0 && (
        <p class="small faint">
          {nextAs(cron, zone)}:{' '}
          {next.map((at, i) => (
            <>
              {i > 0 && ', '}
              <time class="nowrap" datetime={at.toISOString()}>
                {exact(at)
                  .replace(/:00 UTC$/, '')
                  .replace(/ UTC$/, '')}
              </time>
            </>
          ))}{' '}
          UTC
        </p>
      )}
      {environments !== undefined && (
        <p class={foreign ? 'small warning' : 'small faint'}>
          {foreign
            ? `⚠ Not in this environment (${web.settings.scheduler.environment}): only in ${shown(environments, 100)}.`
            : `Only in ${shown(environments, 100)}.`}
        </p>
      )}
    </>
  )
}

/** What its next times are told by. */
function nextAs(cron: string | undefined, zone: string | undefined): string {
  if (cron === undefined) return 'Next, unless its scheduler was started anew since'
  return zone === undefined ? 'Next, if that is UTC' : 'Next'
}

function Job({ web, schedule }: { web: WebContext; schedule: Schedule }) {
  if (schedule.text === '') return <span class="faint">–</span>
  if (!schedule.isReadable) return <Raw web={web} text={schedule.text} limit={512} />
  return (
    <>
      <Name>{schedule.class}</Name> <Json web={web} value={schedule.args} />{' '}
      {schedule.queue === undefined ? (
        <span class="faint">on the queue that its class knows</span>
      ) : (
        <>
          on{' '}
          <Link web={web} to={path`/queues/${schedule.queue}`}>
            <Name>{schedule.queue}</Name>
          </Link>
        </>
      )}
    </>
  )
}
