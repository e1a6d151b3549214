/**
 * The queues a worker takes from at this moment: its list, and what it knows of which queues exist.
 */
import type { Store } from '../store/store.js'
import { QueueList } from './queue-list.js'

/** Of a longer list, those that had jobs when all were looked at are offered alone for a moment. */
const MANY = 64
/** How long a queue earlier in such a list may wait until it is looked at again. */
const MOMENT_MS = 5

/** The queues that one call takes from, in order. */
export interface Offer {
  names: readonly string[]
  /** Their keys as a JSON array. */
  json: string
  /** Not only those that had jobs a moment ago. */
  isAll: boolean
}

export class WatchedQueues {
  readonly #store: Store
  readonly #list: QueueList
  #known: readonly string[] = []
  #all: Offer = { names: [], json: '[]', isAll: true }
  /** The part of a long list that had jobs when all of it was last looked at. */
  #fruitful: Offer | undefined
  #lookedAt = 0
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

  /** The one queue it names, if that is all it can ever take from. */
  get only(): string | undefined {
    return this.isDynamic || this.names.length !== 1 ? undefined : this.names[0]
  }

  /** In the order they are taken from. */
  get names(): readonly string[] {
    return this.#all.names
  }

  /** What the next call takes from. Looking at a thousand empty queues costs more than a hundred jobs. */
  offer(): Offer {
    if (this.#fruitful && performance.now() - this.#lookedAt < MOMENT_MS) return this.#fruitful
    this.#lookedAt = performance.now()
    return this.#all
  }

  /** These jobs came of an offer; `emptied`: no more are left in what was offered. */
  took({ isAll, names }: Offer, jobs: readonly { queue: string }[], emptied: boolean): void {
    if (emptied) this.#fruitful = undefined
    else if (isAll && names.length > MANY && jobs.length > 0) {
      this.#fruitful = this.#offerOf([...new Set(jobs.map(({ queue }) => queue))], false)
    }
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
    if (this.isDynamic && !this.names.includes(queue)) this.#expand([...this.#known, queue])
  }

  #expand(known: readonly string[]): void {
    this.#known = known
    this.#all = this.#offerOf(this.#list.expand(known), true)
    this.#fruitful = undefined
  }

  #offerOf(names: readonly string[], isAll: boolean): Offer {
    return { names, json: JSON.stringify(names.map((name) => this.#store.keys.queue(name))), isAll }
  }
}
