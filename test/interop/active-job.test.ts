// Real ActiveJobs, through Rails' adapter for Resque: the envelopes as they lie in the queue, what our jobs get of them,
// and what Rails gets of ours. The envelopes are kept in fixtures/active-job; INTEROP_RECORD=1 writes them anew.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineJob } from 'resque-ts'
import {
  enqueueActiveJob,
  GlobalId,
  JOB_WRAPPER,
  performActiveJobs,
  SerializedObject,
} from 'resque-ts/active-job'
import { beforeAll, expect } from 'vitest'
import { beside, type Side } from './support/beside.js'
import { root, whySkipped } from './support/stacks.js'

const folder = join(root, 'test/interop/fixtures/active-job')
const at = new Date('2026-01-02T03:04:05.678Z')

/** What our job is given for each envelope. */
const decoded: Record<string, unknown[]> = {
  plain: [1, 1.5, 'text', true, null, [1, [2]], 2 ** 64],
  symbol: ['shipped'],
  'hash-string-keys': [{ a: 1, b: { c: [] } }, 1],
  'hash-symbol-keys': [{ a: 1, b: { c: 'd' } }, 1],
  'hash-mixed-keys': [{ a: 1, b: 2 }, 1],
  'hash-indifferent-access': [{ a: 1 }, 1],
  date: ['2026-01-02'],
  'date-time': [new Date('2026-01-02T01:04:05Z')],
  time: [at, new Date('2026-01-02T01:04:05Z')],
  'time-with-zone': [at],
  duration: [
    { seconds: 183_600, parts: { days: 2, hours: 3 } },
    { seconds: 90, parts: { seconds: 90 } },
  ],
  'big-decimal': ['12.34'],
  module: ['Order', 'Comparable'],
  range: [
    { begin: 1, end: 5, excludeEnd: false },
    { begin: 'a', end: 'd', excludeEnd: true },
    { begin: '2026-01-02', end: null, excludeEnd: false },
  ],
  'global-id': [new GlobalId('gid://shop/Order/44'), { order: new GlobalId('gid://shop/Order/45') }, 1],
  'own-serializer': [new SerializedObject('MoneySerializer', { cents: 1999, currency: 'EUR' })],
  'keyword-arguments': [1, { name: 'Al', at: '2026-01-02' }],
  priority: [1],
  retried: [1],
}

/** A worker of ours performs ActiveJobs until the queue is empty; what the jobs were given. */
async function performed(side: Side, queue: string): Promise<unknown[][]> {
  const given: unknown[][] = []
  const sample = defineJob({ name: 'SampleJob', perform: (...args: unknown[]) => void given.push(args) })
  await side.work([queue], { jobs: [performActiveJobs([sample])] })
  return given
}

beside(
  'ActiveJob',
  (side, claim) => {
    beforeAll(async () => {
      if (whySkipped !== undefined) return
      await side.ruby.run(`require ${JSON.stringify(join(root, 'test/interop/ruby/active_job.rb'))}`)
      if (process.env.INTEROP_RECORD) await record(side)
    })

    claim('Ruby → ours', 'every kind of argument that Rails tags has its recorded envelope', async () => {
      const names = await side.ruby.run<string[]>('ActiveJobSamples.enqueue_all')
      expect(readdirSync(folder).sort()).toEqual(names.map((name) => `${name}.json`).sort())
      expect(Object.keys(decoded).sort()).toEqual([...names].sort())
    })

    for (const [name, args] of Object.entries(decoded)) {
      claim(
        'Ruby → ours',
        `ActiveJob, ${name}: the envelope is the recorded one, and our job gets what Rails meant`,
        async () => {
          await side.ruby.run('ActiveJobSamples.enqueue_all')
          const [text, ...more] = await side.texts(name)
          expect(more).toEqual([])
          expect(text).toBe(readFileSync(join(folder, `${name}.json`), 'utf8').trimEnd())
          const payload = JSON.parse(text as string) as { class: string; args: object[] }
          expect(Object.keys(payload)).toEqual(['class', 'args'])
          expect(payload.class).toBe(JOB_WRAPPER)
          expect(payload.args.length).toBe(1)
          expect(await performed(side, name)).toEqual([args])
          expect(await side.resque.failed.count()).toBe(0)
        },
      )
    }

    claim(
      'ours → Ruby',
      'an ActiveJob that we enqueue is performed by Rails with the arguments we meant',
      async () => {
        const args = [1, 'ž', null, { a: { b: [] } }, at, new GlobalId('gid://shop/Order/44')]
        const id = await enqueueActiveJob(side.resque, 'SampleJob', args, { queue: 'mailers' })
        expect(id).toMatch(/^[0-9a-f-]{36}$/)
        await side.ruby.work('mailers')
        const [seen] = await side.seen()
        expect(seen).toMatchObject({ by: 'ruby', class: 'SampleJob' })
        expect(seen?.inspect).toContain(
          '[1, "ž", nil, {"a"=>{"b"=>[]}}, 2026-01-02 03:04:05.678 UTC, #<Order:',
        )
        expect(await side.resque.failed.count()).toBe(0)
      },
    )

    claim(
      'ours → Ruby',
      'an envelope of Rails that passed through our failed list is performed by Rails',
      async () => {
        await side.ruby.run('ActiveJobSamples.enqueue_all')
        const texts = await side.texts('global-id')
        await side.work(['global-id'], { jobs: [] })
        expect(await side.resque.failed.all()).toMatchObject([
          { class: JOB_WRAPPER, exception: 'UnknownJobError' },
        ])
        await side.resque.failed.requeue(0)
        expect(await side.texts('global-id')).toEqual(texts)
        await side.ruby.work('global-id')
        expect((await side.seen())[0]?.inspect).toContain('#<Order:')
      },
    )

    claim(
      'Ruby → ours',
      'an ActiveJob of a class that our worker was not given goes to failed, saying so',
      async () => {
        await side.ruby.run('ActiveJobSamples.enqueue_all')
        await side.work(['symbol'], { jobs: [performActiveJobs([])] })
        const [failure] = await side.resque.failed.all()
        expect(failure?.exception).toBe('UnknownJobError')
        expect(failure?.error).toContain('SampleJob')
      },
    )
  },
  (stack) => stack.hasActiveJob,
)

async function record(side: Side): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const name of await side.ruby.run<string[]>('ActiveJobSamples.enqueue_all')) {
    writeFileSync(join(folder, `${name}.json`), `${(await side.texts(name))[0]}\n`)
  }
  await side.redis.client.flushall()
}
