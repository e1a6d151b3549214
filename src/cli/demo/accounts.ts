/**
 * Whether every job of the demo came to the end it had to come to: the plan, held against what the jobs noted and
 * against the failed jobs.
 */
import type { FailedJob } from '../../store/records.js'
import type { LedgerReader } from './ledger.js'
import type { PlannedJob } from './plan.js'

export interface Accounts {
  /** What is not as it must be, a sentence for each job. Empty: all is accounted for. */
  missing: string[]
  /** Failed jobs by exception, with one of their messages. */
  failedBy: Map<string, { count: number; error: string }>
  /** Failed jobs that were put back, and done then. */
  doneAtRetry: number
}

export function account(
  plan: readonly PlannedJob[],
  ledger: LedgerReader,
  failed: readonly FailedJob[],
): Accounts {
  const failures = new Map<number, FailedJob>()
  const failedBy: Accounts['failedBy'] = new Map()
  const missing: string[] = []
  for (const job of failed) {
    const id = idOf(job)
    if (failures.has(id)) missing.push(`Job ${id} failed twice, and only once could it.`)
    failures.set(id, job)
    const entry = failedBy.get(job.exception) ?? { count: 0, error: job.error }
    failedBy.set(job.exception, { ...entry, count: entry.count + 1 })
  }
  let doneAtRetry = 0
  for (const job of plan) {
    const failure = failures.get(job.id)
    failures.delete(job.id)
    const isDone = ledger.doneAt.has(job.id)
    const complaint = complaintOf(job, { isDone, hasRun: ledger.startedAt.has(job.id), failure })
    if (complaint !== undefined) missing.push(`Job ${job.id} (${nameOf(job)}) ${complaint}`)
    if (failure?.retriedAt !== undefined && isDone) doneAtRetry++
  }
  for (const id of failures.keys()) missing.push(`A job ${id} is among the failed that was never placed.`)
  return { missing, failedBy, doneAtRetry }
}

interface Evidence {
  isDone: boolean
  hasRun: boolean
  failure: FailedJob | undefined
}

function complaintOf(
  { fate, raw, queue }: PlannedJob,
  { isDone, hasRun, failure }: Evidence,
): string | undefined {
  if (fate.kind === 'failed') {
    if (!failure) return 'is not among the failed, where it belongs.'
    if (failure.exception !== fate.exception)
      return `failed as ${failure.exception}, and not as ${fate.exception}.`
    if (failure.queue !== queue)
      return `is said to come from the queue ${failure.queue}, and not from ${queue}.`
    if (raw !== undefined && failure.payload.toString() !== raw) return 'came out other than it went in.'
    if (fate.runs && !hasRun) return 'failed and never ran.'
    return isDone ? 'ran to its end, and must not have.' : undefined
  }
  if (!hasRun) return 'never ran.'
  if (!isDone) return 'did not run to its end.'
  if (!failure) return undefined
  if (fate.kind === 'done') return `failed as ${failure.exception}, and must not have.`
  if (failure.exception !== fate.exception)
    return `failed as ${failure.exception}, and not as ${fate.exception}.`
  return failure.retriedAt === undefined ? 'failed, and was not put back.' : undefined
}

/** The number of a job in the demo: its first argument, or what its text says. */
function idOf({ args, payload }: FailedJob): number {
  const first: unknown = Array.isArray(args) ? args[0] : undefined
  return typeof first === 'number' ? first : Number(/job (\d+)/.exec(payload.toString())?.[1] ?? Number.NaN)
}

function nameOf({ job, raw }: PlannedJob): string {
  return job?.name ?? raw ?? ''
}
