/**
 * What can be done to delayed jobs: queue them now, remove them, bring them back. Jobs are named by what they are, so
 * what moved meanwhile is found and what is gone is left alone. The forms of resque-scheduler's pages, which name jobs by
 * their place, lead to a page that asks.
 */
import { type Context, Hono } from 'hono'
import { parseJson } from '../../json.js'
import type { DelayedJob } from '../../store/delayed.js'
import { delayedRefs } from '../../store/delayed-glance.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { Removal } from '../actions.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther, undoOf } from '../notice.js'
import { path, url } from '../url.js'
import { Confirm, Name, type View } from '../views/components.js'
import { classOf } from '../views/delayed-table.js'
import { page } from '../views/layout.js'
import { exact, plural, shown } from '../views/text.js'
import { seesDelayed, timeParam } from './delayed.js'

/** Above this many jobs a word must be typed. */
const MANY = 1_000
/** How many jobs one form names at most. */
const MAX_REFS = 100
/** How far classic forms, which name no single job, are looked up. */
const MAX_LOOKED = 10_000

export function delayedActionPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.post('/delayed/:timestamp{\\d+}/queue', needs('operator'), async (c) => {
    const time = timeParam(c)
    const jobs = await chosen(web, c, time)
    const queue = c.get('body').get('queue').trim() || undefined
    if (c.get('body').get('confirmed') !== 'yes') return askToQueue(web, c, time, jobs, queue)
    checkQueue(c, queue)
    const count = await web.store.delayed.queueNow(time, jobs, queue)
    await recordAction(web, c, {
      ...{ action: 'queue delayed jobs', target: String(time), count },
      result: count > 0 ? 'done' : 'gone',
    })
    const rest = jobs.length - count
    const left = rest > 0 ? ` ${plural(rest, 'job')} stayed: no queue is named, or it is gone.` : ''
    return seeOther(c, web, path`/delayed/${time}`, {
      text: `Queued ${plural(count, 'job')}.${left}`,
      kind: rest > 0 ? 'warning' : 'done',
    })
  })

  pages.post('/delayed/:timestamp{\\d+}/remove', needs('operator'), async (c) => {
    const time = timeParam(c)
    const jobs = await chosen(web, c, time)
    const removal = await web.actions.removeDelayed(time, currentUser(c).name, (trash) =>
      web.store.delayed.remove(time, jobs, trash),
    )
    await recordRemoval(web, c, String(time), removal)
    return seeOther(c, web, path`/delayed/${time}`, removed(removal))
  })

  pages.get('/delayed/:timestamp{\\d+}/queue-all', needs('operator'), (c) => askToQueueAll(web, c))
  pages.post('/delayed/:timestamp{\\d+}/queue-all', needs('operator'), async (c) => {
    if (c.get('body').get('confirmed') !== 'yes') return askToQueueAll(web, c)
    const time = timeParam(c)
    const { queued, left } = await web.store.delayed.queueAllNow(time, undefined, seesDelayed(c))
    await recordAction(web, c, {
      ...{ action: 'queue delayed jobs', target: String(time), count: queued, result: 'done' },
    })
    const rest = left > 0 ? ` ${plural(left, 'job')} stayed: no queue is named, or it is no job.` : ''
    return seeOther(c, web, left > 0 ? path`/delayed/${time}` : '/delayed', {
      text: `Queued ${plural(queued, 'job')}.${rest}`,
      kind: left > 0 ? 'warning' : 'done',
    })
  })

  pages.get('/delayed/:timestamp{\\d+}/clear', needs('operator'), (c) => askToClearTime(web, c))
  pages.post('/delayed/:timestamp{\\d+}/clear', needs('operator'), async (c) => {
    if (c.get('body').get('confirmed') !== 'yes') return askToClearTime(web, c)
    const time = timeParam(c)
    const removal = await web.actions.removeDelayed(time, currentUser(c).name, (trash) =>
      clearTime(web, c, time, trash),
    )
    await recordRemoval(web, c, String(time), removal)
    return seeOther(c, web, '/delayed', removed(removal))
  })

  pages.get('/delayed/clear', needs('admin'), (c) => askToClear(web, c))
  pages.post('/delayed/clear', needs('admin'), async (c) => {
    const body = c.get('body')
    if (body.get('confirmed') !== 'yes') return askToClear(web, c)
    checkSeesAll(c)
    const { jobs } = await web.store.delayedGlances.total()
    if (jobs > MANY && body.get('typed') !== 'delayed')
      throw new Refusal(422, 'Nothing was removed: the word that was typed is not delayed.')
    const removal = await web.actions.removeDelayed(undefined, currentUser(c).name, (trash) =>
      web.store.delayed.clear(trash),
    )
    await recordRemoval(web, c, 'all', removal)
    return seeOther(c, web, '/delayed', removed(removal))
  })

  // The forms of resque-scheduler's pages.

  pages.post('/delayed/search', needs('viewer'), (c) => {
    const body = c.get('body')
    const q = (body.get('search') || body.get('q')).slice(0, 512)
    return c.redirect(url(web, '/delayed/search', { q }), 303)
  })

  pages.post('/delayed/queue_now', needs('operator'), async (c) => {
    const time = classicTime(c)
    const [job] = (await web.store.delayed.jobs(time, 0, 1)).filter(seesDelayed(c))
    if (!job) throw new Refusal(404, 'No job waits for that time any more.')
    return askToQueue(web, c, time, [job], undefined)
  })

  pages.post('/delayed/cancel_now', needs('operator'), async (c) => {
    const time = classicTime(c)
    const body = c.get('body')
    const args = JSON.stringify(parseJson(body.get('args') || '[]'))
    const jobs: DelayedJob[] = []
    for (let start = 0; start < MAX_LOOKED && jobs.length < MAX_REFS; start += MAX_REFS) {
      const some = await web.store.delayed.jobs(time, start, MAX_REFS)
      jobs.push(...some.filter((job) => job.class === body.get('klass') && JSON.stringify(job.args) === args))
      if (some.length < MAX_REFS) break
    }
    const meant = jobs.filter(seesDelayed(c)).slice(0, MAX_REFS)
    if (meant.length === 0) throw new Refusal(404, 'No such job waits for that time any more.')
    return askToRemove(web, c, time, meant)
  })
  return pages
}

