/**
 * The loop of a worker: once per turn, one call that ends the jobs that are done and takes new ones.
 *
 * While a call is under way, finished slots gather; so the number of jobs a call moves follows the load by itself. Once
 * half of all slots have gathered they go, in a second call, rather than wait for Redis.
 * A call whose reply was lost is never repeated blindly: the working records tell what it did (`#reconcile`).
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../context.js'
import { ClosedError, CommandError, messageOf } from '../errors.js'
import { deathField, type Payload, readWorkingRecord, runAt } from '../store/records.js'
import {
  type Ending,
  MAX_OFFERED,
  type OfferedSlot,
  type ReserveReply,
  type SlotNaming,
} from '../store/slots.js'
import type { Store } from '../store/store.js'
import type { Offer, WatchedQueues } from './watched-queues.js'

/** One slot: free, or holding a job until Redis has accepted its end. */
export interface Slot {
  /** Its number in the ids of its process. */
  readonly number: number
  readonly workerId: string
  held: Held | undefined
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
}

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

/** With fewer, what a second call costs outweighs the waiting it saves. */
const FEW_SLOTS = 8

export class Turns {
  readonly #options: TurnsOptions
  readonly #ended: Slot[] = []
  readonly #idle: Slot[]
  /** So many ends at once go in a call of their own. */
  readonly #half: number
  #isTaking = false
  #wantsJobs = false
  #offersAll = false
  /** How many slots hold an end that Redis could not write, and wait to try again. */
  #unwritten = 0
  #taken = 0
  readonly #underWay = new Set<Promise<void>>()
  #isScheduled = false
  #calls = 0
  /** How many free slots the next call offers: it grows while jobs keep coming, so an idle look is cheap. */
  #appetite = 1
  #secondsAt = 0
  #runAt = ''

  constructor(options: TurnsOptions) {
    this.#options = options
    this.#idle = [...options.slots].reverse()
    const count = options.slots.length
    this.#half = count < FEW_SLOTS ? count : Math.ceil(count / 2)
  }

  /** How many slots hold a job. */
  get busyCount(): number {
    return this.#options.slots.length - this.#idle.length
  }

  get hasFreeSlot(): boolean {
    return this.#idle.length > 0
  }

  /** Takes jobs from now on, or no longer. */
  setTaking(isTaking: boolean): void {
    this.#isTaking = isTaking
    if (isTaking) this.wake()
  }

  /**
   * There may be jobs: look. With every free slot now and then: a call that the network held back for long may have
   * taken a job for one of them when nobody waited for its answer any more.
   */
  wake(using?: 'every slot'): void {
    this.#wantsJobs = true
    if (using) this.#offersAll = true
    this.#turnNow()
  }

  /** A job has come to its end. */
  finish(slot: Slot, ending: Ending): void {
    if (!slot.held) return
    slot.held.ending = ending
    this.#ended.push(slot)
    this.#wantsJobs = true
    if (!this.#mayCall()) return
    // Redis works on this half while the other half ends. Jobs that go back stay together, to keep their order.
    if (this.#ended.length >= this.#half && ending.kind !== 'returned') this.#turnNow()
    else this.#schedule()
  }

  /**
   * Plans the next turn: after this round of the event loop, so that jobs that end together travel together; or, when
   * every job has ended, at once, since there is nothing to wait for.
   */
  #schedule(): void {
    if (this.#ended.length === this.busyCount) process.nextTick(() => this.#turnNow())
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#turnNow()
    })
  }

  /** Resolves when no call is under way and no accepted end is outstanding. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0 || this.#ended.length > 0 || this.#unwritten > 0) {
      this.#turnNow()
      await (this.#underWay.size > 0 ? Promise.all(this.#underWay) : delay(50))
    }
  }

  /** One call is under way at a time; a second one if it carries the ends of half of all slots. */
  #mayCall(): boolean {
    const { size } = this.#underWay
    return size === 0 || (size === 1 && this.#ended.length >= this.#half)
  }

