/**
 * What a job is: how it is defined, and what stands for it in Redis.
 *
 * A job is a name, a queue and a function. On the wire it is `{"class":"Archive","args":[44,"master"]}`:
 * these two keys, in this order, no spaces (protocol 1.3). What the checks below refuse would either not
 * survive JSON or stop a Ruby worker.
 */
import { isUtf8 } from 'node:buffer'
import type { JobContext } from './context.js'
import {
  ArgumentsError,
  ConfigError,
  InvalidPayloadError,
  NoClassError,
  PayloadTooLargeError,
} from './errors.js'
import { isJsonObject } from './json.js'

/** Anything JSON can carry. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue | undefined }

/**
 * What can be enqueued and performed: the result of `defineJob`, or a class with static members as in Ruby.
 * Its further members may be hooks (`hooks.ts`) and the settings below.
 */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of "any job" cannot be named; `ArgsOf` recovers them.
export interface AnyJob<Args extends any[] = any[]> {
  /** The class name on the wire. A class has it by nature. */
  readonly name: string
  /** The queue, or a function that gives it. Ruby: `@queue`, or `self.queue`. */
  readonly queue?: string | (() => string) | undefined
  perform(...args: Args): unknown
  /** Abort the job's signal after this long, and fail it. Unset: no limit. */
  readonly timeoutMs?: number | undefined
  /** What becomes of the job when its worker dies: back to the head of its queue (default), or to failed, as Ruby does. */
  readonly onWorkerDeath?: 'requeue' | 'fail' | undefined
  /** Run it in the worker's process, or in a child of its own. Unset: as the worker has it. */
  readonly isolation?: 'none' | 'process' | undefined
  /** Objects of hooks. */
  readonly plugins?: readonly object[] | undefined
}

/** The arguments a job takes. */
export type ArgsOf<J> = J extends { perform: (...args: infer Args) => unknown } ? Args : never

/** The wire form of a job: Ruby's two keys; others may stand beside them and are kept. */
export interface JobPayload {
  class: string
  args?: JsonValue
  [key: string]: JsonValue | undefined
}

/** The queue of a job, or undefined when it names none. */
export function queueOf(job: AnyJob): string | undefined {
  return typeof job.queue === 'function' ? job.queue() : job.queue
}

/** Checks that a value can be performed, for `jobs: [...]` and `--require`. */
export function isJob(value: unknown): value is AnyJob {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return false
  const { name, perform } = value as { name?: unknown; perform?: unknown }
  return typeof name === 'string' && name !== '' && typeof perform === 'function'
}

/**
 * Makes a job out of its parts, and checks them. The result is what you export, enqueue and give to workers. In its
 * `perform`, `this` is the JobContext; its hooks take the arguments that its `perform` takes.
 */
export function defineJob<Perform extends AnyFunction, Spec extends JobSpec>(
  spec: Spec & { perform: Perform } & JobHooks<ArgsOf<{ perform: Perform }>> & ThisType<JobContext>,
): Readonly<Spec> & { readonly perform: Perform } {
  if (!isJob(spec)) {
    throw new ConfigError('Expected defineJob({ name, perform }) with a name and a function.', {
      hint: 'The name is the class name on the wire, such as "Archive".',
    })
  }
  return Object.freeze({ ...spec })
}

// biome-ignore lint/complexity/noBannedTypes: a type with a call signature would make `branch = 'master'` unknown.
type AnyFunction = Function

/** The parts of a job besides its hooks. */
interface JobSpec {
  name: string
  queue?: string | (() => string)
  timeoutMs?: number
  onWorkerDeath?: 'requeue' | 'fail'
  plugins?: readonly object[]
  perform: AnyFunction
}

/** Before something happens; `false` (exactly) from an enqueue or dequeue hook stops it, after all have run. */
type BeforeHook<Args extends unknown[]> = (this: unknown, ...args: Args) => unknown
type AfterHook<Args extends unknown[]> = (this: unknown, ...args: Args) => unknown
/** Wraps perform: await `next()` to run it. Not calling it leaves the job undone, without a failure. */
type AroundHook<Args extends unknown[]> = (
  this: unknown,
  next: () => Promise<unknown>,
  ...args: Args
) => unknown
type FailureHook<Args extends unknown[]> = (this: unknown, error: unknown, ...args: Args) => unknown

