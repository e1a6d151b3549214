// Queues that both sides look into, pause and remove.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { beside, type Side } from './support/beside.js'

const echo = (...args: unknown[]) => `{"class":"Echo","args":${JSON.stringify(args)}}`

/** The calls of a command that Redis has counted: so a test knows that a worker has looked. */
async function calls(side: Side, command: string): Promise<number> {
  const stats = await side.redis.client.info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

beside('Queues', (side, claim) => {
  claim('both', 'sizes, names and waiting jobs are the same on both sides', async () => {
    await side.resque.enqueueTo('a', 'Echo', 1)
    await side.ruby.run(`Resque.enqueue_to('b', Echo, 2); Resque.enqueue_to('b', Echo, 3)`)
    expect((await side.ruby.run<string[]>('Resque.queues')).sort()).toEqual(await side.resque.queues())
    expect(await side.ruby.run('Resque.queues.sort.to_h { |name| [name, Resque.size(name)] }')).toEqual(
      await side.resque.queueSizes(),
    )
    const peeked = await side.ruby.run(`Resque.peek('b', 0, 2).map { |job| job['args'] }`)
    expect(peeked).toEqual((await side.resque.peek('b', 0, 2)).map(({ args }) => args))
  })

  claim('both', 'each takes at the head, so jobs of both leave in the order they came', async () => {
    for (let i = 0; i < 4; i++) {
      if (i % 2 === 0) await side.resque.enqueueTo('a', 'Echo', i)
      else await side.ruby.run(`Resque.enqueue_to('a', Echo, arg)`, i)
    }
    const taken: unknown[] = []
    for (let i = 0; i < 2; i++) {
      taken.push((await side.resque.reserve('a'))?.args)
      taken.push(await side.ruby.run(`Resque.reserve('a').args`))
    }
    expect(taken).toEqual([[0], [1], [2], [3]])
  })

  claim(
    'ours → Ruby',
    'Resque.dequeue finds what we enqueued: with its arguments, or all of a class',
    async () => {
      for (const args of [[1, { ž: [] }], [2], [1, { ž: [] }]])
        await side.resque.enqueueTo('echo', 'Echo', ...args)
      await side.resque.enqueueTo('echo', 'Other', 2)
      expect(await side.ruby.run(`Resque.dequeue(Echo, 1, { 'ž' => [] })`)).toBe(2)
      expect(await side.ruby.run('Resque.dequeue(Echo)')).toBe(1)
      expect(await side.texts('echo')).toEqual(['{"class":"Other","args":[2]}'])
    },
  )

  claim(
    'Ruby → ours',
    'dequeue finds what Ruby enqueued: with its arguments, or all of a class',
    async () => {
      await side.ruby.run(
        `2.times { Resque.enqueue(Echo, 1, { 'ž' => [] }) }; Resque.enqueue(Echo, 1.0); Resque.enqueue(Other, 2)`,
      )
      expect(await side.resque.dequeueFrom('echo', 'Echo', 1, { ž: [] })).toBe(2)
      // 1.0 is no text that JavaScript writes: it is found by its class.
      expect(await side.resque.dequeueFrom('echo', 'Echo', 1)).toBe(0)
      expect(await side.resque.dequeueFrom('echo', 'Echo')).toBe(1)
      expect(await side.texts('echo')).toEqual(['{"class":"Other","args":[2]}'])
    },
  )

  for (const [by, pause, resume] of [
    ['ours', (s: Side) => s.resque.pauseAll(), (s: Side) => s.resque.resumeAll()],
    [
      'Ruby',
      (s: Side) => s.ruby.run(`Resque.redis.set('pause-all-workers', ' True ')`),
      (s: Side) => s.ruby.run(`Resque.redis.del('pause-all-workers')`),
    ],
  ] as const) {
    claim(
      'both',
      `the key that pauses all workers, set by ${by}, stops both sides from taking jobs until it goes`,
      async () => {
        await pause(side)
        await side.startWorker(['a'])
        await side.startRubyWorker('b')
        await side.resque.enqueueTo('a', 'Echo', 'ours')
        await side.resque.enqueueTo('b', 'Echo', 'ruby')
        // Both have looked again, and again.
        const [gets, scripts] = [await calls(side, 'get'), await calls(side, 'evalsha')]
        await waitFor(
          async () => (await calls(side, 'get')) >= gets + 4 && (await calls(side, 'evalsha')) >= scripts + 3,
        )
        expect(await side.resque.queueSizes()).toEqual({ a: 1, b: 1 })
        expect(await side.seen()).toEqual([])
        await resume(side)
        const seen = await side.untilSeen(2)
        expect(new Set(seen.map(({ by: who, args }) => `${who} ${args}`))).toEqual(
          new Set(['ours ours', 'ruby ruby']),
        )
      },
    )
  }

  claim('ours → Ruby', 'a queue that we pause alone is paused for ours, and for no Ruby worker', async () => {
    await side.resque.pauseQueue('a')
    await side.startWorker(['a', 'b'])
    await side.resque.enqueueTo('a', 'Echo', 1)
    await side.resque.enqueueTo('b', 'Echo', 2)
    await side.untilSeen(1)
    expect(await side.resque.size('a')).toBe(1)
    await side.ruby.work('a')
    expect((await side.seen()).map(({ by }) => by)).toEqual(['ours', 'ruby'])
  })

  claim('Ruby → ours', 'a worker with * takes from a queue the moment Ruby makes it', async () => {
    await side.startWorker(['*'], { intervalMs: 60_000 })
    await side.ruby.run(`Resque.enqueue_to('brand_new', Echo, 1)`)
    expect(await side.untilSeen(1)).toMatchObject([{ by: 'ours', args: [1] }])
  })

  claim('ours → Ruby', 'a Ruby worker with * takes from a queue that we made', async () => {
    await side.startRubyWorker('*')
    await side.resque.enqueueTo('brand_new', 'Echo', 1)
    expect(await side.untilSeen(1)).toMatchObject([{ by: 'ruby', args: [1] }])
  })

  claim('both', 'removing a queue removes it for the other side', async () => {
    await side.resque.enqueueTo('a', 'Echo', 1)
    await side.ruby.run(`Resque.enqueue_to('b', Echo, 1); Resque.remove_queue('a')`)
    expect(await side.resque.queues()).toEqual(['b'])
    expect(await side.resque.size('a')).toBe(0)
    await side.resque.removeQueue('b')
    expect(await side.ruby.run('[Resque.queues, Resque.size("b")]')).toEqual([[], 0])
  })

  claim(
    'Ruby → ours',
    'Resque.remove_queue, again and again under load, leaves our worker healthy',
    async () => {
      const worker = await side.startWorker(['noop', '*'], { concurrency: 20 })
      let isOver = false
      let pushed = 0
      const load = async () => {
        while (!isOver) {
          await Promise.all(Array.from({ length: 100 }, () => side.resque.enqueueTo('noop', 'Noop')))
          pushed += 100
          await nextTurn()
        }
      }
      const loading = load()
      await side.ruby.run(`300.times { Resque.remove_queue('noop') }`)
      isOver = true
      await loading
      await waitFor(async () => (await side.resque.size('noop')) === 0 && worker.busyCount === 0)
      expect(await side.ids()).toEqual(expect.arrayContaining([...worker.ids]))
      expect(await side.resque.failed.count()).toBe(0)
      expect(Number(await side.redis.client.get('interop:noops'))).toBeLessThanOrEqual(pushed)
      await side.ruby.run(`Resque.enqueue_to('noop', Echo, 'after')`)
      expect(await side.untilSeen(1)).toMatchObject([{ by: 'ours', payload: echo('after') }])
    },
  )
})
