// Jobs of Rails: envelopes as ActiveJob writes them, performed here; and ours, as Rails expects them.

import { defineJob } from 'resque-ts'
import {
  decodeArgument,
  enqueueActiveJob,
  GlobalId,
  JOB_WRAPPER,
  performActiveJobs,
  readActiveJob,
  SerializedObject,
} from 'resque-ts/active-job'
import { describe, expect, test } from 'vitest'
import { useRoom } from './room.js'
import { waitFor } from './support/wait-for.js'

const room = useRoom()
const serialized = (name: string, members: object) => ({
  _aj_serialized: `ActiveJob::Serializers::${name}Serializer`,
  ...members,
})

const envelope = {
  job_class: 'MailJob',
  job_id: '01c1ed5e-8b1f-4b0d-9ed4-0f2b2a3f9f10',
  provider_job_id: null,
  queue_name: 'mailers',
  priority: 5,
  arguments: [1, 'two', { deliver: 'now', _aj_symbol_keys: ['deliver'] }],
  executions: 2,
  exception_executions: { '[Net::ReadTimeout]': 2 },
  locale: 'de',
  timezone: 'Berlin',
  enqueued_at: '2026-11-24T05:00:00.123456789Z',
}

test('an envelope gives class, arguments, queue, executions, locale and the rest', () => {
  expect(readActiveJob(envelope)).toEqual({
    class: 'MailJob',
    id: envelope.job_id,
    queue: 'mailers',
    args: [1, 'two', { deliver: 'now' }],
    executions: 2,
    exceptionExecutions: { '[Net::ReadTimeout]': 2 },
    priority: 5,
    locale: 'de',
    timezone: 'Berlin',
    enqueuedAt: envelope.enqueued_at,
  })
})

test.each([[null], ['text'], [{}], [{ job_class: 'A' }], [{ arguments: [] }]])(
  '%j is no envelope',
  (value) => {
    expect(() => readActiveJob(value)).toThrow(/Expected the envelope of an ActiveJob/)
  },
)

describe('arguments are decoded by their tags', () => {
  const at = new Date('2026-11-24T05:00:00.123Z')
  test.each([
    ['a symbol', serialized('Symbol', { value: 'now' }), 'now'],
    ['a date', serialized('Date', { value: '2026-11-24' }), '2026-11-24'],
    ['a big decimal', serialized('BigDecimal', { value: '0.1e1' }), '0.1e1'],
    ['a module', serialized('Module', { value: 'Net::HTTP' }), 'Net::HTTP'],
    ['a time', serialized('Time', { value: '2026-11-24T05:00:00.123000000Z' }), at],
    ['a date and time', serialized('DateTime', { value: '2026-11-24T05:00:00.123000000+00:00' }), at],
    [
      'a time with a zone',
      serialized('TimeWithZone', { value: '2026-11-24T05:00:00.123000000Z', time_zone: 'Europe/Berlin' }),
      at,
    ],
    [
      'a duration',
      serialized('Duration', { value: 172_800, parts: [[serialized('Symbol', { value: 'days' }), 2]] }),
      { seconds: 172_800, parts: { days: 2 } },
    ],
    [
      'a range',
      serialized('Range', { begin: 1, end: 5, exclude_end: true }),
      { begin: 1, end: 5, excludeEnd: true },
    ],
    ['a model', { _aj_globalid: 'gid://shop/Order/44' }, new GlobalId('gid://shop/Order/44')],
    ['a hash of indifferent access', { a: 1, _aj_hash_with_indifferent_access: true }, { a: 1 }],
    ['keyword arguments', { a: 1, _aj_ruby2_keywords: ['a'] }, { a: 1 }],
    [
      'something in something',
      [{ list: [serialized('Symbol', { value: 'x' })], _aj_symbol_keys: [] }],
      [{ list: ['x'] }],
    ],
    [
      'a serializer of the application',
      { _aj_serialized: 'MoneySerializer', amount: 5, currency: 'EUR' },
      new SerializedObject('MoneySerializer', { amount: 5, currency: 'EUR' }),
    ],
  ])('%s', (_, encoded, decoded) => {
    expect(decodeArgument(encoded)).toEqual(decoded)
  })
})

test('a worker performs a job that Rails enqueued, by the name of its Ruby class', async () => {
  const seen: unknown[] = []
  const MailJob = defineJob({
    name: 'MailJob',
    async perform(...args: unknown[]) {
      seen.push(this.class, ...args)
    },
  })
  await room.start({ jobs: [performActiveJobs([MailJob])], queues: ['mailers'] })
  await room.client.rpush('resque:queue:mailers', JSON.stringify({ class: JOB_WRAPPER, args: [envelope] }))
  await waitFor(() => seen.length > 0, { message: 'the job ran' })
  expect(seen).toEqual([JOB_WRAPPER, 1, 'two', { deliver: 'now' }])
})

test('a Ruby class that nothing stands for fails with its name', async () => {
  await room.start({ jobs: [performActiveJobs([])], queues: ['mailers'] })
  await room.client.rpush('resque:queue:mailers', JSON.stringify({ class: JOB_WRAPPER, args: [envelope] }))
  await waitFor(async () => (await room.resque.failed.count()) === 1, { message: 'the job failed' })
  expect((await room.resque.failed.all())[0]).toMatchObject({
    exception: 'UnknownJobError',
    error: expect.stringContaining('No job stands for the ActiveJob "MailJob"'),
  })
})

test('what is enqueued for Rails comes back the same', async () => {
  const at = new Date('2026-11-24T05:00:00.123Z')
  const args = [1, 'two', at, new GlobalId('gid://shop/Order/44'), { a: [at] }]
  const id = await enqueueActiveJob(room.resque, 'MailJob', args, { queue: 'mailers', locale: 'de' })
  const [job] = await room.resque.peek('mailers')
  expect(job?.class).toBe(JOB_WRAPPER)
  expect(readActiveJob(job?.args[0])).toMatchObject({
    class: 'MailJob',
    id,
    queue: 'mailers',
    args,
    locale: 'de',
  })
})

test('a key that Rails keeps for itself is refused by name', async () => {
  await expect(enqueueActiveJob(room.resque, 'MailJob', [{ _aj_globalid: 'x' }])).rejects.toThrow(
    /_aj_globalid/,
  )
  expect(await room.resque.queues()).toEqual([])
})