/** The hooks a job or a plugin may have; each name may be followed by more of a name, and written in snake case. */
export interface JobHooks<Args extends unknown[] = unknown[]> {
  /** Runs in the producer. Returning false stops the enqueue. */
  [name: `beforeEnqueue${string}` | `before_enqueue${string}`]: OneOrMany<BeforeHook<Args>> | undefined
  /** Runs in the producer once Redis has the job. */
  [name: `afterEnqueue${string}` | `after_enqueue${string}`]: OneOrMany<AfterHook<Args>> | undefined
  /** Runs before `dequeue`, with its arguments. Returning false stops it. */
  [name: `beforeDequeue${string}` | `before_dequeue${string}`]:
    | OneOrMany<BeforeHook<Partial<Args>>>
    | undefined
  [name: `afterDequeue${string}` | `after_dequeue${string}`]: OneOrMany<AfterHook<Partial<Args>>> | undefined
  /** Throwing `DontPerform` drops the job without a failure. */
  [name: `beforePerform${string}` | `before_perform${string}`]: OneOrMany<BeforeHook<Args>> | undefined
  [name: `aroundPerform${string}` | `around_perform${string}`]: OneOrMany<AroundHook<Args>> | undefined
  /** Runs only if nothing was thrown before it. */
  [name: `afterPerform${string}` | `after_perform${string}`]: OneOrMany<AfterHook<Args>> | undefined
  /** Runs once for a failed job, before the failure is recorded. */
  [name: `onFailure${string}` | `on_failure${string}`]: OneOrMany<FailureHook<Args>> | undefined
}

export type OneOrMany<T> = T | readonly T[]

/** Ruby readers stop at 100 levels of JSON; the payload and its args are two, a working or failed record one more. */
const MAX_DEPTH = 96

/**
 * Writes a job as Ruby does, after checking that its arguments survive the journey.
 * Throws NoClassError, ArgumentsError (naming the argument) or PayloadTooLargeError; it writes nothing itself.
 */
export function encodeJob(name: string, args: readonly unknown[], maxBytes: number): string {
  if (name === '') throw new NoClassError('Jobs must be given a class.')
  checkWellFormed(name, 'the class name')
  for (let i = 0; i < args.length; i++) checkArgument(args[i], name, i)
  const text = `{"class":${JSON.stringify(name)},"args":${JSON.stringify(args)}}`
  checkSize(text, name, maxBytes)
  return text
}

/** Writes a payload given as an object (`push`), with its keys in their order. */
export function encodePayload(payload: JobPayload, maxBytes: number): string {
  if (!isJsonObject(payload)) {
    throw new ArgumentsError(`Expected a payload { class, args }, got ${describe(payload)}.`)
  }
  if (typeof payload.class !== 'string' || payload.class === '')
    throw new NoClassError('Jobs must be given a class.')
  checkJson(payload, { name: payload.class, path: 'payload', ancestors: [] })
  const text = JSON.stringify(payload)
  checkSize(text, payload.class, maxBytes)
  return text
}

function checkSize(text: string, name: string, maxBytes: number): void {
  // A UTF-16 unit takes three bytes at most, so most payloads need no count.
  if (text.length * 3 <= maxBytes) return
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return
  throw new PayloadTooLargeError(
    `The payload of ${name} has ${bytes} bytes; maxPayloadBytes is ${maxBytes}.`,
    {
      hint: 'Put the data somewhere else and pass its key, or raise maxPayloadBytes.',
    },
  )
}

interface Place {
  name: string
  path: string
  ancestors: unknown[]
}

function checkArgument(value: unknown, name: string, index: number): void {
  // The common kinds first: this runs for each argument of each enqueue.
  if (typeof value === 'string') {
    if (!value.isWellFormed()) refuse(value, { name, path: `argument ${index + 1}`, ancestors: [] })
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse(value, { name, path: `argument ${index + 1}`, ancestors: [] })
  } else if (typeof value !== 'boolean' && value !== null) {
    checkJson(value, { name, path: `argument ${index + 1}`, ancestors: [] })
  }
}

function checkJson(value: unknown, place: Place): void {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (typeof value === 'string' && value.isWellFormed()) return
  if (typeof value !== 'object') refuse(value, place)
  if (place.ancestors.includes(value)) refuse(value, place, 'a reference to itself')
  if (place.ancestors.length >= MAX_DEPTH) refuse(value, place, `nested deeper than ${MAX_DEPTH} levels`)
  const ancestors = [...place.ancestors, value]
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      checkJson(value[i], { name: place.name, path: `${place.path}[${i}]`, ancestors })
    }
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in (value as object))
    refuse(value, place)
  for (const [key, member] of Object.entries(value as object)) {
    checkWellFormed(key, `a key of ${place.path} of ${place.name}`)
    if (member !== undefined) checkJson(member, { name: place.name, path: `${place.path}.${key}`, ancestors })
  }
}

