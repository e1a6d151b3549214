// Failures that one side records, and the other counts, lists, puts back and removes; with each of Ruby's backends.

import { multipleBackends, redisBackend, redisMultiQueueBackend } from 'resque-ts'
import { expect } from 'vitest'
import { beside } from './support/beside.js'

const backends = {
  'the plain backend': { ours: redisBackend, ruby: 'Resque::Failure::Redis', list: 'failed' },
  'a list per queue': {
    ours: redisMultiQueueBackend,
    ruby: 'Resque::Failure::RedisMultiQueue',
    list: 'boom_failed',
  },
  'several backends at once': {
    ours: multipleBackends([redisMultiQueueBackend, redisBackend]),
    ruby: '(Resque::Failure::Multiple.classes = [Resque::Failure::RedisMultiQueue, Resque::Failure::Redis]; Resque::Failure::Multiple)',
    list: 'boom_failed',
  },
}

/** As Ruby writes it; resque 2 leaves the zone of `retried_at` out. */
const time = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d( UTC)?$/

beside('Failures', (side, claim) => {
  for (const [name, { ours, ruby: backend, list }] of Object.entries(backends)) {
    const useBackend = () => side.ruby.run(`Resque::Failure.backend = ${backend}; nil`)
    const client = () => side.client({ failureBackend: ours })
    const lists = name.startsWith('several') ? ['failed', 'boom_failed'] : [list]

    claim('Ruby → ours', `${name}: what a Ruby worker failed is counted, listed and read`, async () => {
      await useBackend()
      const resque = client()
      await side.ruby.run(`Resque.enqueue(Boom, 1.0, { 'a' => [] }); Resque.enqueue(Boom)`)
      const texts = await side.texts('boom')
      await side.ruby.work('boom')
      expect(await resque.failed.count()).toBe(2)
      const failures = await resque.failed.all()
      expect(failures.map(({ payload }) => payload)).toEqual(texts)
      expect(failures[0]).toMatchObject({
        class: 'Boom',
        args: [1, { a: [] }],
        exception: 'ArgumentError',
        error: 'boom with 2',
        queue: 'boom',
        list,
        retriedAt: undefined,
        failedAt: expect.stringMatching(time),
        isReadable: true,
      })
      expect(failures[0]?.backtrace[0]).toContain('jobs.rb')
      expect(failures[0]?.worker.split(':')[2]).toBe('boom')
      expect(await resque.failed.count({ class: 'Boom' })).toBe(2)
    })

    claim(
      'Ruby → ours',
      `${name}: what a Ruby worker failed is put back as it was, marked, and removed`,
      async () => {
        await useBackend()
        const resque = client()
        await side.ruby.run('Resque.enqueue(Boom, 1.0, 2**64)')
        const texts = await side.texts('boom')
        await side.ruby.work('boom')
        const [failure] = await resque.failed.all()
        expect(await resque.failed.requeue(failure?.ref as string)).toBe(true)
        expect(await side.texts('boom')).toEqual(texts)
        const retried = await side.ruby.run<string>(`Resque::Failure.all(0, 1, arg)['retried_at']`, list)
        expect(retried).toMatch(time)
        const [marked] = await resque.failed.all()
        expect(await resque.failed.remove(marked?.ref as string)).toBe(true)
        expect(await side.ruby.run('Resque::Failure.count(arg)', list)).toBe(0)
      },
    )

    claim('ours → Ruby', `${name}: what our worker failed is counted, listed and read`, async () => {
      await useBackend()
      await side.resque.enqueueTo('boom', 'Boom', 'a', { b: [] })
      await side.work(['boom'], { resque: client() })
      for (const each of lists) {
        expect(await side.ruby.run('Resque::Failure.count(arg)', each)).toBe(1)
      }
      const record = await side.ruby.run<Record<string, unknown>>('Resque::Failure.all(0, 1, arg)', list)
      expect(Object.keys(record)).toEqual([
        'failed_at',
        'payload',
        'exception',
        'error',
        'backtrace',
        'worker',
        'queue',
      ])
      expect(record).toMatchObject({
        failed_at: expect.stringMatching(time),
        payload: { class: 'Boom', args: ['a', { b: [] }] },
        exception: 'RangeError',
        error: 'boom with 2',
        queue: 'boom',
      })
      expect(
        await side.ruby.run(
          `require 'date'; DateTime.parse(arg).to_date == Time.now.utc.to_date`,
          record.failed_at,
        ),
      ).toBe(true)
      const each = await side.ruby.run(
        `rows = []; Resque::Failure.each(0, 10, arg) { |id, item| rows << [id, item['exception']] }; rows`,
        list,
      )
      expect(each).toEqual([[0, 'RangeError']])
    })

    claim(
      'ours → Ruby',
      `${name}: what our worker failed is put back, marked, done by a Ruby worker, and removed`,
      async () => {
        await useBackend()
        const resque = client()
        // Nobody here knows this class but Ruby: so it fails with us, and is done there.
        await side.resque.push('boom', { class: 'Echo', args: ['ž', 1] })
        await side.work(['boom'], { resque, jobs: [] })
        await side.ruby.run('Resque::Failure.requeue(0, arg)', list)
        expect(await side.texts('boom')).toEqual(['{"class":"Echo","args":["ž",1]}'])
        await side.ruby.work('boom')
        expect(await side.seen()).toMatchObject([{ by: 'ruby', args: ['ž', 1] }])
        expect((await resque.failed.all())[0]?.retriedAt).toMatch(time)
        // Ruby's own Multiple cannot remove from a list per queue: its plain backend refuses the name. So each by itself.
        for (const each of lists) {
          const keeper = each === 'failed' ? 'Redis' : 'RedisMultiQueue'
          await side.ruby.run(`Resque::Failure::${keeper}.remove(0, arg)`, each)
        }
        expect(await resque.failed.count()).toBe(0)
      },
    )

    claim(
      'ours → Ruby',
      `${name}: a whole queue of our failures is put back, and all are cleared`,
      async () => {
        await useBackend()
        const resque = client()
        for (let i = 0; i < 3; i++) await side.resque.enqueueTo('boom', 'Boom', i)
        await side.work(['boom'], { resque })
        await side.ruby.run(`Resque::Failure.requeue_queue('boom')`)
        expect((await side.texts('boom')).sort()).toEqual(
          [0, 1, 2].map((i) => `{"class":"Boom","args":[${i}]}`),
        )
        await side.ruby.run('Resque::Failure.clear(arg)', list)
        expect(await resque.failed.count()).toBe(0)
      },
    )
  }

  claim('Ruby → ours', 'a job whose Ruby child was killed is a DirtyExit without backtrace', async () => {
    await side.ruby.run('Resque::Failure.backend = Resque::Failure::Redis; Resque.enqueue(Killed, 1)')
    await side.ruby.work('killed')
    const [failure] = await side.resque.failed.all()
    expect(failure).toMatchObject({
      class: 'Killed',
      exception: 'Resque::DirtyExit',
      backtrace: [],
      queue: 'killed',
    })
    expect(failure?.error).toContain('SIGKILL')
  })

  claim('both', 'clear_retried removes those that the other side put back, and no others', async () => {
    await side.ruby.run('Resque::Failure.backend = Resque::Failure::Redis; nil')
    const failTwice = async () => {
      await side.resque.failed.clear()
      for (let i = 0; i < 2; i++) await side.resque.enqueueTo('boom', 'Boom', i)
      await side.work(['boom'])
    }
    await failTwice()
    await side.resque.failed.requeue(0)
    await side.ruby.run('Resque::Failure.clear_retried')
    expect((await side.resque.failed.all()).map(({ args }) => args)).toEqual([[1]])
    await side.resque.removeQueue('boom')
    await failTwice()
    await side.ruby.run('Resque::Failure.requeue(1)')
    expect(await side.resque.failed.clearRetried()).toBe(1)
    expect((await side.resque.failed.all()).map(({ args }) => args)).toEqual([[0]])
  })

  const notJobs: [what: string, bytes: string | Buffer][] = [
    ['text that is no JSON', 'not json'],
    ['an empty entry', ''],
    ['a JSON array', '[1,2]'],
    ['JSON null', 'null'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d])],
  ]
  claim(
    'ours → Ruby',
    'entries that are no jobs, parked by us, are listed, put back and removed by Ruby',
    async () => {
      await side.ruby.run('Resque::Failure.backend = Resque::Failure::Redis; nil')
      for (const [, bytes] of notJobs) await side.put('echo', bytes)
      await side.work(['echo'])
      const listed = await side.ruby.run<{ payload: { class: string; args: unknown[] } }[]>(
        'Resque::Failure.all(0, 50)',
      )
      expect(listed.length).toBe(notJobs.length)
      // Each has what Ruby's pages look for.
      for (const { payload } of listed) {
        expect(typeof payload.class).toBe('string')
        expect(Array.isArray(payload.args)).toBe(true)
      }
      await side.ruby.run('arg.times { |i| Resque::Failure.requeue(i) }', notJobs.length)
      expect(await side.resque.size('echo')).toBe(notJobs.length)
      // Put back by Ruby they are jobs of a class that nobody has, and fail as such, on either side.
      const half = await side.ruby.run<number>(`3.times { Resque.pop('echo') }; Resque.size('echo')`)
      await side.work(['echo'])
      expect(await side.resque.failed.count()).toBe(notJobs.length + half)
      await side.ruby.run('Resque::Failure.count.times { Resque::Failure.remove(0) }')
      expect(await side.resque.failed.count()).toBe(0)
    },
  )

  claim(
    'ours → Ruby',
    'a lone surrogate, at which Ruby stops, is performed by us, and its failure is listed by Ruby',
    async () => {
      await side.ruby.run('Resque::Failure.backend = Resque::Failure::Redis; nil')
      await side.put('boom', '{"class":"Boom","args":["\\ud83d"]}')
      await side.work(['boom'])
      expect(await side.resque.failed.all()).toMatchObject([
        { exception: 'RangeError', error: 'boom with 1' },
      ])
      expect(await side.ruby.run(`Resque::Failure.all(0, 1)['error']`)).toBe('boom with 1')
    },
  )

  claim(
    'both',
    'entries that are no jobs, parked and put back by us, stand in the queue again byte for byte',
    async () => {
      for (const [, bytes] of notJobs) await side.put('echo', bytes)
      const before = await side.redis.client.lrangeBuffer('resque:queue:echo', 0, -1)
      await side.work(['echo'])
      expect(await side.resque.failed.requeueAll()).toBe(notJobs.length)
      expect(await side.redis.client.lrangeBuffer('resque:queue:echo', 0, -1)).toEqual(before)
    },
  )
})
