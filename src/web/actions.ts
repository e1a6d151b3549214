/**
 * What removes things for good, behind one door, so that a way back can be put in without a page knowing how.
 */
import type { Store } from '../store/store.js'

export interface Removal {
  /** How many are gone. */
  count: number
  /** The path of the POST that brings them back, where there is a way. */
  undoPath?: string
}

export interface Actions {
  /** Takes all jobs out of a queue that stays listed. */
  clearQueue(queue: string): Promise<Removal>
  /** Takes a queue away, with its jobs. */
  removeQueue(queue: string): Promise<Removal>
  /** Takes the waiting job with this text away, wherever it is now. */
  removePending(queue: string, text: string): Promise<Removal>
}

export function plainActions(store: Store): Actions {
  return {
    clearQueue: async (queue) => ({ count: await store.queues.clear(queue) }),
    removeQueue: async (queue) => {
      const count = await store.queues.clear(queue)
      await store.queues.remove(queue)
      return { count }
    },
    removePending: async (queue, text) => ({ count: await store.queues.removeOne(queue, text) }),
  }
}
