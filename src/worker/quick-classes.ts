/**
 * The classes whose jobs are known not to keep this thread busy from their first line on. Such a job may start before its
 * record is on its way: for whoever looks, both happen at once.
 */

/** A class whose last job gave the thread back within this time is quick. */
const QUICK_MS = 1
/** What a queue holds can claim to be of any class. */
const MAX_CLASSES = 1_000

export class QuickClasses {
  readonly #names = new Set<string>()

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** A job of this class kept the thread for so long when it started. */
  note(name: string, ms: number): void {
    if (ms > QUICK_MS) this.#names.delete(name)
    else if (this.#names.size < MAX_CLASSES) this.#names.add(name)
  }
}
