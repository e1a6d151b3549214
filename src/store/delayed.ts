/**
 * Delayed jobs, as resque-scheduler keeps them (protocol 11.1): a sorted set of times, a list of jobs for each time,
 * and for each job a set of the times it waits for. Here they are read, taken away and put on their queues at once;
 * what makes them and moves them when they are due is a scheduler.
 *
 * A job leaves its list, the set of its times and, with the last one, the sorted set in one step.
 */
import { isJsonObject, memberText, parseJson } from '../json.js'
import type { Connection } from './connection.js'
import { clearScript, lookScript, takeScript } from './delayed-scripts.js'
import type { EntryRef } from './entries.js'
import type { Keys } from './keys.js'
import { digest } from './records.js'
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
const MOST_LOOKS = 1_000
/** A read of a search ends when it has read so much. */
const LOOK_BYTES = 1_000_000

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
