/**
 * Bringing to failed what nobody performs: entries that are no jobs, and the job of a worker that is removed by hand.
 */
import type { Logger } from '../context.js'
import { DirtyExit, messageOf, wireNameOf } from '../errors.js'
import { whyNoJob } from '../job.js'
import { isJsonObject, parseJson } from '../json.js'
import { deathField, type Payload, readWorkingRecordBytes } from '../store/records.js'
import type { Store } from '../store/store.js'
import { entriesOf, type FailureBackend } from './backend.js'

export class Parking {
  readonly #store: Store
  readonly #backend: FailureBackend
  readonly #log: Logger

  constructor(store: Store, backend: FailureBackend, log: Logger) {
    this.#store = store
    this.#backend = backend
    this.#log = log
  }

  /** Pops until an entry passes, or the queue is empty. What `reject` gives a reason against is parked in failed. */
  async take(queue: string, reject: (text: string) => Error | undefined): Promise<string | null> {
    for (;;) {
      const entry = await this.#store.queues.pop(queue)
      if (entry === null) return null
      const error = typeof entry === 'string' ? reject(entry) : whyNoJob(entry)
      if (typeof entry === 'string' && !error) return entry
      // What is JSON but no object would stop Ruby's failed page: its bytes are kept, and shown as text.
      const isObject = typeof entry === 'string' && isJsonObject(parseJson(entry))
      await this.#store.failures.append(
        await this.#entries(isObject ? entry : Buffer.from(entry), error, '', queue),
      )
    }
  }

  /** Unregisters a worker; a job it holds goes to failed as a DirtyExit, as in Ruby (protocol 6.8). */
  async bury(id: string): Promise<void> {
    for (;;) {
      const record = await this.#store.workers.record(id)
      const held = record && readWorkingRecordBytes(record)
      const job = held && {
        fate: 'fail' as const,
        queue: held.queue,
        payload: held.payload,
        deathField: deathField(held.queue, held.payload),
        maxDeaths: 0,
        entries: await this.#entries(
          held.payload,
          new DirtyExit('Job still being processed'),
          id,
          held.queue,
        ),
      }
      const verdict = await this.#store.workers.bury({
        id,
        record,
        heartbeat: undefined,
        ...(job && { job }),
      })
      if (verdict !== 'changed') return
    }
  }

  #entries(payload: Payload, error: unknown, worker: string, queue: string) {
    const said = { exception: wireNameOf(error), error: messageOf(error), backtrace: [] }
    return entriesOf(this.#backend, { failedAt: new Date(), payload, ...said, worker, queue }, this.#log)
  }
}
