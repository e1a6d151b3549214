// The failed list: saving, reading, putting back, removing; and a list per queue.

import { redisMultiQueueBackend } from 'resque-ts'
import { FailJob } from '../jobs.mjs'
import { failed, list } from '../support/keys.js'
import type { Scenario } from '../support/scenario.js'
import { seedThreeFailures } from '../support/seeds.js'
import { FRAME, jsBacktrace } from './jobs.js'

const redisReplies = 'Ruby hands on a reply of Redis; ours says whether it was done, or nothing'

/** As the recordings show a failed job: what its record says. */
const recordOf = ({ text }: { text: string }) => JSON.parse(text) as { payload: { args: unknown[] } }

export const failedJobs: readonly Scenario[] = [
  {
    recording: 'failed_create_list_requeue',
    claim: 'failures are saved, listed and counted, and a requeued one is marked and stays',
    uncompared: { 'requeue(1)': redisReplies },
    differences: [
      {
        what: '`all` always gives an array',
        why: 'in Ruby the type of what it gives depends on an argument',
        results: {
          'all(0)': [
            {
              failed_at: '<YYYY/MM/DD HH:MM:SS> UTC',
              payload: { class: 'OkJob', args: [0] },
              exception: 'BoomError',
              error: 'boom 0',
              backtrace: [],
              worker: 'worker-host:1:default',
              queue: 'default',
            },
          ],
        },
      },
      {
        what: 'a page of the newest first begins with the newest',
        why: 'Ruby takes the slice from the old end and turns only the slice around',
        results: {
          'each(1,2) desc': [
            [1, [1]],
            [0, [0]],
          ],
        },
      },
    ],
    async steps(run) {
      const { failed } = run.resque
      await seedThreeFailures(run)
      run.result('count', await failed.count())
      const first = await failed.all(0, 1)
      run.result(
        'all(0)',
        first.map(({ text }) => JSON.parse(run.masked(text)) as unknown),
      )
      run.result(
        'all(0,2) classes',
        (await failed.all(0, 2)).map((job) => recordOf(job).payload),
      )
      const inOrder = async (order: 'asc' | 'desc', offset = 0, limit = 20) => {
        const jobs = await failed.all(offset, limit, { order })
        return jobs.map((job) => [job.index, recordOf(job).payload.args])
      }
      run.result('each default (desc)', await inOrder('desc'))
      run.result('each asc', await inOrder('asc'))
      run.result('each(1,2) desc', await inOrder('desc', 1, 2))
      run.result('count(nil, "OkJob")', await failed.count({ class: 'OkJob' }))
      await failed.requeue(1)
    },
  },
  {
    recording: 'failed_remove',
    claim: 'a removed failure is gone and the others stay in order',
    uncompared: { 'remove(1)': redisReplies },
    async steps(run) {
      await seedThreeFailures(run)
      await run.resque.failed.remove(1)
    },
  },
  {
    recording: 'failed_clear',
    claim: 'clear leaves nothing',
    uncompared: { clear: redisReplies },
    async steps(run) {
      await seedThreeFailures(run)
      await run.resque.failed.clear()
    },
  },
  {
    recording: 'failed_requeue_all_then_clear_retried',
    claim: 'requeuing all or those of a queue, and removing the retried or those of a queue, leave the same',
    async steps(run) {
      const { failed } = run.resque
      await seedThreeFailures(run)
      await failed.requeue(0)
      await failed.clearRetried()
      await run.snapshot('after clear_retried')
      await failed.requeueAll()
      await failed.requeueAll({ queue: 'low' })
      await failed.removeAll({ queue: 'low' })
    },
  },
  {
    recording: 'failed_multi_queue',
    claim: 'with a list per queue, failures are found, put back and removed there',
    differences: [
      jsBacktrace({
        'after two failures': {
          'resque:default_failed': list(ofQueue('default', 1)),
          'resque:low_failed': list(ofQueue('low', 2)),
        },
        'after requeue': { 'resque:low_failed': list(ofQueue('low', 2)) },
      }),
      {
        what: '`retried_at` carries its zone in these lists too',
        why: "Ruby's page must guess the zone without it",
        keys: {
          'after requeue': {
            'resque:default_failed': list(ofQueue('default', 1, '<YYYY/MM/DD HH:MM:SS> UTC')),
          },
        },
      },
    ],
    async steps(run) {
      const resque = run.client(redisMultiQueueBackend)
      try {
        await resque.enqueue(FailJob, 1)
        await resque.enqueueTo('low', FailJob, 2)
        await run.workUntilEmpty({ resque, queues: 'default,low', jobs: [FailJob] })
        await run.snapshot('after two failures')
        run.result('queues', await resque.failed.lists())
        run.result('count', await resque.failed.count())
        const [first] = await resque.failed.all(0, 1, { list: 'default_failed' })
        if (first) await resque.failed.requeue(first)
        await run.snapshot('after requeue')
        await resque.failed.removeAll({ queue: 'low' })
        await resque.failed.clear()
      } finally {
        await resque.close()
      }
    },
  },
]

function ofQueue(queue: string, argument: number, retriedAt?: string): string {
  return failed({
    payload: `{"class":"FailJob","args":[${argument}]}`,
    exception: 'BoomError',
    error: 'boom: naïve',
    backtrace: [FRAME],
    worker: 'worker-host:<PID1>:default,low',
    queue,
    ...(retriedAt !== undefined && { retriedAt }),
  })
}
