/**
 * The API of the overview, of queues and of their jobs.
 */
import { showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { unveiled, type WebContext } from '../context.js'
import { auditableFilter, type PendingFilter } from '../filters.js'
import { shownRates } from '../queue-figures.js'
import type { QueueLine } from '../snapshot.js'
import { type Bulk, begin, bulk, oneOf, paging } from './bulk.js'
import type { Call, Endpoint, Field } from './endpoint.js'
import { foundOf, list, object, pageOf, ref, truth } from './schemas.js'
import { pendingShape, removalShape } from './shapes.js'

/** Of what a list answers at most. */
const pendingFilter: Record<'class' | 'text', Field> = {
  class: { type: 'string', description: 'Only jobs of this class.' },
  text: { type: 'string', description: 'Only jobs whose JSON holds this text.' },
}

export function queueEndpoints(web: WebContext): Endpoint[] {
  const queueOf = async ({ user, name }: Call): Promise<QueueLine> => {
    const { queues } = await web.snapshots.get(user)
    const queue = queues.find((each) => each.name === name('queue'))
    if (!queue) throw new Refusal(404, 'There is no such queue.')
    return queue
  }
  const jobOf = async (call: Call) => {
    const { name } = await queueOf(call)
    const wanted = call.name('ref')
    const job = wanted.endsWith(`@${name}`) ? await web.entryPages.pendingJob(wanted) : undefined
    if (!job) throw new Refusal(404, 'This job waits no more.')
    return { queue: name, job }
  }
  const shape = async (queues: readonly QueueLine[]) => {
    const figures = await web.figures.queues()
    return queues.map((queue) => {
      const { name, size, isPaused, pausedBy: pause, workers } = queue
      const [pausedBy, pausedAt] = [pause?.by ?? null, pause?.at ?? null]
      const { in: inPerMinute, out: outPerMinute } = shownRates(queue, figures)
      const oldestSeconds = size > 0 ? (figures?.get(name)?.oldestSeconds ?? null) : null
      return { name, size, isPaused, pausedBy, pausedAt, workers, oldestSeconds, inPerMinute, outPerMinute }
    })
  }

  const pause = (verb: 'pause' | 'resume'): Endpoint => ({
    ...{
      method: 'post',
      path: `/queues/{queue}/${verb}`,
      role: 'operator',
      id: `${verb}Queue`,
      tag: 'Queues',
    },
    summary:
      verb === 'pause' ? 'Pauses a queue: workers of this package take nothing from it.' : 'Resumes a queue.',
    answer: object({ isPaused: truth }),
    async run(call) {
      const { name } = await queueOf(call)
      await (verb === 'pause'
        ? web.resque.pauseQueue(name, { by: call.user.name })
        : web.resque.resumeQueue(name))
      await call.record({ action: `${verb} queue`, target: name, result: 'done' })
      return { isPaused: verb === 'pause' }
    },
  })
  const pauseAll = (verb: 'pause' | 'resume'): Endpoint => ({
    ...{ method: 'post', path: `/${verb}`, role: 'operator', id: `${verb}All`, tag: 'Queues' },
    summary: verb === 'pause' ? 'Pauses all workers, Ruby’s too.' : 'Lets all workers go on.',
    answer: object({ isAllPaused: truth }),
    async run(call) {
      await (verb === 'pause' ? web.resque.pauseAll({ by: call.user.name }) : web.resque.resumeAll())
      await call.record({ action: `${verb} all`, result: 'done' })
      return { isAllPaused: verb === 'pause' }
    },
  })
  const empty = (verb: 'clear' | 'remove'): Endpoint => ({
    ...{ method: 'post', path: `/queues/{queue}/${verb}`, role: 'admin', id: `${verb}Queue`, tag: 'Queues' },
    summary:
      verb === 'clear' ? 'Takes all jobs out of a queue, which stays.' : 'Takes a queue away, with its jobs.',
    answer: ref('Removed'),
    async run(call) {
      const { name } = await queueOf(call)
      const by = call.user.name
      const removal = await (verb === 'clear'
        ? web.actions.clearQueue(name, by)
        : web.actions.removeQueue(name, by))
      const { count, operation } = removal
      await call.record({ action: `${verb} queue`, target: name, count, operation, result: 'done' })
      return removalShape(removal)
    },
  })

  return [
    {
      ...{ method: 'get', path: '/overview', role: 'viewer', id: 'overview', tag: 'Overview' },
      summary: 'Everything at one glance: counts, queues, failed lists.',
      answer: ref('Overview'),
      async run({ user }) {
        const snapshot = await web.snapshots.get(user)
        const { at, pending, working, workers, failed, processed, failedEver, isAllPaused, failedLists } =
          snapshot
        const { allPausedBy } = snapshot
        return {
          ...{ at, pending, working, workers: workers.length, failed, processed, failedEver, isAllPaused },
          ...{ allPausedBy: allPausedBy?.by ?? null, allPausedAt: allPausedBy?.at ?? null },
          queues: await shape(snapshot.queues),
          failedLists: failedLists.map(({ name, size }) => ({ name, size })),
        }
      },
    },
    {
      ...{ method: 'get', path: '/queues', role: 'viewer', id: 'queues', tag: 'Queues' },
      summary: 'The queues.',
      answer: object({ items: list(ref('Queue')) }),
      run: async ({ user }) => ({ items: await shape((await web.snapshots.get(user)).queues) }),
    },
    {
      ...{ method: 'get', path: '/queues/{queue}', role: 'viewer', id: 'queue', tag: 'Queues' },
      summary: 'One queue.',
      answer: ref('Queue'),
      run: async (call) => (await shape([await queueOf(call)]))[0],
    },
    {
      ...{ method: 'get', path: '/queues/{queue}/jobs', role: 'viewer', id: 'queueJobs', tag: 'Queues' },
      summary: 'Jobs that wait, the next to run first.',
      query: paging,
      answer: pageOf(ref('PendingJob')),
      async run(call) {
        const { name } = await queueOf(call)
        const { start = 0, limit = 50 } = call.query as { start?: number; limit?: number }
        const { rows, total } = await web.entryPages.pending(name, start, limit)
        return { total, start, items: rows.map((row) => pendingShape(web, row)) }
      },
    },
    {
      ...{ method: 'get', path: '/queues/{queue}/search', role: 'viewer', id: 'searchQueue', tag: 'Queues' },
      summary: 'Jobs that wait and match: a bounded search, to be gone on with.',
      query: {
        ...pendingFilter,
        cursor: { type: 'string', description: 'Where a search ended.' },
      },
      answer: foundOf(ref('PendingJob')),
      async run(call) {
        const { name } = await queueOf(call)
        const { cursor, ...filter } = call.query as PendingFilter & { cursor?: string }
        const isMeant = showsTo(call.user, filter.text, web.settings.secrets)
        const search = () => web.entryPages.searchPending(name, filter, { cursor, isMeant })
        const { rows, looked, next = null } = await web.searches.run(call.user.name, search)
        return { items: rows.map((row) => pendingShape(web, row)), looked, next }
      },
    },
    {
      ...{ method: 'get', path: '/queues/{queue}/jobs/{ref}', role: 'viewer', id: 'queueJob', tag: 'Queues' },
      summary: 'One job that waits, wherever it is by now.',
      answer: ref('PendingJob'),
      run: async (call) => pendingShape(web, (await jobOf(call)).job),
    },
    {
      ...{ method: 'post', path: '/queues/{queue}/jobs/{ref}/reveal', role: 'operator', tag: 'Queues' },
      id: 'revealQueueJob',
      summary: 'One job that waits, with nothing hidden. Who looked stands in the audit.',
      answer: ref('PendingJob'),
      async run(call) {
        const { queue, job } = await jobOf(call)
        await call.record({ action: 'reveal arguments', target: `${queue} ${job.ref}`, result: 'done' })
        return pendingShape(unveiled(web), job)
      },
    },
    ...(['pause', 'resume'] as const).flatMap((verb) => [pauseAll(verb), pause(verb)]),
    ...(['clear', 'remove'] as const).map(empty),
    {
      ...{ method: 'post', path: '/queues/{queue}/jobs/remove', role: 'operator', id: 'removeQueueJobs' },
      tag: 'Queues',
      summary: 'Removes jobs that wait: those named, or all that match a filter. With undo.',
      body: {
        ...bulk,
        filter: {
          ...{ type: 'object' as const, properties: pendingFilter, additionalProperties: false },
          description: 'Instead of refs: all that match. Not empty; to remove all, clear the queue.',
        },
      },
      answer: ref('Operation'),
      async run(call) {
        const { name } = await queueOf(call)
        const { refs, filter } = call.body as Bulk<PendingFilter>
        const pending = oneOf(refs, filter)
        return begin(
          web,
          call,
          { kind: 'remove-pending', queue: name, pending },
          {
            ...{ action: 'remove jobs', target: name },
            ...('filter' in pending && { filter: auditableFilter(pending.filter) }),
          },
        )
      },
    },
  ]
}
