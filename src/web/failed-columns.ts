/**
 * What the index keeps of one failed list: 21 bytes an entry, in columns, oldest first.
 */

/** How long a list is, and the digests of what stands where its first and last known entries stood, or ''. */
export interface Look {
  length: number
  first: string
  last: string
}

/** The digest of an entry stands in two halves. */
export class FailedColumns {
  /** Place in the list of the first entry that is kept. */
  base = 0
  length = 0
  high = new Uint32Array(0)
  low = new Uint32Array(0)
  /** Numbers in the tables of the index. */
  group = new Uint32Array(0)
  queue = new Uint32Array(0)
  /** Unix seconds; 0 where an entry tells no time. */
  at = new Uint32Array(0)
  isRetried = new Uint8Array(0)

  push(digest: string, group: number, queue: number, at: number, isRetried: boolean): void {
    if (this.length === this.high.length) this.#grow(Math.max(1_024, this.length * 2))
    const i = this.length++
    this.high[i] = Number.parseInt(digest.slice(0, 8), 16)
    this.low[i] = Number.parseInt(digest.slice(8), 16)
    this.group[i] = group
    this.queue[i] = queue
    this.at[i] = at
    this.isRetried[i] = isRetried ? 1 : 0
  }

  /** Takes over an entry of an older look at the list. */
  copy(from: FailedColumns, i: number): void {
    if (this.length === this.high.length) this.#grow(Math.max(1_024, this.length * 2))
    const to = this.length++
    this.high[to] = from.high[i] as number
    this.low[to] = from.low[i] as number
    this.group[to] = from.group[i] as number
    this.queue[to] = from.queue[i] as number
    this.at[to] = from.at[i] as number
    this.isRetried[to] = from.isRetried[i] as number
  }

  digest(i: number): string {
    const half = (value: number | undefined) => (value ?? 0).toString(16).padStart(8, '0')
    return half(this.high[i]) + half(this.low[i])
  }

  /** Whether the list begins and ends as it did, new entries at its tail aside. */
  hasGrown({ length, first, last }: Look): boolean {
    if (length < this.base + this.length) return false
    if (this.length === 0) return this.base === 0
    return first === this.digest(0) && last === this.digest(this.length - 1)
  }

  /** How many bytes it holds. */
  get bytes(): number {
    return this.high.length * 21
  }

  /** Forgets the oldest, so that `kept` are left. */
  trim(kept: number): void {
    const drop = this.length - kept
    if (drop <= 0) return
    for (const column of [this.high, this.low, this.group, this.queue, this.at, this.isRetried])
      column.copyWithin(0, drop, this.length)
    this.base += drop
    this.length = kept
  }

  #grow(size: number): void {
    const grown = (column: Uint32Array) => {
      const larger = new Uint32Array(size)
      larger.set(column)
      return larger
    }
    this.high = grown(this.high)
    this.low = grown(this.low)
    this.group = grown(this.group)
    this.queue = grown(this.queue)
    this.at = grown(this.at)
    const isRetried = new Uint8Array(size)
    isRetried.set(this.isRetried)
    this.isRetried = isRetried
  }
}
