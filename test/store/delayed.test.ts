// Delayed jobs and schedules as resque-scheduler keeps them: the bytes are those of its recordings.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const T = 4_102_444_800
const entry = (name: string, args: unknown, queue = 'default') =>
  `{"class":"${name}","args":${JSON.stringify(args)},"queue":"${queue}"}`

/** As Ruby's three commands. */
async function delay(time: number, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await room.client.rpush(`resque:delayed:${time}`, text)
    await room.client.sadd(`resque:timestamps:${text}`, `delayed:${time}`)
    await room.client.zadd('resque:delayed_queue_schedule', time, `${time}`)
  }
}
const keys = async () => (await room.client.keys('*')).sort()
const dump = async () => {
  const found: Record<string, unknown> = {}
  for (const key of await keys()) {
    const type = await room.client.type(key)
    if (type === 'list') found[key] = await room.client.lrange(key, 0, -1)
    else if (type === 'set') found[key] = (await room.client.smembers(key)).sort()
    else if (type === 'zset') found[key] = await room.client.zrange(key, '0', '-1')
    else if (type === 'hash') found[key] = await room.client.hgetall(key)
  }
  return found
}

test('a page of times has the number of jobs of each, the nearest first', async () => {
  await delay(T + 60, entry('OkJob', [3], 'other'))
  await delay(T, entry('OkJob', [1]), entry('LowJob', [2], 'low'))
  expect(await room.resque.store.delayed.times(0, 10)).toEqual([
    { at: new Date(T * 1000), time: T, count: 2 },
    { at: new Date((T + 60) * 1000), time: T + 60, count: 1 },
  ])
  expect(await room.resque.store.delayed.times(1, 10)).toHaveLength(1)
  expect(await room.resque.store.delayed.count()).toBe(2)
  expect((await room.resque.store.delayed.jobs(T, 1, 5))[0]).toMatchObject({
    class: 'LowJob',
    args: [2],
    queue: 'low',
    ref: expect.stringMatching(new RegExp(`^1\\.[0-9a-f]{16}@${T}$`)),
  })
})

test('a delayed job that is removed leaves all keys as Ruby leaves them, and comes back by an undo', async () => {
  await delay(T, entry('OkJob', [1]), entry('OkJob', [1]), entry('LowJob', [2], 'low'))
  await delay(T + 60, entry('OkJob', [1]))
  const { delayed, trash } = room.resque.store
  const before = await dump()
  const [first, , low] = await delayed.jobs(T, 0, 10)
  expect(await delayed.remove(T, [first as NonNullable<typeof first>], 'trash-0001')).toBe(1)
  // One equal to it waits for the same time still.
  expect(await room.client.smembers(`resque:timestamps:${entry('OkJob', [1])}`)).toHaveLength(2)
  expect(await delayed.remove(T, [low as NonNullable<typeof low>], 'trash-0002')).toBe(1)
  expect(await delayed.remove(T, [low as NonNullable<typeof low>])).toBe(0)
  expect(await room.client.exists(`resque:timestamps:${entry('LowJob', [2], 'low')}`)).toBe(0)
  const [last] = await delayed.jobs(T, 0, 10)
  expect(await delayed.remove(T, [last as NonNullable<typeof last>], 'trash-0003')).toBe(1)
  expect(await room.client.exists(`resque:delayed:${T}`)).toBe(0)
  expect(await room.client.zrange('resque:delayed_queue_schedule', '0', '-1')).toEqual([`${T + 60}`])
  expect(await room.client.smembers(`resque:timestamps:${entry('OkJob', [1])}`)).toEqual([
    `delayed:${T + 60}`,
  ])
  expect(await trash.undo('trash-0002')).toEqual({ restored: 1, state: 'restored' })
  await trash.undo('trash-0001')
  await trash.undo('trash-0003')
  const after = await dump()
  // Jobs of one time come back, not their order.
  const list = `resque:delayed:${T}`
  expect((after[list] as string[]).sort()).toEqual((before[list] as string[]).sort())
  expect(after).toEqual(before)
})

