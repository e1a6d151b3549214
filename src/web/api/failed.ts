/**
 * The API of failed jobs: lists, groups, one of them; retry, remove, clear.
 */
import type { FailedJob } from '../../store/records.js'
import { redactText, showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { includes } from '../access/user.js'
import { unveiled, type WebContext } from '../context.js'
import { retryFailed } from '../failed-actions.js'
import { auditedFilter, checked, failedJobOf, listsFor } from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { type Bulk, begin, bulk, oneOf, paging, undoOf } from './bulk.js'
import type { Call, Endpoint, Fields } from './endpoint.js'
import { foundOf, list, object, pageOf, ref, text, whole } from './schemas.js'
import { failedDetailShape, failedRowShape } from './shapes.js'

const filterFields: Fields = {
  list: { type: 'string', description: 'A failed list, such as `failed` or `mail_failed`. Default: all.' },
  queue: { type: 'string', description: 'The queue the job came from.' },
  class: { type: 'string', description: 'Its class.' },
  exception: { type: 'string', description: 'The class of its exception.' },
  group: { type: 'string', description: 'The id of a group.' },
  from: { type: 'string', description: 'Failed at or after: ISO 8601, or a unix second.' },
  to: { type: 'string', description: 'Failed at or before.' },
  state: {
    ...{ type: 'string', enum: ['open', 'retried', 'all'] },
    description: 'Not put back yet, or put back. Default: all.',
  },
}
const searchText: Fields = {
  text: { type: 'string', description: 'A text that stands in the entry.' },
}
const filterSchema = { ...filterFields, ...searchText } as unknown as Record<string, object>

/** How long a call waits for the index. */
const INDEX_MS = 5_000

export function failedEndpoints(web: WebContext): Endpoint[] {
  const filterOf = (c: Call['c'], values: Readonly<Record<string, unknown>>): Promise<FailureFilter> => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(values)) query.set(name, String(value))
    return checked(web, c, query)
  }
  const jobOf = ({ c, name }: Call): Promise<FailedJob> => failedJobOf(web, c, name('ref'))
  /** What a call on many is about. Refs of jobs that the user may not see are as if they were not there. */
  const targetOf = async ({ c, user, body }: Call) => {
    const target = oneOf(body.refs as string[] | undefined, body.filter as Record<string, string> | undefined)
    if ('filter' in target) return { filter: await filterOf(c, target.filter) }
    if (user.seesAll) return target
    const jobs = await Promise.all(
      target.refs.map((each) => failedJobOf(web, c, each).catch(() => undefined)),
    )
    const refs = target.refs.filter((_, i) => jobs[i] !== undefined)
    if (refs.length === 0) throw new Refusal(404, 'These failed jobs are here no more.')
    return { refs }
  }
  const audited = (target: { refs: string[] } | { filter: FailureFilter }) => {
    if ('refs' in target) return { count: target.refs.length }
    return auditedFilter(target.filter)
  }

  return [
    {
      ...{ method: 'get', path: '/failed', role: 'viewer', id: 'failed', tag: 'Failed' },
      summary: 'Failed jobs, newest first.',
      query: { ...filterFields, ...paging },
      answer: pageOf(ref('FailedJob')),
      refusals: { 503: 'Redis cannot be reached, or the failures are still being read for the first time.' },
      async run({ c, query }) {
        const { start = 0, limit = 50, ...rest } = query as { start?: number; limit?: number }
        const filter = await filterOf(c, rest)
        const isPlain = Object.keys(filter).every((key) => key === 'list')
        if (!isPlain) await indexed(web)
        const { rows, total } = isPlain
          ? await web.entryPages.newest(filter.list, start, limit)
          : await web.entryPages.filtered(web.failedIndex, filter, start, limit)
        return { total, start, items: rows.map((row) => failedRowShape(web, row)) }
      },
    },
    {
      ...{ method: 'get', path: '/failed/search', role: 'viewer', id: 'searchFailed', tag: 'Failed' },
      summary: 'Failed jobs that hold a text: a bounded search, newest first, to be gone on with.',
      query: {
        ...filterFields,
        ...searchText,
        cursor: { type: 'string', description: 'Where a search ended.' },
      },
      answer: foundOf(ref('FailedJob')),
      async run({ c, user, query }) {
        const { cursor, ...rest } = query as { cursor?: string }
        const filter = await filterOf(c, rest)
        const isMeant = showsTo(user, filter.text, web.settings.secrets)
        const search = () => web.entryPages.search(filter, { cursor, isMeant })
        const { rows, looked, next = null } = await web.searches.run(user.name, search)
        return { items: rows.map((row) => failedRowShape(web, row)), looked, next }
      },
    },
    {
      ...{ method: 'get', path: '/failed/groups', role: 'viewer', id: 'failedGroups', tag: 'Failed' },
      summary: 'Failed jobs by class, exception and masked message, the largest group first.',
      query: filterFields,
      answer: object({ total: whole, items: list(ref('FailureGroup')) }),
      refusals: { 503: 'Redis cannot be reached, or the failures are still being read for the first time.' },
      async run({ c, query }) {
        const filter = await filterOf(c, query)
        await indexed(web)
        const to = Math.floor(web.now().getTime() / 1_000)
        const { groups, total } = web.failedIndex.groups(filter, { from: to - 86_400, to })
        const seconds = (at: number) => (at > 0 ? new Date(at * 1_000) : null)
        return {
          total,
          items: groups.map((group) => ({
            ...{ id: group.id, class: group.class, exception: group.exception },
            message: redactText(group.message, web.settings.secrets),
            ...{ count: group.count, open: group.open, newestRef: group.newestRef },
            ...{ firstAt: seconds(group.firstAt), lastAt: seconds(group.lastAt) },
            ...{ sparkline: group.sparkline, queues: group.queues },
          })),
        }
      },
    },
    {
      ...{ method: 'get', path: '/failed/jobs/{ref}', role: 'viewer', id: 'failedJob', tag: 'Failed' },
      summary: 'One failed job, wherever it is by now, with its backtrace.',
      answer: ref('FailedJobDetail'),
      run: async (call) => failedDetailShape(web, await jobOf(call)),
    },
    {
      ...{ method: 'post', path: '/failed/jobs/{ref}/reveal', role: 'operator', id: 'revealFailedJob' },
      tag: 'Failed',
      summary: 'One failed job, with nothing hidden. Who looked stands in the audit.',
      answer: ref('FailedJobDetail'),
      async run(call) {
        const job = await jobOf(call)
        await call.record({ action: 'reveal arguments', target: job.ref, result: 'done' })
        return failedDetailShape(unveiled(web), job)
      },
    },
    {
      ...{ method: 'post', path: '/failed/jobs/{ref}/retry', role: 'operator', id: 'retryFailedJob' },
      tag: 'Failed',
      summary: 'Puts one failed job back on its queue, or on another, or with other arguments.',
      body: {
        queue: { type: 'string', description: 'Instead of the queue it came from.' },
        args: { type: 'array', description: 'Other arguments.' },
        again: { type: 'boolean', description: 'Also if it was put back before.' },
        drop: {
          type: 'boolean',
          description:
            'Drop the entry instead of marking it as retried. Default: as `retry` of createWeb says.',
        },
      },
      answer: object({
        result: { ...text, enum: ['done'] },
        job: { ...text, description: 'The ref of the job that waits now.' },
      }),
      refusals: { 409: 'It was put back before, or changed meanwhile; nothing was done.' },
      async run(call) {
        const job = await jobOf(call)
        const {
          queue,
          args,
          again,
          drop = web.settings.dropsRetried,
        } = call.body as {
          queue?: string
          args?: unknown[]
          again?: boolean
          drop?: boolean
        }
        if (queue !== undefined && !call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        // As on the page of one that is edited: it could be made a job for anybody's queue.
        if (args !== undefined && queue && queue !== job.queue && !includes(call.user.role, 'admin'))
          throw new Refusal(403, 'Another queue for a job with other arguments is for admins.')
        const { store, resque } = web
        const retried = await retryFailed({ store, failedLists: () => resque.failed.lists() }, job.ref, {
          ...{ queue: queue || undefined, again, drop, now: web.now() },
          args: args === undefined ? undefined : JSON.stringify(args),
        })
        const { result } = retried
        web.failedIndex.touch()
        await call.record({
          ...{ action: args === undefined ? 'retry failed' : 'edit and retry', target: job.ref },
          result: result === 'done' ? 'done' : result === 'refused' ? 'refused' : 'gone',
          ...(result !== 'done' && { detail: result }),
        })
        if (retried.result !== 'done') throw new Refusal(409, whyNot[retried.result])
        return retried
      },
    },
    {
      ...{ method: 'post', path: '/failed/retry', role: 'operator', id: 'retryFailed', tag: 'Failed' },
      summary: 'Puts failed jobs back: those named, or all that match a filter.',
      body: {
        ...bulk,
        filter: {
          ...{ type: 'object' as const, properties: filterSchema, additionalProperties: false },
          description: 'Instead of refs: all that match. Not empty.',
        },
        queue: { type: 'string', description: 'Into this queue instead of the one each came from.' },
        again: { type: 'boolean', description: 'Also those that were put back before.' },
        drop: {
          type: 'boolean',
          description:
            'Drop the entries instead of marking them as retried. Default: as `retry` of createWeb says.',
        },
        perSecond: {
          type: 'integer',
          minimum: 1,
          maximum: 100_000,
          description: 'At most so many a second.',
        },
      },
      answer: ref('Operation'),
      async run(call) {
        const {
          queue,
          again,
          drop = web.settings.dropsRetried,
          perSecond,
        } = call.body as Bulk<never> & {
          queue?: string
          again?: boolean
          drop?: boolean
          perSecond?: number
        }
        if (queue !== undefined && !call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        const failed = await targetOf(call)
        const spec = { kind: 'retry', failed, queue: queue || undefined, again, drop, perSecond } as const
        return begin(web, call, spec, { action: 'retry failed', ...audited(failed) })
      },
    },
    {
      ...{ method: 'post', path: '/failed/remove', role: 'operator', id: 'removeFailed', tag: 'Failed' },
      summary: 'Removes failed jobs: those named, or all that match a filter. With undo.',
      body: {
        ...bulk,
        filter: {
          ...{ type: 'object' as const, properties: filterSchema, additionalProperties: false },
          description: 'Instead of refs: all that match. Not empty; to remove all, clear.',
        },
      },
      answer: ref('Operation'),
      async run(call) {
        const failed = await targetOf(call)
        return begin(web, call, { kind: 'remove', failed }, { action: 'remove failed', ...audited(failed) })
      },
    },
    {
      ...{ method: 'post', path: '/failed/clear', role: 'operator', id: 'clearFailed', tag: 'Failed' },
      summary: 'Empties one failed list, or all. With undo.',
      body: { list: { type: 'string', description: 'Default: all of them.' } },
      answer: ref('Removed'),
      async run({ user, body, record }) {
        if (!user.seesAll) throw new Refusal(403, 'This is for those who see all queues.')
        const { list } = body as { list?: string }
        if (list !== undefined && !(await listsFor(web, user)).includes(list))
          throw new Refusal(404, 'There is no such list of failed jobs.')
        const { id, done } = await web.operations.clearFailed(list, { by: user.name })
        await record({
          action: 'clear failed',
          target: list ?? 'all',
          count: done,
          operation: id,
          result: 'done',
        })
        return { count: done, undo: done > 0 ? undoOf(id) : null }
      },
    },
  ]
}

const whyNot = {
  gone: 'It was removed, or changed, by somebody else.',
  retried: 'It was put back before; `again` puts it back once more.',
  refused: 'The key of its queue holds something else than a list.',
}

async function indexed(web: WebContext): Promise<void> {
  const { isReady, progress } = await web.failedIndex.refresh(INDEX_MS)
  if (isReady) return
  throw new Refusal(503, `The failed jobs are still being read: ${Math.floor(progress * 100)} %.`)
}
