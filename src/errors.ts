/**
 * Every error class of this package: its code, and the sentence it says.
 *
 * A message says what was expected, what came, and what to do about it. `code` is stable and meant for
 * programs; `wireName` is the name that stands in a failed record's `exception`, Ruby's name where Ruby has one.
 */

export interface ErrorDetails {
  /** What to do about it, one sentence. It is part of the message too. */
  hint?: string
  cause?: unknown
}

/** The base of every error this package makes. */
export class ResqueError extends Error {
  /** A stable, machine-readable name of what went wrong. */
  readonly code: string = 'RESQUE'
  readonly hint: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(details.hint ? `${message} ${details.hint}` : message, { cause: details.cause })
    this.name = new.target.name
    this.hint = details.hint
  }

  /** The exception's name in a failed record. */
  get wireName(): string {
    return this.name
  }
}

/** A job that names no queue. Ruby: `Resque::NoQueueError`, the same sentence. */
export class NoQueueError extends ResqueError {
  override readonly code = 'NO_QUEUE'
  override get wireName() {
    return 'Resque::NoQueueError'
  }
}

/** A job without a class name. Ruby: `Resque::NoClassError`, the same sentence. */
export class NoClassError extends ResqueError {
  override readonly code = 'NO_CLASS'
  override get wireName() {
    return 'Resque::NoClassError'
  }
}

/** An argument that JSON cannot carry, or would carry as something else. Thrown at enqueue; nothing is written. */
export class ArgumentsError extends ResqueError {
  override readonly code = 'ARGUMENTS'
}

/** A payload above `maxPayloadBytes`. Thrown at enqueue, or recorded as the failure of a job found in a queue. */
export class PayloadTooLargeError extends ResqueError {
  override readonly code = 'PAYLOAD_TOO_LARGE'
}

/** Something in a queue that is no job: not JSON, not an object, no class. It is parked in failed with this. */
export class InvalidPayloadError extends ResqueError {
  override readonly code = 'INVALID_PAYLOAD'
}

/** A job whose class the worker was not given. Ruby fails such a job with a NameError. */
export class UnknownJobError extends ResqueError {
  override readonly code = 'UNKNOWN_JOB'
}

/** An option, an environment variable or a call that cannot be right. */
export class ConfigError extends ResqueError {
  override readonly code = 'CONFIG'
}

/** Redis could not be reached, or did not answer, within the deadline of the call. */
export class ConnectionError extends ResqueError {
  override readonly code = 'CONNECTION'
}

/** Redis refused a command. `cause` holds what it said. */
export class CommandError extends ResqueError {
  override readonly code = 'COMMAND'
}

/** The client was closed before the call, or while it waited. */
export class ClosedError extends ResqueError {
  override readonly code = 'CLOSED'
}

/** A job that ran longer than its `timeoutMs`. */
export class JobTimeoutError extends ResqueError {
  override readonly code = 'JOB_TIMEOUT'
}

/** The end of a job whose process died, or that was killed. Ruby: `Resque::DirtyExit`. */
export class DirtyExit extends ResqueError {
  override readonly code: string = 'DIRTY_EXIT'
  override get wireName() {
    return 'Resque::DirtyExit'
  }
}

/** The end of a job whose worker stopped sending heartbeats. Ruby: `Resque::PruneDeadWorkerDirtyExit`. */
export class PruneDeadWorkerDirtyExit extends DirtyExit {
  override readonly code = 'PRUNED'
  override get wireName() {
    return 'Resque::PruneDeadWorkerDirtyExit'
  }
}

/** What a job's signal is aborted with when its worker is told to stop at once. Ruby: `Resque::TermException`. */
export class TermException extends ResqueError {
  override readonly code = 'TERM'
  override get wireName() {
    return 'Resque::TermException'
  }
}

/**
 * Throw it in a `before_perform` hook to drop the job without a failure. Ruby: `Resque::Job::DontPerform`.
 * Thrown anywhere else it is a failure like any other.
 */
export class DontPerform extends ResqueError {
  override readonly code = 'DONT_PERFORM'
  constructor(message = 'This job was stopped by a before_perform hook.') {
    super(message)
  }
  override get wireName() {
    return 'Resque::Job::DontPerform'
  }
}

/** An error in an `on_failure` hook. Ruby records a RuntimeError with the same sentence. */
export class FailureHookError extends ResqueError {
  override readonly code = 'FAILURE_HOOK'
  override get wireName() {
    return 'RuntimeError'
  }
}

/** The exception's name as a failed record shows it, for anything that can be thrown. */
export function wireNameOf(error: unknown): string {
  if (error instanceof ResqueError) return error.wireName
  // `class Boom extends Error {}` inherits the name "Error": its own says more.
  if (error instanceof Error)
    return (error.name !== 'Error' && error.name) || error.constructor.name || 'Error'
  return error === null ? 'null' : typeof error
}

/** The sentence of anything that can be thrown, as well-formed text. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return String(error.message).toWellFormed()
  try {
    return String(error).toWellFormed()
  } catch {
    return 'A value that cannot be shown as text was thrown.'
  }
}
