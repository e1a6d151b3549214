/**
 * Pages of entries, newest failures first and waiting jobs in their order: from the list itself where nothing is filtered,
 * from the index where something is, by a bounded search where text is looked for.
 *
 * A page holds what was read, by content: each row carries its ref. At most 8 kB of an entry travel to a page, and of a
 * search what holds the text, whole.
 */
import { setImmediate } from 'node:timers/promises'
import { parseJob } from '../job.js'
import { closed } from '../json.js'
import { type PeekedEntry, type Place, refOf, type Source } from '../store/entries.js'
import { digest, type FailedJob, readFailedJob, readRef } from '../store/records.js'
import type { Store } from '../store/store.js'
import type { FailedIndex } from './failed-index.js'
import { type FailedLists, failedListsOf } from './failed-lists.js'
import { type FailureFilter, matchesFailure, matchesPending, type PendingFilter } from './filters.js'
import { enqueuedAt } from './job-facts.js'

/** A failed job on a page. Of one that is not whole, what stands in its beginning alone is known. */
export interface FailedRow {
  job: FailedJob
  sizeBytes: number
  isWhole: boolean
}

/** A waiting job on a page. */
export interface PendingRow {
  ref: string
  /** 0 is the next to run. */
  index: number
  /** '' where the entry is no job, or too long to be read here. */
  class: string
  args: unknown[]
  /** By its own word; undefined where it says nothing, as most do. */
  enqueuedAt: Date | undefined
  isReadable: boolean
  sizeBytes: number
  isWhole: boolean
  text: string
}

export interface Page<Row> {
  rows: Row[]
  /** How many there are in all. */
  total: number
}

export interface SearchPage<Row> {
  rows: Row[]
  /** How many entries were looked at by this call. */
  looked: number
  /** How many entries there are to be looked at in all. */
  total: number
  /** Pass it to go on; undefined when everything was looked at. */
  next: string | undefined
}

export interface SearchLimits {
  cursor?: string | undefined
  /** Rows. Default 50. */
  limit?: number
  /** Entries looked at by one call. Default 10,000; 2,000 with `isMeant`. */
  looks?: number
  /** Default 250; a second with `isMeant`. */
  timeMs?: number
  /**
   * What else is asked of the text of an entry. How far such a search comes tells nothing of what it came upon and left
   * out: it looks at a fixed number, if that takes no longer than a second.
   */
  isMeant?: ((entry: string) => boolean) | undefined
}

const free = { looks: 10_000, timeMs: 250 }
const guarded = { looks: 2_000, timeMs: 1_000 }

/** A number, and of how many entries that were looked at. Where that is all of them, it is exact. */
export interface Count {
  count: number
  looked: number
  total: number
  isExact: boolean
}

const countLimits = { limit: Number.POSITIVE_INFINITY, looks: 250_000, timeMs: 1_500 }

function counted({ rows, looked, total, next }: SearchPage<true>): Count {
  return { count: rows.length, looked, total, isExact: next === undefined }
}

/** Entries looked at in one round trip of a search, where they are of common size. */
const LOOK = 1_000
/** Fifty of them are within what a page may read. */
const MAX_ENTRY_BYTES = 8_192

export class EntryPages {
  readonly #store: Store
  readonly #failedLists: FailedLists

  constructor(store: Store, failedLists: FailedLists) {
    this.#store = store
    this.#failedLists = failedLists
  }

