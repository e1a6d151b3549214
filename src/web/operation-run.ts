/**
 * One operation at work: it notes which entries it is to act on, then acts on them, a hundred a step.
 *
 * What it notes are digests, so that it can never hit an entry other than those that matched when it was begun, whatever
 * moves meanwhile. A step acts and counts at once, inside Redis, so a runner may die at any instant. What a step does
 * not find near where it was is put off; at the end the list is looked through once, and what is not in it is gone.
 */
import type { Entry, EntryRef, Source } from '../store/entries.js'
import { readRefs, writeRefs } from '../store/entries.js'
import type { OperationRecord } from '../store/operations.js'
import { type FailedJob, readFailedJob, retriedEntry } from '../store/records.js'
import type { Store } from '../store/store.js'
import { TRASH_TTL_MS } from '../store/trash.js'
import { matchesFailure, matchesPending, parseFailureFilter, parsePendingFilter } from './filters.js'
import { readSpec, type StoredSpec } from './operation-spec.js'

/** How far noting is: for each list the end of what is not yet looked at, and what stood just before that end. */
export interface Scan {
  lists: { end: number; anchors: string[] }[]
}

/** Entries a step acts on. */
export const STEP = 100
/** And fewer where they are large: a step reads them, and sends them back, in one call. */
const STEP_BYTES = 4_000_000
/** Entries looked at in one read while noting. */
const LOOK = 500
/** How many digests of a list tell where noting stopped. All are written with each note. */
export function anchorsOf(lists: number): number {
  return Math.max(20, Math.min(200, Math.floor(4_000 / lists)))
}
/** So often what was not found is looked for again; only a list that moves faster than it can be read needs more than one. */
const MAX_ROUNDS = 5

/** A list that changed so much while it was noted that old entries cannot be told from new ones. */
class ChangedError extends Error {
  constructor() {
    super('The list changed too much while it was looked through. Nothing was done; begin again.')
  }
}

/** Its runner died before it had said which entries are meant, or between two lists that it emptied. */
class BrokenOffError extends Error {
  constructor() {
    super('The web process died while this began. What was removed can be had back by an undo.')
  }
}

export interface RunOptions {
  store: Store
  owner: string
  leaseMs: number
  now: () => Date
  /** Called after each step with how many entries it took; resolves when the next may begin. */
  pause: (count: number) => Promise<void>
  /** Called when entries of a failed list were changed. */
  changed: () => void
}

export class Run {
  readonly #options: RunOptions
  readonly #id: string
  readonly #spec: StoredSpec
  readonly #matches: (name: string, entry: Entry) => { isMeant: boolean; job?: FailedJob }
  /** Of the last look through a list: its number → digest → where it was found, highest first. */
  readonly #found = new Map<number, Map<string, number[]>>()
  #foundRound = 0

  constructor(record: OperationRecord, options: RunOptions) {
    this.#options = options
    this.#id = record.id
    this.#spec = readSpec(record)
    this.#matches = predicateOf(this.#spec)
  }

