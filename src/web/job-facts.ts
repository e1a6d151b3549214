/**
 * What a payload says of its job besides class and arguments; most say nothing.
 */
import { enqueuedMs, type ParsedJob } from '../job.js'
import { isJsonObject, memberText } from '../json.js'
import type { FailedJob } from '../store/records.js'

/** The id that a payload carries: our own, Sidekiq's word for it, or ActiveJob's in its envelope; '' where there is none. */
export function jobIdOf(payload: unknown): string {
  if (!isJsonObject(payload)) return ''
  const ids = [payload.id, payload.jid, payload.job_id, envelopeOf(payload)?.job_id]
  const id = ids.find((each) => typeof each === 'string' && each !== '')
  return typeof id === 'string' ? id : ''
}

/** When it was enqueued, by its own word. */
export function enqueuedAtOf(payload: unknown): Date | undefined {
  if (!isJsonObject(payload)) return undefined
  const args = Array.isArray(payload.args) ? payload.args : []
  return enqueuedAt({ enqueuedAt: payload.enqueued_at ?? payload.queue_time ?? undefined, args })
}

/** As `enqueuedAtOf`, of a payload that was read. */
export function enqueuedAt(job: Pick<ParsedJob, 'enqueuedAt' | 'args'>): Date | undefined {
  const ms = enqueuedMs(job)
  return ms > 0 && ms <= LAST_MS ? new Date(ms) : undefined
}

/** The last instant that a Date can say. */
const LAST_MS = 8.64e15

/** Which try it is, 1 the first, where ActiveJob counts them. */
export function attemptOf(payload: unknown): number | undefined {
  const executions = isJsonObject(payload) ? envelopeOf(payload)?.executions : undefined
  return Number.isSafeInteger(executions) ? (executions as number) + 1 : undefined
}

/** The arguments of a payload that is JSON, as they stand there. */
export function argsText(payload: string): string {
  return memberText(payload, 'args') ?? '[]'
}

/** Those of a failed job, as its entry has them: `payload` is null where they make no job, and they are shown all the same. */
export function failedArgsText({ text }: Pick<FailedJob, 'text'>): string {
  return argsText(memberText(text, 'payload') ?? '')
}

function envelopeOf({ args }: Record<string, unknown>): Record<string, unknown> | undefined {
  const [first] = Array.isArray(args) ? args : []
  return isJsonObject(first) ? first : undefined
}
