/**
 * The API of workers and of what they work on.
 */
import type { Order } from '../../store/workers.js'
import { Refusal } from '../access/refusal.js'
import type { WebContext } from '../context.js'
import type { WorkerLine } from '../snapshot.js'
import { paging } from './bulk.js'
import type { Call, Endpoint } from './endpoint.js'
import { object, pageOf, ref, truth, whole } from './schemas.js'
import { workerShape } from './shapes.js'

export function workerEndpoints(web: WebContext): Endpoint[] {
  const listing = (isWorking: boolean): Endpoint['run'] => {
    return async ({ user, query }) => {
      const { start = 0, limit = 50 } = query as { start?: number; limit?: number }
      const { workers } = await web.snapshots.get(user)
      const meant = isWorking ? workers.filter(({ job }) => job !== undefined) : workers
      if (isWorking) meant.sort((a, b) => ((a.job?.runAt ?? '') < (b.job?.runAt ?? '') ? -1 : 1))
      const items = meant.slice(start, start + limit).map((worker) => workerShape(web, worker))
      return { total: meant.length, start, items }
    }
  }
  const workerOf = async ({ user, name }: Call): Promise<WorkerLine> => {
    const worker = (await web.snapshots.get(user)).workers.find(({ id }) => id === name('worker'))
    if (!worker) throw new Refusal(404, 'There is no such worker.')
    return worker
  }
  const order = (verb: Order, role: 'operator' | 'admin', summary: string): Endpoint => ({
    ...{ method: 'post', path: `/workers/{worker}/${verb}`, role, id: `${verb}Worker`, tag: 'Workers' },
    summary,
    answer: object({ isTold: truth }),
    refusals: { 409: 'A Ruby worker, which hears signals alone, or one that is gone.' },
    async run(call) {
      const { id, process } = await workerOf(call)
      if (process === undefined)
        throw new Refusal(409, 'A Ruby worker cannot be told from here: send its process a signal.')
      const isTold = await web.resque.tellWorker(id, verb)
      await call.record({ action: `${verb} worker`, target: id, result: isTold ? 'done' : 'gone' })
      if (!isTold) throw new Refusal(409, 'That process is gone.')
      return { isTold }
    },
  })
  return [
    {
      ...{ method: 'get', path: '/working', role: 'viewer', id: 'working', tag: 'Workers' },
      summary: 'Workers that have a job, the longest first.',
      query: paging,
      answer: pageOf(ref('Worker')),
      run: listing(true),
    },
    {
      ...{ method: 'get', path: '/workers', role: 'viewer', id: 'workers', tag: 'Workers' },
      summary: 'The workers; each slot of a process of this package is one.',
      query: paging,
      answer: pageOf(ref('Worker')),
      run: listing(false),
    },
    {
      ...{ method: 'get', path: '/workers/{worker}', role: 'viewer', id: 'worker', tag: 'Workers' },
      summary: 'One worker, with what it has done.',
      answer: object({ worker: ref('Worker'), processed: whole, failed: whole }),
      async run(call) {
        const worker = await workerOf(call)
        const { id } = worker
        const [processed = 0, failed = 0] = await web.store.stats.getAll([`processed:${id}`, `failed:${id}`])
        return { worker: workerShape(web, worker), processed, failed }
      },
    },
    order(
      'pause',
      'operator',
      'Tells the process of a worker to take no more jobs; it hears at its next heartbeat.',
    ),
    order('resume', 'operator', 'Tells the process of a worker to go on.'),
    order('stop', 'admin', 'Tells the process of a worker to finish its jobs and end.'),
    {
      ...{ method: 'post', path: '/workers/{worker}/forget', role: 'admin', id: 'forgetWorker' },
      tag: 'Workers',
      summary: 'Forgets a worker that shows no sign of life; its job goes to failed.',
      answer: object({ isForgotten: truth }),
      refusals: { 409: 'It lives.' },
      async run(call) {
        const { id, state } = await workerOf(call)
        if (state !== 'lost') throw new Refusal(409, 'This worker lives: its heartbeat is not too old.')
        await web.resque.removeWorker(id)
        await call.record({ action: 'forget worker', target: id, result: 'done' })
        return { isForgotten: true }
      },
    },
  ]
}
