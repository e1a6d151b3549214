/**
 * From the fate of a job to what is written of it: outcome → ending.
 */
import type { Logger } from '../context.js'
import { InvalidPayloadError, messageOf, wireNameOf } from '../errors.js'
import { entriesOf, type FailureBackend } from '../failure/backend.js'
import type { Payload } from '../store/records.js'
import type { Ending } from '../store/slots.js'
import { ChildError } from './child-error.js'

/** A job that failed, and why. */
export interface FailedAttempt {
  payload: Payload
  queue: string
  workerId: string
  error: unknown
}

/** The ending of a failed job: the failure's record goes to Redis in the step that ends the job. */
export async function failedEnding(
  attempt: FailedAttempt,
  backend: FailureBackend,
  log: Logger,
): Promise<Ending> {
  const { payload, queue, workerId, error } = attempt
  const failure = {
    failedAt: new Date(),
    payload,
    exception: wireNameOf(error),
    error: messageOf(error),
    backtrace: backtraceOf(error),
    worker: workerId,
    queue,
  }
  return { kind: 'failed', entries: await entriesOf(backend, failure, log) }
}

const ownCode = [new URL('../hooks.js', import.meta.url).href, new URL('./', import.meta.url).href]

/**
 * The frames of an error's stack up to the code that performs jobs, as Ruby cuts at its `job.rb` (FR). The error of
 * a job that was killed or never ran has none.
 */
export function backtraceOf(error: unknown): string[] {
  if (error instanceof ChildError) return error.backtrace
  // Of whoever read the payload; no job ran.
  if (error instanceof InvalidPayloadError) return []
  if (!(error instanceof Error) || typeof error.stack !== 'string') return []
  const frames: string[] = []
  for (const line of error.stack.split('\n')) {
    const frame = /^\s+at (.*)$/.exec(line)?.[1]
    if (frame === undefined) continue
    if (ownCode.some((each) => frame.includes(each))) break
    frames.push(frame)
  }
  return frames
}
