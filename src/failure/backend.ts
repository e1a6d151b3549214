/**
 * Where failed jobs go: the contract of a failure backend, and the safe way to use one.
 *
 * A backend of your own is an object with these members. It may keep failures in Redis, by returning entries
 * that are written in the same atomic step that ends the job; or elsewhere, by sending them there itself.
 */
import type { Logger } from '../context.js'
import { messageOf } from '../errors.js'
import { encodeFailure, type Failure } from '../store/records.js'
import type { FailureEntry } from '../store/slots.js'
import type { Store } from '../store/store.js'

export type { Failure, FailureEntry }

export interface FailureBackend {
  /** Stores one failure, or returns what shall be appended to lists in Redis, or both. */
  save(failure: Failure): FailureEntry[] | Promise<FailureEntry[]>
  /** The names of its lists in Redis, for reading; none if it keeps failures elsewhere. */
  lists(store: Store): Promise<string[]>
  /** The list that failures of this queue are in; undefined if it keeps them elsewhere. */
  listOf(queue: string): string | undefined
}

/** The list of the plain Redis backend, and the place of last resort for every other. */
export const FAILED = 'failed'

/**
 * What to write for a failure. A backend that throws costs no failure: it goes to the list `failed`, and the
 * backend's error to the log. (Ruby only logs, and the job is gone: protocol 16.1.7.)
 */
export async function entriesOf(
  backend: FailureBackend,
  failure: Failure,
  log: Logger,
): Promise<FailureEntry[]> {
  try {
    return await backend.save(failure)
  } catch (error) {
    log.error(
      { err: error, class: failure.exception, queue: failure.queue },
      `The failure backend threw (${messageOf(error)}); the failure goes to the list "${FAILED}" instead.`,
    )
    return [{ list: FAILED, text: encodeFailure(failure) }]
  }
}
