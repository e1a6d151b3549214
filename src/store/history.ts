/**
 * What happened, minute by minute and hour by hour, in fixed space: written by worker processes and by one sampler,
 * read by the web pages. The layout and what a slot means: `history-layout.ts`.
 */
import type { Connection } from './connection.js'
import { BUCKET_COUNT } from './histogram.js'
import { type Layout, layout, limits } from './history-layout.js'
import { queueMinutesScript, reportScript, sampleScript } from './history-scripts.js'
import type { Keys } from './keys.js'

/** What a process did in one queue, or with one class, since its last report. */
export interface ReportEntry {
  scope: 'queue' | 'class'
  /** '' for all that have no name worth one. */
  name: string
  done: number
  failed: number
  /** Counts by bucket, of a class. */
  run?: ArrayLike<number> | undefined
  wait?: ArrayLike<number> | undefined
}

/** A stretch of one series. */
export interface Stretch {
  layout: Layout
  series: string
  /** The first slot, counted from 1970. */
  from: number
  count: number
}

/** Minute by minute: what the sampler saw in a queue (jobs; seconds), and what our workers did in it. */
export interface QueueMinutes {
  depth: Uint32Array
  oldest: Uint32Array
  done: Uint32Array
  failed: Uint32Array
}

/** The names that have series of their own, the most active first. */
export interface HistoryNames {
  queues: string[]
  /** By how many jobs waited in them of late. */
  deepQueues: string[]
  classes: string[]
  /** Those with histograms. */
  timedClasses: string[]
}

/** The series of one queue or class; undefined: of those without one. */
export function seriesOf(figure: string, scope: 'queue' | 'class', name: string | undefined): string {
  const mark = scope === 'queue' ? 'q' : 'c'
  return name === undefined ? `${figure}:${mark}-` : `${figure}:${mark}:${name}`
}

export class StoredHistory {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /**
   * Adds what a worker process did. `process` names it, `number` counts its reports from 1: the same report again
   * changes nothing. False if it was there before. Without `at` Redis' clock is taken.
   */
  async report(
    process: string,
    number: number,
    entries: readonly ReportEntry[],
    at?: Date,
  ): Promise<boolean> {
    const args = entries.flatMap(({ scope, name, done, failed, run, wait }) => [
      scope === 'queue' ? 'q' : 'c',
      name,
      done,
      failed,
      run ? Array.from(run).join() : '',
      wait ? Array.from(wait).join() : '',
    ])
    const keys = ['queues', 'timed', 'classes', `report:${process}`].map((name) => this.#keys.metrics(name))
    const head = [this.#keys.prefix, seconds(at), number]
    return (await this.#connection.run(reportScript, keys, [...head, ...args])) === 1
  }

  /** Looks at counters, queues and workers, if this sampler has the lease, or gets it. */
  async sample(sampler: string, leaseMs: number, at?: Date): Promise<boolean> {
    const { queues, workers } = this.#keys
    const own = ['sampler', 'last', 'queues', 'deep', 'heads'].map((name) => this.#keys.metrics(name))
    const keys = [...own, queues, workers, this.#keys.stat('processed'), this.#keys.stat('failed')]
    const args = [this.#keys.prefix, seconds(at), sampler, Math.ceil(leaseMs)]
    return (await this.#connection.run(sampleScript, keys, args)) === 1
  }

  async names(): Promise<HistoryNames> {
    const lists = ['queues', 'deep', 'classes', 'timed'].map(
      (name) => ['zrevrange', [this.#keys.metrics(name), 0, limits.classes]] as [string, (string | number)[]],
    )
    const replies = await this.#connection.sendAllForBytes(lists)
    const [queues, deepQueues, classes, timedClasses] = replies.map((reply) =>
      Array.isArray(reply) ? reply.map(String) : [],
    ) as [string[], string[], string[], string[]]
    // A queue that lost its place has no figures any more.
    return { queues, deepQueues: deepQueues.filter((name) => queues.includes(name)), classes, timedClasses }
  }

  /** Reads stretches, in one pipeline. What is not there, or is not ours, is 0. A histogram has all its buckets in a row. */
  async read(stretches: readonly Stretch[]): Promise<Uint32Array[]> {
    const pieces = stretches.flatMap((stretch, index) => this.#pieces(stretch, index))
    const replies = await this.#connection.sendAllForBytes(
      pieces.map(({ key, start, end }) => ['getrange', [key, start, end]]),
    )
    const read = stretches.map(({ layout, count }) => new Uint32Array(count * numbersIn(layout)))
    pieces.forEach(({ index, into, bytesPerNumber }, i) => {
      const bytes = replies[i]
      const numbers = read[index] as Uint32Array
      if (!Buffer.isBuffer(bytes)) return
      for (let at = 0; at + bytesPerNumber <= bytes.length; at += bytesPerNumber)
        numbers[into + at / bytesPerNumber] = bytes.readUIntBE(at, bytesPerNumber)
    })
    return read
  }

  /** So many minutes of all queues that have figures of their own, from one on that is counted from 1970. One script. */
  async queueMinutes(
    from: number,
    count: number,
  ): Promise<{ seen: Uint32Array; reported: Uint32Array; queues: Map<string, QueueMinutes> }> {
    const pieces = this.#pieces({ layout: layout.minute, series: '', from, count }, 0)
    const keys = [this.#keys.metrics('queues')]
    const args = pieces.flatMap(({ block, start, end }) => [block, start, end])
    const reply = (await this.#connection.runForBytes(queueMinutesScript, keys, [
      this.#keys.prefix,
      ...args,
    ])) as Buffer[]
    const minutes = (at: number) =>
      Uint32Array.from({ length: count }, (_, i) => (reply[at] as Buffer).readUInt32BE(4 * i))
    const queues = new Map<string, QueueMinutes>()
    for (let at = 2; at < reply.length; at += 5) {
      const [depth, oldest, done, failed] = [1, 2, 3, 4].map((i) => minutes(at + i)) as [
        ...[depth: Uint32Array, oldest: Uint32Array, done: Uint32Array, failed: Uint32Array],
      ]
      queues.set(String(reply[at]), { depth, oldest, done, failed })
    }
    return { seen: minutes(0), reported: minutes(1), queues }
  }

  /** One piece for each key that the stretch touches. */
  #pieces({ layout, series, from, count }: Stretch, index: number): Piece[] {
    const { kind, slots, bytesPerNumber } = layout
    const slotBytes = numbersIn(layout) * bytesPerNumber
    const pieces: Piece[] = []
    for (let slot = from; slot < from + count; ) {
      const block = Math.floor(slot / slots)
      const end = Math.min(from + count, (block + 1) * slots)
      pieces.push({
        block,
        key: this.#keys.metrics(`${kind}:${block}:${series}`),
        start: (slot - block * slots) * slotBytes,
        end: (end - block * slots) * slotBytes - 1,
        into: (slot - from) * numbersIn(layout),
        index,
        bytesPerNumber,
      })
      slot = end
    }
    return pieces
  }
}

interface Piece {
  block: number
  key: string
  start: number
  end: number
  /** Which stretch, and at which of its numbers. */
  index: number
  into: number
  bytesPerNumber: number
}

function numbersIn({ isHistogram }: Layout): number {
  return isHistogram ? BUCKET_COUNT : 1
}

function seconds(at: Date | undefined): number | '' {
  return at === undefined ? '' : Math.floor(at.getTime() / 1_000)
}
