/**
 * Schedules, as resque-scheduler keeps those that persist: when each fires, what it enqueues, and whether anybody is
 * there to do it. Run one now, or remove it.
 */
import { type Context, Hono } from 'hono'
import { isJsonObject } from '../../json.js'
import type { Schedule } from '../../store/schedules.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { type Rhythm, rhythmOfCron, wordsOfEvery } from '../cron.js'
import { seeOther } from '../notice.js'
import { newId } from '../operations.js'
import { nameParam, numberParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, Empty, Form, Json, Link, Name, Pager, Raw, Time, type View } from '../views/components.js'
import { page } from '../views/layout.js'
import { NoScheduler } from '../views/scheduler.js'
import { duration, exact, plural, shown } from '../views/text.js'
import { undo } from './delayed-actions.js'

const PAGE_SIZE = 50

export function schedulePages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/schedule', needs('viewer'), async (c) => {
    const start = numberParam(c, 'start', 0)
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

  pages.get('/schedule/:name/run', needs('operator'), async (c) => askToRun(web, c, await find(web, c)))
  pages.post('/schedule/:name/run', needs('operator'), async (c) => {
    const schedule = await find(web, c)
    if (c.get('body').get('confirmed') !== 'yes') return askToRun(web, c, schedule)
    return run(web, c, schedule)
  })

  pages.get('/schedule/:name/remove', needs('operator'), async (c) => askToRemove(web, c, await find(web, c)))
  pages.post('/schedule/:name/remove', needs('operator'), async (c) => {
    const schedule = await find(web, c)
    if (c.get('body').get('confirmed') !== 'yes') return askToRemove(web, c, schedule)
    const id = newId()
    const isDone = await web.store.schedules.remove(schedule.name, id)
    await recordAction(web, c, {
      ...{ action: 'remove schedule', target: schedule.name },
      result: isDone ? 'done' : 'gone',
    })
    return seeOther(c, web, '/schedule', {
      text: `Removed ${shown(schedule.name, 80)}.`,
      ...(isDone && { undo: { action: path`/schedule/undo/${id}`, label: 'Undo' } }),
    })
  })

  pages.post('/schedule/undo/:id', needs('operator'), async (c) => {
    const text = await undo(web, c, 'schedule')
    return seeOther(c, web, '/schedule', text)
  })

  // The forms of resque-scheduler's pages; `_method=delete` removes. Each leads to a page that asks.
  const named = (c: Context<WebEnv>) => {
    const body = c.get('body')
    return get(web, c, body.get('job_name') || body.get('job-name'))
  }
  pages.post('/schedule/requeue', needs('operator'), async (c) => askToRun(web, c, await named(c)))
  pages.post('/schedule/requeue_with_params', needs('operator'), async (c) =>
    askToRun(web, c, await named(c)),
  )
  pages.post('/schedule', needs('operator'), async (c) => {
    if (c.get('body').get('_method').toLowerCase() === 'delete') return askToRemove(web, c, await named(c))
    throw new Refusal(405, 'A schedule is not made here.', { headers: { allow: 'GET' } })
  })
  return pages
}

/** One that tells no queue is enqueued where its class says, which nobody here knows. */
export function seesSchedule(c: Context<WebEnv>, { queue = '' }: Schedule): boolean {
  const user = currentUser(c)
  return user.seesAll || user.sees(queue)
}

function find(web: WebContext, c: Context<WebEnv>): Promise<Schedule> {
  return get(web, c, nameParam(c, 'name'))
}

async function get(web: WebContext, c: Context<WebEnv>, name: string): Promise<Schedule> {
  const schedule = name === '' ? undefined : await web.store.schedules.get(name)
  if (!schedule || !seesSchedule(c, schedule)) {
    throw new Refusal(404, 'There is no such schedule.', { hint: 'It may have been removed.' })
  }
  if (schedule.text !== '') return schedule
  throw new Refusal(409, 'This schedule stands in a file of its scheduler, not in Redis.', {
    hint: 'Nothing can be done to it from here.',
  })
}

async function run(web: WebContext, c: Context<WebEnv>, schedule: Schedule): Promise<Response> {
  const body = c.get('body')
  const queue = schedule.queue || body.get('queue').trim()
  if (queue === '' || !currentUser(c).sees(queue))
    throw new Refusal(422, 'Nothing was queued: this schedule names no queue, and none was given.')
  const isDone = await web.store.schedules.runNow(schedule, queue, argsOf(c, schedule))
  await recordAction(web, c, {
    ...{ action: 'run schedule', target: schedule.name, count: isDone ? 1 : 0 },
    result: isDone ? 'done' : 'gone',
  })
  return seeOther(c, web, '/schedule', {
    text: isDone
      ? `Queued ${shown(schedule.class, 60)} on ${shown(queue, 60)}.`
      : `${shown(schedule.name, 60)} was changed meanwhile, so nothing was queued.`,
    kind: isDone ? 'done' : 'warning',
  })
}

interface Parameter {
  name: string
  description: string
  value: string
}

/** What a schedule asks for when it is run by hand. */
function parametersOf({ config }: Schedule): Parameter[] {
  if (!isJsonObject(config.parameters)) return []
  return Object.entries(config.parameters)
    .slice(0, 50)
    .map(([name, each]) => {
      const { description, default: value } = isJsonObject(each) ? each : {}
      return { name, description: String(description ?? ''), value: String(value ?? '') }
    })
}

