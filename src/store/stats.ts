/**
 * Counters: `stat:<name>`, plain integers (protocol 8).
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'

/** How many one command reads, so that other commands get their turn in between. */
const CHUNK = 1_000

/** A counter as it stands there; as Ruby's `to_i`, 0 for what is no number. */
export function readCount(text: string | null): number {
  return Number.parseInt(text ?? '', 10) || 0
}

export class Stats {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** 0 where there is none, or something else. */
  async get(name: string): Promise<number> {
    return readCount((await this.#connection.send('get', [this.#keys.stat(name)])) as string | null)
  }

  async getAll(names: string[]): Promise<number[]> {
    if (names.length === 0) return []
    const chunks: [string, string[]][] = []
    for (let i = 0; i < names.length; i += CHUNK)
      chunks.push(['mget', names.slice(i, i + CHUNK).map((name) => this.#keys.stat(name))])
    const values = (await this.#connection.sendAll(chunks)) as (string | null)[][]
    return values.flat().map(readCount)
  }

  /** Returns the new value. */
  async increment(name: string, by = 1): Promise<number> {
    return (await this.#connection.send('incrby', [this.#keys.stat(name), by])) as number
  }

  /** Returns the new value. In Ruby 3.0 it raises, by a slip of the pen. */
  async decrement(name: string, by = 1): Promise<number> {
    return (await this.#connection.send('decrby', [this.#keys.stat(name), by])) as number
  }

  async clear(name: string): Promise<void> {
    await this.#connection.send('del', [this.#keys.stat(name)])
  }
}
