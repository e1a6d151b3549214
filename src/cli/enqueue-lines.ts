/**
 * Many jobs from standard input, one JSON text a line, placed in batches.
 */
import { fstatSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { messageOf } from '../errors.js'
import type { AnyJob, JobPayload } from '../job.js'
import { isJsonObject } from '../json.js'
import type { Resque } from '../resque.js'
import { exitCodeOf, Failure, Misuse } from './errors.js'
import { drawFault, findJsonFault } from './json-fault.js'
import { counted } from './output.js'
import { withProgress } from './progress.js'

export interface LineOptions {
  resque: Resque
  /** For lines that hold arguments alone. */
  className: string | undefined
  /** Where a job of this class goes, and the job itself if it is known. */
  queueOf(className: string): { queue: string; job: AnyJob | undefined }
}

const BATCH = 500

/** Returns how many were placed: all but what hooks refused. */
export function enqueueLines(options: LineOptions): Promise<number> {
  return withProgress('Enqueuing', async (progress) => {
    const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
    const totalBytes = bytesOfStdin()
    let number = 0
    let bytes = 0
    let placed = 0
    let batch: { number: number; done: Promise<boolean> }[] = []
    const settle = async () => {
      const results = await Promise.allSettled(batch.map(({ done }) => done))
      const wrong = results.findIndex(({ status }) => status === 'rejected')
      const at = batch[wrong]?.number ?? number
      batch = []
      placed += results.filter((result) => result.status === 'fulfilled' && result.value).length
      progress(totalBytes === undefined ? number : Math.min(bytes, totalBytes), totalBytes ?? number)
      const result = results[wrong]
      if (result?.status === 'rejected') throw new LineError(at, result.reason)
    }
    try {
      for await (const line of lines) {
        number++
        bytes += Buffer.byteLength(line) + 1
        if (line.trim() === '') continue
        const done = place(line, options)
        done.catch(() => {}) // settle() hears of it
        batch.push({ number, done })
        if (batch.length >= BATCH) await settle()
      }
      await settle()
      return placed
    } catch (error) {
      const wrong = error instanceof LineError ? error : new LineError(number, error)
      await settle().catch(() => {})
      const sentence = `Line ${wrong.number}: ${messageOf(wrong.cause)}\nEnqueued all the same: ${counted(placed, 'line')}.`
      throw exitCodeOf(wrong.cause) === 2
        ? new Misuse(sentence, { cause: wrong.cause })
        : new Failure(sentence, { cause: wrong.cause })
    }
  })
}

class LineError extends Error {
  constructor(
    readonly number: number,
    cause: unknown,
  ) {
    super(messageOf(cause), { cause })
  }
}

/** Throws at once for a line that is no job. */
function place(line: string, { resque, className, queueOf }: LineOptions): Promise<boolean> {
  const payload = readLine(line, className)
  const { queue, job } = queueOf(payload.class)
  const isPlain = Object.keys(payload).every((key) => key === 'class' || key === 'args')
  if (job && isPlain) return resque.enqueueTo(queue, job, ...(payload.args as unknown[]))
  return resque.push(queue, payload).then(() => true)
}

function readLine(line: string, className: string | undefined): JobPayload {
  const fault = findJsonFault(line)
  if (fault)
    throw new Misuse(`not JSON: ${fault.what} (character ${fault.at + 1}).\n${drawFault(line, fault)}`)
  const value: unknown = JSON.parse(line)
  if (Array.isArray(value)) {
    if (className !== undefined) return { class: className, args: value }
    throw new Misuse('it holds arguments alone, and no class was given: resque enqueue <class> --stdin.')
  }
  if (!isJsonObject(value) || typeof value.class !== 'string' || value.class === '') {
    throw new Misuse('expected a job, {"class":"Archive","args":[44]}, or its arguments, [44].')
  }
  const { args = [] } = value
  if (!Array.isArray(args)) throw new Misuse('expected "args" to be an array.')
  return { ...(value as JobPayload), args }
}

/** How much there is to read, where standard input is a file. */
function bytesOfStdin(): number | undefined {
  const stat = fstatSync(0)
  return stat.isFile() ? stat.size : undefined
}