  /** Failures, newest first, straight from one list or, one list after the other, from all. */
  async newest(list: string | undefined, offset: number, limit = 50): Promise<Page<FailedRow>> {
    const names = await failedListsOf(this.#failedLists, list)
    const [only] = names.map(failedSource)
    if (only && names.length === 1 && limit > 0) {
      const read = await this.#store.entries.peek(only, -(offset + limit), limit, MAX_ENTRY_BYTES)
      return {
        rows: read.entries.reverse().map((entry) => failedRow(only, entry)),
        total: read.length,
      }
    }
    return this.#newestOf(names.map(failedSource), offset, limit)
  }

  /** As `newest`, from the other end. */
  async oldest(list: string | undefined, offset: number, limit = 50): Promise<Page<FailedRow>> {
    const names = await failedListsOf(this.#failedLists, list)
    const [only] = names.map(failedSource)
    if (only && names.length === 1) {
      const read = await this.#store.entries.peek(only, offset, limit, MAX_ENTRY_BYTES)
      return { rows: read.entries.map((entry) => failedRow(only, entry)), total: read.length }
    }
    const sources = names.map(failedSource)
    const { total } = await this.#newestOf(sources, 0, 0)
    const end = Math.max(0, total - offset)
    const first = Math.max(0, end - limit)
    const { rows } = await this.#newestOf(sources, first, end - first)
    return { rows: rows.reverse(), total }
  }

  async #newestOf(sources: readonly Source[], offset: number, limit: number): Promise<Page<FailedRow>> {
    const lengths = (
      await this.#store.entries.ends(sources.map((source) => ({ source, first: 0, last: 0 })))
    ).map(({ length }) => length)
    const total = lengths.reduce((sum, each) => sum + each, 0)
    const parts: { source: Source; start: number; count: number }[] = []
    let toSkip = offset
    let left = limit
    for (const [i, source] of sources.entries()) {
      const length = lengths[i] as number
      const count = Math.min(left, length - toSkip)
      if (count > 0) {
        parts.push({ source, start: length - toSkip - count, count })
        left -= count
      }
      toSkip = Math.max(0, toSkip - length)
    }
    const reads = await Promise.all(
      parts.map(async ({ source, start, count }) => {
        const { entries } = await this.#store.entries.peek(source, start, count, MAX_ENTRY_BYTES)
        return entries.reverse().map((entry) => failedRow(source, entry))
      }),
    )
    return { rows: reads.flat(), total }
  }

  /** Failures that match, newest first, by the index. Not for a search text. Entries that changed since are left out. */
  async filtered(
    index: FailedIndex,
    filter: FailureFilter,
    offset: number,
    limit = 50,
  ): Promise<Page<FailedRow>> {
    for (let attempt = 0; ; attempt++) {
      const total = index.count(filter) ?? 0
      const wanted = index.entries(filter, offset, limit)
      const refs = wanted.map(({ list, ...ref }) => ({ ...ref, source: failedSource(list) }))
      const entries = await this.#store.entries.glimpse(refs, MAX_ENTRY_BYTES)
      const rows = entries.flatMap((entry, i) => {
        const source = refs[i]?.source
        return source && entry ? [failedRow(source, entry)] : []
      })
      if (rows.length === wanted.length || attempt === 1) return { rows, total }
      index.touch()
      await index.refresh(250)
    }
  }

  /** Failures whose entry holds a text, and that match whatever else the filter says, newest first. */
  async search(filter: FailureFilter, limits: SearchLimits = {}): Promise<SearchPage<FailedRow>> {
    const names = await failedListsOf(this.#failedLists, filter.list)
    const sources = names.map(failedSource)
    return this.#search(sources, 'head', filter.text, limits, (source, { index, bytes }) => {
      const job = readFailedJob(source.name, index, bytes)
      return matchesFailure(filter, job) ? { job, sizeBytes: bytes.length, isWhole: true } : undefined
    })
  }

  /** How many failures match a filter with a text, as far as it looks. */
  async count(filter: FailureFilter, limits: SearchLimits = {}): Promise<Count> {
    const names = await failedListsOf(this.#failedLists, filter.list)
    const sources = names.map(failedSource)
    return counted(
      await this.#search(
        sources,
        'head',
        filter.text,
        { ...countLimits, ...limits },
        (source, { index, bytes }) =>
          matchesFailure(filter, readFailedJob(source.name, index, bytes)) ? true : undefined,
      ),
    )
  }

