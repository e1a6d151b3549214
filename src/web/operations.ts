/**
 * Work on many entries, in the background: put back, remove, empty, and undo. What is under way lies in Redis, so an
 * operation outlives the process that runs it: when its lease runs out, any other web process takes it up.
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from '../context.js'
import { ArgumentsError, ClosedError, ConnectionError, messageOf } from '../errors.js'
import type { EntryRef, Source } from '../store/entries.js'
import type { OperationRecord } from '../store/operations.js'
import type { Store } from '../store/store.js'
import type { Undone } from '../store/trash.js'
import { type FailedLists, failedListsOf } from './failed-lists.js'
import { anchorsOf, Run, type Scan, STEP, writeElement } from './operation-run.js'
import {
  asOperation,
  type Operation,
  type OperationSpec,
  readSpec,
  type StoredSpec,
  storedSpec,
} from './operation-spec.js'
import { readMark, refsOf } from './operation-target.js'

export interface OperationsOptions {
  store: Store
  /** The names of the failed lists: `resque.failed.lists`. */
  failedLists: FailedLists
  log: Logger
  now?: () => Date
  /** Called when failed lists were changed from here; the index then looks again. */
  changed?: () => void
  /** Called when one has ended that went on after whoever began it was answered. */
  ended?: (operation: Operation) => void
  /** Entries a second at most, where an operation says nothing. Default 1,000. */
  perSecond?: number
  /** How long a runner may be silent before another takes over. Default 15 s. */
  leaseMs?: number
}

export interface StartOptions {
  /** Who begins it. */
  by: string
  /** Made with the form; the same id again is the same operation, so a form sent twice acts once. Default: a new one. */
  id?: string
  /** Wait so long for its end. Default: not at all. */
  waitMs?: number
  /** From `mark`: what came after that is not meant. Default: what is there now. */
  mark?: string | undefined
}

const DEFAULT_LEASE_MS = 15_000
const DEFAULT_PER_SECOND = 1_000

export class Operations {
  readonly #options: OperationsOptions
  readonly #owner = randomUUID()
  readonly #leaseMs: number
  readonly #running = new Map<string, Promise<void>>()
  /** Those that somebody was told are under way. */
  readonly #told = new Set<string>()
  /** Made, and not yet run: not to be taken up. */
  readonly #starting = new Set<string>()
  readonly #timer: NodeJS.Timeout
  readonly #closing = new AbortController()

  constructor(options: OperationsOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS
    this.#timer = setInterval(() => void this.takeUp(), this.#leaseMs / 2).unref()
  }

