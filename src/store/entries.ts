/**
 * Acting on entries of a list, a failed list or a queue, by what they are: `checked.ts` in TypeScript.
 */
import { randomUUID } from 'node:crypto'
import {
  digestsScript,
  endsScript,
  glimpseScript,
  peekScript,
  removeScript,
  requeueScript,
  seekScript,
} from './checked.js'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { digest, makeRef, type Payload } from './records.js'

/** Which list: a failed list, or a queue, by its name. */
export interface Source {
  kind: 'failed' | 'queue'
  name: string
}

/** An entry: what it is, and where it was seen. */
export interface EntryRef {
  index: number
  digest: string
}

/** An entry as it stands in Redis. */
export interface Entry extends EntryRef {
  bytes: Buffer
}

/** An entry, or its beginning where it is long. */
export interface PeekedEntry extends Entry {
  /** Of the whole entry. */
  sizeBytes: number
  isWhole: boolean
}

/** A place in several lists: the number of the list, and the index in it; undefined for where the list begins. */
export interface Place {
  list: number
  index: number | undefined
}

/** Entries that a search came upon. */
export interface Sought {
  /** `nth`: of those looked at. */
  found: { list: number; index: number; nth: number; bytes: Buffer }[]
  looked: number
  /** Undefined when nothing is left. */
  next: { list: number; index: number } | undefined
}

/** The part of an operation that a call does, and that it counts. */
export interface Step {
  id: string
  owner: string
  leaseMs: number
  /** How many steps the operation has done: a step is not done twice. */
  cursor: number
  skipped: number
  gone: number
  /** What is put off besides what the call does not find. */
  deferred: readonly EntryRef[]
  /** What stands before the refs that are put off. */
  deferAs: string
}

/** Where removed entries are kept. */
export interface TrashPart {
  id: string
  /** Its number among the parts of this trash, from 0 on. */
  part: number
  ttlMs: number
}

/** `missing`: not there, as far as was looked. `refused`: the queue's key is of another type; nothing was changed. */
export type Fate = 'done' | 'missing' | 'refused'

const FATES: Record<string, Fate> = { d: 'done', m: 'missing', w: 'refused' }
/** How far below its index an entry is looked for in a call. */
const REACH = 200
/** The same for a page, and how many digests it may cost in all. */
const PAGE_REACH = 50
const PAGE_LOOKS = 500
/** What one call of a search may look at, in bytes, and what of it may travel. */
const SEEK_BYTES = 1_500_000
const SEEK_REPLY_BYTES = 250_000
/** More of a text would not narrow a search much, and cost Redis more. */
const NEEDLE_BYTES = 32

export class Entries {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  async length(source: Source): Promise<number> {
    return (await this.#connection.send('llen', [this.#key(source)])) as number
  }

