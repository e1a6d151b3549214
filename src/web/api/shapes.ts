/**
 * From what Redis holds to what the API answers; secrets are hidden on this way, as the pages hide them, but where a
 * call asks to see them.
 */
import type { DelayedJob } from '../../store/delayed.js'
import type { DelayedRow } from '../../store/delayed-glance.js'
import type { JobGlance } from '../../store/glance.js'
import type { FailedJob } from '../../store/records.js'
import type { Schedule } from '../../store/schedules.js'
import { redact, redactText } from '../access/redact.js'
import type { Removal } from '../actions.js'
import type { WebContext } from '../context.js'
import { rhythmOf } from '../cron.js'
import type { FailedRow, PendingRow } from '../entry-pages.js'
import type { Plot } from '../history.js'
import type { Operation } from '../operation-spec.js'
import type { WorkerLine } from '../snapshot.js'
import { API } from './endpoint.js'

export function removalShape({ count, undoPath }: Removal) {
  return { count, undo: undoPath === undefined ? null : API + undoPath }
}

function readableArgs(web: WebContext, args: unknown, isReadable = true): unknown {
  return isReadable ? (redact(args, web.settings.secrets) ?? null) : null
}

export function pendingShape(web: WebContext, row: PendingRow) {
  const { ref, index, isReadable, sizeBytes } = row
  return {
    ref,
    index,
    class: row.class,
    args: readableArgs(web, row.args, isReadable),
    enqueuedAt: row.enqueuedAt ?? null,
    isReadable,
    sizeBytes,
  }
}

export function workerShape(web: WebContext, worker: WorkerLine) {
  const { id, host, pid, queues, state, started, heartbeat = null, process = null, job } = worker
  return {
    ...{ id, host, pid, queues, state, started, heartbeat, process },
    job: job === undefined ? null : workShape(web, job),
  }
}

function workShape(web: WebContext, job: JobGlance) {
  const { queue, runAt, payload, isWhole, broken, bytes } = job
  return {
    ...{ queue, runAt, class: job.class },
    args: readableArgs(web, payload?.args, isWhole),
    isReadable: broken === undefined,
    sizeBytes: bytes,
  }
}

function failedShape(web: WebContext, job: FailedJob, sizeBytes: number, isWhole = true) {
  const { ref, list, queue, exception, error, failedAt, retriedAt = null, worker, isReadable } = job
  return {
    ...{ ref, list, class: job.class, args: readableArgs(web, job.args, isReadable && isWhole) },
    ...{ queue, exception, error: redactText(error, web.settings.secrets) },
    ...{ failedAt, retriedAt, worker, isReadable, sizeBytes },
  }
}

export function failedRowShape(web: WebContext, { job, sizeBytes, isWhole }: FailedRow) {
  return failedShape(web, job, sizeBytes, isWhole)
}

export function failedDetailShape(web: WebContext, job: FailedJob) {
  const backtrace = job.backtrace.map((line) => redactText(line, web.settings.secrets))
  return { ...failedShape(web, job, Buffer.byteLength(job.text)), backtrace }
}

export function operationShape(operation: Operation) {
  const { id, kind, source, lists, intoQueue = null, by, state, phase, createdAt, endedAt = null } = operation
  const { total, done, skipped, gone, isUndoable, error } = operation
  return {
    ...{ id, kind, source, lists, intoQueue, by, state, phase, createdAt, endedAt },
    ...{ total, done, skipped, gone, isUndoable, error },
  }
}

export function delayedShape(web: WebContext, job: DelayedJob | DelayedRow) {
  const { ref, time, queue, isReadable } = job
  return { ref, time, class: job.class, args: readableArgs(web, job.args, isReadable), queue, isReadable }
}

export function scheduleShape(web: WebContext, schedule: Schedule) {
  const {
    name,
    args,
    queue = null,
    cron = null,
    every = null,
    description = null,
    environments = null,
  } = schedule
  const { words = null, zone = null, next } = rhythmOf(schedule, web.now())
  return {
    ...{ name, class: schedule.class, args: readableArgs(web, args), queue, cron, every, description },
    ...{ environments, lastEnqueuedAt: schedule.lastEnqueuedAt ?? null, words, zone, next },
    isReadable: schedule.isReadable,
  }
}

export function plotShape({ fromMs, stepMs, lines }: Plot) {
  return {
    from: new Date(fromMs),
    stepMs,
    lines: lines.map(({ name, values }) => ({ name, values })),
  }
}
