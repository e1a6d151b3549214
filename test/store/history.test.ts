// History in Redis: what is counted once, what a slot means, what memory it takes, and what garbage does to it.

import { beforeEach, expect, test } from 'vitest'
import { BUCKET_COUNT, bucketOf, quantile } from '#built/store/histogram.js'
import { type ReportEntry, seriesOf } from '#built/store/history.js'
import { type Layout, layout, limits } from '#built/store/history-layout.js'
import { useRoom } from '../room.js'

const room = useRoom()
const history = () => room.resque.store.history
const at = (text: string) => new Date(text)
const noon = at('2026-03-29T12:00:00Z')
const later = (seconds: number, from = noon) => new Date(from.getTime() + seconds * 1_000)

/** The figures of a series from this moment on. */
async function read(series: string, from = noon, count = 1, of: Layout = layout.minute): Promise<number[]> {
  const first = Math.floor(from.getTime() / 1_000 / of.seconds)
  const [numbers] = await history().read([{ layout: of, series, from: first, count }])
  return [...(numbers as Uint32Array)]
}

const counted = (name: string, done: number, failed = 0): ReportEntry[] => [
  { scope: 'queue', name, done, failed },
  { scope: 'class', name: `Of${name}`, done, failed, run: bucketed(5, done + failed) },
]
function bucketed(ms: number, count: number): number[] {
  const counts = new Array<number>(BUCKET_COUNT).fill(0)
  counts[bucketOf(ms)] = count
  return counts
}
const stats = (processed: number, failed: number) =>
  room.client.mset('resque:stat:processed', processed, 'resque:stat:failed', failed)
async function fill(queue: string, ...jobs: (number | string)[]) {
  await room.client.sadd('resque:queues', queue)
  for (const job of jobs) await room.client.rpush(`resque:queue:${queue}`, `{"class":"Job","args":[${job}]}`)
}
const sample = (when: Date, name = 'a') => history().sample(name, 25_000, when)

let number = 0
beforeEach(() => {
  number = 0
})
const report = (entries: ReportEntry[], when = noon) => history().report('p', ++number, entries, when)

test('a report lands in the minute and the hour of its time, for its queue and its class', async () => {
  await report(counted('mail', 3, 1), later(61))
  expect(await read('done:q:mail', noon, 3)).toEqual([0, 3, 0])
  expect(await read('failed:q:mail', noon, 3)).toEqual([0, 1, 0])
  expect(await read('done:c:Ofmail', noon, 3)).toEqual([0, 3, 0])
  expect(await read('done:q:mail', noon, 1, layout.hour)).toEqual([3])
  expect(await read('reported', noon, 3)).toEqual([0, 1, 0])
  const histogram = await read('run:c:Ofmail', later(60), 1, layout.minuteHistogram)
  expect(histogram[bucketOf(5)]).toBe(4)
  expect(await read('run', later(60), 1, layout.minuteHistogram)).toEqual(histogram)
})

test('an hour is the sum of its minutes, whatever is reported and sampled', async () => {
  await stats(100, 10)
  await sample(noon)
  let processed = 100
  for (let second = 10; second < 3_600; second += 97) {
    processed += second % 13
    await stats(processed, 10 + Math.floor(second / 300))
    await sample(later(second))
    await report(counted('q', second % 7, second % 3), later(second))
  }
  for (const series of ['done:q:q', 'failed:q:q', 'processed', 'failed', 'seen', 'counted', 'reported']) {
    const minutes = await read(series, noon, 60)
    const hour = await read(series, noon, 1, layout.hour)
    expect([series, minutes.reduce((sum, each) => sum + each, 0)]).toEqual([series, hour[0]])
    expect(hour[0]).toBeGreaterThan(0)
  }
  const [day] = await read('done:q:q', noon, 1, layout.day)
  expect(day).toBe((await read('done:q:q', noon, 1, layout.hour))[0])
  const perMinute = await read('run', noon, 60, layout.minuteHistogram)
  const perHour = await read('run', noon, 1, layout.hourHistogram)
  const column = bucketOf(5)
  expect(perHour[column]).toBe(
    perMinute.filter((_, i) => i % BUCKET_COUNT === column).reduce((sum, each) => sum + each, 0),
  )
})

test('the same report twice counts once, and a new one counts', async () => {
  expect(await history().report('p', 1, counted('q', 5), noon)).toBe(true)
  expect(await history().report('p', 1, counted('q', 5), noon)).toBe(false)
  expect(await history().report('other', 1, counted('q', 2), noon)).toBe(true)
  expect(await history().report('p', 2, counted('q', 1), noon)).toBe(true)
  expect(await read('done:q:q')).toEqual([8])
})

