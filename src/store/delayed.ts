/**
 * Delayed jobs, as resque-scheduler keeps them (protocol 11.1): a sorted set of times, a list of jobs for each time,
 * and for each job a set of the times it waits for. Here they are read, taken away and put on their queues at once;
 * what makes them and moves them when they are due is a scheduler.
 *
 * A job leaves its list, the set of its times and, with the last one, the sorted set in one step.
 */
import { isJsonObject, memberText, parseJson } from '../json.js'
import type { Connection } from './connection.js'
import type { EntryRef } from './entries.js'
import type { Keys } from './keys.js'
import { digest } from './records.js'
import { script } from './scripts.js'
import { TRASH_TTL_MS } from './trash.js'

/** A time, and how many jobs wait for it. */
export interface DelayedTime {
  at: Date
  /** The unix second that is its name. */
  time: number
  count: number
}

/** A job that waits for a time. */
export interface DelayedJob extends EntryRef {
  /** `<index>.<digest>@<unix second>`. */
  ref: string
  time: number
  class: string
  /** As it stands there; an array, or one argument alone. */
  args: unknown
  /** '' where the entry names none: then its class knows it, and nobody here. */
  queue: string
  /** Set where its class has its own way to be enqueued, which only Ruby knows. */
  customClass: string | undefined
  isReadable: boolean
  text: string
}

/** How many jobs one call of a long work moves or removes. */
const CHUNK = 100
/** What a search looks at by its first read, which often finds enough, and by each after that; times without jobs count. */
const FIRST_LOOKS = 200
const MOST_LOOKS = 5_000
/** A read of a search ends when it has read so much. */
const LOOK_BYTES = 1_000_000

/** What both scripts end with: forgets that `entry` waits for this time, and the time when nothing waits for it. */
const forget = `
local function forget(entry)
  if not redis.call('LPOS', KEYS[1], entry) then redis.call('SREM', ARGV[1] .. 'timestamps:' .. entry, 'delayed:' .. ARGV[2]) end
end
local function forget_time()
  if redis.call('LLEN', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[2]) end
end`

/**
 * KEYS  1 delayed:<time>  2 delayed_queue_schedule  3 queues  4 trash  5 its part
 * ARGV  1 namespace with colon  2 time  3 a text that stands in no entry  4 ms the trash is kept, '0' for no trash
 *       then for each job: index, digest, queue or '' to remove it, payload
 * Reply how many were there
 * Cost  6 commands a job; one that has moved is looked for in its list, up to 1,000 before where it was
 */
const takeScript = script(`
${forget}
local taken, count = {}, 0
for i = 5, #ARGV, 4 do
  local at, found = tonumber(ARGV[i]), nil
  local entry = redis.call('LINDEX', KEYS[1], at)
  if entry and string.sub(redis.sha1hex(entry), 1, 16) == ARGV[i + 1] then
    found = at
  else
    local low = math.max(0, at - 1000)
    local before = redis.call('LRANGE', KEYS[1], low, at)
    for j = #before, 1, -1 do
      if string.sub(redis.sha1hex(before[j]), 1, 16) == ARGV[i + 1] then found, entry = low + j - 1, before[j]; break end
    end
  end
  if found then
    local reply = ARGV[i + 2] ~= '' and redis.pcall('RPUSH', ARGV[1] .. 'queue:' .. ARGV[i + 2], ARGV[i + 3])
    if not (type(reply) == 'table' and reply.err) then
      if ARGV[i + 2] ~= '' then redis.call('SADD', KEYS[3], ARGV[i + 2]) end
      redis.call('LSET', KEYS[1], found, ARGV[3])
      if ARGV[4] ~= '0' then redis.call('RPUSH', KEYS[5], ARGV[2] .. ':' .. entry) end
      count = count + 1
      taken[count] = entry
    end
  end
end
if count > 0 then
  redis.call('LREM', KEYS[1], count, ARGV[3])
  for _, entry in ipairs(taken) do forget(entry) end
  if ARGV[4] ~= '0' then
    redis.call('HSET', KEYS[4], '0', 'delayed delayed jobs')
    redis.call('PEXPIRE', KEYS[4], ARGV[4])
    redis.call('PEXPIRE', KEYS[5], ARGV[4])
  end
end
forget_time()
return count`)

