/**
 * `finish and reserve`: the one script of the hot path. Once per turn it ends the jobs of a process that are
 * done and takes new ones for its free slots, for all slots together.
 *
 * A job is at every instant in exactly one place: the queue, the working record of one slot, or its end. The
 * record is the crash-safe working copy, and its `run` mark tells whose it is: an end is accepted only while
 * the record still carries the mark under which the job was taken.
 */
import type { Arg, Connection } from './connection.js'
import { finishAndReserve } from './finish-and-reserve.js'
import type { OpenHand } from './hands.js'
import type { Keys } from './keys.js'
import { deathField, type Payload } from './records.js'

/** The end of a job, as the script needs it. */
export type Ending =
  | { kind: 'done' }
  | { kind: 'failed'; entries: FailureEntry[] }
  /** Back to the head of its queue, as if it had not been taken. */
  | { kind: 'returned'; queue: string; payload: Payload }

/** Something to append to a failed list, in the same step that ends the job. */
export interface FailureEntry {
  /** The list's name without namespace: `failed`, or `<queue>_failed`. */
  list: string
  text: string
  /** A set, without namespace, that the list's name is added to. */
  listedIn?: string
}

/** A slot that takes part in a call: one that is free, or one whose job came to its end. */
export interface OfferedSlot {
  /** Its number in the ids of its process. */
  number: number
  /** The call that took its job, and how the job ended. Undefined: the slot is free. */
  held?: HeldJob | undefined
  /** It is free, and a job was handed to it: it takes that one, whatever is paused. Only the first slot can have it. */
  handed?: OpenHand | undefined
}

export interface HeldJob {
  call: string
  ending: Ending
  /** Set when the job had killed workers before. */
  deathField?: string | undefined
}

/** How the worker ids of a process are spelled: `<host><separator><number>:<pid>:<queues>`, slot 1 the host alone. */
export interface SlotNaming {
  host: string
  separator: string
  /** `:<pid>:<queues>` */
  tail: string
}

/** The worker id of a slot. */
export function slotId({ host, separator, tail }: SlotNaming, number: number): string {
  return `${host}${number === 1 ? '' : `${separator}${number}`}${tail}`
}

/** Why a slot was left out of a call. */
export type Refusal =
  /** Its record is gone or is another's: the worker was declared dead, its report does not count. */
  | 'lost'
  /** It was believed free and holds a record. */
  | 'occupied'
  /** Its worker is not registered (any more). */
  | 'unregistered'
  /** The failure could not be written; the job is still held. */
  | 'unwritable'

export interface ReservedJob {
  /** Index into the offered slots. */
  slot: number
  queue: string
  payload: Payload
  /** How many workers died of this job before. */
  deaths: number
}

export interface ReserveReply {
  refused: { slot: number; reason: Refusal }[]
  jobs: ReservedJob[]
  /** All workers are told to pause. */
  isPaused: boolean
  /** How many queues are listed; only asked for when `countQueues`. */
  queueCount: number
}

export interface ReserveRequest {
  slots: OfferedSlot[]
  /** How many of them may be given a job, besides the one that was handed over. */
  limit: number
  /** JSON array of the keys of the queues to take from, in order. Undefined: take nothing. */
  queues: string | undefined
  countQueues: boolean
  /** Unique for the process. */
  nonce: string
  /** Unique for each call of the process. The mark of a job is `<nonce>.<call>.<slot number>`. */
  call: string
  naming: SlotNaming
  /** `run_at` of the jobs taken. */
  runAt: string
}

const reasons: Record<string, Refusal> = { l: 'lost', o: 'occupied', u: 'unregistered', w: 'unwritable' }

/** Slots in one call at most: a Lua call takes a bounded number of arguments. */
export const MAX_OFFERED = 1_000

