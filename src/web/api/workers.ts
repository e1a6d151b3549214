/**
 * The API of workers and of what they work on.
 */
import { Refusal } from '../access/refusal.js'
import type { WebContext } from '../context.js'
import type { Endpoint } from './endpoint.js'
import { paging } from './queues.js'
import { object, pageOf, ref, whole } from './schemas.js'
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
      async run({ user, name }) {
        const id = name('worker')
        const worker = (await web.snapshots.get(user)).workers.find((each) => each.id === id)
        if (!worker) throw new Refusal(404, 'There is no such worker.')
        const [processed = 0, failed = 0] = await web.store.stats.getAll([`processed:${id}`, `failed:${id}`])
        return { worker: workerShape(web, worker), processed, failed }
      },
    },
  ]
}
