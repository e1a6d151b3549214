/**
 * Jobs of Rails: performing what ActiveJob enqueued through its Resque adapter, and enqueuing what Rails will perform.
 *
 * ActiveJob wraps every job in one Resque class whose only argument is an envelope: the job's class, its arguments with
 * tags for what JSON has no type for, its queue, and how often it was tried. The door is `resque-ts/active-job`.
 */
import { randomUUID } from 'node:crypto'
import { ArgumentsError, InvalidPayloadError, UnknownJobError } from './errors.js'
import { type AnyJob, defineJob, type JsonValue } from './job.js'
import { isJsonObject } from './json.js'
import type { Resque } from './resque.js'

/** The class that stands on the wire for every ActiveJob. */
export const JOB_WRAPPER = 'ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper'

/** An ActiveJob, read. */
export interface ActiveJob {
  /** The Ruby class of the job. */
  class: string
  id: string
  queue: string
  /** Decoded; see `decodeArgument`. */
  args: unknown[]
  /** How often Rails has tried it. */
  executions: number
  /** How often it failed of each error, as Rails counts it. */
  exceptionExecutions: Record<string, number>
  priority: number | null
  locale: string
  timezone: string | null
  enqueuedAt: string | null
}

/** A model of Rails by its URI, such as `gid://shop/Order/44`. It is never looked up here. */
export class GlobalId {
  constructor(readonly uri: string) {}
  toString(): string {
    return this.uri
  }
}

/** A value of a serializer that this package does not know: its tag and its members, as they came. */
export class SerializedObject {
  constructor(
    readonly serializer: string,
    readonly members: Record<string, unknown>,
  ) {}
}

/** A length of time, in the parts Rails keeps (`{ days: 2 }`), and in seconds. */
export interface Duration {
  seconds: number
  parts: Record<string, number>
}

export interface RubyRange {
  begin: unknown
  end: unknown
  excludeEnd: boolean
}

/** Reads the envelope of an ActiveJob: the single argument of `JOB_WRAPPER`. Throws InvalidPayloadError at anything else. */
export function readActiveJob(envelope: unknown): ActiveJob {
  if (
    !isJsonObject(envelope) ||
    typeof envelope.job_class !== 'string' ||
    !Array.isArray(envelope.arguments)
  ) {
    throw new InvalidPayloadError(
      'Expected the envelope of an ActiveJob, an object with job_class and arguments.',
    )
  }
  return {
    class: envelope.job_class,
    id: String(envelope.job_id ?? ''),
    queue: String(envelope.queue_name ?? ''),
    args: envelope.arguments.map(decodeArgument),
    executions: Number(envelope.executions ?? 0),
    exceptionExecutions: (envelope.exception_executions ?? {}) as Record<string, number>,
    priority: typeof envelope.priority === 'number' ? envelope.priority : null,
    locale: String(envelope.locale ?? 'en'),
    timezone: typeof envelope.timezone === 'string' ? envelope.timezone : null,
    enqueuedAt: typeof envelope.enqueued_at === 'string' ? envelope.enqueued_at : null,
  }
}

/**
 * A job that performs ActiveJobs: give it to a worker beside your other jobs, with the jobs that stand for Rails
 * classes. They are found by the Ruby class's name and called with its decoded arguments.
 */
export function performActiveJobs(jobs: readonly AnyJob[]): AnyJob<[envelope: unknown]> {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  return defineJob({
    name: JOB_WRAPPER,
    async perform(envelope: unknown) {
      const { class: name, args } = readActiveJob(envelope)
      const job = byName.get(name)
      if (!job) {
        throw new UnknownJobError(
          `No job stands for the ActiveJob "${name}". There are: ${[...byName.keys()].join(', ')}.`,
          {
            hint: 'Add it to performActiveJobs([…]), or let Rails work this queue.',
          },
        )
      }
      return job.perform.apply(typeof job === 'function' ? job : this, args)
    },
  })
}

