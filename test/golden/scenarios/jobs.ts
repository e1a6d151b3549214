// Jobs in a worker: how they succeed and fail, what stands in the queue that is no job, and the order of hooks.

import { expect } from 'vitest'
import { BadBytesJob, FailJob, HookJob, OkJob } from '../jobs.mjs'
import { failed, list, text } from '../support/keys.js'
import { withHooks } from '../support/modules.js'
import { AFTER, type Difference, type Scenario } from '../support/scenario.js'
import { notingHooks } from '../worker-hooks.mjs'

/** The one frame of a job that throws by itself. */
export const FRAME = 'perform (/app/jobs.mjs:<LINE>)'

/** Wherever a job threw. */
export function jsBacktrace(keys: NonNullable<Difference['keys']>): Difference {
  return {
    what: "the backtrace has JavaScript's frames",
    why: "JavaScript threw; it ends at the job, as Ruby's does",
    keys,
  }
}

/** The failed record of an entry that is no JSON object: shown as text, and kept byte for byte in `raw`. */
const notAJob = (raw: string, error: string) =>
  failed({
    payload: `{"class":"(not a job)","args":[${JSON.stringify(raw)}]}`,
    exception: 'InvalidPayloadError',
    error,
    raw,
  })

/** The failed record of a JSON object without a class. */
const noClass = (payload: string, got: string) =>
  failed({
    payload,
    exception: 'InvalidPayloadError',
    error: `Expected a job with a class name, a string that is not empty, got ${got}.`,
  })

/** Both ways where the recording was made with a child per job. */
const bothWays = (scenario: Scenario): Scenario[] => [
  { ...scenario, isolation: 'none' },
  { ...scenario, isolation: 'process' },
]