test('a delayed job is queued now as the scheduler would write it, from where it is now', async () => {
  const odd = '{"class":"Odd","args":{"k":12345678901234567890},"queue":"low"}'
  await delay(T, entry('OkJob', [1]), odd, '{"class":"None","queue":"low"}')
  const { delayed } = room.resque.store
  const jobs = await delayed.jobs(T, 0, 10)
  await room.client.lpop(`resque:delayed:${T}`)
  expect(await delayed.queueNow(T, jobs)).toBe(2)
  expect(await room.client.lrange('resque:queue:low', 0, -1)).toEqual([
    '{"class":"Odd","args":[{"k":12345678901234567890}]}',
    '{"class":"None","args":[]}',
  ])
  expect(await room.client.smembers('resque:queues')).toEqual(['low'])
  expect(await room.client.exists('resque:delayed_queue_schedule', `resque:timestamps:${odd}`)).toBe(0)
})

test('all jobs of a time are queued in their order; what is no job or names no queue stays', async () => {
  const texts = Array.from({ length: 250 }, (_, i) => entry('OkJob', [i]))
  await delay(T, ...texts.slice(0, 100), 'not json', '{"class":"NoQueue","args":[]}', ...texts.slice(100))
  const { delayed } = room.resque.store
  expect(await delayed.queueAllNow(T)).toEqual({ queued: 250, left: 2 })
  expect(await room.client.lrange('resque:queue:default', 0, -1)).toEqual(
    texts.map((_, i) => `{"class":"OkJob","args":[${i}]}`),
  )
  expect(await delayed.queueAllNow(T, 'chosen')).toEqual({ queued: 1, left: 1 })
  expect(await room.client.lrange(`resque:delayed:${T}`, 0, -1)).toEqual(['not json'])
})

test('two that queue the same delayed jobs at once queue each once', async () => {
  await delay(T, ...Array.from({ length: 300 }, (_, i) => entry('OkJob', [i])))
  const both = await Promise.all([
    room.resque.store.delayed.queueAllNow(T),
    room.connect().store.delayed.queueAllNow(T),
  ])
  expect(both.reduce((sum, each) => sum + each.queued, 0)).toBe(300)
  expect(await room.client.llen('resque:queue:default')).toBe(300)
  expect(await keys()).toEqual(['resque:queue:default', 'resque:queues'])
})

test('clearing removes every trace of delayed jobs, and an undo brings all back', async () => {
  for (let i = 0; i < 120; i++)
    await delay(T + i, entry('OkJob', [i % 7]), entry('LowJob', [`ü\u0000${i}`], 'low'))
  await delay(T, ...Array.from({ length: 150 }, (_, i) => entry('Many', [i])))
  const before = await dump()
  const { delayed, trash } = room.resque.store
  expect(await delayed.clear('trash-0001')).toBe(390)
  expect(await keys()).toEqual(['resque:web:trash:trash-0001', 'resque:web:trash:trash-0001:0'])
  expect(await room.client.llen('resque:web:trash:trash-0001:0')).toBe(390)
  expect(await trash.undo('trash-0001')).toEqual({ restored: 390, state: 'restored' })
  expect(await dump()).toEqual(before)
})

test('a search for a class looks at so many jobs a call and goes on where it ended', async () => {
  for (let i = 0; i < 30; i++) {
    await delay(T + i, ...Array.from({ length: 5 }, (_, j) => entry(j === 2 ? 'Wanted' : 'Other', [i])))
  }
  const { delayed } = room.resque.store
  const found: number[] = []
  let from: { time: number; index: number } | undefined
  let calls = 0
  do {
    const page = await delayed.search({ class: 'Wanted' }, { ...(from && { from }), looks: 40, limit: 4 })
    expect(page.looked).toBeLessThan(40 + 100)
    found.push(...page.jobs.map(({ time }) => time))
    from = page.next
    calls++
  } while (from)
  expect(found).toEqual(Array.from({ length: 30 }, (_, i) => T + i))
  expect(calls).toBeGreaterThan(3)
  expect(await delayed.timesOf(entry('Wanted', [3]))).toEqual([T + 3])
})

