/**
 * The groups of failures that match, counted in one pass. A page that shows groups makes it over all that is indexed,
 * so it goes by number and through flat arrays, and names and refs are written only for what is shown.
 */
import type { FailedColumns } from './failed-columns.js'
import type { FailureGroup } from './failed-groups.js'

export interface GroupSummary extends FailureGroup {
  count: number
  /** Not put back yet. */
  open: number
  /** Unix seconds; 0 where no entry tells a time. */
  firstAt: number
  lastAt: number
  /** Failures per bucket, the oldest first. */
  sparkline: number[]
  /** Queues with their counts, the largest first; at most ten. */
  queues: { queue: string; count: number }[]
  /** Names its newest entry. */
  newestRef: string
}

const MOST_QUEUES_SHOWN = 10
/** More than there are numbers of queues. */
const QUEUES = 2 ** 16

export class FailedTally {
  readonly #from: number
  readonly #perSecond: number
  readonly #buckets: number
  readonly #counts: Uint32Array
  readonly #open: Uint32Array
  readonly #firstAt: Uint32Array
  readonly #lastAt: Uint32Array
  readonly #sparklines: Uint32Array
  readonly #newest: Uint32Array
  readonly #newestIn: (readonly [list: string, columns: FailedColumns])[] = []
  /** By number of group and of queue. */
  readonly #queues = new Map<number, number>()
  #list: readonly [list: string, columns: FailedColumns] | undefined

  /** `buckets` counts over the time from `from` to `to`, unix seconds. */
  constructor(groups: number, { from, to, buckets }: { from: number; to: number; buckets: number }) {
    this.#from = from
    this.#perSecond = buckets / (to - from)
    this.#buckets = buckets
    this.#counts = new Uint32Array(groups)
    this.#open = new Uint32Array(groups)
    this.#firstAt = new Uint32Array(groups)
    this.#lastAt = new Uint32Array(groups)
    this.#newest = new Uint32Array(groups)
    this.#sparklines = new Uint32Array(groups * buckets)
  }

  /** One failure; within a list the oldest first. */
  add(columns: FailedColumns, i: number, list: string): void {
    if (this.#list?.[1] !== columns) this.#list = [list, columns]
    const group = columns.group[i] as number
    const at = columns.at[i] as number
    this.#counts[group] = (this.#counts[group] as number) + 1
    if (!columns.isRetried[i]) this.#open[group] = (this.#open[group] as number) + 1
    const queue = group * QUEUES + (columns.queue[i] as number)
    this.#queues.set(queue, (this.#queues.get(queue) ?? 0) + 1)
    const firstAt = this.#firstAt[group] as number
    if (at > 0 && (firstAt === 0 || at < firstAt)) this.#firstAt[group] = at
    if (at >= (this.#lastAt[group] as number)) {
      this.#lastAt[group] = at
      this.#newest[group] = i
      this.#newestIn[group] = this.#list as readonly [string, FailedColumns]
    }
    const bucket = Math.floor((at - this.#from) * this.#perSecond)
    if (bucket < 0 || bucket >= this.#buckets) return
    const cell = group * this.#buckets + bucket
    this.#sparklines[cell] = (this.#sparklines[cell] as number) + 1
  }

  /** The largest groups. */
  largest(
    limit: number,
    groups: readonly FailureGroup[],
    queueNames: readonly string[],
  ): { groups: GroupSummary[]; total: number } {
    const found = [...this.#counts.keys()].filter((group) => this.#counts[group] !== 0)
    const by = (counts: Uint32Array, a: number, b: number) => (counts[b] as number) - (counts[a] as number)
    found.sort((a, b) => by(this.#counts, a, b) || by(this.#lastAt, a, b))
    const shown = found.slice(0, limit)
    const queues = new Map<number, { queue: string; count: number }[]>(shown.map((group) => [group, []]))
    for (const [key, count] of this.#queues) {
      const queue = queueNames[key % QUEUES] ?? ''
      queues.get(Math.floor(key / QUEUES))?.push({ queue, count })
    }
    return {
      total: found.length,
      groups: shown.map((group) => {
        const [list, columns] = this.#newestIn[group] as readonly [string, FailedColumns]
        const newest = this.#newest[group] as number
        return {
          ...(groups[group] as FailureGroup),
          count: this.#counts[group] as number,
          open: this.#open[group] as number,
          firstAt: this.#firstAt[group] as number,
          lastAt: this.#lastAt[group] as number,
          sparkline: [...this.#sparklines.subarray(group * this.#buckets, (group + 1) * this.#buckets)],
          queues: (queues.get(group) ?? []).sort((a, b) => b.count - a.count).slice(0, MOST_QUEUES_SHOWN),
          newestRef: `${columns.base + newest}.${columns.digest(newest)}@${list}`,
        }
      }),
    }
  }
}
