/**
 * What the loop of a worker needs, and what it tells.
 */
import type { Logger } from '../context.js'
import type { Ending, SlotNaming } from '../store/slots.js'
import type { Store } from '../store/store.js'
import type { Held, Slot } from './slot.js'
import type { WatchedQueues } from './watched-queues.js'

export interface TurnsOptions {
  store: Store
  slots: Slot[]
  /** Unique for this process: every mark it makes begins with it. */
  nonce: string
  naming: SlotNaming
  log: Logger
  /** The queues to take from, as they are at each turn. */
  queues: WatchedQueues
  /** How many slots may hold a job at this moment. */
  room(): number
  /** A slot has a job: start it. */
  onJob(slot: Slot, held: Held): void
  /** The end of a job was accepted. */
  onEnded(slot: Slot, ending: Ending): void
  onTurn(turn: Turn): void
  /** The job that was handed over is in the hand no more; or (not `isEmpty`) that is not known. */
  onHandEmptied(isEmpty: boolean): void
  /** These workers are not registered any more. Resolves when they are again. */
  onUnregistered(slots: Slot[]): Promise<void>
}

/** What a turn that took jobs, or wanted to, came to. */
export interface Turn {
  /** It took all there was: nothing is left to take now. */
  foundAll: boolean
  took: number
  /** All workers are told to pause. */
  isPaused: boolean
  /** How many queues are listed, or -1 if that does not matter. */
  queueCount: number
}