  /** Entries from `start` on; index 0 is the head. */
  async range(source: Source, start: number, count: number): Promise<Entry[]> {
    if (count <= 0) return []
    const args = [this.#key(source), start, start + count - 1]
    const entries = (await this.#connection.sendForBytes('lrange', args)) as Buffer[]
    return entries.map((bytes, i) => ({ index: start + i, digest: digest(bytes), bytes }))
  }

  /** As `range`, for a page: at most `maxBytes` of each entry travel. With the length of the list at that instant. */
  async peek(
    source: Source,
    start: number,
    count: number,
    maxBytes = 16_384,
  ): Promise<{ length: number; entries: PeekedEntry[] }> {
    const last = start < 0 && start + count >= 0 ? -1 : start + count - 1
    const reply = (await this.#connection.runForBytes(
      peekScript,
      [this.#key(source)],
      [start, last, maxBytes],
    )) as [number, ...unknown[]]
    const [length, ...flat] = reply
    const first = start < 0 ? Math.max(0, length + start) : start
    const entries: PeekedEntry[] = []
    for (let i = 0; i < flat.length; i += 3) {
      const [sizeBytes, digest, bytes] = flat.slice(i, i + 3) as [number, Buffer, Buffer]
      const isWhole = bytes.length === sizeBytes
      entries.push({ index: first + i / 3, digest: digest.toString(), bytes, sizeBytes, isWhole })
    }
    return { length, entries }
  }

  /**
   * Of several lists in one round trip: their lengths, and what stands at two places of each, '' where nothing does, at
   * one instant.
   */
  async ends(
    lists: readonly { source: Source; first: number; last: number }[],
  ): Promise<{ length: number; first: string; last: string }[]> {
    if (lists.length === 0) return []
    const reply = (await this.#connection.run(
      endsScript,
      lists.map(({ source }) => this.#key(source)),
      lists.flatMap(({ first, last }) => [first, last]),
    )) as (number | string)[]
    return lists.map((_, i) => {
      const [length, first, last] = reply.slice(3 * i, 3 * i + 3) as [number, string, string]
      return { length, first, last }
    })
  }

  /**
   * Entries by what they are, for a page, in one round trip: where they were or, if others were removed meanwhile, a little
   * below. Undefined where it is not there. At most `maxBytes` of each travel.
   */
  async glimpse(
    refs: readonly (EntryRef & { source: Source })[],
    maxBytes: number,
  ): Promise<(PeekedEntry | undefined)[]> {
    if (refs.length === 0) return []
    const keys = [...new Set(refs.map(({ source }) => this.#key(source)))]
    const numbers = new Map(keys.map((key, i) => [key, i + 1]))
    const reply = (await this.#connection.runForBytes(glimpseScript, keys, [
      ...[maxBytes, PAGE_REACH, PAGE_LOOKS],
      ...refs.flatMap(({ source, index, digest }) => [
        numbers.get(this.#key(source)) as number,
        index,
        digest,
      ]),
    ])) as (number | Buffer)[]
    return refs.map(({ digest }, i) => {
      const [index, sizeBytes, bytes] = reply.slice(3 * i, 3 * i + 3) as [number, number, Buffer]
      if (index < 0) return undefined
      return { index, digest, bytes, sizeBytes, isWhole: bytes.length === sizeBytes }
    })
  }

  /** The entries at these places, those that are there. */
  async at(source: Source, indexes: readonly number[]): Promise<(Entry | undefined)[]> {
    if (indexes.length === 0) return []
    const first = Math.min(...indexes)
    const span = Math.max(...indexes) - first + 1
    if (span <= indexes.length * 3) {
      const entries = await this.range(source, first, span)
      return indexes.map((index) => entries[index - first])
    }
    const key = this.#key(source)
    const replies = await Promise.all(
      indexes.map((index) => this.#connection.sendForBytes('lindex', [key, index])),
    )
    return (replies as (Buffer | null)[]).map((bytes, i) =>
      bytes ? { index: indexes[i] as number, digest: digest(bytes), bytes } : undefined,
    )
  }

  /** How long lists are, in one round trip. */
  async lengths(sources: readonly Source[]): Promise<number[]> {
    if (sources.length === 0) return []
    return (await this.#connection.sendAll(
      sources.map((source) => ['llen', [this.#key(source)]] as const),
    )) as number[]
  }

  /**
   * The next of at most `most` entries of lists, from a place on, that may hold a text; all that hold it are among them.
   * What others weigh stays in Redis, and a call ends early where entries are large.
   */
  async seek(
    sources: readonly Source[],
    { list, index }: Place,
    { towards, most, text }: { towards: 'head' | 'tail'; most: number; text: string | undefined },
  ): Promise<Sought> {
    // Where bytes are no UTF-8, U+FFFD shows, and is not what stands there.
    const needle = text === undefined || text.includes('\ufffd') ? Buffer.alloc(0) : Buffer.from(text)
    const reply = (await this.#connection.runForBytes(
      seekScript,
      sources.map((source) => this.#key(source)),
      [
        ...[list + 1, index ?? '', towards === 'tail' ? 1 : -1, most, SEEK_BYTES, SEEK_REPLY_BYTES],
        needle.subarray(0, NEEDLE_BYTES),
      ],
    )) as (number | Buffer)[]
    const [looked, nextList, nextIndex] = reply as [number, number, number]
    const found: Sought['found'] = []
    for (let i = 3; i < reply.length; i += 4) {
      const [list, index, nth, bytes] = reply.slice(i, i + 4) as [number, number, number, Buffer]
      found.push({ list: list - 1, index, nth, bytes })
    }
    const next = nextList > sources.length ? undefined : { list: nextList - 1, index: nextIndex }
    return { found, looked, next }
  }

  /** The digests of entries from `start` on, as LRANGE counts, and the length of the list at that instant. Sixteen bytes an entry travel. */
  async digests(
    source: Source,
    start: number,
    count: number,
  ): Promise<{ length: number; digests: string[] }> {
    const [length, ...digests] = (await this.#connection.run(
      digestsScript,
      [this.#key(source)],
      [start, start < 0 && start + count >= 0 ? -1 : start + count - 1],
    )) as [number, ...string[]]
    return { length, digests }
  }

  /**
   * The entry with this digest, wherever it is now; undefined if it is gone. It is looked for where it was, then towards
   * the head, where removals move it, then everywhere, by digests. `limit` bounds how many are looked at.
   */
  async find(
    source: Source,
    { index, digest: wanted }: EntryRef,
    limit = 1_000_000,
  ): Promise<Entry | undefined> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const at = await this.#search(source, index, wanted, limit)
      if (at === undefined) return undefined
      const [entry] = await this.range(source, at, 1)
      if (entry?.digest === wanted) return entry
    }
    return undefined
  }

  async #search(source: Source, index: number, wanted: string, limit: number): Promise<number | undefined> {
    const there = await this.digests(source, index, 1)
    if (there.digests[0] === wanted) return index
    let left = limit
    for (let end = Math.min(index, there.length); end > 0 && left > 0; end -= 500) {
      const start = Math.max(0, end - 500)
      const { digests } = await this.digests(source, start, end - start)
      const found = digests.lastIndexOf(wanted)
      if (found >= 0) return start + found
      left -= 500
    }
    for (let start = index; start < there.length && left > 0; start += 500) {
      const found = (await this.digests(source, start, 500)).digests.indexOf(wanted)
      if (found >= 0) return start + found
      left -= 500
    }
    return undefined
  }

  /**
   * Removes entries; each ref takes away one. At most a hundred a call. Null when the operation is no longer the
   * caller's: then nothing was done.
   */
  async remove(
    source: Source,
    refs: readonly EntryRef[],
    trash?: TrashPart,
    step?: Step,
  ): Promise<Fate[] | null> {
    const sorted = fallingOrder(refs)
    const trashKey = this.#keys.trash(trash?.id ?? '')
    const reply = (await this.#connection.run(
      removeScript,
      [...this.#stepKeys(source, step), trashKey, `${trashKey}:${trash?.part ?? 0}`],
      [
        ...stepArgs(step),
        `\0removed:${randomUUID()}`,
        trash?.ttlMs ?? 0,
        trash?.part ?? 0,
        `placed ${source.kind} ${source.name}`,
        ...sorted.flatMap((ref) => [ref.index, ref.digest]),
      ],
    )) as string | null
    return fatesOf(reply, refs, sorted)
  }

  /**
   * Puts the jobs of failed entries on queues, and replaces each entry by `entry`, or drops it. At most a hundred a
   * call. Null when the operation is no longer the caller's: then nothing was done.
   */
  async requeue(
    list: string,
    moves: readonly (EntryRef & { entry: Buffer | undefined; queue: string; payload: Payload })[],
    step?: Step,
  ): Promise<Fate[] | null> {
    const sorted = fallingOrder(moves)
    const reply = (await this.#connection.run(
      requeueScript,
      [...this.#stepKeys({ kind: 'failed', name: list }, step), this.#keys.queues],
      [
        ...stepArgs(step),
        `\0removed:${randomUUID()}`,
        this.#keys.prefix,
        ...sorted.flatMap((each) => [each.index, each.digest, each.entry ?? '', each.queue, each.payload]),
      ],
    )) as string | null
    return fatesOf(reply, moves, sorted)
  }

  #key({ kind, name }: Source): string {
    return kind === 'failed' ? this.#keys.failedList(name) : this.#keys.queue(name)
  }

  #stepKeys(source: Source, step: Step | undefined): string[] {
    return [this.#key(source), this.#keys.operation(step?.id ?? ''), this.#keys.operationRefs(step?.id ?? '')]
  }
}

/** `<index>.<digest>@<list or queue>`: names one entry to a page or an operation. */
export function refOf(source: Source, entry: Entry): string {
  return makeRef(source.name, entry.index, entry.bytes)
}

/** Refs of one list as one text; `readRefs` reads it. */
export function writeRefs(refs: readonly EntryRef[]): string {
  return refs.map((ref) => `${ref.index}.${ref.digest}`).join(' ')
}

export function readRefs(text: string): EntryRef[] {
  return text
    .split(' ')
    .filter((each) => each !== '')
    .map((each) => ({ index: Number.parseInt(each, 10), digest: each.slice(each.indexOf('.') + 1) }))
}

function fallingOrder<T extends EntryRef>(refs: readonly T[]): T[] {
  return [...refs].sort((a, b) => b.index - a.index)
}

function fatesOf(
  reply: string | null,
  refs: readonly EntryRef[],
  sorted: readonly EntryRef[],
): Fate[] | null {
  if (reply === null) return null
  const fates = new Map(sorted.map((ref, i) => [ref, FATES[reply[i] as string] as Fate]))
  return refs.map((ref) => fates.get(ref) as Fate)
}

function stepArgs(step: Step | undefined): (string | number)[] {
  if (!step) return [REACH, '', 0, 0, 0, '', '', 0]
  return [
    REACH,
    step.owner,
    step.leaseMs,
    step.skipped,
    step.gone,
    writeRefs(step.deferred),
    step.deferAs,
    step.cursor,
  ]
}