/** As resque-scheduler does it: what was filled in goes into the one argument, a hash. */
function argsOf(c: Context<WebEnv>, schedule: Schedule): string | undefined {
  const parameters = parametersOf(schedule)
  if (parameters.length === 0) return undefined
  const body = c.get('body')
  const filled = Object.fromEntries(parameters.map(({ name }) => [name, body.get(`param:${name}`)]))
  return JSON.stringify({ ...(isJsonObject(schedule.args) ? schedule.args : {}), ...filled })
}

function rhythmOf(schedule: Schedule, now: Date): Rhythm {
  if (schedule.cron !== undefined) return rhythmOfCron(schedule.cron, now)
  const words = schedule.every === undefined ? undefined : wordsOfEvery(schedule.every)
  return { words, zone: undefined, next: [] }
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
          <table class="cards">
            <caption class="hidden">Schedules</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">When</th>
                <th scope="col">Job</th>
                <th scope="col">Last</th>
                {mayAct && (
                  <th scope="col" class="end">
                    <span class="hidden">Actions</span>
                  </th>
                )}
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
      <td data-label="When">
        <When web={web} schedule={schedule} />
      </td>
      <td data-label="Job">
        <Job web={web} schedule={schedule} />
      </td>
      <td data-label="Last" class="nowrap">
        <Time web={web} at={schedule.lastEnqueuedAt} missing="not known" />
      </td>
      {mayAct && (
        <td class="end actions nowrap">
          {text !== '' && (
            <>
              {schedule.isReadable && (
                <a
                  class="button small"
                  href={url(web, path`/schedule/${name}/run`)}
                  data-confirm=""
                  aria-label={`Run ${label} now`}
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
      <code class="faint">{shown(raw, 200)}</code>
      {cron !== undefined && zone === undefined && words !== undefined && (
        <p class="small faint">In the time zone of its scheduler.</p>
      )}
      {next.length > 0 && (
        <p class="small faint">
          Next{zone === undefined ? ', if that is UTC' : ''}:{' '}
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

function Job({ web, schedule }: { web: WebContext; schedule: Schedule }) {
  if (schedule.text === '') return <span class="faint">–</span>
  if (!schedule.isReadable) return <Raw web={web} text={schedule.text} limit={512} />
  return (
    <>
      <Name>{schedule.class}</Name> <Json web={web} value={schedule.args} />{' '}
      {schedule.queue === undefined ? (
        <span class="faint">on the queue that its class knows</span>
      ) : (
        <span class="nowrap">
          on{' '}
          <Link web={web} to={path`/queues/${schedule.queue}`}>
            <Name>{schedule.queue}</Name>
          </Link>
        </span>
      )}
    </>
  )
}

function askToRun(web: WebContext, c: Context<WebEnv>, schedule: Schedule) {
  const parameters = parametersOf(schedule)
  const action = path`/schedule/${schedule.name}/run`
  return page(
    c,
    web,
    { title: 'Run now', tab: '/schedule' },
    <section class="confirm" aria-labelledby="confirm-title" data-confirm-box="">
      <h1 id="confirm-title">Run this schedule now?</h1>
      <p>
        <b>
          <Name>{schedule.name}</Name>
        </b>{' '}
        puts <b class="num">1 job</b> on the end of{' '}
        {schedule.queue === undefined ? 'a queue' : <Name>{schedule.queue}</Name>}. Its own times stay as they
        are.
      </p>
      <p>
        <Name>{schedule.class}</Name> <Json web={web} value={schedule.args} />
      </p>
      <Form {...{ web, c, action }} fields={{ confirmed: 'yes' }}>
        {schedule.queue === undefined && (
          <label class="field">
            <span>It names no queue. Put it on</span>
            <input name="queue" autocomplete="off" maxlength={200} required />
          </label>
        )}
        {parameters.map(({ name, description, value }) => (
          <label class="field">
            <span>
              {shown(name, 100)}
              {description !== '' && `: ${shown(description, 200)}`}
            </span>
            <input name={`param:${name}`} value={value} autocomplete="off" />
          </label>
        ))}
        <div class="row">
          <a class="button" href={url(web, '/schedule')} data-cancel="">
            Cancel
          </a>
          <button class="primary" type="submit">
            Queue 1 job
          </button>
        </div>
      </Form>
    </section>,
  )
}

function askToRemove(web: WebContext, c: Context<WebEnv>, schedule: Schedule) {
  const [next] = rhythmOf(schedule, web.now()).next
  return page(
    c,
    web,
    { title: 'Remove schedule', tab: '/schedule' },
    <Confirm
      {...{ web, c }}
      title="Remove this schedule?"
      action={path`/schedule/${schedule.name}/remove`}
      button="Remove 1 schedule"
      back={url(web, '/schedule')}
    >
      <p>
        <b>
          <Name>{schedule.name}</Name>
        </b>{' '}
        would run <Name>{schedule.class}</Name>
        {next && ` next at ${exact(next)}`}. A scheduler that was started in dynamic mode forgets it at once;
        another one when it starts again. It can be undone for 15 minutes.
      </p>
    </Confirm>,
  )
}
