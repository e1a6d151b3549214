/**
 * What a call did whose reply was lost: the working records tell, once Redis answers again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ClosedError } from '../errors.js'
import { readWorkingRecord, type WorkingRecord } from '../store/records.js'
import type { Store } from '../store/store.js'
import type { Slot } from './slot.js'
import type { TurnsOptions } from './turns-options.js'

/** What the record of a slot says. */
export interface Found {
  /** The call of this process that wrote it; undefined: there is none, or it is of somebody else. */
  call: string | undefined
  job: (WorkingRecord & { deaths: number }) | undefined
}

/** Reads the records of these slots, as often as it takes. Undefined if the connection was closed meanwhile. */
export async function readBack(store: Store, nonce: string, slots: Slot[]): Promise<Found[] | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await read(store, nonce, slots)
    } catch (error) {
      if (error instanceof ClosedError) return undefined
    }
    await delay(Math.min(50 * 2 ** attempt, 1_000) * (0.5 + Math.random() / 2))
  }
}

async function read(store: Store, nonce: string, slots: Slot[]): Promise<Found[]> {
  const texts = await store.slots.records(slots.map(({ workerId }) => workerId))
  const records = texts.map((text) => (text ? readWorkingRecord(text) : undefined))
  const deaths = await store.slots.deaths(records)
  return records.map((record, i) => ({
    call: record?.run?.startsWith(`${nonce}.`) ? record.run.split('.')[1] : undefined,
    job: record && { ...record, deaths: deaths[i] ?? 0 },
  }))
}

/**
 * Puts back what a call took for a slot that has another job: a call that had been given up, and came late. Where that
 * fails it is found there again.
 */
export async function sendBack(
  { store, nonce, naming }: Pick<TurnsOptions, 'store' | 'nonce' | 'naming'>,
  { number }: Slot,
  { call, job }: { call: string; job: WorkingRecord },
  made: { call: string; runAt: string },
): Promise<void> {
  const { queue, payload } = job
  const slots = [{ number, held: { call, ending: { kind: 'returned', queue, payload } as const } }]
  const request = { slots, limit: 0, queues: undefined, countQueues: false, nonce, naming, ...made }
  await store.slots.finishAndReserve(request, []).catch(() => {})
}

/** What is logged of a slot whose record somebody else has written. */
export function notOurs({ workerId }: Slot): string {
  return `The working record of ${workerId} is not of this process; the slot is not used.`
}
