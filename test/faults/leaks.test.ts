// What a process holds on to: nothing of the workers that it stopped, nothing of the jobs that it ran.

import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { defineJob } from 'resque-ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { scaled } from './support/random.js'
import { Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

/** What this process has open, by kind, and what Redis sees of it. */
async function held(): Promise<{ resources: Record<string, number>; files: number; connections: number }> {
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    // Those of the moment: timers of the test itself, and what runs in between.
    if (['Timeout', 'Immediate', 'TickObject', 'CloseReq'].includes(name)) continue
    resources[name] = (resources[name] ?? 0) + 1
  }
  const clients = (await room.redis.client.client('LIST')) as string
  return {
    resources,
    files: readdirSync('/proc/self/fd').length,
    connections: clients.trim().split('\n').length,
  }
}

/** The same, once the last connections have closed at both ends: the test's own is left, and the client's. */
async function settled(): ReturnType<typeof held> {
  await waitFor(async () => {
    const { connections, resources } = await held()
    return connections === 2 && resources.TCPSocketWrap === 2
  })
  return held()
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

test('workers that start and stop leave nothing open', async () => {
  const cycle = async (round: number) => {
    // Every twentieth lives until its heartbeat thread has connected, and works.
    const lives = round % 20 === 0
    const worker = await room.start({ concurrency: 3, heartbeatMs: lives ? 20 : 5_000, title: false })
    if (lives) {
      await room.resque.enqueue(room.Record, `round-${round}`)
      await room.ran([`round-${round}`])
      await waitFor(async () =>
        /name=resque-ts:worker:heartbeat/.test(String(await room.redis.client.client('LIST'))),
      )
    }
    await worker.stop()
    room.workers.length = 0
  }
  for (let round = 0; round < 5; round++) await cycle(round)
  const before = await settled()
  const timersBefore = timers()
  for (let round = 0; round < scaled(200); round++) await cycle(round)
  expect(await settled()).toEqual(before)
  expect(timers()).toBeLessThanOrEqual(timersBefore + 2)
  expect(process.listenerCount('SIGTERM')).toBe(0)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})

test('memory stays as it is while 200,000 jobs run', { timeout: 240_000 }, async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const count = scaled(200_000)
  let ran = 0
  const Count = defineJob({
    name: 'Count',
    queue: 'runs',
    perform: (_id: number, _text: string) => void ran++,
  })
  const worker = await room.start({ concurrency: 50, jobs: [Count] })
  const heapAfter: number[] = []
  for (let part = 1; part <= 10; part++) {
    const numbers = Array.from({ length: count / 10 }, (_, i) => i)
    await room.resque.enqueueMany(numbers.map((i) => [Count, i, `text ${i} of part ${part}`]))
    await waitFor(() => ran === (part * count) / 10, { timeoutMs: 60_000, message: () => `${ran} jobs` })
    collect()
    heapAfter.push(process.memoryUsage().heapUsed / 2 ** 20)
  }
  await worker.stop()
  console.info(`heap after each tenth, MiB: ${heapAfter.map((each) => each.toFixed(1)).join(' ')}`)
  // The first parts fill caches and let the code be compiled.
  const [early, late] = [heapAfter.slice(2, 5), heapAfter.slice(-3)].map((part) => Math.min(...part)) as [
    number,
    number,
  ]
  expect(late - early).toBeLessThan(2)
  expect(await room.resque.stats.get('processed')).toBe(count)
  expect(await leftovers(room.redis.client)).toEqual(nothing)
})
