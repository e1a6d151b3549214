/**
 * The API of one job, wherever it is.
 */
import type { WebContext } from '../context.js'
import { findJob, type Trace } from '../job-traces.js'
import type { Endpoint } from './endpoint.js'
import { list, moment, object, orNull, ref, text, truth, whole } from './schemas.js'
import { delayedShape, failedRowShape, pendingShape, workerShape } from './shapes.js'

export function jobEndpoints(web: WebContext): Endpoint[] {
  return [
    {
      ...{ method: 'get', path: '/jobs/{id}', role: 'viewer', id: 'job', tag: 'Jobs' },
      summary:
        'One job, by the id in its payload or by the ref of an entry: where it waits, runs, failed, as far as Redis tells. What ended well leaves no trace.',
      answer: object({
        id: { ...text, description: 'Empty where its payload carries none: then this entry alone is known.' },
        enqueuedAt: orNull(moment),
        deaths: {
          ...whole,
          description: 'How many workers died of it, as it waits or runs. 0 where it has no id.',
        },
        waiting: list(ref('PendingJob')),
        delayed: list(ref('DelayedJob')),
        running: { ...list(ref('Worker')), description: 'The workers that work on it.' },
        failed: list(ref('FailedJob')),
        looked: list(
          object(
            { what: text, looked: whole, isAll: { ...truth, description: 'False: there is more of it.' } },
            'How much of each place was looked at.',
          ),
        ),
      }),
      async run({ user, name }) {
        const {
          id,
          traces,
          enqueuedAt = null,
          deaths,
          looked,
        } = await web.searches.run(user.name, () => findJob(web, user, name('id')))
        const of = <Kind extends Trace['kind']>(kind: Kind) =>
          traces.filter((trace): trace is Extract<Trace, { kind: Kind }> => trace.kind === kind)
        return {
          ...{ id, enqueuedAt, deaths },
          waiting: of('waiting').map(({ job }) => pendingShape(web, job)),
          delayed: of('delayed').map(({ job }) => delayedShape(web, job)),
          running: of('running').map(({ worker }) => workerShape(web, worker)),
          failed: of('failed').map(({ job }) =>
            failedRowShape(web, { job, sizeBytes: Buffer.byteLength(job.text), isWhole: true }),
          ),
          looked,
        }
      },
    },
  ]
}