  /** How many waiting jobs match, as far as it looks. */
  async countPending(queue: string, filter: PendingFilter, limits: SearchLimits = {}): Promise<Count> {
    return counted(
      await this.#search(
        [{ kind: 'queue', name: queue }],
        'tail',
        filter.text,
        { ...countLimits, ...limits },
        (_, { bytes }) => (matchesPending(filter, bytes.toString()) ? true : undefined),
      ),
    )
  }

  /** Waiting jobs, the next to run first. */
  async pending(queue: string, offset: number, limit = 50): Promise<Page<PendingRow>> {
    const source: Source = { kind: 'queue', name: queue }
    const { length, entries } = await this.#store.entries.peek(source, offset, limit, MAX_ENTRY_BYTES)
    return { total: length, rows: entries.map((entry) => pendingRow(source, entry)) }
  }

  /** Waiting jobs that match, of one queue or of several, one after the other; the next to run first. */
  async searchPending(
    queues: string | readonly string[],
    filter: PendingFilter,
    limits: SearchLimits = {},
  ): Promise<SearchPage<PendingRow>> {
    return this.#search(
      [queues].flat().map((name): Source => ({ kind: 'queue', name })),
      'tail',
      filter.text,
      limits,
      (source, { index, bytes }) => {
        if (!matchesPending(filter, bytes.toString())) return undefined
        const entry = { index, digest: digest(bytes), bytes }
        return pendingRow(source, { ...entry, sizeBytes: bytes.length, isWhole: true })
      },
    )
  }

  /** One failed job, whole, wherever it is now; undefined if it is gone. */
  async failed(ref: string): Promise<FailedJob | undefined> {
    const parts = readRef(ref)
    if (!parts || !(await this.#failedLists()).includes(parts.list)) return undefined
    const entry = await this.#store.entries.find({ kind: 'failed', name: parts.list }, parts)
    return entry && readFailedJob(parts.list, entry.index, entry.bytes)
  }

  /** What stands at a place of a failed list now, where anything does. */
  async at(list: string, index: number): Promise<FailedJob[]> {
    const entries = await this.#store.entries.range({ kind: 'failed', name: list }, index, 1)
    return entries.map((entry) => readFailedJob(list, entry.index, entry.bytes))
  }

  /** One waiting job, whole, wherever it is in its queue now; undefined if it was taken. */
  async pendingJob(ref: string): Promise<PendingRow | undefined> {
    const parts = readRef(ref)
    if (!parts) return undefined
    const source: Source = { kind: 'queue', name: parts.list }
    const entry = await this.#store.entries.find(source, parts, 100_000)
    return entry && pendingRow(source, { ...entry, sizeBytes: entry.bytes.length, isWhole: true })
  }

  async #search<Row>(
    sources: Source[],
    towards: 'head' | 'tail',
    text: string | undefined,
    { cursor, limit = 50, isMeant, ...limits }: SearchLimits,
    read: (source: Source, entry: { index: number; bytes: Buffer }) => Row | undefined,
  ): Promise<SearchPage<Row>> {
    const { looks, timeMs } = { ...(isMeant ? guarded : free), ...limits }
    const endAt = performance.now() + timeMs
    const lengths = await this.#store.entries.lengths(sources)
    const total = lengths.reduce((sum, each) => sum + each, 0)
    // A cursor names a list, and in it the first index that was not looked at, or the last that was: new entries come
    // at the tail.
    const shift = towards === 'tail' ? 0 : 1
    const [list = 0, passed = 0] = (cursor ?? '').split('.').map((part) => Number.parseInt(part, 10) || 0)
    let at: Place = { list, index: cursor === undefined ? undefined : passed - shift }
    const rows: Row[] = []
    for (let looked = 0; ; ) {
      const most = Math.min(LOOK, looks - looked)
      const sought = await this.#store.entries.seek(sources, at, { towards, most, text })
      for (const [i, entry] of sought.found.entries()) {
        // A look at an entry as somebody sees it takes a while: others have their turn between.
        if (isMeant && i % 16 === 15) await setImmediate()
        if (!isMeant || isMeant(entry.bytes.toString())) {
          const row = read(sources[entry.list] as Source, entry)
          if (row !== undefined) rows.push(row)
        }
        if (rows.length < limit) continue
        const next = `${entry.list}.${towards === 'tail' ? entry.index + 1 : entry.index}`
        return { rows, looked: looked + entry.nth, total, next }
      }
      looked += sought.looked
      if (!sought.next) return { rows, looked, total, next: undefined }
      at = sought.next
      if (looked >= looks || performance.now() >= endAt)
        return { rows, looked, total, next: `${sought.next.list}.${sought.next.index + shift}` }
    }
  }
}

function failedSource(name: string): Source {
  return { kind: 'failed', name }
}

function failedRow(source: Source, { isWhole, sizeBytes, ...entry }: PeekedEntry): FailedRow {
  if (isWhole) return { job: readFailedJob(source.name, entry.index, entry.bytes), sizeBytes, isWhole }
  // As far as it was read, it says what it is.
  const beginning = closed(entry.bytes.toString())
  const job = readFailedJob(source.name, entry.index, beginning, entry.digest)
  return { job: { ...job, isReadable: false }, sizeBytes, isWhole }
}

function pendingRow(source: Source, { isWhole, sizeBytes, ...entry }: PeekedEntry): PendingRow {
  const text = entry.bytes.toString()
  const job = isWhole ? parseJob(text) : new Error()
  const isReadable = !(job instanceof Error)
  return {
    ref: isWhole ? refOf(source, entry) : `${entry.index}.${entry.digest}@${source.name}`,
    index: entry.index,
    class: isReadable ? job.class : '',
    args: isReadable ? job.args : [],
    enqueuedAt: isReadable ? enqueuedAt(job) : undefined,
    isReadable,
    sizeBytes,
    isWhole,
    text,
  }
}
