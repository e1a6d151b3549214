/**
 * What an operation is to do, and what a page shows of it.
 */
import { parseJson } from '../json.js'
import type { Source } from '../store/entries.js'
import type { OperationRecord, OperationState } from '../store/operations.js'
import { TRASH_TTL_MS } from '../store/trash.js'
import {
  type FailureFilter,
  formatFailureFilter,
  formatPendingFilter,
  type PendingFilter,
  parseFailureFilter,
  parsePendingFilter,
} from './filters.js'

interface BaseSpec {
  /** Entries a second at most. Default 1,000. */
  perSecond?: number | undefined
}

/** Which failed jobs: those that were selected, or all that match a filter when it is begun. */
type FailedTarget = { refs: readonly string[] } | { filter: FailureFilter }

export interface RetrySpec extends BaseSpec {
  kind: 'retry'
  failed: FailedTarget
  /** Into this queue instead of the one each came from. */
  queue?: string | undefined
  /** Those too that were put back before. */
  again?: boolean | undefined
  /** Drop the entries instead of marking them as retried. */
  drop?: boolean | undefined
}

export interface RemoveSpec extends BaseSpec {
  kind: 'remove'
  failed: FailedTarget
}

export interface RemovePendingSpec extends BaseSpec {
  kind: 'remove-pending'
  queue: string
  pending: { refs: readonly string[] } | { filter: PendingFilter }
}

export type OperationSpec = RetrySpec | RemoveSpec | RemovePendingSpec

/** As it lies in Redis. `filter` is a query; where it is missing, entries were selected. */
export interface StoredSpec {
  kind: OperationSpec['kind'] | 'clear' | 'remove-delayed' | 'remove-schedule'
  source: Source['kind'] | 'delayed' | 'schedule'
  /** Names of lists, of queues, of schedules; of delayed jobs their unix second, none for all. */
  lists: string[]
  filter?: string
  queue?: string
  again?: boolean
  drop?: boolean
  perSecond?: number
}

/** An operation as a page shows it. When it has ended, `done + skipped + gone` is `total`, unless it was cancelled. */
export interface Operation {
  id: string
  kind: StoredSpec['kind']
  source: StoredSpec['source']
  /** What it works on, by name. */
  lists: string[]
  failureFilter: FailureFilter | undefined
  pendingFilter: PendingFilter | undefined
  /** The queue that jobs are put on instead of their own. */
  intoQueue: string | undefined
  by: string
  state: OperationState
  /** `noting`: it looks for what it is to act on, and `total` grows. */
  phase: 'noting' | 'acting'
  createdAt: Date
  endedAt: Date | undefined
  total: number
  done: number
  /** Put back before, or no job that could be put back. */
  skipped: number
  /** Somebody else removed them, or put them back, meanwhile. */
  gone: number
  /** Whether it can be stopped: it is under way, and not done in one go. */
  isCancellable: boolean
  /** Whether what it removed can be had back, unless the trash has expired. */
  isUndoable: boolean
  error: string
}

export function storedSpec(spec: OperationSpec, lists: string[]): StoredSpec {
  const perSecond = spec.perSecond === undefined ? {} : { perSecond: spec.perSecond }
  if (spec.kind === 'remove-pending') {
    const filter =
      'filter' in spec.pending ? { filter: formatPendingFilter(spec.pending.filter).toString() } : {}
    return { kind: spec.kind, source: 'queue', lists, ...filter, ...perSecond }
  }
  const filter = 'filter' in spec.failed ? { filter: formatFailureFilter(spec.failed.filter).toString() } : {}
  const base = { source: 'failed' as const, lists, ...filter, ...perSecond }
  if (spec.kind === 'remove') return { kind: spec.kind, ...base }
  return {
    kind: spec.kind,
    ...base,
    ...(spec.queue === undefined ? {} : { queue: spec.queue }),
    ...(spec.again ? { again: true } : {}),
    ...(spec.drop ? { drop: true } : {}),
  }
}

export function readSpec(record: OperationRecord): StoredSpec {
  return parseJson(record.spec) as StoredSpec
}

const atOnce: readonly StoredSpec['kind'][] = ['clear', 'remove-delayed', 'remove-schedule']

export function asOperation(record: OperationRecord, now: Date): Operation {
  const spec = readSpec(record)
  const query = spec.filter === undefined ? undefined : new URLSearchParams(spec.filter)
  const { id, by, state, phase, createdAt, endedAt, total, done, skipped, gone, error } = record
  return {
    ...{ id, by, state, phase, createdAt, endedAt, total, done, skipped, gone, error },
    kind: spec.kind,
    source: spec.source,
    lists: spec.lists,
    failureFilter: query && spec.source === 'failed' ? parseFailureFilter(query) : undefined,
    pendingFilter: query && spec.source === 'queue' ? parsePendingFilter(query) : undefined,
    intoQueue: spec.queue,
    isCancellable: state === 'running' && !atOnce.includes(spec.kind),
    isUndoable:
      spec.kind !== 'retry' &&
      endedAt !== undefined &&
      now.getTime() - endedAt.getTime() < TRASH_TTL_MS &&
      (spec.kind === 'clear' || state === 'broken' || done > 0),
  }
}