  /**
   * Begins an operation. What it acts on is what is there at this moment: what fails or is enqueued later is not
   * touched. Rejects with ArgumentsError where a ref cannot be read, or names a list that is no failed list.
   */
  async start(spec: OperationSpec, { by, id = newId(), waitMs = 0, mark }: StartOptions): Promise<Operation> {
    checkId(id)
    const refs = refsOf(spec)
    const lists = refs ? [...refs.keys()] : await this.#listsOf(spec)
    const source = spec.kind === 'remove-pending' ? 'queue' : 'failed'
    if (source === 'failed') for (const list of lists) await failedListsOf(this.#options.failedLists, list)
    const stored = storedSpec(spec, lists)
    const marked = mark === undefined ? undefined : readMark(mark)
    const ends = lists.map((name) => marked?.get(name) ?? { end: 0, anchors: [] })
    const scan: Scan = { lists: refs ? [] : marked ? ends : await this.#snapshot(source, lists) }
    let isNew = false
    this.#starting.add(id)
    try {
      const { operations } = this.#options.store
      isNew = await operations.create(id, {
        spec: JSON.stringify(stored),
        scan: JSON.stringify(scan),
        by,
        owner: this.#owner,
        leaseMs: this.#leaseMs,
      })
      if (isNew && refs) await this.#noteAll(id, [...refs.values()])
      if (isNew) this.#run(id)
    } finally {
      this.#starting.delete(id)
    }
    if (waitMs > 0) await this.#ended(id, waitMs)
    const operation = (await this.get(id)) as Operation
    // It may have ended since it was read.
    if (isNew && operation.state === 'running') {
      this.#told.add(id)
      if (!this.#running.has(id)) await this.#tell(id)
    }
    return operation
  }

  /**
   * Where the lists end at this moment, as text for a form: an operation that is begun with it touches nothing that
   * came after the number was shown. And how many entries stand there.
   */
  async mark(kind: Source['kind'], names: readonly string[]): Promise<{ mark: string; count: number }> {
    const lists = await this.#snapshot(kind, [...names])
    const text = JSON.stringify(Object.fromEntries(names.map((name, i) => [name, lists[i]])))
    // In letters that no browser changes on their way through a form.
    const mark = text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    return { mark, count: lists.reduce((sum, { end }) => sum + end, 0) }
  }

  /** Empties a queue into the trash, in one step; `unlist` takes its name away too. */
  async clearQueue(queue: string, { by, id = newId(), unlist = false }: StartOptions & { unlist?: boolean }) {
    return this.#clear([{ kind: 'queue', name: queue }], by, id, { unlist })
  }

  /**
   * Empties one failed list, or all, into the trash, each in one step. A list that has grown since `mark` is not emptied
   * but cleaned of what was there then, in the background.
   */
  async clearFailed(list: string | undefined, { by, id = newId(), waitMs = 0, mark }: StartOptions) {
    const lists = await failedListsOf(this.#options.failedLists, list)
    const marked = mark === undefined ? undefined : readMark(mark)
    const lasts = marked && lists.map((name) => marked.get(name)?.anchors[0] ?? 'none')
    if (lasts && (await this.#haveGrown(lists, lasts))) {
      const filter = list === undefined ? {} : { list }
      return this.start({ kind: 'remove', failed: { filter } }, { by, id, waitMs, mark })
    }
    const cleared = await this.#clear(
      lists.map((name) => ({ kind: 'failed' as const, name })),
      by,
      id,
      { lasts },
    )
    this.#options.changed?.()
    return cleared
  }

  /** Removes at once what `remove` takes into the trash of the id that it is given; noted, so that it can be found. */
  async remove(
    spec: Pick<StoredSpec, 'lists'> & { kind: 'remove-delayed' | 'remove-schedule' },
    by: string,
    remove: (trash: string) => Promise<number>,
  ): Promise<Operation> {
    const source = spec.kind === 'remove-delayed' ? 'delayed' : 'schedule'
    return this.#atOnce({ ...spec, source }, by, newId(), remove)
  }

  async get(id: string): Promise<Operation | undefined> {
    const record = await this.#options.store.operations.read(checkId(id))
    return record && this.#asOperation(record)
  }

  /** The newest first. */
  async recent(limit = 50): Promise<Operation[]> {
    return (await this.#options.store.operations.recent(limit)).map((record) => this.#asOperation(record))
  }

  #asOperation(record: OperationRecord): Operation {
    return asOperation(record, this.#options.now?.() ?? new Date())
  }

  /** Stops it; what is done stays done. False when it has ended before, or is done in one go. */
  async cancel(id: string): Promise<boolean> {
    if (!(await this.get(id))?.isCancellable) return false
    return this.#options.store.operations.end(checkId(id), 'cancelled')
  }

  /** Puts back what it removed. `running`: cancel it first. Each entry comes back once, however often this is called. */
  async undo(id: string): Promise<Undone | { restored: 0; state: 'running' }> {
    const operation = await this.get(id)
    if (operation?.state === 'running') return { restored: 0, state: 'running' }
    const undone = await this.#options.store.trash.undo(checkId(id))
    this.#options.changed?.()
    return undone
  }

  /** Takes up operations whose runner is gone. Called by itself twice within a lease. */
  async takeUp(): Promise<void> {
    try {
      const { operations } = this.#options.store
      for (const id of await operations.running()) {
        if (this.#running.has(id) || this.#starting.has(id) || this.#closing.signal.aborted) continue
        const isOurs = await operations.claim(id, this.#owner, this.#leaseMs)
        if (!isOurs || this.#running.has(id)) continue
        this.#told.add(id)
        this.#run(id)
      }
    } catch (error) {
      if (!this.#closing.signal.aborted)
        this.#options.log.warn({ err: error }, `Operations could not be looked for: ${messageOf(error)}`)
    }
  }

  /** Leaves what is under way to others, between two steps. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort()
    await Promise.all(this.#running.values())
  }

  #run(id: string): void {
    const running = this.#work(id)
      .catch((error: unknown) => {
        this.#options.log.error({ err: error, operation: id }, `An operation stopped: ${messageOf(error)}`)
      })
      .then(() => {
        this.#running.delete(id)
        return this.#tell(id)
      })
    this.#running.set(id, running)
  }

  /** Says how it ended, once, where that was not said to whoever began it; what is left to others they say. */
  async #tell(id: string): Promise<void> {
    const { ended, log } = this.#options
    if (!this.#told.has(id)) return
    try {
      const operation = await this.get(id)
      if (operation && operation.state !== 'running' && this.#told.delete(id)) ended?.(operation)
    } catch (error) {
      log.warn({ err: error, operation: id }, `How an operation ended is not known: ${messageOf(error)}`)
    }
  }

  async #work(id: string): Promise<void> {
    const { store, log, now = () => new Date(), changed = () => {} } = this.#options
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        const record = await store.operations.read(id)
        if (record?.state !== 'running') return
        const pause = this.#pacer(id, record)
        await new Run(record, {
          store,
          owner: this.#owner,
          leaseMs: this.#leaseMs,
          now,
          pause,
          changed,
        }).run()
        return
      } catch (error) {
        if (signal.aborted || error instanceof ClosedError) return
        if (!(error instanceof ConnectionError)) {
          await store.operations.end(id, 'broken', { owner: this.#owner, error: messageOf(error) })
          return
        }
        // Whether the last step was done stands in Redis.
        log.warn({ err: error, operation: id }, 'An operation waits for Redis.')
        await sleep(500, signal)
        if (!(await store.operations.claim(id, this.#owner, this.#leaseMs).catch(() => true))) return
      }
    }
  }

  /** Keeps the pace of an operation, and its lease while it rests. */
  #pacer(id: string, record: OperationRecord): (count: number) => Promise<void> {
    const perSecond = readSpec(record).perSecond ?? this.#options.perSecond ?? DEFAULT_PER_SECOND
    let dueAt = performance.now()
    let renewedAt = dueAt
    const { signal } = this.#closing
    return async (count) => {
      dueAt = Math.max(dueAt, performance.now() - 1_000) + (count / perSecond) * 1_000
      for (;;) {
        if (performance.now() - renewedAt > this.#leaseMs / 3) {
          renewedAt = performance.now()
          await this.#options.store.operations.claim(id, this.#owner, this.#leaseMs)
        }
        const restMs = Math.min(dueAt - performance.now(), this.#leaseMs / 3)
        if (signal.aborted) throw new ClosedError('The web process stops.')
        if (restMs <= 0) return
        await sleep(restMs, signal)
      }
    }
  }

  async #listsOf(spec: OperationSpec): Promise<string[]> {
    if (spec.kind === 'remove-pending') return [spec.queue]
    const list = 'filter' in spec.failed ? spec.failed.filter.list : undefined
    return failedListsOf(this.#options.failedLists, list)
  }

  async #snapshot(kind: Source['kind'], lists: string[]): Promise<Scan['lists']> {
    const anchors = anchorsOf(lists.length)
    const { entries } = this.#options.store
    const looks = lists.map((name) => entries.digests({ kind, name }, -anchors, anchors))
    return (await Promise.all(looks)).map(({ length, digests }) => ({
      end: length,
      anchors: digests.reverse(),
    }))
  }

  async #noteAll(id: string, lists: EntryRef[][]): Promise<boolean> {
    const elements = lists.flatMap((refs, list) => {
      const sorted = refs.toSorted((a, b) => b.index - a.index)
      const count = Math.ceil(sorted.length / STEP)
      return Array.from({ length: count }, (_, i) =>
        writeElement(0, list, sorted.slice(i * STEP, (i + 1) * STEP)),
      )
    })
    const total = lists.reduce((sum, refs) => sum + refs.length, 0)
    const note = {
      elements,
      total,
      skipped: 0,
      before: '{"lists":[]}',
      scan: '{"lists":[]}',
      phase: 'acting' as const,
    }
    return this.#options.store.operations.note(id, this.#owner, this.#leaseMs, note)
  }

  async #haveGrown(lists: readonly string[], lasts: readonly string[]): Promise<boolean> {
    const { entries } = this.#options.store
    const tails = await Promise.all(lists.map((name) => entries.digests({ kind: 'failed', name }, -1, 1)))
    return tails.some(({ digests: [last] }, i) => last !== undefined && last !== lasts[i])
  }

  async #clear(
    sources: Source[],
    by: string,
    id: string,
    { unlist = false, lasts }: { unlist?: boolean; lasts?: string[] | undefined },
  ): Promise<Operation> {
    const { trash } = this.#options.store
    const spec: StoredSpec = {
      kind: 'clear',
      source: sources[0]?.kind ?? 'failed',
      lists: sources.map(({ name }) => name),
    }
    return this.#atOnce(spec, by, id, async () => {
      let count = 0
      for (const [part, source] of sources.entries())
        count += Math.max(0, await trash.clear(id, part, source, { unlist, last: lasts?.[part] ?? '' }))
      return count
    })
  }

  async #atOnce(spec: StoredSpec, by: string, id: string, act: (trash: string) => Promise<number>) {
    const { operations } = this.#options.store
    const noted = { spec: JSON.stringify(spec), scan: '{"lists":[]}', by }
    const renew = () => void operations.claim(id, this.#owner, this.#leaseMs).catch(() => {})
    const renewal = setInterval(renew, this.#leaseMs / 3)
    this.#starting.add(checkId(id))
    try {
      if (await operations.create(id, { ...noted, owner: this.#owner, leaseMs: this.#leaseMs }))
        await operations.end(id, 'done', { owner: this.#owner, done: await act(id) })
    } finally {
      clearInterval(renewal)
      this.#starting.delete(id)
    }
    return (await this.get(id)) as Operation
  }

  /** Resolves when it has ended, here or elsewhere, or when the time is up. */
  async #ended(id: string, waitMs: number): Promise<void> {
    const giveUp = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(waitMs)])
    await Promise.race([this.#running.get(id), sleep(waitMs, giveUp)])
  }
}

/** An id for a form, so that sending it twice acts once. */
export function newId(): string {
  return randomUUID()
}

function checkId(id: string): string {
  if (/^[0-9a-zA-Z-]{8,64}$/.test(id)) return id
  throw new ArgumentsError(`This is no id of an operation: ${JSON.stringify(id.slice(0, 100))}.`)
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