export const jobs: readonly Scenario[] = [
  ...bothWays({
    recording: 'job_success',
    claim: 'a job that ends well leaves a count and nothing else',
    async steps(run) {
      await run.resque.enqueue(OkJob, 1, 'a')
      await run.workUntilEmpty({ jobs: [OkJob] })
    },
  }),
  {
    recording: 'job_success_no_fork',
    claim: 'a job that ends well in the process of its worker leaves the same',
    async steps(run) {
      await run.resque.enqueue(OkJob, 1, 'a')
      await run.workUntilEmpty({ jobs: [OkJob] })
    },
  },
  ...bothWays({
    recording: 'job_failure',
    claim: 'a job that throws leaves a failed record and counts as failed and processed',
    differences: [
      jsBacktrace({
        [AFTER]: {
          'resque:failed': list(
            failed({
              payload: '{"class":"FailJob","args":["é",{"k":1}]}',
              exception: 'BoomError',
              error: 'boom: naïve',
              backtrace: [FRAME],
            }),
          ),
        },
      }),
    ],
    async steps(run) {
      await run.resque.enqueue(FailJob, 'é', { k: 1 })
      await run.workUntilEmpty({ jobs: [FailJob] })
    },
  }),
  {
    recording: 'job_unknown_class',
    claim: 'a job whose class is not known fails',
    differences: [
      {
        what: 'the exception is UnknownJobError; it says which jobs the worker knows, and has no backtrace',
        why: 'a class is looked up among the jobs given to the worker; no constant is missing',
        keys: {
          [AFTER]: {
            'resque:failed': list(
              failed({
                payload: '{"class":"Missing::Job","args":[1]}',
                exception: 'UnknownJobError',
                error:
                  'This worker knows no job named "Missing::Job". It knows: OkJob, FailJob. ' +
                  'Give it the job (jobs: […], or --require), or let it work other queues; then retry.',
              }),
            ),
          },
        },
      },
    ],
    async steps(run) {
      await run.resque.push('default', { class: 'Missing::Job', args: [1] })
      await run.workUntilEmpty({ jobs: [OkJob, FailJob] })
    },
  },
  {
    recording: 'job_payload_without_class_or_args',
    claim: 'a payload without a class fails, one without arguments is performed with none',
    differences: [
      {
        what: 'the exception is InvalidPayloadError and says what was expected',
        why: 'Ruby performs its class Object and shows the error of that',
        keys: {
          [AFTER]: {
            'resque:failed': list(noClass('{}', 'none'), noClass('{"class":null,"args":[1]}', 'null')),
          },
        },
      },
    ],
    async steps(run) {
      const payloads = [
        '{}',
        '{"class":null,"args":[1]}',
        '{"class":"OkJob"}',
        '{"class":"OkJob","args":null}',
      ]
      await run.redis.sadd('resque:queues', 'default')
      await run.redis.rpush('resque:queue:default', ...payloads)
      const given: unknown[][] = []
      const ok = { name: 'OkJob', perform: (...args: unknown[]) => void given.push(args) }
      await run.workUntilEmpty({ jobs: [ok] })
      expect(given).toEqual([[], []])
    },
  },
  {
    recording: 'json_null_is_dropped',
    claim: 'an entry that is null is parked in failed, and the worker goes on',
    differences: [
      {
        what: 'null goes to failed, its bytes kept in `raw`, and the job behind it is performed',
        why: 'Ruby takes it for an empty queue: what stood there is lost, and the rest waits for the next look',
        keys: {
          [AFTER]: {
            'resque:failed': list(
              notAJob('null', 'Expected a job as a JSON object {"class":…,"args":[…]}, got null.'),
            ),
            'resque:queue:default': null,
            'resque:stat:failed': text('1'),
            'resque:stat:processed': text('2'),
          },
        },
      },
    ],
    async steps(run) {
      await run.redis.rpush('resque:queue:default', 'null')
      await run.resque.enqueue(OkJob, 1)
      await run.workUntilEmpty({ jobs: [OkJob] })
    },
  },
  {
    recording: 'invalid_json_kills_worker',
    claim: 'an entry that is not JSON is parked in failed, and the worker goes on',
    differences: [
      {
        what: 'it goes to failed, its bytes kept in `raw`, and the job behind it is performed',
        why: 'in Ruby it is lost and the worker ends',
        keys: {
          [AFTER]: {
            'resque:failed': list(
              notAJob('{broken', 'Expected a job as JSON, got something that is not JSON (<PARSER>).'),
            ),
            'resque:queue:default': null,
            'resque:stat:failed': text('1'),
            'resque:stat:processed': text('2'),
          },
        },
      },
    ],
    async steps(run) {
      await run.redis.rpush('resque:queue:default', '{broken')
      await run.resque.enqueue(OkJob, 1)
      await run.workUntilEmpty({ jobs: [OkJob] })
    },
  },
  {
    recording: 'failure_message_not_utf8',
    claim: 'an error whose message is no well-formed text is recorded',
    differences: [
      {
        what: 'the failure is recorded, the broken character replaced',
        why: 'in Ruby its record cannot be written, and the failed job is lost',
        keys: {
          [AFTER]: {
            'resque:failed': list(
              failed({
                payload: '{"class":"BadBytesJob","args":[]}',
                exception: 'BoomError',
                error: 'bad \ufffd bytes',
                backtrace: [FRAME],
              }),
            ),
          },
        },
      },
    ],
    async steps(run) {
      await run.resque.enqueue(BadBytesJob)
      await run.workUntilEmpty({ jobs: [BadBytesJob] })
    },
  },
  ...bothWays({
    recording: 'hooks_order_in_worker',
    claim: 'the hooks of jobs and worker run in the same order, failure hooks before the failure is recorded',
    differences: [
      jsBacktrace({
        [AFTER]: {
          'resque:failed': list(
            failed({
              payload: '{"class":"HookJob","args":["bad"]}',
              exception: 'RuntimeError',
              error: 'hook boom',
              backtrace: [FRAME],
              queue: 'hooked',
            }),
          ),
        },
      }),
    ],
    async steps(run) {
      await run.resque.enqueue(HookJob, 1)
      await run.resque.enqueue(HookJob, 'bad')
      await run.workUntilEmpty({ queues: 'hooked', jobs: [HookJob], hooks: notingHooks, require: withHooks })
    },
  }),
]