test('days are days of UTC: the hour that summer time skips is there, and midnight parts two keys', async () => {
  // In Europe, 2026-03-29 has no 02:30 and ends at 22:00 UTC.
  for (let hour = 0; hour < 24; hour++)
    await report(counted('q', hour + 1), at(`2026-03-29T${String(hour).padStart(2, '0')}:30:00Z`))
  await report(counted('q', 99), at('2026-03-30T00:00:00Z'))
  const hours = await read('done:q:q', at('2026-03-29T00:00:00Z'), 25, layout.hour)
  expect(hours).toEqual([...Array.from({ length: 24 }, (_, i) => i + 1), 99])
  const aroundMidnight = await read('done:q:q', at('2026-03-29T23:30:00Z'), 31)
  expect([aroundMidnight[0], aroundMidnight[30]]).toEqual([24, 99])
  expect((await room.client.keys('resque:metrics:m:*:done:q:q')).length).toBe(2)
})

test('a figure that is too large for its slot stays at the largest', async () => {
  await report([{ scope: 'queue', name: 'q', done: 4_294_967_290, failed: 0 }])
  await report([{ scope: 'queue', name: 'q', done: 100, failed: 0 }])
  expect(await read('done:q:q')).toEqual([4_294_967_295])
  await report([{ scope: 'class', name: 'C', done: 70_000, failed: 0, run: bucketed(5, 70_000) }])
  const histogram = await read('run:c:C', noon, 1, layout.minuteHistogram)
  expect(histogram[bucketOf(5)]).toBe(65_535)
  expect(histogram.filter((each) => each > 0)).toHaveLength(1)
})

test('a fleet of Ruby workers alone gives throughput, failures, depth, workers and busy workers', async () => {
  await stats(1_000, 50)
  await fill('mail', 1, 2, 3)
  await fill('empty')
  await room.client.sadd('resque:workers', 'host:1:*', 'host:2:*')
  await room.client.set('resque:worker:host:1:*', '{"queue":"mail"}')
  await sample(noon)
  await stats(1_007, 52)
  await sample(later(10))
  expect(await read('processed')).toEqual([7])
  expect(await read('failed')).toEqual([2])
  expect(await read('depth')).toEqual([3])
  expect(await read('depth:q:mail')).toEqual([3])
  expect(await read('depth:q:empty')).toEqual([0])
  expect([await read('workers'), await read('busy')]).toEqual([[2], [1]])
  expect((await history().names()).deepQueues).toEqual(['mail'])
})

test('the last look of a minute stays, and the highest of an hour', async () => {
  await fill('q', 1, 2, 3, 4)
  await sample(noon)
  await room.client.ltrim('resque:queue:q', 0, 0)
  await sample(later(10))
  await sample(later(60))
  await room.client.del('resque:queue:q')
  await sample(later(70))
  expect(await read('depth:q:q', noon, 2)).toEqual([1, 0])
  expect(await read('depth:q:q', noon, 1, layout.hour)).toEqual([4])
})

test('a counter that was set back is a break, and neither a rise nor a fall', async () => {
  await stats(1_000, 5)
  await sample(noon)
  await stats(3, 0)
  await sample(later(10))
  await stats(8, 1)
  await sample(later(60))
  expect(await read('processed', noon, 2)).toEqual([0, 5])
  expect(await read('failed', noon, 2)).toEqual([0, 1])
  expect(await read('broken', noon, 2)).toEqual([1, 0])
})

test('what rose while nobody looked is not put into the minute of the next look', async () => {
  await stats(10, 0)
  await sample(noon)
  await stats(90_010, 0)
  await sample(later(3_600))
  expect(await read('processed', later(3_600))).toEqual([0])
  expect(await read('counted', later(3_600))).toEqual([0])
  expect(await read('seen', later(3_600))).toEqual([1])
  expect(await read('seen', later(1_800))).toEqual([0])
})

