// Clients: what enqueue writes and refuses, and what reading, dequeuing and removing see.

import { ArgumentsError, ResqueError } from 'resque-ts'
import { expect } from 'vitest'
import { LowJob, NoQueueJob, OkJob, RejectedJob } from '../jobs.mjs'
import { list } from '../support/keys.js'
import type { Run } from '../support/run.js'
import { AFTER, type Scenario } from '../support/scenario.js'

const QUEUE = 'resque:queue:default'

/** Nothing was sent if nothing connected: the client does so at its first command. */
async function sentNothing(run: Run): Promise<void> {
  expect(await run.redis.client('LIST')).not.toContain('name=resque-ts')
}

async function errorOf(promise: Promise<unknown>): Promise<[string, string]> {
  const error = await promise.catch((reason: unknown) => reason)
  if (!(error instanceof ResqueError)) throw new Error('It was not refused.')
  return [error.wireName, error.message]
}

export const client: readonly Scenario[] = [
  {
    recording: 'enqueue_simple',
    claim: 'an enqueued job is one entry and the name of its queue',
    async steps(run) {
      run.result('Resque.enqueue', await run.resque.enqueue(OkJob, 44, 'masterbrew'))
    },
  },
  {
    recording: 'enqueue_unicode_nested',
    claim: 'text of every kind, nesting and the three constants are written in the same bytes',
    differences: [
      {
        what: 'a key that looks like an integer stands first in its object',
        why: 'it does so in every JavaScript object, and means the same',
        keys: {
          [AFTER]: {
            [QUEUE]: list(
              String.raw`{"class":"OkJob","args":["é😀${'\u2028'}\u0001${'\u007f'}\t\n\"\\/</script>&",null,true,false,` +
                '{"3":"int key","a":{"b":[1,[2,{}]]},"sym":"value"},[]]}',
            ),
          },
        },
      },
    ],
    async steps({ resque }) {
      const characters = '\u00e9\u{1f600}\u2028\u0001\u007f\t\n"\\/</script>&'
      const object = { a: { b: [1, [2, {}]] }, sym: 'value', 3: 'int key' }
      await resque.enqueue(OkJob, characters, null, true, false, object, [])
    },
  },
  {
    recording: 'enqueue_numbers',
    claim: 'numbers are written as JavaScript writes them, and a BigInt is refused rather than rounded',
    differences: [
      {
        what: 'numbers stand as JavaScript writes them; integers beyond 2^53 are refused as BigInt and rounded as number',
        why: 'JavaScript has one kind of number; what is not rounded, Ruby reads as equal',
        keys: {
          [AFTER]: {
            [QUEUE]: list(
              '{"class":"OkJob","args":[0,-1,9007199254740992,1.2345678901234568e+22,1,100,0,1.5,0.1,1e-7,' +
                '1000000000000000,10000000000000000,100000000000000000000,1e+100,123456789.125]}',
            ),
          },
        },
      },
    ],
    async steps({ resque }) {
      await expect(resque.enqueue(OkJob, 9007199254740993n)).rejects.toThrow(ArgumentsError)
      // biome-ignore lint/correctness/noPrecisionLoss: that it is lost is what is shown
      const beyond = [9007199254740993, 12345678901234567890123]
      const floats = [1.0, 100.0, -0.0, 1.5, 0.1, 1e-7, 1e15, 1e16, 1e20, 1e100, 123456789.125]
      await resque.enqueue(OkJob, 0, -1, ...beyond, ...floats)
    },
  },
  {
    recording: 'enqueue_large_args',
    claim: 'long arguments are written in the same bytes',
    async steps({ resque }) {
      await resque.enqueue(
        OkJob,
        'x'.repeat(4096),
        Array.from({ length: 200 }, (_, i) => i + 1),
      )
    },
  },
  {
    recording: 'enqueue_two_queues',
    claim: 'each job lands on the queue of its class, or on the one that is named',
    differences: [
      {
        what: '`info` names Redis by its URL and namespace, and takes NODE_ENV too for the environment',
        why: "Ruby's text shows an object of Ruby's Redis client; NODE_ENV is where Node programs say it",
        results: {
          info: {
            pending: 4,
            processed: 0,
            queues: 3,
            workers: 0,
            working: 0,
            failed: 0,
            servers: ['redis://127.0.0.1:<PORT>/0/resque'],
            environment: 'test',
          },
        },
      },
    ],
    async steps(run) {
      const { resque } = run
      await resque.enqueue(OkJob, 1)
      await resque.enqueue(LowJob, 2)
      await resque.enqueue(OkJob, 3)
      run.result('enqueue_to', await resque.enqueueTo('other', OkJob, 4))
      run.result('queue_sizes', await resque.queueSizes())
      const info = await resque.info()
      const servers = info.servers.map((server) => server.replace(/:\d+\//, ':<PORT>/'))
      run.result('info', { ...info, servers })
    },
  },
  {
    recording: 'enqueue_rejected_by_hook',
    claim: 'a before_enqueue hook that says false keeps the job out, and nothing is sent',
    differences: [
      {
        what: '`enqueue` gives false',
        why: 'it gives a boolean; nil is what Ruby has for it',
        results: { 'Resque.enqueue': false },
      },
    ],
    async steps(run) {
      run.result('Resque.enqueue', await run.resque.enqueue(RejectedJob))
      await sentNothing(run)
    },
  },
  {
    recording: 'enqueue_errors',
    claim: 'a job without queue or class is refused with the same error and sentence, and nothing is sent',
    async steps(run) {
      run.result('enqueue without queue', await errorOf(run.resque.enqueue(NoQueueJob)))
      const noClass = null as unknown as string
      run.result('Job.create(:default, nil)', await errorOf(run.resque.enqueueTo('default', noClass)))
      await sentNothing(run)
    },
  },
  {
    recording: 'dequeue',
    claim: 'dequeue removes exact matches, or without arguments all of its class, and counts them',
    async steps(run) {
      const { resque } = run
      for (const argument of [1, 2, 2]) await resque.enqueue(OkJob, argument)
      await resque.enqueueTo('default', 'SleepJob', 0)
      run.result('dequeue(OkJob, 2)', await resque.dequeue(OkJob, 2))
      run.result('dequeue(OkJob, 99)', await resque.dequeue(OkJob, 99))
      run.result('dequeue(OkJob)', await resque.dequeue(OkJob))
    },
  },
  {
    recording: 'read_queue',
    claim: 'size, peek, pop, queues and samples see what is there, in order',
    differences: [
      {
        what: '`peek` always gives an array, and nothing for a count of 0',
        why: 'in Ruby the type of what it gives depends on an argument, and 0 means everything',
        results: {
          'peek(q)': [{ class: 'OkJob', args: [0] }],
          'peek(q,1,1)': [{ class: 'OkJob', args: [1] }],
          'peek(q,0,0)': [],
        },
      },
    ],
    async steps(run) {
      const { resque } = run
      const decoded = (jobs: { payload: string }[]) =>
        jobs.map(({ payload }) => JSON.parse(payload) as unknown)
      for (let i = 0; i < 3; i++) await resque.enqueue(OkJob, i)
      run.result('size', await resque.size('default'))
      run.result('peek(q)', decoded(await resque.peek('default')))
      run.result('peek(q,1,1)', decoded(await resque.peek('default', 1, 1)))
      run.result('peek(q,1,2)', decoded(await resque.peek('default', 1, 2)))
      run.result('peek(q,0,0)', decoded(await resque.peek('default', 0, 0)))
      run.result('pop', await resque.pop('default'))
      run.result('queues', await resque.queues())
      const samples = Object.entries(await resque.sampleQueues(1))
      const sampled = samples.map(([name, { size, samples }]) => [name, { size, samples: decoded(samples) }])
      run.result('sample_queues(1)', Object.fromEntries(sampled))
      run.result('pop empty queue', await resque.pop('nothing'))
    },
  },
  {
    recording: 'remove_queue',
    claim: 'a removed queue is unlisted and its jobs are gone; the others stay',
    uncompared: { remove_queue: "it hands on what Redis replied to Ruby's two commands; ours gives nothing" },
    async steps({ resque }) {
      await resque.enqueue(OkJob, 1)
      await resque.enqueue(LowJob, 1)
      await resque.removeQueue('default')
    },
  },
]