/**
 * KEYS  1 delayed:<time>  2 delayed_queue_schedule  3 trash  4 its part
 * ARGV  1 namespace with colon  2 time  3 ms the trash is kept  4 at most so many jobs
 * Reply how many were removed, from the tail
 * Cost  4 commands a job
 */
const clearScript = script(`
${forget}
local count = 0
for i = 1, tonumber(ARGV[4]) do
  local entry = redis.call('RPOP', KEYS[1])
  if not entry then break end
  redis.call('RPUSH', KEYS[4], ARGV[2] .. ':' .. entry)
  forget(entry)
  count = count + 1
end
if count > 0 then
  redis.call('HSET', KEYS[3], '0', 'delayed delayed jobs')
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
end
forget_time()
return count`)

/**
 * KEYS  1 delayed_queue_schedule
 * ARGV  1 namespace with colon  2 lowest score  3 a time  4 how many of its jobs are passed over
 *       5 at most so many jobs and times  6 bytes after which it ends
 * Reply '1' if the last time was read to its end, else '0'; '1' if there are more times; score of the last time; then for
 *       each time: the time, its jobs
 * Cost  1 command a time and a hundred jobs
 */
const lookScript = script(`
local left, bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local times = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, left + 1)
local reply = { '1', '0', '' }
for i = 1, #times, 2 do
  if left <= 0 or bytes <= 0 then
    reply[2] = '1'
    break
  end
  local time, start, is_end = times[i], 0, false
  if time == ARGV[3] then start = tonumber(ARGV[4]) end
  local found = { time }
  repeat
    local count = math.min(left, 100)
    local jobs = redis.pcall('LRANGE', ARGV[1] .. 'delayed:' .. time, start, start + count - 1)
    if jobs.err then jobs = {} end
    for _, job in ipairs(jobs) do
      found[#found + 1] = job
      bytes = bytes - #job
    end
    start, left, is_end = start + #jobs, left - #jobs, #jobs < count
  until is_end or left <= 0 or bytes <= 0
  if is_end then left = left - 1 end
  reply[1], reply[3] = is_end and '1' or '0', times[i + 1]
  reply[#reply + 1] = found
end
return reply`)

