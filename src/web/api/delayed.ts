/**
 * The API of delayed jobs and schedules.
 */
import type { DelayedJob } from '../../store/delayed.js'
import { delayedRefs } from '../../store/delayed-glance.js'
import type { Schedule } from '../../store/schedules.js'
import { showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { maySee } from '../access/user.js'
import { unveiled, type WebContext } from '../context.js'
import { paging } from './bulk.js'
import type { Call, Endpoint, Fields } from './endpoint.js'
import { foundOf, list, moment, object, orNull, pageOf, ref, text, truth, whole } from './schemas.js'
import { delayedShape, removalShape, scheduleShape } from './shapes.js'

const chosen: Fields = {
  refs: {
    ...{ type: 'array', items: { type: 'string' }, maxItems: 100 },
    description: 'Refs of jobs of this time.',
  },
}
const MAX_TIME = 8_640_000_000_000

export function delayedEndpoints(web: WebContext): Endpoint[] {
  const sees =
    ({ user }: Call) =>
    (thing: { queue?: string | undefined; isWhole?: boolean }) =>
      maySee(user, thing)
  const timeOf = ({ name }: Call): number => {
    const text = name('time')
    if (/^\d{1,13}$/.test(text) && Number(text) <= MAX_TIME) return Number(text)
    throw new Refusal(404, 'There is no such time.')
  }
  const jobsOf = async (call: Call): Promise<DelayedJob[]> => {
    const { refs = [] } = call.body as { refs?: string[] }
    const wanted = delayedRefs(timeOf(call), refs)
    if (!wanted || wanted.length === 0) throw new Refusal(422, 'Expected refs of jobs of this time.')
    const jobs = (await web.store.delayedGlances.find(timeOf(call), wanted)).filter(sees(call))
    if (jobs.length === 0) throw new Refusal(409, 'These jobs wait for this time no more.')
    return jobs
  }
  const jobOf = async (call: Call): Promise<DelayedJob> => {
    const refs = delayedRefs(timeOf(call), [call.name('ref')])
    if (!refs) throw new Refusal(404, 'That names no job of this time.')
    const [job] = (await web.store.delayedGlances.find(timeOf(call), refs)).filter(sees(call))
    if (job) return job
    throw new Refusal(404, 'This job waits for this time no more.', {
      hint: 'It was put on its queue when its time had come, or removed.',
    })
  }
  const scheduleOf = async (call: Call): Promise<Schedule> => {
    const schedule = await web.store.schedules.get(call.name('name'))
    if (schedule && sees(call)(schedule)) return schedule
    throw new Refusal(404, 'There is no such schedule.')
  }

  return [
    {
      ...{ method: 'get', path: '/delayed', role: 'viewer', id: 'delayed', tag: 'Delayed' },
      summary: 'Times that jobs wait for, the next first.',
      query: paging,
      answer: pageOf(object({ time: { ...whole, description: 'A unix second.' }, at: moment, count: whole })),
      async run({ query }) {
        const { start = 0, limit = 50 } = query as { start?: number; limit?: number }
        const [total, times] = await Promise.all([
          web.store.delayed.count(),
          web.store.delayed.times(start, limit),
        ])
        return { total, start, items: times.map(({ time, at, count }) => ({ time, at, count })) }
      },
    },
    {
      ...{ method: 'get', path: '/delayed/search', role: 'viewer', id: 'searchDelayed', tag: 'Delayed' },
      summary: 'Delayed jobs of a class, or that hold a text: a bounded search, to be gone on with.',
      query: {
        class: { type: 'string', description: 'Only jobs of this class.' },
        text: { type: 'string', description: 'Only jobs whose JSON holds this text.' },
        cursor: { type: 'string', description: 'Where a search ended.' },
      },
      answer: foundOf(ref('DelayedJob')),
      async run(call) {
        const { cursor, ...wanted } = call.query as { cursor?: string; class?: string; text?: string }
        const [, time, index] = /^(-?\d{1,15})\.(\d{1,9})$/.exec(cursor ?? '') ?? []
        if (cursor !== undefined && time === undefined)
          throw new Refusal(400, 'Expected cursor to be where a search ended.')
        const from = time === undefined ? {} : { from: { time: Number(time), index: Number(index) } }
        const seesQueue = sees(call)
        const shows = showsTo(call.user, wanted.text, web.settings.secrets)
        const isMeant = (job: DelayedJob) => seesQueue(job) && (shows?.(job.text) ?? true)
        const search = () => web.store.delayed.search({ ...wanted, isMeant }, from)
        const { jobs, looked, next } = await web.searches.run(call.user.name, search)
        return {
          items: jobs.map((job) => delayedShape(web, job)),
          looked,
          next: next ? `${next.time}.${next.index}` : null,
        }
      },
    },
    {
      ...{ method: 'get', path: '/delayed/{time}', role: 'viewer', id: 'delayedJobs', tag: 'Delayed' },
      summary: 'Jobs that wait for one time.',
      query: paging,
      answer: pageOf(ref('DelayedJob')),
      async run(call) {
        const { start = 0, limit = 50 } = call.query as { start?: number; limit?: number }
        const { total, jobs } = await web.store.delayedGlances.page(timeOf(call), start, limit)
        return { total, start, items: jobs.filter(sees(call)).map((job) => delayedShape(web, job)) }
      },
    },
    {
      ...{
        method: 'get',
        path: '/delayed/{time}/jobs/{ref}',
        role: 'viewer',
        id: 'delayedJob',
        tag: 'Delayed',
      },
      summary: 'One job that waits for a time.',
      answer: ref('DelayedJob'),
      run: async (call) => delayedShape(web, await jobOf(call)),
    },
    {
      ...{ method: 'post', path: '/delayed/{time}/jobs/{ref}/reveal', role: 'operator', tag: 'Delayed' },
      id: 'revealDelayedJob',
      summary: 'One job that waits for a time, with nothing hidden. Who looked stands in the audit.',
      answer: ref('DelayedJob'),
      async run(call) {
        const job = await jobOf(call)
        await call.record({ action: 'reveal arguments', target: `delayed ${job.ref}`, result: 'done' })
        return delayedShape(unveiled(web), job)
      },
    },
    {
      ...{
        method: 'post',
        path: '/delayed/{time}/queue',
        role: 'operator',
        id: 'queueDelayed',
        tag: 'Delayed',
      },
      summary: 'Puts jobs of one time on their queues now.',
      body: { ...chosen, queue: { type: 'string', description: 'For jobs that name no queue.' } },
      answer: object({ queued: whole, left: whole }),
      refusals: { 409: 'None of them is there any more.' },
      async run(call) {
        const { queue } = call.body as { queue?: string }
        if (queue !== undefined && !call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        const jobs = await jobsOf(call)
        const queued = await web.store.delayed.queueNow(timeOf(call), jobs, queue || undefined)
        const result = queued > 0 ? 'done' : 'gone'
        await call.record({ action: 'queue delayed jobs', target: call.name('time'), count: queued, result })
        return { queued, left: jobs.length - queued }
      },
    },
    {
      ...{ method: 'post', path: '/delayed/{time}/queue-all', role: 'operator', id: 'queueAllDelayed' },
      tag: 'Delayed',
      summary: 'Puts all jobs of one time on their queues now, in their order.',
      answer: object({ queued: whole, left: whole }),
      async run(call) {
        const { queued, left } = await web.store.delayed.queueAllNow(timeOf(call), undefined, sees(call))
        await call.record({
          ...{ action: 'queue delayed jobs', target: call.name('time'), count: queued, result: 'done' },
        })
        return { queued, left }
      },
    },
    {
      ...{ method: 'post', path: '/delayed/{time}/remove', role: 'operator', id: 'removeDelayed' },
      tag: 'Delayed',
      summary: 'Removes jobs of one time. With undo.',
      body: chosen,
      answer: ref('Removed'),
      refusals: { 409: 'None of them is there any more.' },
      async run(call) {
        const [time, jobs] = [timeOf(call), await jobsOf(call)]
        const removal = await web.actions.removeDelayed(time, call.user.name, (trash) =>
          web.store.delayed.remove(time, jobs, trash),
        )
        const { count, operation } = removal
        const result = count > 0 ? 'done' : 'gone'
        await call.record({ action: 'remove delayed jobs', target: String(time), count, operation, result })
        return removalShape(removal)
      },
    },
    {
      ...{ method: 'post', path: '/delayed/clear', role: 'admin', id: 'clearDelayed', tag: 'Delayed' },
      summary: 'Removes all delayed jobs. With undo.',
      answer: ref('Removed'),
      async run(call) {
        if (!call.user.seesAll) throw new Refusal(403, 'This is for those who see all queues.')
        const removal = await web.actions.removeDelayed(undefined, call.user.name, (trash) =>
          web.store.delayed.clear(trash),
        )
        const { count, operation } = removal
        await call.record({ action: 'remove delayed jobs', target: 'all', count, operation, result: 'done' })
        return removalShape(removal)
      },
    },
    {
      ...{ method: 'get', path: '/schedules', role: 'viewer', id: 'schedules', tag: 'Schedules' },
      summary: 'Schedules that resque-scheduler keeps in Redis, and who is its master.',
      answer: object({
        master: orNull(object({ holder: text, ttlMs: whole })),
        items: list(ref('Schedule')),
      }),
      async run(call) {
        const [{ schedules }, master = null] = await Promise.all([
          web.store.schedules.all(),
          web.store.schedules.master(web.settings.scheduler.lockPrefix),
        ])
        return { master, items: schedules.filter(sees(call)).map((each) => scheduleShape(web, each)) }
      },
    },
    {
      ...{ method: 'get', path: '/schedules/{name}', role: 'viewer', id: 'schedule', tag: 'Schedules' },
      summary: 'One schedule.',
      answer: ref('Schedule'),
      run: async (call) => scheduleShape(web, await scheduleOf(call)),
    },
    {
      ...{ method: 'post', path: '/schedules/{name}/run', role: 'operator', id: 'runSchedule' },
      tag: 'Schedules',
      summary: 'Enqueues the job of a schedule now; its times stay as they are.',
      body: { queue: { type: 'string', description: 'For a schedule that names no queue.' } },
      answer: object({ isDone: truth }),
      refusals: { 409: 'It was changed meanwhile, or stands in a file of its scheduler; nothing was done.' },
      async run(call) {
        const schedule = await scheduleOf(call)
        const queue = schedule.queue ?? (call.body as { queue?: string }).queue ?? ''
        if (queue === '') throw new Refusal(422, 'This schedule names no queue, and none was given.')
        if (!call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        const isDone = await web.store.schedules.runNow(schedule, queue)
        const result = isDone ? 'done' : 'gone'
        await call.record({ action: 'run schedule', target: schedule.name, count: isDone ? 1 : 0, result })
        if (!isDone) throw new Refusal(409, 'It was changed meanwhile, or is not in Redis; nothing was done.')
        return { isDone }
      },
    },
    {
      ...{ method: 'post', path: '/schedules/{name}/remove', role: 'operator', id: 'removeSchedule' },
      tag: 'Schedules',
      summary: 'Removes a schedule. With undo.',
      answer: ref('Removed'),
      async run(call) {
        const { name } = await scheduleOf(call)
        const removal = await web.actions.removeSchedule(name, call.user.name)
        const { count, operation } = removal
        const result = count > 0 ? 'done' : 'gone'
        await call.record({ action: 'remove schedule', target: name, operation, result })
        return removalShape(removal)
      },
    },
  ]
}
