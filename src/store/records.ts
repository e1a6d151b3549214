/**
 * The JSON records that stand for a job while it is worked on and after it failed, and the four formats of time.
 *
 * A payload is spliced in as the text it is. Only an entry that is not a JSON object (what Ruby's pages could not
 * show) is wrapped: its `payload` shows it for the eye, and `raw` beside it holds its exact bytes, one character
 * per byte; so it does for a payload with white space around it. So a record is JSON for every reader, and what was in
 * the queue can always be had back.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { isJsonObject, memberText, parseJson } from '../json.js'

/** What stood in a queue: text, or bytes where it is no job that JSON readers agree on. */
export type Payload = string | Buffer

/** A payload as it stands in Redis. */
export function payloadFrom(bytes: Buffer): Payload {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes
}

/** The class that a wrapped entry shows. */
const NOT_A_JOB = '(not a job)'

/** What a `worker:<id>` record says. */
export interface WorkingRecord {
  queue: string
  /** `YYYY-MM-DDTHH:MM:SSZ`, by the worker's clock. */
  runAt: string
  payload: Payload
  /** Our own mark that makes a record unique; undefined in a record of Ruby's. */
  run: string | undefined
}

/** Reads a working record, or returns undefined where there is none to be read. */
export function readWorkingRecord(text: string): WorkingRecord | undefined {
  const record = parseJson(text)
  if (!isJsonObject(record)) return undefined
  return {
    queue: String(record.queue ?? ''),
    runAt: String(record.run_at ?? ''),
    payload: payloadOf(record, text),
    run: typeof record.run === 'string' ? record.run : undefined,
  }
}

/** As `readWorkingRecord`, from its bytes. A payload that is not text (Ruby's record may hold one) comes as bytes. */
export function readWorkingRecordBytes(bytes: Buffer): WorkingRecord | undefined {
  // One character per byte: so nothing is lost of what is cut out.
  const record = readWorkingRecord(bytes.toString('latin1'))
  if (!record) return undefined
  const queue = Buffer.from(record.queue, 'latin1').toString('utf8')
  if (typeof record.payload !== 'string') return { ...record, queue }
  const payload = Buffer.from(record.payload, 'latin1')
  return { ...record, queue, payload: payloadFrom(payload) }
}

/** As `payloadOf`, where the record is not UTF-8. */
function payloadOfBytes(entry: Buffer): Payload {
  const text = entry.toString('latin1')
  const payload = payloadOf(parseJson(text) as Record<string, unknown>, text)
  return typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
}

function payloadOf(record: Record<string, unknown>, text: string): Payload {
  if (typeof record.raw === 'string') {
    const bytes = Buffer.from(record.raw, 'latin1')
    const isWrapped = isJsonObject(record.payload) && record.payload.class === NOT_A_JOB
    return isWrapped ? bytes : bytes.toString('utf8')
  }
  return memberText(text, 'payload') ?? 'null'
}

/** A job that failed, as it goes to a failure backend. */
export interface Failure {
  failedAt: Date
  payload: Payload
  /** The exception's class name. */
  exception: string
  error: string
  backtrace: string[]
  /** The worker's id. */
  worker: string
  queue: string
}

/** Writes a failed record with Ruby's keys in Ruby's order (FR:15-27). */
export function encodeFailure(failure: Failure): string {
  const [payload, raw] =
    typeof failure.payload === 'string' ? withRaw(failure.payload) : wrap(failure.payload)
  return (
    `{"failed_at":${quote(failedAt(failure.failedAt))},"payload":${payload},"exception":${quote(failure.exception)},` +
    `"error":${quote(failure.error)},"backtrace":${JSON.stringify(failure.backtrace.map((line) => line.toWellFormed()))},` +
    `"worker":${quote(failure.worker)},"queue":${quote(failure.queue)}${raw}}`
  )
}

/** White space around a payload is lost when it is cut out of a record: then its bytes stand beside it. */
function withRaw(text: string): [payload: string, raw: string] {
  const isBare = text.startsWith('{') && text.endsWith('}')
  return [text, isBare ? '' : `,"raw":${quote(Buffer.from(text).toString('latin1'))}`]
}

function wrap(bytes: Buffer): [payload: string, raw: string] {
  const raw = quote(bytes.toString('latin1'))
  return [`{"class":${quote(NOT_A_JOB)},"args":[${raw}]}`, `,"raw":${raw}`]
}

function quote(text: string): string {
  return JSON.stringify(text.toWellFormed())
}

