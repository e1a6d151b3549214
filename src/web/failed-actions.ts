/**
 * What is done to one failed job at once: putting it back as it was, on another queue, or with other arguments.
 */
import { ArgumentsError, InvalidPayloadError } from '../errors.js'
import { encodeJob } from '../job.js'
import { isJsonObject, parseJson, withMember } from '../json.js'
import { makeRef, type Payload, readFailedJob, readRef, retriedEntry } from '../store/records.js'
import type { Store } from '../store/store.js'
import { type FailedLists, failedListsOf } from './failed-lists.js'
import { argsText } from './job-facts.js'

export interface RetryOptions {
  /** Instead of the queue it came from. */
  queue?: string | undefined
  /** JSON text of an array: the new arguments, written into the payload as they are. */
  args?: string | undefined
  /** Another class than the job had. */
  class?: string | undefined
  /** Also if it was put back before. */
  again?: boolean | undefined
  /** Drop the entry instead of marking it as retried. */
  drop?: boolean | undefined
  maxPayloadBytes?: number
  now?: Date
}

/** `gone`: removed, or changed, by somebody else. `retried`: put back before. `refused`: the queue is of another type. */
export type NotRetried = 'gone' | 'retried' | 'refused'

/** What became of it; `job` is the ref of the job that waits now. */
export type RetryResult = { result: 'done'; job: string } | { result: NotRetried }

/**
 * Puts one failed job back, exactly the one the ref names. Rejects with ArgumentsError or PayloadTooLargeError where the new
 * arguments are none, and with InvalidPayloadError where the entry holds no job.
 */
export async function retryFailed(
  { store, failedLists }: { store: Store; failedLists: FailedLists },
  ref: string,
  options: RetryOptions = {},
): Promise<RetryResult> {
  const parts = readRef(ref)
  if (!parts)
    throw new ArgumentsError(`This is no ref of a failed job: ${JSON.stringify(ref.slice(0, 100))}.`)
  await failedListsOf(failedLists, parts.list)
  const source = { kind: 'failed' as const, name: parts.list }
  // It may move between being found and being put back; never does another stand for it.
  for (let attempt = 0; attempt < 5; attempt++) {
    const entry = await store.entries.find(source, parts)
    if (!entry) return { result: 'gone' }
    const job = readFailedJob(parts.list, entry.index, entry.bytes)
    if (!job.isReadable) {
      throw new InvalidPayloadError('This entry cannot be put back: it is not a failed record.', {
        hint: 'Remove it, or push its job yourself.',
      })
    }
    if (job.retriedAt !== undefined && !options.again) return { result: 'retried' }
    const isEdited = options.args !== undefined || options.class !== undefined
    const args = options.args ?? argsText(job.payload.toString())
    const payload = isEdited ? withArgs(job.payload, args, options) : job.payload
    const move = {
      index: entry.index,
      digest: entry.digest,
      entry: options.drop ? undefined : retriedEntry(entry.bytes, options.now ?? new Date()),
      queue: options.queue ?? job.queue,
      payload,
    }
    const [fate] = (await store.entries.requeue(parts.list, [move])) ?? []
    if (fate === 'refused') return { result: 'refused' }
    if (fate !== 'done') continue
    // It stands at the end, or nearer to the head by now: towards there it is looked for.
    const size = await store.queues.size(move.queue).catch(() => 1)
    const index = Math.max(0, size - 1)
    return { result: 'done', job: makeRef(move.queue, index, payload) }
  }
  return { result: 'gone' }
}

/** The payload with other arguments, or another class; its other keys stay as they are. */
export function withArgs(
  payload: Payload,
  args: string,
  options: Pick<RetryOptions, 'class' | 'maxPayloadBytes'> = {},
): string {
  const text = payload.toString()
  const value = parseJson(text)
  if (!isJsonObject(value) || typeof value.class !== 'string') {
    throw new InvalidPayloadError('This job has no class, so its arguments cannot be edited.')
  }
  const parsed = parseJson(args)
  if (!Array.isArray(parsed)) throw new ArgumentsError('Arguments must be a JSON array, such as [1, "two"].')
  // Checks what a worker of any language would die of.
  encodeJob(options.class ?? value.class, parsed, options.maxPayloadBytes ?? Number.MAX_SAFE_INTEGER)
  const edited = withMember(text, 'args', args.trim())
  return options.class === undefined ? edited : withMember(edited, 'class', JSON.stringify(options.class))
}