export class Slots {
  readonly #connection: Connection
  readonly #keys: Keys
  readonly #scriptKeys: string[]

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
    this.#scriptKeys = [
      keys.workers,
      keys.pauseAll,
      keys.pausedQueues,
      keys.deaths,
      keys.queues,
      keys.stat('processed'),
      keys.stat('failed'),
    ]
  }

  /** Ends jobs and takes new ones, in one step. `names` are the queues that `request.queues` holds as JSON. */
  async finishAndReserve(request: ReserveRequest, names: readonly string[]): Promise<ReserveReply> {
    const { naming } = request
    const extras: Arg[] = []
    let slots = ''
    for (const slot of request.slots) slots += `${slot.number}${stateOf(slot, extras)} `
    const reply = (await this.#connection.run(finishAndReserve, this.#scriptKeys, [
      this.#keys.prefix,
      request.runAt,
      request.nonce,
      request.call,
      request.queues ?? '',
      request.countQueues ? '1' : '',
      request.limit,
      naming.host,
      naming.separator,
      naming.tail,
      slots,
      ...extras,
    ])) as string[]
    return readReply(names, reply, request.slots[0]?.handed)
  }

  /** How many workers died before of each of these jobs. */
  async deaths(jobs: ({ queue: string; payload: Payload } | undefined)[]): Promise<number[]> {
    if (jobs.every((job) => job === undefined)) return []
    const fields = jobs.map((job) => (job ? deathField(job.queue, job.payload) : ''))
    const counts = (await this.#connection.send('hmget', [this.#keys.deaths, ...fields])) as (string | null)[]
    return counts.map(Number)
  }

  /** The working records of these workers, as they stand; null where there is none. */
  async records(workerIds: string[]): Promise<(string | null)[]> {
    return (await this.#connection.send(
      'mget',
      workerIds.map((id) => this.#keys.worker(id)),
    )) as (string | null)[]
  }
}

function stateOf({ held, handed }: OfferedSlot, extras: Arg[]): string {
  if (handed) {
    extras.push(handed.hand, handed.queue)
    return 'h'
  }
  if (!held) return ''
  const { call, ending, deathField } = held
  switch (ending.kind) {
    case 'done':
      if (deathField === undefined) return `d${call}`
      extras.push(deathField)
      return `c${call}`
    case 'failed':
      extras.push(deathField ?? '', ending.entries.length)
      for (const { list, text, listedIn } of ending.entries) extras.push(list, text, listedIn ?? '')
      return `f${call}`
    case 'returned':
      extras.push(ending.queue, ending.payload)
      return `r${call}`
  }
}

function readReply(names: readonly string[], reply: string[], handed: OpenHand | undefined): ReserveReply {
  const [refusedText, runsText, deathsText, wrappedText, pausedText, queueCount, payloadsText] =
    reply as Reply
  const refused = words(refusedText).map((word) => ({
    slot: Number.parseInt(word, 10) - 1,
    reason: reasons[word.slice(-1)] as Refusal,
  }))
  const left = new Set(refused.map(({ slot }) => slot))
  const deaths = new Map(words(deathsText).map((word) => word.split(':').map(Number) as [number, number]))
  const wrapped = new Set(words(wrappedText).map(Number))
  const jobs: ReservedJob[] = []
  const payloads = runsText === '' ? [] : payloadsText.split('\0')
  // Nothing was in the hand (any more): its slot got nothing else.
  if (handed && !runsText.startsWith('0:')) left.add(0)
  let slot = -1
  for (const run of words(runsText)) {
    const [index, count] = run.split(':').map(Number) as [number, number]
    for (let i = 0; i < count; i++) {
      do slot++
      while (left.has(slot))
      const text = payloads[jobs.length] as string
      const number = jobs.length + 1
      jobs.push({
        slot,
        queue: (index === 0 ? handed?.queue : names[index - 1]) as string,
        payload: wrapped.has(number) ? Buffer.from(JSON.parse(text) as string, 'latin1') : text,
        deaths: deaths.get(number) ?? 0,
      })
    }
  }
  return { refused, jobs, isPaused: pausedText === '1', queueCount: Number(queueCount) }
}

type Reply = [
  refused: string,
  runs: string,
  deaths: string,
  wrapped: string,
  paused: string,
  queueCount: string,
  payloads: string,
]

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ')
}
