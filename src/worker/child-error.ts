/**
 * A job's error that happened in another process.
 */
import { ResqueError } from '../errors.js'
import type { SentError } from './child-protocol.js'

/** An error that happened in a child. Its failure hooks have run there. */
export class ChildError extends ResqueError {
  override readonly code = 'CHILD'
  readonly #sent: SentError
  constructor(sent: SentError) {
    super(sent.message)
    this.#sent = sent
  }
  override get wireName(): string {
    return this.#sent.exception
  }
  get backtrace(): string[] {
    return this.#sent.backtrace
  }
}