  #turnNow(): void {
    if (!this.#mayCall()) return
    const takes = this.#isTaking && this.#wantsJobs && this.#room > 0
    if (this.#ended.length === 0 && !(takes && this.#idle.length > 0)) return
    const work = this.#turn(takes).finally(() => {
      this.#underWay.delete(work)
      if (
        this.#ended.length > 0 ||
        (this.#isTaking && this.#wantsJobs && this.#room > 0 && this.#idle.length > 0)
      ) {
        this.#schedule()
      }
    })
    this.#underWay.add(work)
  }

  /** How many jobs it may take now, if all that ended are reported. */
  get #room(): number {
    return Math.max(0, this.#options.room() - this.busyCount + this.#ended.length)
  }

  async #turn(takes: boolean): Promise<void> {
    const { store, nonce, naming, queues } = this.#options
    const limit = this.#room
    const ended = this.#ended.splice(0, MAX_OFFERED)
    // Each that is returned goes to the head of its queue: the one that was taken first, last.
    if (ended.some(({ held }) => held?.ending?.kind === 'returned')) {
      ended.sort((a, b) => (b.held as Held).order - (a.held as Held).order)
    }
    const appetite = takes && this.#offersAll ? MAX_OFFERED : this.#appetite
    if (takes) this.#offersAll = false
    const room = Math.min(MAX_OFFERED, appetite, limit) - ended.length
    const idle = takes ? this.#idle.splice(Math.max(0, this.#idle.length - Math.max(0, room))).reverse() : []
    const offered = [...ended, ...idle]
    const call = (++this.#calls).toString(36)
    const offer = takes ? queues.offer() : undefined
    this.#wantsJobs = false
    let reply: ReserveReply
    try {
      const request = {
        slots: offered.map(offeredSlot),
        limit,
        queues: offer?.json,
        countQueues: takes && queues.isDynamic,
        nonce,
        call,
        naming,
        runAt: this.#now(),
      }
      reply = await store.slots.finishAndReserve(request, offer?.names ?? [])
    } catch (error) {
      await this.#recover(error, offered, call)
      return
    }
    await this.#apply(offered, reply, offer, call, limit)
  }