/** One entry of a failed list, read. */
export interface FailedJob {
  /** Names this very entry, also after others were removed: pass it, or the whole object, to `requeue` and `remove`. */
  ref: string
  /** Its place in the list when it was read; 0 is the oldest. */
  index: number
  /** The list it stands in: `failed`, or `<queue>_failed`. */
  list: string
  failedAt: string
  /** Set once the job was put back. */
  retriedAt: string | undefined
  class: string
  args: unknown
  exception: string
  error: string
  backtrace: string[]
  worker: string
  queue: string
  /** What stood in the queue. */
  payload: Payload
  /** False for an entry that is no failed record, so that it cannot be put back. */
  isReadable: boolean
  /** The entry as it stands in Redis. */
  text: string
}

/** Reads one entry of a failed list, whose digest may be known; never throws. Bytes that are no UTF-8 show as U+FFFD, except in the payload. */
export function readFailedJob(
  list: string,
  index: number,
  entry: string | Buffer,
  known = digest(entry),
): FailedJob {
  const text = entry.toString()
  const record = parseJson(text)
  const ref = `${index}.${known}@${list}`
  if (!isJsonObject(record)) {
    return {
      ref,
      index,
      list,
      failedAt: '',
      retriedAt: undefined,
      class: '',
      args: [],
      exception: '',
      error: 'This entry is not a failed record: it is no JSON object.',
      backtrace: [],
      worker: '',
      queue: '',
      payload: text,
      isReadable: false,
      text,
    }
  }
  const payload = isJsonObject(record.payload) ? record.payload : {}
  // Written out: to spread an object into one of so many members takes ten times as long as all the rest.
  return {
    ref,
    index,
    list,
    failedAt: asText(record.failed_at),
    retriedAt:
      record.retried_at === undefined || record.retried_at === null ? undefined : asText(record.retried_at),
    class: asText(payload.class),
    args: payload.args ?? [],
    exception: asText(record.exception),
    error: asText(record.error),
    backtrace: Array.isArray(record.backtrace) ? record.backtrace.map(asText) : [],
    worker: asText(record.worker),
    queue: asText(record.queue),
    payload: typeof entry === 'string' || isUtf8(entry) ? payloadOf(record, text) : payloadOfBytes(entry),
    isReadable: record.payload !== undefined && record.queue !== undefined,
    text,
  }
}

function asText(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}

/** The same record with `retried_at` at its end, replacing an earlier one. */
export function withRetriedAt(text: string, at: Date): string {
  const stamp = `"retried_at":${quote(failedAt(at))}`
  const old = memberText(text, 'retried_at')
  if (old !== undefined) {
    const member = `"retried_at":${old}`
    const start = text.lastIndexOf(member)
    if (start >= 0) return `${text.slice(0, start)}${stamp}${text.slice(start + member.length)}`
  }
  return `${text.trimEnd().slice(0, -1)},${stamp}}`
}

/** An entry of a failed list, marked as put back: `withRetriedAt` on its bytes. */
export function retriedEntry(entry: Buffer, at: Date): Buffer {
  return Buffer.from(withRetriedAt(entry.toString('latin1'), at), 'latin1')
}

/** `<index>.<digest>@<list>`. */
export function makeRef(list: string, index: number, entry: string | Buffer): string {
  return `${index}.${digest(entry)}@${list}`
}

export function readRef(ref: string): { list: string; index: number; digest: string } | undefined {
  const match = /^(\d+)\.([0-9a-f]{16})@(.+)$/s.exec(ref)
  if (!match) return undefined
  return { index: Number(match[1]), digest: match[2] as string, list: match[3] as string }
}

/** The first half of the SHA-1 of an entry's bytes; the scripts know entries by it too. */
export function digest(entry: string | Buffer): string {
  return createHash('sha1').update(entry).digest('hex').slice(0, 16)
}

/** The field of the `deaths` hash for a job: SHA-1 of queue, NUL, payload. */
export function deathField(queue: string, payload: Payload): string {
  return createHash('sha1').update(queue).update('\0').update(payload).digest('hex')
}

// Four formats of time, each in its place (protocol 2, 7.1). Ours are in UTC, which each of them can say.

/** `run_at`: `2026-11-24T02:14:40Z`. */
export function runAt(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}

/** `run_at`, made once a second. */
export class RunClock {
  #seconds = 0
  #text = ''

  now(): string {
    const seconds = Math.floor(Date.now() / 1_000)
    if (seconds !== this.#seconds) {
      this.#seconds = seconds
      this.#text = runAt(new Date(seconds * 1_000))
    }
    return this.#text
  }
}

/** `worker:<id>:started`: `2026-11-24 02:14:40 +0000`. */
export function startedAt(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} +0000`
}

/** `failed_at` and `retried_at`: `2026/11/24 02:14:40 UTC`. */
export function failedAt(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')} UTC`
}
