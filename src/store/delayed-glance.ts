/**
 * Delayed jobs as a page needs them: bounded in bytes, in commands and in time, however many there are. What acts on them
 * is `delayed.ts`.
 */

import { closed } from '../json.js'
import { peekScript } from './checked.js'
import type { Connection } from './connection.js'
import { type DelayedJob, readDelayed, readTime } from './delayed.js'
import { type EntryRef, readRefs } from './entries.js'
import type { Keys } from './keys.js'
import { readRef } from './records.js'
import { script } from './scripts.js'

/** A job that waits for a time; what its beginning says, where it is long. */
export interface DelayedRow extends DelayedJob {
  sizeBytes: number
  isWhole: boolean
}

/** What waits when. */
export interface DelayedSpread {
  /** Of each bucket: jobs, or, where there are very many times, times (seconds that have jobs). */
  counts: number[]
  what: 'jobs' | 'times'
  /** Times in all; those that are over; those after the last bucket. */
  times: number
  overdue: number
  later: number
  /** The unix second of the first time. */
  first: number | undefined
  /** The times that were asked for, the nearest first. */
  page: TimeRow[]
}

export interface TimeRow {
  /** As it stands in Redis. */
  text: string
  /** The unix second; undefined where it is none: nobody will queue its jobs. */
  time: number | undefined
  count: number
}

/** More times than this are not asked for their jobs. */
const MAX_TIMES = 2_000
/** How many times one call adds up. */
const SUM_CHUNK = 5_000
/** At most so much of an entry travels to a page: fifty of them are within what a page may read. */
const MAX_ENTRY_BYTES = 8_192
/** How far towards the head a job is looked for: removals move it there. */
const REACH = 1_000

/**
 * KEYS  1 delayed_queue_schedule
 * ARGV  1 namespace with colon  2 now  3 first second  4 seconds a bucket  5 buckets  6 times whose jobs are counted
 *       7 first index of a page of times  8 its last index
 * Reply 'jobs' or 'times', times in all, overdue, after the last bucket, the first time or '', the page as time and jobs
 *       in turn, count of each bucket
 * Cost  1 command a bucket, or 1 for each time, at most as many as ARGV 6 says; 1 for each time of the page
 */
const spreadScript = script(`
local times, prefix = KEYS[1], ARGV[1]
local first, step, buckets = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local stop = first + step * buckets
local head = redis.call('ZRANGE', times, 0, 0)
local reply = { 'jobs', redis.call('ZCARD', times), redis.call('ZCOUNT', times, '-inf', '(' .. ARGV[2]),
  redis.call('ZCOUNT', times, stop, '+inf'), head[1] or '' }
local function count(time)
  local length = redis.pcall('LLEN', prefix .. 'delayed:' .. time)
  return type(length) == 'number' and length or 0
end
reply[6] = redis.call('ZRANGE', times, ARGV[7], ARGV[8])
for i = #reply[6], 1, -1 do table.insert(reply[6], i + 1, count(reply[6][i])) end
for i = 1, buckets do reply[6 + i] = 0 end
if redis.call('ZCOUNT', times, first, '(' .. stop) > tonumber(ARGV[6]) then
  reply[1] = 'times'
  for i = 1, buckets do
    reply[6 + i] = redis.call('ZCOUNT', times, first + step * (i - 1), '(' .. (first + step * i))
  end
  return reply
end
local found = redis.call('ZRANGEBYSCORE', times, first, '(' .. stop, 'WITHSCORES')
for i = 1, #found, 2 do
  local bucket = 7 + math.floor((tonumber(found[i + 1]) - first) / step)
  reply[bucket] = reply[bucket] + count(found[i])
end
return reply`)

/**
 * KEYS  1 delayed_queue_schedule
 * ARGV  1 namespace with colon  2 first index  3 last index
 * Reply how many times there were, how many jobs wait for them
 * Cost  1 command a time
 */
const sumScript = script(`
local times, jobs = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3]), 0
for _, time in ipairs(times) do
  local length = redis.pcall('LLEN', ARGV[1] .. 'delayed:' .. time)
  if type(length) == 'number' then jobs = jobs + length end
end
return { #times, jobs }`)