export interface ActiveJobOptions {
  queue?: string
  locale?: string
  timezone?: string
  priority?: number
}

/**
 * Enqueues a job that Rails will perform. Plain values go as they are; a Date as a Time, a GlobalId as its model, an
 * object as a hash with string keys. Resolves to the job's id.
 */
export async function enqueueActiveJob(
  resque: Resque,
  jobClass: string,
  args: readonly unknown[] = [],
  { queue = 'default', locale = 'en', timezone = 'UTC', priority }: ActiveJobOptions = {},
): Promise<string> {
  const id = randomUUID()
  const envelope = {
    job_class: jobClass,
    job_id: id,
    provider_job_id: null,
    queue_name: queue,
    priority: priority ?? null,
    arguments: args.map(encodeArgument),
    executions: 0,
    exception_executions: {},
    locale,
    timezone,
    enqueued_at: rubyTime(new Date()),
  }
  await resque.enqueueTo(queue, JOB_WRAPPER, envelope)
  return id
}

/**
 * An argument as Rails meant it: symbols become strings, hashes plain objects, times become Dates, dates
 * `YYYY-MM-DD`, big decimals and modules strings, durations `Duration`, ranges `RubyRange`, models `GlobalId`.
 */
export function decodeArgument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeArgument)
  if (!isJsonObject(value)) return value
  if (typeof value._aj_globalid === 'string') return new GlobalId(value._aj_globalid)
  if (typeof value._aj_serialized === 'string') return decodeObject(value._aj_serialized, value)
  const members = Object.entries(value).filter(([key]) => !hashTags.has(key))
  return Object.fromEntries(members.map(([key, member]) => [key, decodeArgument(member)]))
}

/** They say which keys were symbols; here every key is a string. */
const hashTags = new Set(['_aj_symbol_keys', '_aj_ruby2_keywords', '_aj_hash_with_indifferent_access'])

function decodeObject(serializer: string, object: Record<string, unknown>): unknown {
  switch (serializer.replace(/^ActiveJob::Serializers::/, '')) {
    case 'SymbolSerializer':
    case 'DateSerializer':
    case 'BigDecimalSerializer':
    case 'ModuleSerializer':
      return String(object.value)
    case 'TimeSerializer':
    case 'DateTimeSerializer':
    case 'TimeWithZoneSerializer':
      return new Date(String(object.value))
    case 'DurationSerializer':
      return { seconds: Number(object.value), parts: durationParts(object.parts) } satisfies Duration
    case 'RangeSerializer': {
      const range = { begin: decodeArgument(object.begin), end: decodeArgument(object.end) }
      return { ...range, excludeEnd: object.exclude_end === true } satisfies RubyRange
    }
    default: {
      const { _aj_serialized: _, ...members } = object
      return new SerializedObject(serializer, members)
    }
  }
}

/** Pairs of a symbol and a number. */
function durationParts(parts: unknown): Record<string, number> {
  if (!Array.isArray(parts)) return {}
  return Object.fromEntries(parts.map((pair) => (decodeArgument(pair) as [string, number]).slice(0, 2)))
}

function encodeArgument(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(encodeArgument)
  if (value instanceof GlobalId) return { _aj_globalid: value.uri }
  if (value instanceof Date) {
    return { _aj_serialized: 'ActiveJob::Serializers::TimeSerializer', value: rubyTime(value) }
  }
  if (!isJsonObject(value)) return value as JsonValue
  const reserved = Object.keys(value).find((key) => key.startsWith('_aj_'))
  if (reserved)
    throw new ArgumentsError(
      `Expected no key that begins with _aj_, got "${reserved}": Rails keeps them for itself.`,
    )
  const members = Object.entries(value).map(([key, member]) => [key, encodeArgument(member)])
  return { ...(Object.fromEntries(members) as Record<string, JsonValue>), _aj_symbol_keys: [] }
}

/** With nine digits of a second, as Rails writes a time. */
function rubyTime(at: Date): string {
  return at.toISOString().replace(/Z$/, '000000Z')
}
