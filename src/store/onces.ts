/**
 * Forms that were sent: what each was answered, so that one that is sent twice is done once.
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'

/** How long a form that is sent again is known. */
const KNOWN_MS = 15 * 60_000
/** Longer than any request takes: a claim that Redis could not be told to forget is soon forgotten. */
const UNDER_WAY_MS = 30_000
const UNDER_WAY = ''

export class Onces {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Undefined: it was not sent before. '': it is under way. Else what it was answered. */
  async begin(id: string): Promise<string | undefined> {
    const key = this.#keys.once(id)
    const isFirst = await this.#connection.send('set', [key, UNDER_WAY, 'NX', 'PX', UNDER_WAY_MS])
    if (isFirst !== null) return undefined
    return ((await this.#connection.send('get', [key])) as string | null) ?? UNDER_WAY
  }

  async end(id: string, answer: string): Promise<void> {
    await this.#connection.send('set', [this.#keys.once(id), answer, 'PX', KNOWN_MS])
  }

  /** It was refused: it may be sent again. */
  async forget(id: string): Promise<void> {
    await this.#connection.send('del', [this.#keys.once(id)])
  }
}