test('a search goes through two thousand times in a few commands, past times that are none', async () => {
  const pipeline = room.client.pipeline()
  for (let i = 0; i < 2_000; i++) {
    pipeline.zadd('resque:delayed_queue_schedule', T + i, String(T + i))
    pipeline.rpush(`resque:delayed:${T + i}`, entry(i === 1_999 ? 'Wanted' : 'Other', [i]))
  }
  pipeline.zadd('resque:delayed_queue_schedule', T + 5.5, 'no time')
  pipeline.rpush('resque:delayed:no time', ...Array.from({ length: 12_000 }, () => entry('Wanted', [])))
  pipeline.zadd('resque:delayed_queue_schedule', T - 1, String(T - 1))
  pipeline.set(`resque:delayed:${T - 1}`, 'not a list')
  await pipeline.exec()
  await room.client.config('RESETSTAT')
  const { delayed } = room.resque.store
  const page = await delayed.search({ class: 'Wanted' })
  expect(page).toMatchObject({ jobs: [{ time: T + 1_999 }], next: undefined })
  const stats = await room.client.info('commandstats')
  const [, count] = /cmdstat_evalsha:calls=(\d+)/.exec(stats) ?? []
  expect(Number(count)).toBeLessThanOrEqual(5)
  // More than one read may look at waits for one time.
  await room.client.rpush(
    `resque:delayed:${T}`,
    ...Array.from({ length: 7_000 }, (_, i) => entry('Many', [i])),
  )
  const first = await delayed.search({ text: '[6999]' }, { looks: 6_000 })
  expect(first).toMatchObject({ jobs: [], looked: 6_000, next: { time: T } })
  const second = await delayed.search({ text: '[6999]' }, { ...(first.next && { from: first.next }) })
  expect(second.jobs).toMatchObject([{ time: T, index: 7_000 }])
})

test('schedules are read, run now and removed as resque-scheduler keeps them', async () => {
  const config = '{"class":"OkJob","cron":"0 3 * * *","queue":"default","args":["x"],"description":"d"}'
  const hash =
    '{"class":"OkJob","every":["30s",{"first_in":"1s"}],"queue":"node","args":{"k":1},"rails_env":"production"}'
  await room.client.hset('resque:persistent_schedules', 'nightly', config, 'often', hash, 'broken', 'no json')
  await room.client.hset(
    'resque:delayed:last_enqueued_at',
    'nightly',
    '2026-11-24 03:00:00 +0000',
    'gone',
    'x',
  )
  const { schedules, trash } = room.resque.store
  const { schedules: all } = await schedules.all()
  expect(all.map(({ name, isReadable }) => [name, isReadable])).toEqual([
    ['broken', false],
    ['gone', false],
    ['nightly', true],
    ['often', true],
  ])
  expect(all[2]).toMatchObject({
    ...{ class: 'OkJob', cron: '0 3 * * *', queue: 'default', args: ['x'], description: 'd' },
    lastEnqueuedAt: '2026-11-24 03:00:00 +0000',
  })
  expect(all[3]).toMatchObject({ every: '30s', environments: 'production' })
  for (const each of all) expect(await schedules.runNow(each)).toBe(each.isReadable)
  expect(await room.client.lrange('resque:queue:default', 0, -1)).toEqual(['{"class":"OkJob","args":["x"]}'])
  expect(await room.client.lrange('resque:queue:node', 0, -1)).toEqual(['{"class":"OkJob","args":[{"k":1}]}'])
  expect((await room.client.smembers('resque:queues')).sort()).toEqual(['default', 'node'])
  const nightly = await schedules.get('nightly')
  expect(await schedules.remove('nightly', 'trash-0001')).toBe(true)
  expect(await schedules.remove('nightly', 'trash-0001')).toBe(false)
  expect(await schedules.runNow(nightly as NonNullable<typeof nightly>)).toBe(false)
  expect(await room.client.smembers('resque:schedules_changed')).toEqual(['nightly'])
  await room.client.del('resque:schedules_changed')
  expect(await trash.undo('trash-0001')).toEqual({ restored: 1, state: 'restored' })
  expect(await room.client.hget('resque:persistent_schedules', 'nightly')).toBe(config)
  expect(await room.client.smembers('resque:schedules_changed')).toEqual(['nightly'])
})

test('the master is who holds the lock, whose key has the namespace twice', async () => {
  const { schedules } = room.resque.store
  expect(await schedules.master()).toBeUndefined()
  await room.client.set('resque:resque:resque_scheduler_master_lock', 'worker-host:12', 'EX', 180)
  const master = await schedules.master()
  expect(master?.holder).toBe('worker-host:12')
  expect(master?.ttlMs).toBeGreaterThan(170_000)
})