export class DelayedGlances {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /**
   * How many jobs wait for each of `buckets` stretches of time, from the unix second `first` on, and a page of times. One
   * round trip.
   */
  async spread(
    now: number,
    { first, seconds, buckets }: { first: number; seconds: number; buckets: number },
    page: { start: number; count: number },
  ): Promise<DelayedSpread> {
    const places = [page.start, page.start + page.count - 1]
    const args = [this.#keys.prefix, now, first, seconds, buckets, MAX_TIMES, ...places]
    const reply = (await this.#connection.run(spreadScript, [this.#keys.delayedTimes], args)) as [
      ...[
        what: 'jobs' | 'times',
        times: number,
        overdue: number,
        later: number,
        head: string,
        page: (string | number)[],
      ],
      ...counts: number[],
    ]
    const [what, times, overdue, later, head, members, ...counts] = reply
    return {
      ...{ counts, what, times, overdue, later },
      first: readTime(head)[0],
      page: members.flatMap((member, i) => {
        const text = String(member)
        return i % 2 === 1 ? [] : [{ text, time: readTime(text)[0], count: Number(members[i + 1]) }]
      }),
    }
  }

  /** How many jobs wait in all, as far as the first `most` times tell. */
  async total(most = 100_000): Promise<{ jobs: number; isExact: boolean }> {
    let jobs = 0
    for (let start = 0; start < most; start += SUM_CHUNK) {
      const args = [this.#keys.prefix, start, start + SUM_CHUNK - 1]
      const reply = await this.#connection.run(sumScript, [this.#keys.delayedTimes], args)
      const [times, some] = reply as [number, number]
      jobs += some
      if (times < SUM_CHUNK) return { jobs, isExact: true }
    }
    return { jobs, isExact: false }
  }

  /** A page of the jobs of one time. One round trip. */
  async page(time: number, start: number, count: number): Promise<{ total: number; jobs: DelayedRow[] }> {
    const args = [start, start + count - 1, MAX_ENTRY_BYTES]
    const reply = await this.#connection.runForBytes(peekScript, [this.#keys.delayed(time)], args)
    const [total, ...flat] = reply as [number, ...(number | Buffer)[]]
    const jobs: DelayedRow[] = []
    for (let i = 0; i + 2 < flat.length; i += 3) {
      const [sizeBytes, digest, bytes] = flat.slice(i, i + 3) as [number, Buffer, Buffer]
      const index = start + i / 3
      const isWhole = bytes.length === sizeBytes
      const job = readDelayed(time, index, isWhole ? bytes : Buffer.from(closed(bytes.toString())))
      const known = { digest: digest.toString(), ref: `${index}.${digest}@${time}` }
      jobs.push({ ...job, ...known, sizeBytes, isWhole, isReadable: isWhole && job.isReadable })
    }
    return { total, jobs }
  }

  /** The jobs that these refs name, whole, wherever they are by now; those that are gone are left out. */
  async find(time: number, refs: readonly EntryRef[]): Promise<DelayedJob[]> {
    const key = this.#keys.delayed(time)
    const seen = (await this.#connection.sendAllForBytes(
      refs.map(({ index }) => ['lindex', [key, index]] as const),
    )) as (Buffer | null)[]
    const found: DelayedJob[] = []
    const taken = new Set<number>()
    const keep = (ref: EntryRef, index: number, entry: Buffer | null | undefined) => {
      const job = entry && !taken.has(index) ? readDelayed(time, index, entry) : undefined
      if (job?.digest !== ref.digest) return false
      taken.add(index)
      found.push(job)
      return true
    }
    for (const [i, ref] of refs.entries()) {
      if (keep(ref, ref.index, seen[i])) continue
      const low = Math.max(0, ref.index - REACH)
      const before = (await this.#connection.sendForBytes('lrange', [key, low, ref.index])) as Buffer[]
      for (let j = before.length - 1; j >= 0; j--) if (keep(ref, low + j, before[j])) break
    }
    return found
  }
}

/** What refs of one time name; undefined where one is no ref, or of another time. */
export function delayedRefs(time: number, refs: readonly string[]): EntryRef[] | undefined {
  const read: EntryRef[] = []
  for (const ref of new Set(refs)) {
    const parts = readRef(ref)
    if (!parts || parts.list !== String(time)) return undefined
    read.push(...readRefs(`${parts.index}.${parts.digest}`))
  }
  return read
}
