// What a worker is told: each option that cannot be right is refused by name, before anything happens.

import { ConfigError, defineJob, NoQueueError, Resque } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { afterAll, expect, test } from 'vitest'

const resque = new Resque({ redis: 'redis://127.0.0.1:1' })
afterAll(() => resque.close())

const Job = defineJob({ name: 'Job', perform() {} })
const make = (options: object) => () =>
  new Worker({ resque, queues: '*', jobs: [Job], title: false, ...options } as WorkerOptions)

test('an unknown option is refused, with those there are', () => {
  expect(make({ concurency: 2 })).toThrow(ConfigError)
  expect(make({ concurency: 2 })).toThrow(/^Unknown option `concurency` of Worker\. It has: .*concurrency/)
})

test.each([
  [{ concurrency: 0 }, 'Expected `concurrency` to be a whole number of at least 1, got `0` (number).'],
  [{ concurrency: 1.5 }, 'Expected `concurrency` to be a whole number'],
  [{ concurrency: '4' }, 'got `4` (string).'],
  [{ intervalMs: 0 }, 'Expected `intervalMs` to be a number of at least 1'],
  [{ heartbeatMs: Number.NaN }, 'Expected `heartbeatMs`'],
  [{ pruneIntervalMs: -1 }, 'Expected `pruneIntervalMs`'],
  [{ maxDeaths: 0 }, 'Expected `maxDeaths`'],
  [{ maxStallMs: -1 }, 'Expected `maxStallMs`'],
  [{ abortGraceMs: null }, undefined],
  [{ abortGraceMs: 'x' }, 'Expected `abortGraceMs`'],
  [{ isolation: 'thread' }, "Expected `isolation` to be 'none' or 'process', got 'thread'."],
  [{ isolation: 'process' }, 'Expected `require` to name the module that defines Job, got none.'],
])('an option that cannot be right is refused by name: %j', (options, sentence) => {
  if (sentence === undefined) expect(make(options)).not.toThrow()
  else expect(make(options)).toThrow(sentence)
})

test('a deadline that one late heartbeat would miss is refused', () => {
  expect(make({ heartbeatMs: 1_000, deadAfterMs: 1_999 })).toThrow(
    'Expected `deadAfterMs` (1999) to be at least twice `heartbeatMs` (1000).',
  )
  expect(make({ heartbeatMs: 1_000, deadAfterMs: 2_000 })).not.toThrow()
})

test('without a client, without queues, without jobs there is no worker', () => {
  expect(make({ resque: undefined })).toThrow('Expected `resque`, the client whose Redis the worker uses.')
  expect(make({ queues: [] })).toThrow(NoQueueError)
  expect(make({ jobs: undefined })).toThrow('Expected `jobs` to be an array of jobs.')
  expect(make({ jobs: [{ name: 'x' }] })).toThrow('Expected `jobs` to hold jobs, got something else.')
})

test('two jobs of one name are refused, the same job twice is not', () => {
  expect(make({ jobs: [Job, { ...Job }] })).toThrow('Two jobs of this worker are named "Job".')
  expect(make({ jobs: [Job, Job] })).not.toThrow()
})
