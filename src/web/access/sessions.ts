/**
 * Logins that last: a random id in a cookie, of which Redis holds only the digest, so that who reads Redis cannot
 * sign in. An id is never taken from outside: each login makes a new one and ends the old.
 */
import { createHash } from 'node:crypto'
import type { WebSessions } from '../../store/web-sessions.js'
import { randomToken } from './passwords.js'

export class Sessions {
  readonly #store: WebSessions
  readonly #sessionMs: number

  constructor(store: WebSessions, sessionMs: number) {
    this.#store = store
    this.#sessionMs = sessionMs
  }

  get maxAgeSeconds(): number {
    return Math.floor(this.#sessionMs / 1_000)
  }

  /** Returns the id, for the cookie. */
  async begin(user: string, before: string | undefined): Promise<string> {
    if (before !== undefined) await this.end(before)
    const id = randomToken()
    await this.#store.write(digest(id), user, this.#sessionMs)
    return id
  }

  /** The name of the user who began it, or undefined where it has ended. */
  async userOf(id: string): Promise<string | undefined> {
    return isId(id) ? this.#store.read(digest(id)) : undefined
  }

  async end(id: string): Promise<void> {
    if (isId(id)) await this.#store.remove(digest(id))
  }
}

function isId(text: string): boolean {
  return /^[\w-]{43}$/.test(text)
}

function digest(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
