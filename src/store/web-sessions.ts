/**
 * Sessions of the web pages: digest of the session's id → name of the user, each a key of its own that expires.
 */
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'

export class WebSessions {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  async write(digest: string, user: string, lifeMs: number): Promise<void> {
    await this.#connection.send('set', [this.#keys.webSession(digest), user, 'PX', Math.ceil(lifeMs)])
  }

  async read(digest: string): Promise<string | undefined> {
    return (
      ((await this.#connection.send('get', [this.#keys.webSession(digest)])) as string | null) ?? undefined
    )
  }

  async remove(digest: string): Promise<void> {
    await this.#connection.send('del', [this.#keys.webSession(digest)])
  }
}