function recordRemoval(
  web: WebContext,
  c: Context<WebEnv>,
  target: string,
  { count, operation }: Removal,
): Promise<void> {
  const result = count > 0 ? 'done' : 'gone'
  return recordAction(web, c, { action: 'remove delayed jobs', target, count, operation, result })
}

function removed(removal: Removal) {
  const { count } = removal
  return {
    text: count > 0 ? `Removed ${plural(count, 'job')}.` : 'Nothing was removed: the jobs were gone already.',
    kind: count > 0 ? ('done' as const) : ('warning' as const),
    ...undoOf(removal),
  }
}

/** The jobs that a form names, those that are still there; refuses a form that names none. */
async function chosen(web: WebContext, c: Context<WebEnv>, time: number): Promise<DelayedJob[]> {
  const body = c.get('body')
  const only = body.get('only')
  const named = only === '' ? body.all('ref').flatMap((each) => each.split(' ')) : [only]
  const refs = delayedRefs(time, named.filter(Boolean))
  if (!refs) throw new Refusal(400, 'This form names a job that is none of this time.')
  if (refs.length === 0) throw new Refusal(422, 'Nothing was done: no job was selected.')
  if (refs.length > MAX_REFS) throw new Refusal(422, `At most ${MAX_REFS} jobs can be selected at once.`)
  const jobs = (await web.store.delayedGlances.find(time, refs)).filter(seesDelayed(c))
  if (jobs.length > 0) return jobs
  throw new Refusal(409, 'Nothing was done: what was selected waits for this time no more.')
}

function checkQueue(c: Context<WebEnv>, queue: string | undefined): void {
  if (queue !== undefined && !currentUser(c).sees(queue)) throw new Refusal(404, 'There is no such queue.')
}

function checkSeesAll(c: Context<WebEnv>): void {
  if (!currentUser(c).seesAll)
    throw new Refusal(
      403,
      'This removes jobs of queues that you may not see, so it is for those who see all.',
    )
}

function classicTime(c: Context<WebEnv>): number {
  const text = c.get('body').get('timestamp')
  if (/^\d{1,13}$/.test(text)) return Number(text)
  throw new Refusal(400, 'Expected timestamp to be a unix second.')
}

async function clearTime(web: WebContext, c: Context<WebEnv>, time: number, id: string): Promise<number> {
  if (currentUser(c).seesAll) return web.store.delayed.clear(id, time)
  let count = 0
  let left = 0
  for (let ahead = await web.store.delayed.size(time); ahead > 0; ) {
    const jobs = await web.store.delayed.jobs(time, left, Math.min(MAX_REFS, ahead))
    if (jobs.length === 0) break
    const taken = await web.store.delayed.remove(time, jobs.filter(seesDelayed(c)), id)
    count += taken
    left += jobs.length - taken
    ahead -= jobs.length
  }
  return count
}

function Listed({ jobs, queue }: { jobs: readonly DelayedJob[]; queue?: string | undefined }) {
  return (
    <ul>
      {jobs.slice(0, 5).map((job) => (
        <li>
          <Name limit={80}>{classOf(job)}</Name> →{' '}
          {job.queue || queue ? (
            <Name limit={80}>{job.queue || (queue as string)}</Name>
          ) : (
            <span class="warning">names no queue: it stays</span>
          )}
        </li>
      ))}
      {jobs.length > 5 && <li class="faint">and {plural(jobs.length - 5, 'other')}</li>}
    </ul>
  )
}

