/**
 * The queues a worker takes from at this moment: its list, and what it knows of which queues exist.
 */
import type { Store } from '../store/store.js'
import { QueueList } from './queue-list.js'

export class WatchedQueues {
  readonly #store: Store
  readonly #list: QueueList
  #known: readonly string[] = []
  #names: readonly string[] = []
  #json = '[]'
  #count = -1

  constructor(list: readonly string[] | string, store: Store) {
    this.#list = new QueueList(list)
    this.#store = store
    this.#expand([])
  }

  /** The list as it stands in a worker's id. */
  get label(): string {
    return this.#list.label
  }

  get isDynamic(): boolean {
    return this.#list.isDynamic
  }

  /** In the order they are taken from. */
  get names(): readonly string[] {
    return this.#names
  }

  /** Their keys as a JSON array, made once. */
  get json(): string {
    return this.#json
  }

  /** Whether a change of this queue concerns the worker. */
  includes(queue: string): boolean {
    return this.#list.includes(queue)
  }

  /** Asks Redis which queues exist, where the list depends on it. */
  async refresh(): Promise<void> {
    if (this.isDynamic) this.#expand(await this.#store.queues.names())
  }

  /** Redis has this many queues. True if that is news, so that `refresh` is due. */
  counted(count: number): boolean {
    if (!this.isDynamic || count < 0 || count === this.#count) return false
    this.#count = count
    return true
  }

  /** A queue was heard of. */
  add(queue: string): void {
    if (this.isDynamic && !this.#names.includes(queue)) this.#expand([...this.#known, queue])
  }

  #expand(known: readonly string[]): void {
    this.#known = known
    this.#names = this.#list.expand(known)
    this.#json = JSON.stringify(this.#names.map((name) => this.#store.keys.queue(name)))
  }
}
