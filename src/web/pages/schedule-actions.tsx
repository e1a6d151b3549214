/**
 * What can be done to schedules: run one now, remove it, bring it back. The forms of resque-scheduler's pages lead to a
 * page that asks.
 */
import { type Context, Hono } from 'hono'
import { isJsonObject } from '../../json.js'
import type { Schedule } from '../../store/schedules.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { rhythmOf } from '../cron.js'
import { seeOther, undoOf } from '../notice.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, Name } from '../views/components.js'
import { Json } from '../views/json.js'
import { page } from '../views/layout.js'
import { exact, shown } from '../views/text.js'
import { seesSchedule } from './schedule.js'

export function scheduleActionPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

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
    const removal = await web.actions.removeSchedule(schedule.name, currentUser(c).name)
    const { count, operation } = removal
    await recordAction(web, c, {
      ...{ action: 'remove schedule', target: schedule.name, operation },
      result: count > 0 ? 'done' : 'gone',
    })
    return seeOther(c, web, '/schedule', {
      text: `Removed ${shown(schedule.name, 80)}.`,
      ...undoOf(removal),
    })
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

function askToRun(web: WebContext, c: Context<WebEnv>, schedule: Schedule) {
  return page(
    c,
    web,
    { title: 'Run now', tab: '/schedule' },
    <Confirm
      {...{ web, c }}
      title={`Run ${shown(schedule.name, 80)} now?`}
      action={path`/schedule/${schedule.name}/run`}
      button="Queue 1 job"
      back={url(web, '/schedule')}
      isHarmless
      inputs={
        <>
          {schedule.queue === undefined && (
            <label class="field">
              <span>It names no queue. Put it on</span>
              <input name="queue" autocomplete="off" maxlength={200} required />
            </label>
          )}
          {parametersOf(schedule).map(({ name, description, value }) => (
            <label class="field">
              <span>
                {shown(name, 100)}
                {description !== '' && `: ${shown(description, 200)}`}
              </span>
              <input name={`param:${name}`} value={value} autocomplete="off" />
            </label>
          ))}
        </>
      }
    >
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
    </Confirm>,
  )
}

function askToRemove(web: WebContext, c: Context<WebEnv>, schedule: Schedule) {
  const {
    next: [next],
    zone,
  } = rhythmOf(schedule, web.now())
  return page(
    c,
    web,
    { title: 'Remove schedule', tab: '/schedule' },
    <Confirm
      {...{ web, c }}
      title={`Remove ${shown(schedule.name, 80)}?`}
      action={path`/schedule/${schedule.name}/remove`}
      button="Remove 1 schedule"
      back={url(web, '/schedule')}
    >
      <p>
        <b>
          <Name>{schedule.name}</Name>
        </b>{' '}
        would run <Name>{schedule.class}</Name>
        {next &&
          ` next at ${exact(next)}${schedule.cron !== undefined && zone === undefined ? ', if its scheduler is in UTC' : ''}`}
        . A scheduler that was started in dynamic mode forgets it at once; another one when it starts again.
        It can be undone for 15 minutes.
      </p>
    </Confirm>,
  )
}
