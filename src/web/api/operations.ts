/**
 * The API of operations, the audit and history.
 */
import { Refusal } from '../access/refusal.js'
import { targetOf } from '../audit.js'
import type { WebContext } from '../context.js'
import { type Range, ranges } from '../history.js'
import type { Operation } from '../operation-spec.js'
import type { Call, Endpoint, Fields } from './endpoint.js'
import { list, object, orNull, ref, text, truth } from './schemas.js'
import { operationShape, plotShape } from './shapes.js'

const range: Fields = {
  range: {
    ...{ type: 'string', enum: Object.keys(ranges) },
    description: 'How far back. Default 24h.',
  },
}

export function operationEndpoints(web: WebContext): Endpoint[] {
  /** Lists and filters name queues: who does not see all sees what he began himself. */
  const maySee = ({ user }: Pick<Call, 'user'>, operation: Operation) =>
    user.seesAll || operation.by === user.name
  const operationOf = async (call: Call): Promise<Operation> => {
    const id = call.name('id')
    const operation = /^[0-9a-zA-Z-]{8,64}$/.test(id) ? await web.operations.get(id) : undefined
    if (operation && maySee(call, operation)) return operation
    throw new Refusal(404, 'There is no such operation.', { hint: 'They are kept for 7 days.' })
  }
  return [
    {
      ...{ method: 'get', path: '/operations', role: 'viewer', id: 'operations', tag: 'Operations' },
      summary: 'What was removed, and work on many jobs, of the last 7 days, newest first.',
      answer: object({ items: list(ref('Operation')) }),
      async run(call) {
        const operations = await web.operations.recent(100)
        return { items: operations.filter((each) => maySee(call, each)).map(operationShape) }
      },
    },
    {
      ...{ method: 'get', path: '/operations/{id}', role: 'viewer', id: 'operation', tag: 'Operations' },
      summary: 'How far one operation is.',
      answer: ref('Operation'),
      run: async (call) => operationShape(await operationOf(call)),
    },
    {
      ...{ method: 'post', path: '/operations/{id}/cancel', role: 'operator', id: 'cancelOperation' },
      tag: 'Operations',
      summary: 'Stops an operation; what it has done stays done.',
      answer: object({
        isCancelled: { ...truth, description: 'False where it had ended before, or is done in one go.' },
      }),
      async run(call) {
        const { id } = await operationOf(call)
        const isCancelled = await web.operations.cancel(id)
        await call.record({
          ...{ action: 'cancel operation', operation: id },
          result: isCancelled ? 'done' : 'gone',
        })
        return { isCancelled }
      },
    },
    {
      ...{ method: 'post', path: '/operations/{id}/undo', role: 'operator', id: 'undoOperation' },
      tag: 'Operations',
      summary: 'Brings back what an operation removed, within 15 minutes.',
      answer: ref('Undone'),
      async run(call) {
        const operation = await operationOf(call)
        const { id } = operation
        const { restored, state } = await web.operations.undo(id)
        await call.record({
          ...{ action: 'undo', target: targetOf(operation), operation: id, count: restored },
          result: state === 'restored' ? 'done' : 'gone',
        })
        return { restored, state }
      },
    },
    {
      ...{ method: 'get', path: '/audit', role: 'operator', id: 'audit', tag: 'Audit' },
      summary: 'Who did what, newest first.',
      query: {
        before: { type: 'string', description: 'The id of the last entry of the page before.' },
        limit: { type: 'integer', minimum: 1, maximum: 100, description: 'At most so many. Default 50.' },
      },
      answer: object({
        items: list(ref('AuditEntry')),
        next: { ...orNull(text), description: 'Pass it as `before` to go on.' },
      }),
      async run({ user, query }) {
        if (!user.seesAll) throw new Refusal(403, 'The audit names queues: it is for those who see all.')
        const { before, limit = 50 } = query as { before?: string; limit?: number }
        if (before !== undefined && !/^\d{1,20}-\d{1,20}$/.test(before))
          throw new Refusal(400, 'Expected before to be the id of an entry.')
        const entries = await web.store.audit.page({ before, limit })
        const items = entries.map((each) => ({
          ...{ id: each.id, at: each.at, user: each.user, role: each.role ?? null, ip: each.ip ?? null },
          ...{ action: each.action, target: each.target ?? null, filter: each.filter ?? null },
          ...{ count: each.count ?? null, operation: each.operation ?? null, result: each.result },
          requestId: each.requestId ?? null,
        }))
        return { items, next: entries.length === limit ? (entries.at(-1)?.id ?? null) : null }
      },
    },
    {
      ...{ method: 'get', path: '/history', role: 'viewer', id: 'history', tag: 'History' },
      summary: 'What was: figures by time; null is a gap, where nobody looked.',
      query: range,
      answer: object({
        ...Object.fromEntries(series.map((name) => [name, ref('Plot')])),
        classes: list(
          object({
            name: text,
            done: { type: 'integer' },
            failed: { type: 'integer' },
            ...Object.fromEntries(
              ['p50', 'p95', 'p99', 'waitP50', 'waitP95'].map((name) => [
                name,
                {
                  ...orNull({ type: 'number' }),
                  description: 'Milliseconds; null where none of its jobs said.',
                },
              ]),
            ),
          }),
        ),
      }),
      async run({ user, query }) {
        const view = await web.history.view((query.range ?? '24h') as Range, user)
        const plots = Object.fromEntries(series.map((name) => [name, plotShape(view[name])]))
        return { ...plots, classes: view.classes }
      },
    },
    {
      ...{
        method: 'get',
        path: '/queues/{queue}/history',
        role: 'viewer',
        id: 'queueHistory',
        tag: 'History',
      },
      summary: 'Depth, age and throughput of one queue.',
      query: range,
      answer: object({ depth: ref('Plot'), oldest: ref('Plot'), throughput: ref('Plot') }),
      async run({ user, name, query }) {
        const { queues } = await web.snapshots.get(user)
        const queue = queues.find((each) => each.name === name('queue'))
        if (!queue) throw new Refusal(404, 'There is no such queue.')
        const plots = await web.history.ofQueue(queue.name, (query.range ?? '24h') as Range)
        return {
          ...{ depth: plotShape(plots.depth), oldest: plotShape(plots.oldest) },
          throughput: plotShape(plots.throughput),
        }
      },
    },
  ]
}

const series = ['throughput', 'failureRate', 'depth', 'oldest', 'workers', 'wait', 'run'] as const
