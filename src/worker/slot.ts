/**
 * A slot of a worker process, and the job in it.
 */
import { deathField, type Payload } from '../store/records.js'
import type { Ending, OfferedSlot } from '../store/slots.js'
import type { HandedJob } from './hand.js'

/** One slot: free, or holding a job until Redis has accepted its end. */
export interface Slot {
  /** Its number in the ids of its process. */
  readonly number: number
  readonly workerId: string
  held: Held | undefined
}

/** Free slots, one for each of these ids. */
export function slotsOf(ids: string[], numbers: number[]): Slot[] {
  return ids.map((workerId, i) => ({ number: numbers[i] ?? 0, workerId, held: undefined }))
}

export interface Held {
  queue: string
  payload: Payload
  /** The call that took it. */
  call: string
  deaths: number
  /** Counts the jobs of this process in the order they were taken. */
  order: number
  /** Set once the job has ended and the end is not yet accepted. */
  ending: Ending | undefined
  /** It was handed over and has started, and it is not known yet that its record is written. */
  isUnwritten: boolean
}

/** A job that was handed over to a slot that was lent for it. */
export interface Handed {
  slot: Slot
  job: HandedJob
  /** The calls that were to write its record. */
  calls: string[]
}

/** How a slot takes part in a call. */
export function offeredSlot({ number, held }: Slot, handed: HandedJob | undefined): OfferedSlot {
  if (handed) return { number, handed }
  if (!held) return { number }
  const { call, queue, payload, deaths } = held
  const field = deaths > 0 ? deathField(queue, payload) : undefined
  return { number, held: { call, ending: held.ending as Ending, deathField: field } }
}