function Custom({ jobs }: { jobs: readonly DelayedJob[] }) {
  const first = jobs.find(({ customClass }) => customClass !== undefined)
  if (!first?.customClass) return null
  return (
    <p class="warning">
      {shown(first.customClass, 80)} has its own way to enqueue, which only Ruby knows: from here the job is
      put on its queue as it is.
    </p>
  )
}

function askToQueue(
  web: WebContext,
  c: Context<WebEnv>,
  time: number,
  jobs: readonly DelayedJob[],
  queue: string | undefined,
) {
  return page(
    c,
    web,
    { title: 'Queue now', tab: '/delayed' },
    <Confirm
      {...{ web, c }}
      title={`Queue ${plural(jobs.length, 'job')} now?`}
      action={path`/delayed/${time}/queue`}
      button={`Queue ${plural(jobs.length, 'job')}`}
      back={url(web, path`/delayed/${time}`)}
      fields={{ ref: jobs.map(({ ref }) => ref).join(' '), ...(queue !== undefined && { queue }) }}
      isHarmless
    >
      <p>
        Instead of at <b>{exact(new Date(time * 1_000))}</b>, at the end of its queue:
      </p>
      <Listed jobs={jobs} queue={queue} />
      <Custom jobs={jobs} />
    </Confirm>,
  )
}

function askToRemove(web: WebContext, c: Context<WebEnv>, time: number, jobs: readonly DelayedJob[]) {
  return page(
    c,
    web,
    { title: 'Remove', tab: '/delayed' },
    <Confirm
      {...{ web, c }}
      title={`Remove ${plural(jobs.length, 'job')}?`}
      action={path`/delayed/${time}/remove`}
      button={`Remove ${plural(jobs.length, 'job')}`}
      back={url(web, path`/delayed/${time}`)}
      fields={{ ref: jobs.map(({ ref }) => ref).join(' ') }}
    >
      <p>
        Due at <b>{exact(new Date(time * 1_000))}</b>. It can be undone for 15 minutes.
      </p>
      <Listed jobs={jobs} />
    </Confirm>,
  )
}

async function askToQueueAll(web: WebContext, c: Context<WebEnv>) {
  const time = timeParam(c)
  const { total, jobs } = await web.store.delayedGlances.page(time, 0, 5)
  return page(
    c,
    web,
    { title: 'Queue all now', tab: '/delayed' },
    <Confirm
      {...{ web, c }}
      title={total === 1 ? 'Queue 1 job now?' : `Queue all ${plural(total, 'job')} now?`}
      action={path`/delayed/${time}/queue-all`}
      button={`Queue ${plural(total, 'job')}`}
      back={url(web, path`/delayed/${time}`)}
      isHarmless
    >
      <p>
        <b class="num">{plural(total, 'job')}</b> due at <b>{exact(new Date(time * 1_000))}</b>, each at the
        end of its queue, in their order. The first of them:
      </p>
      <Listed jobs={jobs.filter(seesDelayed(c))} />
      <NotAll {...{ web, c }} />
    </Confirm>,
  )
}

async function askToClearTime(web: WebContext, c: Context<WebEnv>) {
  const time = timeParam(c)
  const total = await web.store.delayed.size(time)
  return page(
    c,
    web,
    { title: 'Remove all', tab: '/delayed' },
    <Confirm
      {...{ web, c }}
      title={`Remove ${plural(total, 'job')}?`}
      action={path`/delayed/${time}/clear`}
      button={`Remove ${plural(total, 'job')}`}
      back={url(web, path`/delayed/${time}`)}
    >
      <p>
        <b class="num">{plural(total, 'job')}</b> due at <b>{exact(new Date(time * 1_000))}</b> will not run.
        It can be undone for 15 minutes.
      </p>
      <NotAll {...{ web, c }} />
    </Confirm>,
  )
}

function NotAll({ c }: View) {
  return currentUser(c).seesAll ? null : (
    <p class="faint">Jobs in queues that you may not see stay as they are.</p>
  )
}

async function askToClear(web: WebContext, c: Context<WebEnv>) {
  checkSeesAll(c)
  const { jobs, isExact } = await web.store.delayedGlances.total()
  const number = `${isExact ? '' : 'more than '}${plural(jobs, 'job')}`
  return page(
    c,
    web,
    { title: 'Clear delayed jobs', tab: '/delayed' },
    <Confirm
      {...{ web, c }}
      title="Remove all delayed jobs?"
      action="/delayed/clear"
      button={`Remove ${number}`}
      back={url(web, '/delayed')}
      typed={jobs > MANY ? 'delayed' : undefined}
    >
      <p>
        <b class="num">{number}</b> of all times will not run. It can be undone for 15 minutes.
      </p>
    </Confirm>,
  )
}
