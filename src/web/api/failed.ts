/**
 * The API of failed jobs: lists, groups, one of them; retry, remove, clear.
 */
import type { FailedJob } from '../../store/records.js'
import { Refusal } from '../access/refusal.js'
import { includes, type WebUser } from '../access/roles.js'
import type { WebContext } from '../context.js'
import { retryFailed } from '../failed-actions.js'
import { auditableFilter, type FailureFilter, parseFailureFilter } from '../filters.js'
import { newId } from '../operations.js'
import type { Call, Endpoint, Fields } from './endpoint.js'
import { type Bulk, bulk, oneOf, paging, undoOf } from './queues.js'
import { foundOf, list, object, pageOf, ref, text, whole } from './schemas.js'
import { failedDetailShape, failedRowShape, operationShape } from './shapes.js'

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
  /** A filter, kept to what the user may see. */
  const filterOf = async (
    user: WebUser,
    values: Readonly<Record<string, unknown>>,
  ): Promise<FailureFilter> => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(values)) query.set(name, String(value))
    query.delete('queues')
    const filter = parseFailureFilter(query)
    if (filter.list !== undefined && !(await listsFor(user)).includes(filter.list))
      throw new Refusal(404, 'There is no such list of failed jobs.')
    if (user.seesAll) return filter
    await web.failedIndex.refresh(INDEX_MS)
    const queues = web.failedIndex.facets({}, Number.POSITIVE_INFINITY).queue.map(({ value }) => value)
    return { ...filter, queues: queues.filter((queue) => queue !== '' && user.sees(queue)) }
  }
  const listsFor = async (user: WebUser) =>
    (await web.resque.failed.lists()).filter(
      (name) => name === 'failed' || user.sees(name.replace(/_failed$/, '')),
    )
  const jobOf = async ({ user, name }: Call): Promise<FailedJob> => {
    const wanted = name('ref')
    const lists = await listsFor(user)
    const isKnown = lists.includes(wanted.slice(wanted.indexOf('@') + 1))
    const job = isKnown ? await web.entryPages.failed(wanted) : undefined
    if (job && (user.seesAll || (job.queue !== '' && user.sees(job.queue)))) return job
    throw new Refusal(404, 'This failed job is here no more.', { hint: 'It was removed, or put back since.' })
  }
  /** What a call on many is about. Refs of jobs that the user may not see are as if they were not there. */
  const targetOf = async ({ user, body }: Call) => {
    const target = oneOf(body.refs as string[] | undefined, body.filter as Record<string, string> | undefined)
    if ('filter' in target) return { filter: await filterOf(user, target.filter) }
    if (user.seesAll) return target
    const jobs = await Promise.all(
      target.refs.map(async (each) =>
        jobOf({ user, name: () => each } as unknown as Call).catch(() => undefined),
      ),
    )
    const refs = target.refs.filter((_, i) => jobs[i] !== undefined)
    if (refs.length === 0) throw new Refusal(404, 'These failed jobs are here no more.')
    return { refs }
  }
  const audited = (target: { refs: string[] } | { filter: FailureFilter }) => {
    if ('refs' in target) return { count: target.refs.length }
    const { queues: _, ...chosen } = target.filter
    return { filter: auditableFilter(chosen) }
  }

  return [
    {
      ...{ method: 'get', path: '/failed', role: 'viewer', id: 'failed', tag: 'Failed' },
      summary: 'Failed jobs, newest first.',
      query: { ...filterFields, ...paging },
      answer: pageOf(ref('FailedJob')),
      refusals: { 503: 'Redis cannot be reached, or the failures are still being read for the first time.' },
      async run({ user, query }) {
        const { start = 0, limit = 50, ...rest } = query as { start?: number; limit?: number }
        const filter = await filterOf(user, rest)
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
      async run({ user, query }) {
        const { cursor, ...rest } = query as { cursor?: string }
        const {
          rows,
          looked,
          next = null,
        } = await web.entryPages.search(await filterOf(user, rest), { cursor })
        return { items: rows.map((row) => failedRowShape(web, row)), looked, next }
      },
    },
    {
      ...{ method: 'get', path: '/failed/groups', role: 'viewer', id: 'failedGroups', tag: 'Failed' },
      summary: 'Failed jobs by class, exception and masked message, the largest group first.',
      query: filterFields,
      answer: object({ total: whole, items: list(ref('FailureGroup')) }),
      refusals: { 503: 'Redis cannot be reached, or the failures are still being read for the first time.' },
      async run({ user, query }) {
        const filter = await filterOf(user, query)
        await indexed(web)
        const to = Math.floor(web.now().getTime() / 1_000)
        const { groups, total } = web.failedIndex.groups(filter, { from: to - 86_400, to })
        const seconds = (at: number) => (at > 0 ? new Date(at * 1_000) : null)
        return {
          total,
          items: groups.map((group) => ({
            ...{ id: group.id, class: group.class, exception: group.exception, message: group.message },
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
      ...{ method: 'post', path: '/failed/jobs/{ref}/retry', role: 'operator', id: 'retryFailedJob' },
      tag: 'Failed',
      summary: 'Puts one failed job back on its queue, or on another, or with other arguments (admins).',
      body: {
        queue: { type: 'string', description: 'Instead of the queue it came from.' },
        args: { type: 'array', description: 'Other arguments, for admins.' },
        again: { type: 'boolean', description: 'Also if it was put back before.' },
        drop: { type: 'boolean', description: 'Drop the entry instead of marking it as retried.' },
      },
      answer: object({ result: { ...text, enum: ['done'] } }),
      refusals: { 409: 'It was put back before, or changed meanwhile; nothing was done.' },
      async run(call) {
        const job = await jobOf(call)
        const { queue, args, again, drop } = call.body as {
          queue?: string
          args?: unknown[]
          again?: boolean
          drop?: boolean
        }
        if (args !== undefined && !includes(call.user.role, 'admin'))
          throw new Refusal(403, 'Other arguments need the role admin.')
        if (queue !== undefined && !call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        const { store, resque } = web
        const result = await retryFailed({ store, failedLists: () => resque.failed.lists() }, job.ref, {
          ...{ queue: queue || undefined, again, drop, now: web.now() },
          args: args === undefined ? undefined : JSON.stringify(args),
        })
        web.failedIndex.touch()
        await call.record({
          ...{ action: args === undefined ? 'retry' : 'edit and retry', target: job.ref },
          result: result === 'done' ? 'done' : result === 'refused' ? 'refused' : 'gone',
          ...(result !== 'done' && { detail: result }),
        })
        if (result !== 'done') throw new Refusal(409, whyNot[result])
        return { result }
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
        drop: { type: 'boolean', description: 'Drop the entries instead of marking them as retried.' },
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
          drop,
          perSecond,
          operation: id = newId(),
          waitMs = 0,
        } = call.body as Bulk<never> & {
          queue?: string
          again?: boolean
          drop?: boolean
          perSecond?: number
        }
        if (queue !== undefined && !call.user.sees(queue)) throw new Refusal(404, 'There is no such queue.')
        const failed = await targetOf(call)
        const operation = await web.operations.start(
          { kind: 'retry', failed, queue: queue || undefined, again, drop, perSecond },
          { by: call.user.name, id, waitMs },
        )
        await call.record({
          action: 'retry jobs',
          operation: operation.id,
          ...audited(failed),
          result: 'begun',
        })
        return operationShape(operation)
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
        const { operation: id = newId(), waitMs = 0 } = call.body as Bulk<never>
        const operation = await web.operations.start(
          { kind: 'remove', failed },
          { by: call.user.name, id, waitMs },
        )
        await call.record({
          action: 'remove jobs',
          operation: operation.id,
          ...audited(failed),
          result: 'begun',
        })
        return operationShape(operation)
      },
    },
    {
      ...{ method: 'post', path: '/failed/clear', role: 'admin', id: 'clearFailed', tag: 'Failed' },
      summary: 'Empties one failed list, or all. With undo.',
      body: { list: { type: 'string', description: 'Default: all of them.' } },
      answer: ref('Removed'),
      async run({ user, body, record }) {
        if (!user.seesAll) throw new Refusal(403, 'This is for those who see all queues.')
        const { list } = body as { list?: string }
        if (list !== undefined && !(await listsFor(user)).includes(list))
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
