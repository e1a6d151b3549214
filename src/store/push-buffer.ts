/**
 * Enqueues of one tick travel together: one SADD and one variadic RPUSH per queue, in one write.
 *
 * A single awaited enqueue loses nothing by it: the buffer is sent when the current tick ends, which is before
 * the event loop turns. Thirty of them at once become two commands. What is enough for a command goes at once, so that
 * Redis works on it while the rest is made.
 */
import type { Arg, Connection } from './connection.js'
import type { Keys } from './keys.js'

/** So many payloads do not wait for others of their tick. */
const ENOUGH = 50
/** One RPUSH takes no more than this, so that no single command keeps Redis from others for long. */
const MAX_ITEMS = 1_000
const MAX_CHARS = 1024 * 1024
/** What is longer may not reach Redis in one piece, so that commands of others may come in between. */
const MAX_CHARS_AT_ONCE = 8 * 1024

interface Waiting {
  payloads: string[]
  settle: { resolve: (done: true) => void; reject: (error: unknown) => void; count: number }[]
}

export class PushBuffer {
  readonly #connection: Connection
  readonly #keys: Keys
  #waiting = new Map<string, Waiting>()
  #isScheduled = false
  readonly #underWay = new Set<Promise<void>>()

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Resolves, to true, when Redis has all of these payloads. */
  push(queue: string, payloads: string[]): Promise<true> {
    if (payloads.length === 0) return Promise.resolve(true)
    return new Promise((resolve, reject) => {
      let waiting = this.#waiting.get(queue)
      if (!waiting) {
        waiting = { payloads: [], settle: [] }
        this.#waiting.set(queue, waiting)
      }
      for (const payload of payloads) waiting.payloads.push(payload)
      waiting.settle.push({ resolve, reject, count: payloads.length })
      if (waiting.payloads.length >= ENOUGH) {
        this.#flush()
        return
      }
      if (this.#isScheduled) return
      this.#isScheduled = true
      process.nextTick(() => {
        this.#isScheduled = false
        this.#flush()
      })
    })
  }

  /** Resolves when every push made so far has come to its end, good or bad. */
  async drained(): Promise<void> {
    while (this.#isScheduled || this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay)
      if (this.#isScheduled) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const [queue, { payloads, settle }] of waiting) {
      const work = this.#send(queue, payloads).then(
        () => {
          for (const { resolve } of settle) resolve(true)
        },
        (error: PartialPush) => {
          // Pushes are settled one by one: those whose payloads all arrived did succeed.
          let end = 0
          for (const each of settle) {
            end += each.count
            if (end <= error.arrived) each.resolve(true)
            else each.reject(error.cause)
          }
        },
      )
      this.#underWay.add(work)
      void work.then(() => this.#underWay.delete(work))
    }
  }

  async #send(queue: string, payloads: string[]): Promise<void> {
    let arrived = 0
    try {
      if (payloads.length === 1) return await this.#sendChunk(queue, payloads)
      for (const chunk of chunksOf(payloads)) {
        await this.#sendChunk(queue, chunk)
        arrived += chunk.length
      }
    } catch (cause) {
      throw new PartialPush(arrived, cause)
    }
  }

  async #sendChunk(queue: string, payloads: string[]): Promise<void> {
    const list: [string, Arg[]] = ['sadd', [this.#keys.queues, queue]]
    const push: [string, Arg[]] = ['rpush', [this.#keys.queue(queue), ...payloads]]
    const chars = payloads.reduce((sum, { length }) => sum + length, 0)
    // A queue that is removed after it was listed and before the jobs came would hold them and be seen by nobody.
    await this.#connection.sendAll(chars > MAX_CHARS_AT_ONCE ? [list, push, list] : [list, push])
  }
}

/** Some payloads of a flush arrived, the others did not, or may not have. */
class PartialPush extends Error {
  constructor(
    readonly arrived: number,
    override readonly cause: unknown,
  ) {
    super('A push was not completed.')
  }
}

function* chunksOf(payloads: string[]): Generator<string[]> {
  let chunk: string[] = []
  let chars = 0
  for (const payload of payloads) {
    if (chunk.length > 0 && (chunk.length >= MAX_ITEMS || chars + payload.length > MAX_CHARS)) {
      yield chunk
      chunk = []
      chars = 0
    }
    chunk.push(payload)
    chars += payload.length
  }
  yield chunk
}