test('of two samplers one looks; when it is gone the other goes on, and nothing is counted twice', async () => {
  await stats(0, 0)
  expect(await sample(noon, 'a')).toBe(true)
  expect(await sample(noon, 'b')).toBe(false)
  await stats(10, 1)
  expect(await sample(later(10), 'b')).toBe(false)
  expect(await sample(later(10), 'a')).toBe(true)
  await room.client.del('resque:metrics:sampler')
  expect(await sample(later(11), 'b')).toBe(true)
  expect(await sample(later(11), 'a')).toBe(false)
  await stats(15, 1)
  expect(await sample(later(20), 'b')).toBe(true)
  expect(await read('processed')).toEqual([15])
  expect(await read('failed')).toEqual([1])
  expect(await room.client.pttl('resque:metrics:sampler')).toBeGreaterThan(0)
})

test('the sampler of now uses the clock of Redis', async () => {
  await history().sample('a', 25_000)
  const [seconds] = await room.client.time()
  const now = new Date(Number(seconds) * 1_000)
  const looks = await read('seen', later(-60, now), 2)
  expect(looks[0] === 1 || looks[1] === 1).toBe(true)
})

test('the oldest job is as old as the first sight of a head that stays', async () => {
  await stats(0, 0)
  await fill('q', 1, 2)
  await room.client.sadd('resque:workers', 'w:1:*')
  await room.client.set('resque:worker:w:1:*', '{}')
  for (let seconds = 0; seconds <= 120; seconds += 10) {
    await stats(seconds, 0)
    await fill('q', 100 + seconds)
    await sample(later(seconds))
  }
  expect(await read('oldest:q:q', later(120))).toEqual([120])
  expect(await read('oldest', later(120))).toEqual([120])
})

test('a moving queue is at least as old as the last look at which fewer jobs were popped than had waited', async () => {
  await stats(0, 0)
  await fill('q', ...Array.from({ length: 30 }, (_, i) => i))
  await sample(noon)
  // Ten a look are taken, ten come.
  for (let look = 1; look <= 9; look++) {
    await room.client.lpop('resque:queue:q', 10)
    await stats(10 * look, 0)
    await fill('q', ...Array.from({ length: 10 }, (_, i) => 100 * look + i))
    await sample(later(10 * look))
  }
  // In truth the head has waited 30 s; the bound must not pass it.
  const [age] = await read('oldest:q:q', later(90))
  expect(age).toBe(20)
})

test('equal jobs that come and go do not grow old; equal jobs that nobody works do', async () => {
  await stats(0, 0)
  for (let look = 0; look <= 6; look++) {
    await room.client.del('resque:queue:q')
    await fill('q', 7)
    await stats(look, 0)
    await sample(later(10 * look))
  }
  expect(await read('oldest:q:q', later(60))).toEqual([0])
  for (let look = 7; look <= 12; look++) await sample(later(10 * look))
  expect(await read('oldest:q:q', later(120))).toEqual([60])
})

test('a queue that somebody emptied begins anew', async () => {
  await stats(0, 0)
  await fill('q', ...Array.from({ length: 50 }, (_, i) => i))
  await sample(noon)
  await room.client.del('resque:queue:q')
  await fill('q', 'true', 'false')
  await sample(later(60))
  expect(await read('oldest:q:q', later(60))).toEqual([0])
})

test('names beyond the cap go to the rest, and an old one gives its place to a more active one', async () => {
  const entries = Array.from({ length: limits.queues + 50 }, (_, i) => ({
    scope: 'queue' as const,
    name: `q${i}`,
    done: 10,
    failed: 0,
  }))
  await report(entries)
  expect(await room.client.zcard('resque:metrics:queues')).toBe(limits.queues)
  expect(await read(seriesOf('done', 'queue', undefined))).toEqual([500])
  await report([{ scope: 'queue', name: 'new', done: 10, failed: 0 }], later(3 * 86_400))
  expect(await read('done:q:new', later(3 * 86_400))).toEqual([10])
  expect(await room.client.zcard('resque:metrics:queues')).toBe(limits.queues)
})

test('a name that is too long, or empty, makes no key', async () => {
  const long = 'x'.repeat(limits.nameBytes + 1)
  await report([...counted(long, 2), { scope: 'queue', name: '', done: 3, failed: 0 }])
  expect((await room.client.keys('*')).filter((key) => key.includes('xxx'))).toEqual([])
  expect(await read('done:q-')).toEqual([5])
})

test('a name with colons, spaces or markup has a series of its own', async () => {
  const names = ['a:b', 'a', 'a b', '<script>', 'ü', ':']
  await report(names.map((name, i) => ({ scope: 'queue', name, done: i + 1, failed: 0 })))
  for (const [i, name] of names.entries())
    expect(await read(seriesOf('done', 'queue', name))).toEqual([i + 1])
  expect((await history().names()).queues.sort()).toEqual(names.sort())
})