function checkWellFormed(text: string, what: string): void {
  if (!text.isWellFormed()) {
    throw new ArgumentsError(`Expected ${what} to be well-formed text, got a lone surrogate in it.`, {
      hint: 'A Ruby worker dies of it. Use text.toWellFormed().',
    })
  }
}

function refuse(value: unknown, place: Place, what = describe(value)): never {
  throw new ArgumentsError(
    `Expected ${place.path} of ${place.name} to be something JSON can carry, got ${what}.`,
    {
      hint: hintFor(value),
    },
  )
}

function describe(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return `the BigInt ${value}`
  if (typeof value === 'string') return 'a string with a lone surrogate'
  if (typeof value !== 'object' || value === null)
    return value === null ? 'null' : `a value of type ${typeof value}`
  const kind = value.constructor?.name ?? 'Object'
  return kind === 'Object' ? 'an object with a toJSON method' : `an instance of ${kind}`
}

function hintFor(value: unknown): string {
  if (typeof value === 'bigint') return 'Pass it as a string.'
  if (typeof value === 'string') return 'A Ruby worker dies of it. Use text.toWellFormed().'
  if (value === undefined) return 'Pass null, or leave trailing arguments out.'
  if (value instanceof Date) return 'Pass date.toISOString().'
  if (value instanceof Map || value instanceof Set) return 'Pass a plain object or an array.'
  return 'Pass strings, finite numbers, booleans, null, arrays and plain objects.'
}

/** A payload, read: what to perform, with what. */
export interface ParsedJob {
  class: string
  args: unknown[]
  /** What the payload says of when it was enqueued, unread; most say nothing. */
  enqueuedAt?: unknown
}

/**
 * Reads a payload as Ruby's worker does (protocol 3.1): `args` that are missing or null are none, a scalar is
 * one argument, an object is a list of pairs. Returns the error, rather than throwing it, where there is no job.
 */
export function parseJob(text: string): ParsedJob | InvalidPayloadError {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return new InvalidPayloadError(
      `Expected a job as JSON, got something that is not JSON (${(cause as Error).message}).`,
      {
        cause,
      },
    )
  }
  if (!isJsonObject(value)) {
    const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
    return new InvalidPayloadError(`Expected a job as a JSON object {"class":…,"args":[…]}, got ${kind}.`)
  }
  const name = value.class
  if (typeof name !== 'string' || name === '') {
    const got = name === undefined ? 'none' : JSON.stringify(name)
    return new InvalidPayloadError(
      `Expected a job with a class name, a string that is not empty, got ${got}.`,
    )
  }
  const job: ParsedJob = { class: name, args: readArgs(value.args) }
  const enqueuedAt = value.enqueued_at ?? value.queue_time
  if (enqueuedAt !== undefined) job.enqueuedAt = enqueuedAt
  return job
}

/**
 * When a job was enqueued, in milliseconds since 1970, by its payload's own word; NaN where it says nothing, as Ruby's
 * own payloads do. `enqueued_at` (seconds, milliseconds or ISO 8601) is written by clients that care, and by ActiveJob,
 * in its envelope.
 */
export function enqueuedMs({ enqueuedAt, args }: Pick<ParsedJob, 'enqueuedAt' | 'args'>): number {
  let at = enqueuedAt
  if (at === undefined) {
    const envelope = args[0]
    if (typeof envelope !== 'object' || envelope === null) return Number.NaN
    at =
      (envelope as { job_class?: unknown }).job_class && (envelope as { enqueued_at?: unknown }).enqueued_at
  }
  if (typeof at === 'number') return at < 1e11 ? at * 1_000 : at
  return typeof at === 'string' ? Date.parse(at) : Number.NaN
}

/** Why an entry of a queue is no job, or undefined if it is one. Bytes that are not text never are. */
export function whyNoJob(entry: string | Buffer): InvalidPayloadError | undefined {
  const job = readJob(entry)
  return job instanceof InvalidPayloadError ? job : undefined
}

/** As `parseJob`, for an entry whose bytes may not be text. */
export function readJob(entry: string | Buffer): ParsedJob | InvalidPayloadError {
  if (typeof entry === 'string') return parseJob(entry)
  if (isUtf8(entry)) return parseJob(entry.toString('utf8'))
  return new InvalidPayloadError(
    `Expected a job as JSON in UTF-8, got ${entry.length} bytes that are not UTF-8.`,
  )
}

function readArgs(args: unknown): unknown[] {
  if (Array.isArray(args)) return args
  if (args === undefined || args === null) return []
  return typeof args === 'object' ? Object.entries(args) : [args]
}
