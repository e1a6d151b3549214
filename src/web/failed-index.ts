/**
 * An index of the failed lists in the memory of the web process: what groups there are, and how many failures match a
 * filter, without reading a list anew for each page.
 *
 * It is built once in the background, in chunks, and afterwards reads only what is new at the tail. A list that is not what
 * it was (its length, its first or its last known entry differ, or nobody has looked for a while) is compared by digests,
 * sixteen bytes an entry, and only entries that are new to it are read. It is a view: what acts, acts by content.
 */
import type { Entry, Source } from '../store/entries.js'
import { type FailedJob, readFailedJob } from '../store/records.js'
import type { Store } from '../store/store.js'
import { FailedColumns, type Look } from './failed-columns.js'
import { type FailureGroup, failedAtSeconds, groupOf, makeGroup } from './failed-groups.js'
import type { FailedLists } from './failed-lists.js'
import { FailedTally, type GroupSummary } from './failed-tally.js'
import type { FailureFilter } from './filters.js'

export interface FailedIndexOptions {
  store: Store
  failedLists: FailedLists
  /** How many entries of a list are indexed, the newest. Default 250,000. */
  maxEntries?: number
  /** How long it is trusted that nobody changed an entry in the middle of a list. Default 60 s. */
  verifyMs?: number
  /** A look is shared by all who ask within so long, unless something was changed from here. Default: not at all. */
  freshMs?: number
}

export interface IndexState {
  /** It was built at least once; what it says is from the last look. */
  isReady: boolean
  /** From 0 to 1 while it is built or looks again. */
  progress: number
  indexed: number
  /** How many failed entries there are. */
  total: number
  /** There are more than are indexed: only the newest are. */
  isTruncated: boolean
  /** About how much memory it takes. */
  bytes: number
}

/** Where an entry stood when the index looked. */
export interface IndexedEntry {
  list: string
  index: number
  digest: string
}

/** So many numbers are kept. */
const MAX_COUNTS = 200
const CHUNK = 500
/** A chunk of entries beyond this is followed by smaller ones. */
const CHUNK_BYTES = 2_000_000
const MAX_GROUPS = 10_000
const MAX_QUEUES = 10_000

export class FailedIndex {
  readonly #options: Required<FailedIndexOptions>
  #lists = new Map<string, FailedColumns>()
  readonly #groups: FailureGroup[] = []
  readonly #groupNumbers = new Map<string, number>()
  /** The first stands for names too long or too many to keep. */
  readonly #queues: string[] = ['']
  readonly #queueNumbers = new Map<string, number>([['', 0]])
  #isReady = false
  #looked = 0
  #total = 0
  #refreshing: Promise<void> | undefined
  #verifiedAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #chunk = CHUNK
  /** Another one with each change of what is known. */
  #version = 0
  /** What was counted of this version: a page asks for the same number more than once, and so does the next page. */
  #counts = { version: 0, known: new Map<string, number>() }

  constructor(options: FailedIndexOptions) {
    this.#options = { maxEntries: 250_000, verifyMs: 60_000, freshMs: 0, ...options }
  }

  get state(): IndexState {
    const columns = [...this.#lists.values()]
    const indexed = columns.reduce((sum, each) => sum + each.length, 0)
    return {
      isReady: this.#isReady,
      progress:
        this.#refreshing !== undefined
          ? Math.min(1, this.#looked / Math.max(1, this.#total))
          : Number(this.#isReady),
      indexed,
      total: this.#total,
      isTruncated: columns.some((each) => each.base > 0),
      bytes: columns.reduce((sum, each) => sum + each.bytes, 0) + this.#groups.length * 500,
    }
  }

  /** Somebody changed entries: the next look compares all. */
  touch(): void {
    this.#verifiedAt = Number.NEGATIVE_INFINITY
    this.#lookedAt = Number.NEGATIVE_INFINITY
  }

  /** Looks at what is new, in the background, and waits for it at most so long. Rejects where Redis does not answer in time. */
  async refresh(waitMs = Number.POSITIVE_INFINITY): Promise<IndexState> {
    if (this.#isReady && performance.now() - this.#lookedAt < this.#options.freshMs) return this.state
    if (!this.#refreshing) {
      this.#refreshing = this.#refresh().finally(() => {
        this.#refreshing = undefined
      })
      // Whoever waits hears of it; who went away need not.
      this.#refreshing.catch(() => {})
    }
    if (waitMs === Number.POSITIVE_INFINITY) await this.#refreshing
    else {
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs)
      })
      await Promise.race([this.#refreshing, patience]).finally(() => clearTimeout(timer))
    }
    return this.state
  }

  /** How many entries match; undefined for a search text, which the index does not know. */
  count(filter: FailureFilter): number | undefined {
    if (filter.text !== undefined) return undefined
    if (this.#counts.version !== this.#version || this.#counts.known.size >= MAX_COUNTS)
      this.#counts = { version: this.#version, known: new Map() }
    const { known } = this.#counts
    const key = JSON.stringify(filter)
    const before = known.get(key)
    if (before !== undefined) return before
    let count = 0
    this.#each(filter, () => {
      count++
    })
    known.set(key, count)
    return count
  }