  /** Resolves when it has ended or is no longer ours. */
  async run(): Promise<void> {
    const { operations } = this.#options.store
    for (;;) {
      const record = await operations.read(this.#id)
      if (record?.state !== 'running') return
      const isOurs = record.phase === 'noting' ? await this.#note(record) : await this.#act(record.cursor)
      if (!isOurs) return
    }
  }

  // Noting.

  async #note(record: OperationRecord): Promise<boolean> {
    const scan = JSON.parse(record.scan) as Scan
    const at = scan.lists.findIndex(({ end }) => end > 0)
    const list = scan.lists[at]
    // Selected entries are noted by who begins it, and a list is emptied by who begins that.
    if (this.#spec.filter === undefined) throw new BrokenOffError()
    if (!list) return this.#keep(record.scan, [], 0, 0, scan, 'acting')
    const source = this.#source(at)
    const { entries, below } = await this.#readBefore(source, list)
    const meant: Entry[] = []
    let skipped = 0
    for (const entry of entries.toReversed()) {
      const { isMeant, job } = this.#matches(source.name, entry)
      if (!isMeant) continue
      if (job && !this.#canRetry(job)) skipped++
      else meant.push(entry)
    }
    scan.lists[at] = { end: entries[0]?.index ?? 0, anchors: below.map((entry) => entry.digest).reverse() }
    const elements = stepsOf(meant).map((refs) => writeElement(0, at, refs))
    return this.#keep(record.scan, elements, meant.length + skipped, skipped, scan, 'noting')
  }

  #keep(
    before: string,
    elements: string[],
    total: number,
    skipped: number,
    scan: Scan,
    phase: 'noting' | 'acting',
  ) {
    const { store, owner, leaseMs } = this.#options
    const note = { elements, total, skipped, before, scan: JSON.stringify(scan), phase }
    return store.operations.note(this.#id, owner, leaseMs, note)
  }

  /**
   * The entries before the end of what is not yet looked at, wherever that end is now, and some that stand below them.
   * Removals move the end towards the head; what was behind it must not come before it.
   */
  async #readBefore(source: Source, { end, anchors }: { end: number; anchors: string[] }) {
    const places = new Set(anchors)
    for (let attempt = 0; attempt < 10; attempt++) {
      const start = Math.max(0, end - LOOK)
      const first = Math.max(0, start - anchorsOf(this.#spec.lists.length))
      const read = await this.#options.store.entries.range(source, first, end - first)
      const last = read.findLastIndex((entry) => places.has(entry.digest))
      if (last >= start - first) {
        return { entries: read.slice(start - first, last + 1), below: read.slice(0, start - first) }
      }
      // It moved farther than was read.
      end = await this.#findEnd(source, end, places)
      if (end === 0) return { entries: [], below: [] }
    }
    throw new ChangedError()
  }

  async #findEnd(source: Source, end: number, places: ReadonlySet<string>): Promise<number> {
    const { entries } = this.#options.store
    for (let high = end; high > 0; high -= LOOK) {
      const low = Math.max(0, high - LOOK)
      const last = (await entries.digests(source, low, high - low)).digests.findLastIndex((each) =>
        places.has(each),
      )
      if (last >= 0) return low + last + 1
    }
    // None of them is left. From a queue they were taken, and all before them; so they were where there were no others.
    if (source.kind === 'queue' || places.size < anchorsOf(this.#spec.lists.length)) return 0
    if ((await entries.length(source)) === 0) return 0
    // What is below may be new, and new failures are not meant. Nothing has been done yet.
    throw new ChangedError()
  }

  #canRetry(job: FailedJob): boolean {
    return job.isReadable && (this.#spec.again === true || job.retriedAt === undefined)
  }

  // Acting.

  async #act(cursor: number): Promise<boolean> {
    const { store, owner } = this.#options
    const [text] = await store.operations.refs(this.#id, cursor, 1)
    if (text === undefined) {
      await store.operations.end(this.#id, 'done', { owner })
      return false
    }
    const { round, list, refs } = readElement(text)
    const { here, gone } =
      round === 0 ? { here: refs, gone: 0 } : await this.#lookUp(cursor, round, list, refs)
    const source = this.#source(list)
    const step = {
      id: this.#id,
      owner,
      leaseMs: this.#options.leaseMs,
      skipped: 0,
      gone,
      cursor,
      deferred: [] as EntryRef[],
    }
    const deferAs = `${round + 1} ${list} `
    const fates =
      this.#spec.kind === 'retry'
        ? await this.#retry(source, here, { ...step, deferAs })
        : await store.entries.remove(
            source,
            here,
            { id: this.#id, part: list, ttlMs: TRASH_TTL_MS },
            { ...step, deferAs },
          )
    if (fates === null) return false
    if (source.kind === 'failed') this.#options.changed()
    await this.#options.pause(refs.length)
    return true
  }

  async #retry(source: Source, refs: EntryRef[], step: Parameters<Store['entries']['requeue']>[2] & object) {
    const { store, now } = this.#options
    const entries = await this.#read(source, refs)
    const deferred = refs.filter((_, i) => entries[i] === undefined)
    const jobs = entries.flatMap((entry) => {
      return entry ? [{ entry, job: readFailedJob(source.name, entry.index, entry.bytes) }] : []
    })
    // Selected ones were not looked at before.
    const ready = jobs.filter(({ job }) => this.#canRetry(job))
    const moves = ready.map(({ entry, job }) => ({
      index: entry.index,
      digest: entry.digest,
      entry: this.#spec.drop ? undefined : retriedEntry(entry.bytes, now()),
      queue: this.#spec.queue ?? job.queue,
      payload: job.payload,
    }))
    return store.entries.requeue(source.name, moves, {
      ...step,
      deferred,
      skipped: jobs.length - ready.length,
    })
  }

  /** The entries of these refs, those that are found near where they were. */
  async #read(source: Source, refs: EntryRef[]): Promise<(Entry | undefined)[]> {
    const { entries } = this.#options.store
    const found = (
      await entries.at(
        source,
        refs.map((ref) => ref.index),
      )
    ).map((entry, i) => (entry?.digest === refs[i]?.digest ? entry : undefined))
    const lost = refs.flatMap((ref, i) => (found[i] ? [] : [{ ref, i }]))
    if (lost.length === 0) return found
    const high = Math.max(...lost.map(({ ref }) => ref.index))
    const low = Math.max(0, Math.min(...lost.map(({ ref }) => ref.index)) - 200)
    if (high - low > 2_000) return found
    const { digests } = await entries.digests(source, low, high - low + 1)
    const taken = new Set(found.flatMap((entry) => (entry ? [entry.index] : [])))
    const places = lost.map(({ ref }) => {
      let at = ref.index
      while (at >= low && (digests[at - low] !== ref.digest || taken.has(at))) at--
      if (at >= low) taken.add(at)
      return at
    })
    const again = await entries.at(
      source,
      places.map((at) => Math.max(at, 0)),
    )
    lost.forEach(({ ref, i }, k) => {
      if (again[k]?.digest === ref.digest) found[i] = again[k]
    })
    return found
  }

  /** Where refs that were put off are now; those that a look through the whole list did not find are gone. */
  async #lookUp(cursor: number, round: number, list: number, refs: EntryRef[]) {
    if (round > MAX_ROUNDS) return { here: [], gone: refs.length }
    if (round > this.#foundRound) {
      await this.#lookThrough(cursor)
      this.#foundRound = round
    }
    const places = this.#found.get(list)
    const here = refs.flatMap((ref) => {
      const index = places?.get(ref.digest)?.pop()
      return index === undefined ? [] : [{ index, digest: ref.digest }]
    })
    return { here, gone: refs.length - here.length }
  }

  /** From the tail to the head, since that is how entries move: none is passed over. */
  async #lookThrough(cursor: number): Promise<void> {
    const { entries, operations } = this.#options.store
    this.#found.clear()
    for (let start = cursor; ; start += LOOK) {
      const elements = await operations.refs(this.#id, start, LOOK)
      for (const { list, refs } of elements.map(readElement)) {
        const wanted = this.#found.get(list) ?? new Map<string, number[]>()
        for (const ref of refs) wanted.set(ref.digest, [])
        this.#found.set(list, wanted)
      }
      if (elements.length < LOOK) break
    }
    for (const [list, wanted] of this.#found) {
      const source = this.#source(list)
      for (let high = await entries.length(source); high > 0; high -= LOOK) {
        const low = Math.max(0, high - LOOK)
        const { digests } = await entries.digests(source, low, high - low)
        for (let i = digests.length - 1; i >= 0; i--) wanted.get(digests[i] as string)?.push(low + i)
        await this.#options.pause(0)
      }
      for (const places of wanted.values()) places.reverse()
    }
  }

  #source(list: number): Source {
    // What is done at once is never run.
    return { kind: this.#spec.source as Source['kind'], name: this.#spec.lists[list] ?? '' }
  }
}

/** What one step takes at a time: so many entries, or fewer that weigh so much. */
function stepsOf(entries: readonly Entry[]): Entry[][] {
  const steps: Entry[][] = []
  let step: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (step.length === STEP || (step.length > 0 && bytes + entry.bytes.length > STEP_BYTES)) {
      steps.push(step)
      step = []
      bytes = 0
    }
    step.push(entry)
    bytes += entry.bytes.length
  }
  return step.length === 0 ? steps : [...steps, step]
}

/** `<round> <number of the list> <refs>` */
export function writeElement(round: number, list: number, refs: readonly EntryRef[]): string {
  return `${round} ${list} ${writeRefs(refs)}`
}

function readElement(text: string): { round: number; list: number; refs: EntryRef[] } {
  const [, round, list, refs] = /^(\d+) (\d+) (.*)$/s.exec(text) ?? []
  return { round: Number(round), list: Number(list), refs: readRefs(refs ?? '') }
}

function predicateOf(
  spec: StoredSpec,
): (name: string, entry: Entry) => { isMeant: boolean; job?: FailedJob } {
  const query = new URLSearchParams(spec.filter ?? '')
  if (spec.source === 'queue') {
    const filter = parsePendingFilter(query)
    return (_, entry) => ({ isMeant: matchesPending(filter, entry.bytes.toString()) })
  }
  const filter = parseFailureFilter(query)
  return (name, entry) => {
    const job = readFailedJob(name, entry.index, entry.bytes)
    return { isMeant: matchesFailure(filter, job), ...(spec.kind === 'retry' ? { job } : {}) }
  }
}