  async #apply(
    offered: Slot[],
    reply: ReserveReply,
    offer: Offer | undefined,
    call: string,
    limit: number,
  ): Promise<void> {
    const refused = new Map(reply.refused.map(({ slot, reason }) => [offered[slot] as Slot, reason]))
    const odd: Slot[] = []
    const unregistered: Slot[] = []
    const unwritten: Slot[] = []
    for (const slot of offered) {
      const reason = refused.get(slot)
      if (reason === 'unwritable') {
        unwritten.push(slot)
        continue
      }
      if (reason === 'lost') this.#loseReport(slot)
      else if (slot.held) this.#accept(slot)
      if (reason === 'occupied') odd.push(slot)
      if (reason === 'unregistered' || reason === 'lost') unregistered.push(slot)
    }
    for (const job of reply.jobs) this.#start(offered[job.slot] as Slot, call, job)
    for (const slot of offered) {
      if (!slot.held && !odd.includes(slot)) this.#idle.push(slot)
    }
    const took = reply.jobs.length
    const room = Math.min(offered.length - refused.size, limit)
    const emptied = took < room
    if (offer && !reply.isPaused) this.#options.queues.took(offer, reply.jobs, emptied)
    // A part of the queues that is empty says nothing of the others.
    const foundAll = reply.isPaused || (emptied && offer?.isAll !== false)
    this.#appetite = foundAll ? Math.max(1, took) : Math.min(MAX_OFFERED, 2 * Math.max(took, 1))
    // More may wait than was offered room for.
    if (offer && !foundAll) this.#wantsJobs = true
    if (unwritten.length > 0) this.#tryLater(unwritten)
    if (unregistered.length > 0) await this.#options.onUnregistered(unregistered)
    if (odd.length > 0 && !(await this.#reconcile(odd))) return
    if (offer) {
      this.#options.onTurn({ foundAll, took, isPaused: reply.isPaused, queueCount: reply.queueCount })
    }
  }

  #start(slot: Slot, call: string, job: { queue: string; payload: Payload; deaths: number }): void {
    const { queue, payload, deaths } = job
    const held: Held = { queue, payload, call, deaths, order: ++this.#taken, ending: undefined }
    slot.held = held
    this.#options.onJob(slot, held)
  }

  #accept(slot: Slot): void {
    const ending = slot.held?.ending as Ending
    slot.held = undefined
    this.#options.onEnded(slot, ending)
  }

  /** This worker was declared dead while it lived, and its job given to another: the report counts for nothing. */
  #loseReport(slot: Slot): void {
    const { log } = this.#options
    log.warn(
      { workerId: slot.workerId, queue: slot.held?.queue },
      `The end of a job (${slot.held?.ending?.kind}) was refused: ${slot.workerId} had been declared dead, and the job was taken from it.`,
    )
    slot.held = undefined
  }

  /** The list that these ends belong in takes nothing now. The jobs are held; the other slots go on. */
  #tryLater(slots: Slot[]): void {
    for (const { held, workerId } of slots) {
      const place = held?.ending?.kind === 'returned' ? `queue "${held.queue}"` : 'failed list'
      this.#options.log.error(
        { workerId, queue: held?.queue },
        `The end of a job (${held?.ending?.kind}) could not be written to its ${place}; the job is held, and it will be tried again.`,
      )
    }
    this.#unwritten += slots.length
    setTimeout(() => {
      this.#unwritten -= slots.length
      this.#ended.push(...slots)
      this.#turnNow()
    }, 1_000).unref()
  }

  /** A call failed. What it did is read from the records once Redis answers. */
  async #recover(error: unknown, offered: Slot[], call: string): Promise<void> {
    const { log, store } = this.#options
    const hint = error instanceof CommandError ? 'Redis refused it' : 'Redis is not to be reached'
    log.warn({ err: error, call }, `${hint}; the worker waits and goes on by itself: ${messageOf(error)}`)
    if (!(await this.#reconcile(offered))) return
    log.info({ call }, `Redis at ${store.connection.address} answers again.`)
    this.#wantsJobs = true
    if (error instanceof CommandError) await delay(500)
  }

  /**
   * Reads the records of these slots, as often as it takes, and believes them: an end whose job's record still
   * carries its mark did not arrive and is sent again; a record with another mark of this process is a job that was
   * given to the slot. False if the worker was stopped meanwhile: what is still held is found by recovery.
   */
  async #reconcile(slots: Slot[]): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#readBack(slots)
        return true
      } catch (error) {
        if (error instanceof ClosedError) {
          this.#isTaking = false
          this.#ended.length = 0
          return false
        }
      }
      await delay(Math.min(50 * 2 ** attempt, 1_000) * (0.5 + Math.random() / 2))
    }
  }

  async #readBack(slots: Slot[]): Promise<void> {
    const { store, nonce, log } = this.#options
    const texts = await store.slots.records(slots.map(({ workerId }) => workerId))
    const records = texts.map((text) => (text ? readWorkingRecord(text) : undefined))
    const deaths = await store.slots.deaths(records)
    slots.forEach((slot, i) => {
      const record = records[i]
      const call = record?.run?.startsWith(`${nonce}.`) ? record.run.split('.')[1] : undefined
      if (slot.held && slot.held.call === call) {
        this.#ended.push(slot)
        return
      }
      if (slot.held) this.#accept(slot)
      if (!record) {
        this.#idle.push(slot)
      } else if (call !== undefined) {
        this.#start(slot, call, { queue: record.queue, payload: record.payload, deaths: deaths[i] ?? 0 })
      } else {
        // Somebody else works under this id: the slot is left to them.
        log.error(
          { workerId: slot.workerId },
          `The working record of ${slot.workerId} is not of this process; the slot is not used.`,
        )
      }
    })
  }

  /** `run_at`, made once a second. */
  #now(): string {
    const seconds = Math.floor(Date.now() / 1_000)
    if (seconds !== this.#secondsAt) {
      this.#secondsAt = seconds
      this.#runAt = runAt(new Date(seconds * 1_000))
    }
    return this.#runAt
  }
}

function offeredSlot({ number, held }: Slot): OfferedSlot {
  if (!held) return { number }
  const { call, queue, payload, deaths } = held
  const field = deaths > 0 ? deathField(queue, payload) : undefined
  return { number, held: { call, ending: held.ending as Ending, deathField: field } }
}