export class Delayed {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** How many times there are. */
  async count(): Promise<number> {
    return (await this.#connection.send('zcard', [this.#keys.delayedTimes])) as number
  }

  /** A page of times, the nearest first, with the number of jobs of each. Two round trips. */
  async times(start: number, count: number): Promise<DelayedTime[]> {
    if (count <= 0) return []
    const members = (await this.#connection.send('zrange', [
      this.#keys.delayedTimes,
      start,
      start + count - 1,
    ])) as string[]
    const times = members.flatMap(readTime)
    if (times.length === 0) return []
    const counts = (await this.#connection.sendAll(
      times.map((time) => ['llen', [this.#keys.delayed(time)]] as const),
    )) as number[]
    return times.map((time, i) => ({ at: new Date(time * 1000), time, count: counts[i] as number }))
  }

  async size(time: number): Promise<number> {
    return (await this.#connection.send('llen', [this.#keys.delayed(time)])) as number
  }

  /** The jobs of one time, in the order in which they will be enqueued. */
  async jobs(time: number, start: number, count: number): Promise<DelayedJob[]> {
    if (count <= 0) return []
    const args = [this.#keys.delayed(time), start, start + count - 1]
    const entries = (await this.#connection.sendForBytes('lrange', args)) as Buffer[]
    return entries.map((entry, i) => readDelayed(time, start + i, entry))
  }

  /** Lets a job wait for a time, as resque-scheduler does (protocol 11.2). `entry` is the JSON of `{ class, args, queue }`. */
  async add(time: number, entry: string): Promise<void> {
    await this.#connection.sendAll([
      ['rpush', [this.#keys.delayed(time), entry]],
      ['sadd', [this.#keys.delayedTimesOf(entry), `delayed:${time}`]],
      ['zadd', [this.#keys.delayedTimes, time, time]],
    ])
  }

  /**
   * Removes jobs of one time, each ref one (Ruby removes all that are equal). With `trashId` they can be had back. At most
   * a hundred a call. Returns how many were there.
   */
  remove(time: number, refs: readonly EntryRef[], trashId?: string): Promise<number> {
    const falling = refs.toSorted((a, b) => b.index - a.index)
    return this.#take(
      time,
      falling.map((ref) => ({ ...ref, queue: '', payload: '' })),
      trashId,
    )
  }

  /**
   * Puts jobs of one time on their queues now, the payload as Ruby's scheduler writes it. One that names no queue goes
   * to `queue`, or stays. Returns how many were put there.
   */
  async queueNow(time: number, jobs: readonly DelayedJob[], queue?: string): Promise<number> {
    const ready = jobs.flatMap((job) => {
      const to = job.queue || queue
      const payload = payloadOf(job.text)
      return job.isReadable && to && payload
        ? [{ index: job.index, digest: job.digest, queue: to, payload }]
        : []
    })
    return this.#take(time, ready)
  }

  /**
   * Puts all jobs of one time on their queues, in their order and in chunks; as many as there are when it begins. Returns
   * how many, and how many stay because they name no queue, are no jobs, or are not meant.
   */
  async queueAllNow(
    time: number,
    queue?: string,
    isMeant: (job: DelayedJob) => boolean = () => true,
  ): Promise<{ queued: number; left: number }> {
    let queued = 0
    let left = 0
    for (let ahead = await this.size(time); ahead > 0; ) {
      const jobs = await this.jobs(time, left, Math.min(CHUNK, ahead))
      if (jobs.length === 0) break
      const count = await this.queueNow(time, jobs.filter(isMeant), queue)
      queued += count
      left += jobs.length - count
      ahead -= jobs.length
    }
    return { queued, left }
  }

  /** Removes the jobs of one time, or of all, into the trash, in chunks. Returns how many. */
  async clear(trashId: string, time?: number): Promise<number> {
    let count = 0
    for (;;) {
      const times = time === undefined ? await this.times(0, CHUNK) : [{ time }]
      for (const each of times) {
        const trash = this.#keys.trash(trashId)
        const keys = [this.#keys.delayed(each.time), this.#keys.delayedTimes, trash, `${trash}:0`]
        for (let removed = CHUNK; removed === CHUNK; ) {
          const args = [this.#keys.prefix, each.time, TRASH_TTL_MS, CHUNK]
          removed = (await this.#connection.run(clearScript, keys, args)) as number
          count += removed
        }
      }
      if (time !== undefined || times.length === 0) return count
    }
  }

  /** The times that exactly this entry waits for, as its set of times has them. */
  async timesOf(text: string): Promise<number[]> {
    const members = (await this.#connection.send('smembers', [this.#keys.delayedTimesOf(text)])) as string[]
    return members
      .map((member) => Number(member.replace(/^delayed:/, '')))
      .filter(Number.isSafeInteger)
      .sort((a, b) => a - b)
  }

  /**
   * Jobs of a class, or all whose text holds a string, the nearest first: at most `limit`, and at most `looks` jobs are
   * looked at. `next`, if there is more, goes on where this ended.
   */
  async search(
    wanted: {
      class?: string | undefined
      text?: string | undefined
      isMeant?: (job: DelayedJob) => boolean
    },
    { from = { time: Number.NEGATIVE_INFINITY, index: 0 }, limit = 50, looks = 10_000 } = {},
  ): Promise<{ jobs: DelayedJob[]; looked: number; next: { time: number; index: number } | undefined }> {
    const jobs: DelayedJob[] = []
    let looked = 0
    // The lowest score, and how far the search is in which time.
    let min = Number.isFinite(from.time) ? String(from.time) : '-inf'
    let position = from
    for (let most = FIRST_LOOKS; ; most = MOST_LOOKS) {
      const read = await this.#look(min, position, Math.min(most, looks - looked))
      for (const { time, start, entries, isEnd } of read.times) {
        if (time === undefined) {
          // Nobody's time. It costs looks too, and is passed over.
          looked += entries.length + 1
          position = { time: Math.floor(Number(read.score)) + 1, index: 0 }
          continue
        }
        for (const [i, entry] of entries.entries()) {
          const job = readDelayed(time, start + i, entry)
          looked++
          if (wanted.class !== undefined && job.class !== wanted.class) continue
          if (wanted.text !== undefined && !job.text.includes(wanted.text)) continue
          if (wanted.isMeant && !wanted.isMeant(job)) continue
          jobs.push(job)
          if (jobs.length >= limit) return { jobs, looked, next: { time, index: job.index + 1 } }
        }
        // A time without jobs costs a look too: there may be many of them.
        if (isEnd) looked++
        position = isEnd ? { time: time + 1, index: 0 } : { time, index: start + entries.length }
      }
      if (read.isAll) return { jobs, looked, next: undefined }
      if (looked >= looks) return { jobs, looked, next: position }
      min = read.isEnd ? `(${read.score}` : read.score
    }
  }

  /** Times from a score on with their jobs, as many as one read may cost. */
  async #look(min: string, from: { time: number; index: number }, most: number) {
    const [isEnd, isMore, score, ...found] = (await this.#connection.runForBytes(
      lookScript,
      [this.#keys.delayedTimes],
      [this.#keys.prefix, min, from.time, from.index, most, LOOK_BYTES],
    )) as [Buffer, Buffer, Buffer, ...Buffer[][]]
    const hasEnd = isEnd.toString() === '1'
    const times = found.map(([name, ...entries], i) => {
      const [time] = readTime(String(name))
      const start = time === from.time ? from.index : 0
      return { time, start, entries, isEnd: hasEnd || i < found.length - 1 }
    })
    return {
      times,
      score: score.toString(),
      isEnd: hasEnd || times.at(-1)?.time === undefined,
      isAll: hasEnd && isMore.toString() === '0',
    }
  }

  async #take(
    time: number,
    jobs: readonly (EntryRef & { queue: string; payload: string | Buffer })[],
    trashId?: string,
  ): Promise<number> {
    const trash = this.#keys.trash(trashId ?? '')
    return (await this.#connection.run(
      takeScript,
      [this.#keys.delayed(time), this.#keys.delayedTimes, this.#keys.queues, trash, `${trash}:0`],
      [
        this.#keys.prefix,
        time,
        `\0taken:${Math.random()}`,
        trashId === undefined ? 0 : TRASH_TTL_MS,
        ...jobs.flatMap((job) => [job.index, job.digest, job.queue, job.payload]),
      ],
    )) as number
  }
}

/** Members that are no unix second are nobody's time. */
export function readTime(member: string): number[] {
  const time = Number(member)
  return Number.isSafeInteger(time) && String(time) === member ? [time] : []
}

export function readDelayed(time: number, index: number, entry: Buffer): DelayedJob {
  const text = entry.toString()
  const value = parseJson(text)
  const item = isJsonObject(value) ? value : {}
  return {
    ref: `${index}.${digest(entry)}@${time}`,
    index,
    digest: digest(entry),
    time,
    class: typeof item.class === 'string' ? item.class : '',
    args: item.args ?? [],
    queue: typeof item.queue === 'string' ? item.queue : '',
    customClass: typeof item.custom_job_class === 'string' ? item.custom_job_class : undefined,
    // An entry that is not UTF-8 reads as it is not.
    isReadable: typeof item.class === 'string' && item.class !== '' && Buffer.from(text).equals(entry),
    text,
  }
}

/**
 * What resque-scheduler puts on the queue for an item or a schedule: `{"class","args"}`, cut out of its text. Arguments that
 * are no array are one argument; none are none (protocol 11.3).
 */
export function payloadOf(text: string, className?: string): string | undefined {
  const name = memberText(text, 'class') ?? (className === undefined ? undefined : JSON.stringify(className))
  if (name === undefined) return undefined
  const args = memberText(text, 'args')
  if (args === undefined || args === 'null') return `{"class":${name},"args":[]}`
  return `{"class":${name},"args":${args.startsWith('[') ? args : `[${args}]`}}`
}