  /** The groups of what matches, the largest first, with `buckets` counts over the time from `from` to `to`, unix seconds. */
  groups(
    filter: FailureFilter,
    { from, to, buckets = 24, limit = 100 }: { from: number; to: number; buckets?: number; limit?: number },
  ): { groups: GroupSummary[]; total: number } {
    const tally = new FailedTally(this.#groups.length, { from, to, buckets })
    this.#each(filter, (columns, i, list) => tally.add(columns, i, list))
    return tally.largest(limit, this.#groups, this.#queues)
  }

  /** Classes, exceptions and queues of what matches, each with its count, the largest first. */
  facets(
    filter: FailureFilter,
    limit = 50,
  ): Record<'class' | 'exception' | 'queue', { value: string; count: number }[]> {
    const groups = new Map<number, number>()
    const queues = new Map<number, number>()
    this.#each(filter, (columns, i) => {
      const group = columns.group[i] as number
      const queue = columns.queue[i] as number
      groups.set(group, (groups.get(group) ?? 0) + 1)
      queues.set(queue, (queues.get(queue) ?? 0) + 1)
    })
    const sum = (pairs: Iterable<[string, number]>) => {
      const counts = new Map<string, number>()
      for (const [value, count] of pairs) counts.set(value, (counts.get(value) ?? 0) + count)
      const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, limit)
      return sorted.map(([value, count]) => ({ value, count }))
    }
    const groupOfNumber = (number: number) => this.#groups[number] as FailureGroup
    return {
      class: sum([...groups].map(([number, count]) => [groupOfNumber(number).class, count])),
      exception: sum([...groups].map(([number, count]) => [groupOfNumber(number).exception, count])),
      queue: sum([...queues].map(([number, count]) => [this.#queues[number] ?? '', count])),
    }
  }

  /** What matches, newest first: by their place in one list, by time across several. Not for a search text. */
  entries(filter: FailureFilter, offset: number, limit: number): IndexedEntry[] {
    const found: { columns: FailedColumns; i: number; list: string }[] = []
    this.#each(filter, (columns, i, list) => found.push({ columns, i, list }))
    found.reverse()
    if (new Set(found.map(({ list }) => list)).size > 1) {
      found.sort((a, b) => (b.columns.at[b.i] as number) - (a.columns.at[a.i] as number))
    }
    return found.slice(offset, offset + limit).map(({ columns, i, list }) => {
      return { list, index: columns.base + i, digest: columns.digest(i) }
    })
  }

  #each(filter: FailureFilter, act: (columns: FailedColumns, i: number, list: string) => void): void {
    const isMeant = this.#groups.map(
      (group) =>
        (filter.class === undefined || group.class === filter.class) &&
        (filter.exception === undefined || group.exception === filter.exception) &&
        (filter.group === undefined || group.id === filter.group),
    )
    const queue = filter.queue === undefined ? undefined : (this.#queueNumbers.get(filter.queue) ?? -1)
    const seen = filter.queues && new Set(filter.queues.map((name) => this.#queueNumbers.get(name) ?? -1))
    // 0 stands for names that were not kept, whose jobs only those see who see all.
    seen?.delete(0)
    const hasTime = filter.from !== undefined || filter.to !== undefined
    const { from = 0, to = Number.POSITIVE_INFINITY } = filter
    const retried = filter.state === undefined ? undefined : filter.state === 'retried' ? 1 : 0
    for (const [list, columns] of this.#lists) {
      if (filter.list !== undefined && filter.list !== list) continue
      for (let i = 0; i < columns.length; i++) {
        if (!isMeant[columns.group[i] as number]) continue
        if (queue !== undefined && columns.queue[i] !== queue) continue
        if (seen !== undefined && !seen.has(columns.queue[i] as number)) continue
        if (retried !== undefined && columns.isRetried[i] !== retried) continue
        const at = columns.at[i] as number
        if (hasTime && (at === 0 || at < from || at > to)) continue
        act(columns, i, list)
      }
    }
  }

  // Looking.

  async #refresh(): Promise<void> {
    const now = performance.now()
    this.#lookedAt = now
    const isTrusted = now - this.#verifiedAt < this.#options.verifyMs
    if (!isTrusted) this.#verifiedAt = now
    // Mostly there are no other lists than those that are known: they are looked at while it is asked which there are.
    const [names, known] = await Promise.all([
      this.#options.failedLists(),
      this.#lookAt([...this.#lists.keys()]),
    ])
    const others = await this.#lookAt(names.filter((name) => !known.has(name)))
    const looks = names.map((name) => (known.get(name) ?? others.get(name)) as Look)
    this.#total = looks.reduce((sum, each) => sum + each.length, 0)
    this.#looked = 0
    const lists = new Map<string, FailedColumns>()
    for (const [i, name] of names.entries()) {
      const known = this.#lists.get(name)
      const source: Source = { kind: 'failed', name }
      const look = looks[i] as Look
      const isGrown = known !== undefined && isTrusted && known.hasGrown(look)
      lists.set(
        name,
        isGrown
          ? await this.#readTail(source, known, look.length)
          : await this.#compare(source, known, look.length),
      )
      // While it is built for the first time, what there is shows.
      if (!this.#isReady) this.#lists = new Map(lists)
    }
    const isSame =
      lists.size === this.#lists.size && names.every((name) => lists.get(name) === this.#lists.get(name))
    if (!isSame) this.#version++
    this.#lists = lists
    this.#isReady = true
  }

  /** How long lists are, and what stands where their first and last known entries stood. */
  async #lookAt(names: readonly string[]): Promise<Map<string, Look>> {
    const places = names.map((name) => {
      const { base = 0, length = 0 } = this.#lists.get(name) ?? {}
      const source: Source = { kind: 'failed', name }
      return { source, first: base, last: Math.max(0, base + length - 1) }
    })
    const looks = await this.#options.store.entries.ends(places)
    return new Map(names.map((name, i) => [name, looks[i] as Look]))
  }

  /** Up to this length of the list: one without a new entry is not read. */
  async #readTail(source: Source, columns: FailedColumns, length: number): Promise<FailedColumns> {
    this.#looked += columns.length
    while (columns.base + columns.length < length) {
      const wanted = this.#chunk
      const chunk = await this.#readChunk(source, columns.base + columns.length, wanted)
      for (const entry of chunk) this.#add(columns, source.name, entry)
      if (chunk.length < wanted) break
    }
    columns.trim(this.#options.maxEntries)
    return columns
  }

  /** Looks at a list by digests, and reads those entries that are not known. */
  async #compare(source: Source, known: FailedColumns | undefined, length: number): Promise<FailedColumns> {
    const { entries } = this.#options.store
    const columns = new FailedColumns()
    columns.base = Math.max(0, length - this.#options.maxEntries)
    this.#looked += columns.base
    if (!known || known.length === 0) return this.#readTail(source, columns, length)
    const places = new Map<string, number>()
    for (let i = 0; i < known.length; i++) places.set(known.digest(i), i)
    for (;;) {
      const start = columns.base + columns.length
      const { digests } = await entries.digests(source, start, CHUNK)
      if (digests.length === 0) break
      for (let i = 0; i < digests.length; ) {
        const place = places.get(digests[i] as string)
        if (place !== undefined) {
          columns.copy(known, place)
          i++
          continue
        }
        let end = i + 1
        while (end < digests.length && !places.has(digests[end] as string)) end++
        const read = await this.#readChunk(source, start + i, Math.min(end - i, this.#chunk))
        for (const entry of read) this.#add(columns, source.name, entry)
        // Shorter than it was: the rest of this look says nothing any more.
        if (read.length === 0) return columns
        i += read.length
      }
      this.#looked += digests.length
    }
    columns.trim(this.#options.maxEntries)
    return columns
  }

  async #readChunk(source: Source, start: number, count: number): Promise<Entry[]> {
    const chunk = await this.#options.store.entries.range(source, start, count)
    const bytes = chunk.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const each = bytes / Math.max(1, chunk.length)
    this.#chunk = Math.max(1, Math.min(CHUNK, Math.floor(CHUNK_BYTES / Math.max(1, each))))
    return chunk
  }

  #add(columns: FailedColumns, list: string, entry: Entry): void {
    const job = readFailedJob(list, entry.index, entry.bytes, entry.digest)
    const at = failedAtSeconds(job.failedAt)
    const [group, queue] = [this.#groupNumber(job), this.#queueNumber(job.queue)]
    columns.push(entry.digest, group, queue, at, job.retriedAt !== undefined)
    this.#version++
    this.#looked++
  }

  #groupNumber(job: FailedJob): number {
    const group = groupOf(job)
    const known = this.#groupNumbers.get(group.id)
    if (known !== undefined) return known
    if (this.#groups.length >= MAX_GROUPS) {
      const isFull = this.#groups.length >= 2 * MAX_GROUPS
      const other = isFull
        ? makeGroup('(other classes)', '', '')
        : makeGroup(group.class, group.exception, '(other messages)')
      return this.#groupNumbers.get(other.id) ?? this.#addGroup(other)
    }
    return this.#addGroup(group)
  }

  #addGroup(group: FailureGroup): number {
    this.#groupNumbers.set(group.id, this.#groups.length)
    return this.#groups.push(group) - 1
  }

  #queueNumber(queue: string): number {
    if (queue.length > 500) return 0
    const known = this.#queueNumbers.get(queue)
    if (known !== undefined) return known
    if (this.#queues.length >= MAX_QUEUES) return 0
    this.#queueNumbers.set(queue, this.#queues.length)
    return this.#queues.push(queue) - 1
  }
}
