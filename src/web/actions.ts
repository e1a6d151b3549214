/**
 * What removes things, with a way back. Behind one door, so that pages need not know how.
 */
import { makeRef } from '../store/records.js'
import type { Schedules } from '../store/schedules.js'
import type { Operation } from './operation-spec.js'
import type { Operations } from './operations.js'

export interface Removal {
  /** The operation that did it. */
  operation: string
  /** How many are gone. */
  count: number
  /** The path of the POST that brings them back, where there is a way. */
  undoPath?: string
}

export interface Actions {
  /** Takes all jobs out of a queue that stays listed. */
  clearQueue(queue: string, by: string): Promise<Removal>
  /** Takes a queue away, with its jobs. */
  removeQueue(queue: string, by: string): Promise<Removal>
  /** Takes the waiting job with this text away, wherever it is now. */
  removePending(queue: string, job: { index: number; text: string }, by: string): Promise<Removal>
  /** Takes delayed jobs away, of a unix second or of all: `remove` puts them into the trash of this id. */
  removeDelayed(
    time: number | undefined,
    by: string,
    remove: (trash: string) => Promise<number>,
  ): Promise<Removal>
  removeSchedule(name: string, by: string): Promise<Removal>
}

/** A job that stands far from where it was is looked for, at most so long. */
const WAIT_MS = 5_000

export function undoableActions(operations: Operations, schedules: Schedules): Actions {
  const asRemoval = ({ id, done }: Pick<Operation, 'id' | 'done'>): Removal => ({
    operation: id,
    count: done,
    ...(done > 0 && { undoPath: `/operations/${id}/undo` }),
  })
  return {
    clearQueue: async (queue, by) => asRemoval(await operations.clearQueue(queue, { by })),
    removeQueue: async (queue, by) => asRemoval(await operations.clearQueue(queue, { by, unlist: true })),
    async removePending(queue, { index, text }, by) {
      const pending = { refs: [makeRef(queue, index, text)] }
      const spec = { kind: 'remove-pending', queue, pending } as const
      return asRemoval(await operations.start(spec, { by, waitMs: WAIT_MS }))
    },
    async removeDelayed(time, by, remove) {
      const lists = time === undefined ? [] : [String(time)]
      return asRemoval(await operations.remove({ kind: 'remove-delayed', lists }, by, remove))
    },
    async removeSchedule(name, by) {
      const remove = async (trash: string) => ((await schedules.remove(name, trash)) ? 1 : 0)
      return asRemoval(await operations.remove({ kind: 'remove-schedule', lists: [name] }, by, remove))
    },
  }
}
