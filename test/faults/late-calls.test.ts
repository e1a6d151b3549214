// A call that the network held back and delivers when nobody waits for its answer any more. It may take jobs for
// slots that the worker believes free, at a time when the worker has no reason to look at them.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { defineJob, Resque } from 'resque-ts'
import { Worker } from 'resque-ts/worker'
import { expect, test } from 'vitest'
import { finishAndReserve } from '#built/store/finish-and-reserve.js'
import { startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { CuttingProxy } from './support/proxy.js'
import { seeded } from './support/random.js'

test('a call that arrives while the worker rests strands no job', async () => {
  const random = seeded('late, at rest')
  const redis = await startRedis()
  const proxy = await new CuttingProxy(redis.port).start()
  const resque = new Resque({ redis: proxy.url })
  const direct = new Resque({ redis: redis.url })
  const runs = new Map<string, number>()
  const Once = defineJob({
    name: 'Once',
    queue: 'runs',
    async perform(id: string, ms: number) {
      runs.set(id, (runs.get(id) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, ms))
    },
  })
  const worker = new Worker({ resque, queues: 'runs', jobs: [Once], concurrency: 5, intervalMs: 100 })
  await worker.start()

  let isArmed = false
  let mayCut = 0
  let held: { piece: Buffer; redis: Socket } | undefined
  let waiting: (() => void)[] | undefined
  proxy.interference = {
    onSent(piece, link) {
      if (waiting) {
        waiting.push(() => link.redis.write(piece))
        return undefined
      }
      // The worker reads its working records, to learn what a call did: that too may fail.
      if (piece.includes('mget') && mayCut > 0 && random.next() < 0.5) {
        mayCut--
        proxy.cut(link)
        return undefined
      }
      if (!isArmed || !piece.includes(finishAndReserve.sha)) return 'pass'
      isArmed = false
      held = { piece, redis: link.redis }
      proxy.abandon(link)
      return undefined
    },
  }
  const ids: string[] = []
  for (let round = 0; round < 40; round++) {
    isArmed = random.next() < 0.5
    mayCut = 2
    const late = held
    held = undefined
    const jobs = Array.from({ length: random.between(1, 5) }, (_, i) => `${round}-${i}`)
    ids.push(...jobs)
    // Nothing else gets through until the late call has been answered.
    if (late) waiting = []
    await direct.enqueueMany(jobs.map((id) => [Once, id, random.between(0, 5)]))
    if (late) {
      late.redis.write(late.piece)
      await once(late.redis, 'data')
      late.redis.end()
      for (const send of waiting ?? []) send()
      waiting = undefined
    }
    await waitFor(() => jobs.every((id) => runs.has(id)), { timeoutMs: 5_000, message: `round ${round}` })
  }
  await worker.stop()
  expect([...runs].filter(([, times]) => times !== 1)).toEqual([])
  expect(await direct.stats.get('processed')).toBe(ids.length)
  // A late call may also have listed again a hand that is closed. The next prune finds that nobody has it.
  const other = new Worker({ resque: direct, queues: 'a,b', jobs: [] })
  await other.start()
  await other.stop()
  expect(await leftovers(redis.client)).toEqual(nothing)
  await resque.close()
  await direct.close()
  await proxy.stop()
  await redis.stop()
})
