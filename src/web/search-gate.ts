/**
 * How many searches of one user run at once. Each is bounded; many at once would still keep others waiting.
 */
import { Refusal } from './access/refusal.js'

const AT_ONCE = 2

export class SearchGate {
  readonly #running = new Map<string, number>()

  /** Runs a search. Refuses a user who has two under way. */
  async run<T>(user: string, search: () => Promise<T>): Promise<T> {
    const running = this.#running.get(user) ?? 0
    if (running >= AT_ONCE) {
      throw new Refusal(429, 'Two of your searches are still under way.', {
        headers: { 'retry-after': '1' },
        hint: 'Wait for them, then load this page again.',
      })
    }
    this.#running.set(user, running + 1)
    try {
      return await search()
    } finally {
      const left = (this.#running.get(user) ?? 1) - 1
      if (left > 0) this.#running.set(user, left)
      else this.#running.delete(user)
    }
  }
}