test('everything expires', async () => {
  await fill('q', 1)
  await report([
    ...counted('q', 1, 1),
    { scope: 'class', name: 'W', done: 1, failed: 0, run: bucketed(1, 1), wait: bucketed(1, 1) },
  ])
  await sample(noon)
  const keys = await room.client.keys('resque:metrics:*')
  expect(keys.length).toBeGreaterThan(15)
  for (const key of keys) expect([key, (await room.client.ttl(key)) > 0]).toEqual([key, true])
})

test('garbage in its keys is neither an error nor a figure, and costs no other figure', async () => {
  await fill('q', 1)
  await fill('other', 1, 2)
  await stats(1, 0)
  await sample(noon)
  const keys = await room.client.keys('resque:metrics:*')
  for (const key of keys) {
    await room.client.del(key)
    await room.client.rpush(key, 'garbage')
  }
  await room.client.rpush('resque:stat:extra', 'x')
  await room.client.set('resque:queue:broken', 'no list')
  await room.client.sadd('resque:queues', 'broken')
  expect(await sample(later(1))).toBe(true)
  expect(await read('depth:q:q')).toEqual([0])
  expect(await history().names()).toMatchObject({ queues: [] })
  await room.client.set('resque:metrics:heads', 'x')
  await room.client.set('resque:metrics:last', 'x')
  await room.client.set('resque:stat:processed', 'many')
  expect(await sample(later(2))).toBe(true)
  await room.client.del('resque:metrics:heads')
  await room.client.hset('resque:metrics:heads', 'q', '{"first":1}', 'other', 'not json')
  expect(await sample(later(3))).toBe(true)
  await room.client.set(`resque:metrics:m:${Math.floor(noon.getTime() / 86_400_000)}:odd`, 'abc')
  expect(await read('odd', at('2026-03-29T00:00:00Z'), 3)).toEqual([0, 0, 0])
  await report(counted('q', 1), later(4))
})

test('forty series of three days take less than one and a half megabytes', async () => {
  const before = Number(/used_memory:(\d+)/.exec(await room.client.info('memory'))?.[1])
  for (let day = 0; day < 3; day++)
    for (let minute = 0; minute < 1_440; minute += 60)
      await report(
        Array.from({ length: 20 }, (_, i) => ({ scope: 'queue', name: `q${i}`, done: 9, failed: 1 })),
        later(86_400 * day + 60 * minute, at('2026-03-27T00:00:00Z')),
      )
  const after = Number(/used_memory:(\d+)/.exec(await room.client.info('memory'))?.[1])
  console.info(`40 series, 3 days by minutes and by hours: ${((after - before) / 1e6).toFixed(2)} MB`)
  expect(after - before).toBeLessThan(1_500_000)
})

test('one look at 200 queues with jobs and 500 workers takes a few milliseconds of Redis', async () => {
  const pipeline = room.client.pipeline()
  for (let i = 0; i < 200; i++) {
    pipeline.sadd('resque:queues', `q${i}`)
    pipeline.rpush(
      `resque:queue:q${i}`,
      ...Array.from({ length: 5 }, (_, n) => `{"class":"Job","args":[${n}]}`),
    )
  }
  for (let i = 0; i < 500; i++) pipeline.sadd('resque:workers', `host:${i}:*`)
  await pipeline.exec()
  await sample(noon)
  await room.client.config('RESETSTAT')
  for (let look = 1; look < 20; look++) await sample(later(10 * look))
  const call = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(await room.client.info('commandstats'))
  const perCallMs = Number(call?.[2]) / Number(call?.[1]) / 1_000
  console.info(`one look: ${perCallMs.toFixed(1)} ms`)
  expect(perCallMs).toBeLessThan(40)
})

test('a quantile lies in the bucket that holds it', () => {
  const counts = new Uint32Array(BUCKET_COUNT)
  expect(quantile(counts, 0.5)).toBeNull()
  counts[bucketOf(3)] = 90
  counts[bucketOf(700)] = 9
  counts[bucketOf(1e9)] = 1
  const median = quantile(counts, 0.5) as number
  expect(median).toBeGreaterThanOrEqual(2)
  expect(median).toBeLessThanOrEqual(5)
  const p95 = quantile(counts, 0.95) as number
  expect(p95).toBeGreaterThanOrEqual(500)
  expect(p95).toBeLessThanOrEqual(1_000)
  expect(quantile(counts, 0.999)).toBe(3_600_000)
})
