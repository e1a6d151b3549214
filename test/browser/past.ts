// What charts are drawn from: a day that the library itself has recorded, with failures, a gap, and times of jobs.

import { BUCKET_COUNT, bucketOf } from '#built/store/histogram.js'
import type { Room } from '../room.js'

const MINUTE = 60_000
const queues = [
  'mail',
  'reports',
  'video',
  'import',
  'export',
  'search',
  'push',
  'low',
  'a-queue-with-a-longer-name',
]

/** Each minute of the last hour, and before that two of each ten of a day. Counters and these queues start from 0. */
export async function fillPast(room: Room, now = new Date()): Promise<void> {
  const { history } = room.resque.store
  const minutes = [
    ...Array.from({ length: 276 }, (_, i) => 1_440 - 5 * (i - (i % 2)) - (i % 2)),
    ...Array.from({ length: 60 }, (_, i) => 60 - i),
  ].filter((minute) => (minute <= 20 || minute > 27) && (minute <= 800 || minute > 900))
  let processed = 0
  let failed = 0
  for (const [i, minute] of minutes.entries()) {
    const at = new Date(now.getTime() - minute * MINUTE)
    const done = 40 + Math.round(30 * Math.sin(i / 9)) + (i % 5)
    const broken = i % 11 === 0 ? 9 : i % 2
    processed += done + broken
    failed += broken
    await room.client.mset('resque:stat:processed', processed, 'resque:stat:failed', failed)
    for (const [k, queue] of queues.entries()) {
      const key = `resque:queue:${queue}`
      const count = 1 + ((i * (k + 3)) % (17 - k))
      const grown = count - (await room.client.llen(key))
      if (grown > 0)
        await room.client.rpush(key, ...Array<string>(grown).fill(`{"class":"Made","args":[${i}]}`))
      else if (grown < 0) await room.client.ltrim(key, -grown, -1)
    }
    if (i === 0) await room.client.sadd('resque:queues', ...queues)
    await history.sample('test', 25_000, at)
    await history.report(
      'test',
      i + 1,
      [
        { scope: 'queue', name: 'mail', done, failed: broken },
        ...['Mail', 'Reports::Monthly'].map((name, k) => ({
          scope: 'class' as const,
          name,
          done,
          failed: broken,
          run: counts(20 * (k + 1) + i * 10, done),
          wait: counts(900 * (k + 1), done),
        })),
      ],
      at,
    )
  }
}

function counts(ms: number, count: number): number[] {
  const all = new Array<number>(BUCKET_COUNT).fill(0)
  all[bucketOf(ms)] = count
  return all
}
