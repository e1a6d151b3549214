/**
 * The loop of a worker: once per turn, one call that ends the jobs that are done and takes new ones.
 *
 * While a call is under way, finished slots gather; so the number of jobs a call moves follows the load by itself. Once
 * half of all slots have gathered they go, in a second call, rather than wait for Redis.
 * A call whose reply was lost is never repeated blindly: the working records tell what it did (`#reconcile`).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { CommandError, messageOf } from '../errors.js'
import { type Payload, RunClock } from '../store/records.js'
import { type Ending, MAX_OFFERED, type ReserveReply } from '../store/slots.js'
import type { HandedJob } from './hand.js'
import { QuickClasses } from './quick-classes.js'
import { type Found, notOurs, readBack, sendBack } from './read-back.js'
import { type Handed, type Held, offeredSlot, type Slot } from './slot.js'
import type { TurnsOptions } from './turns-options.js'
import type { Offer } from './watched-queues.js'

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
  /** How many free slots wait for a job to be handed over. */
  #lent = 0
  /** The job that was handed over, until it is known that its record is written, or that it was taken away. */
  #handed: Handed | undefined
  readonly #quick = new QuickClasses()
  readonly #underWay = new Set<Promise<void>>()
  #isScheduled = false
  #calls = 0
  /** How many free slots the next call offers: it grows while jobs keep coming, so an idle look is cheap. */
  #appetite = 1
  readonly #clock = new RunClock()

  constructor(options: TurnsOptions) {
    this.#options = options
    this.#idle = [...options.slots].reverse()
    const count = options.slots.length
    this.#half = count < FEW_SLOTS ? count : Math.ceil(count / 2)
  }

  /** How many slots hold a job, or are lent. */
  get #busyCount(): number {
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

  /**
   * Lends a free slot out, for a job that may be handed over to it; undefined if there is none, or none is wanted. Not
   * while ends are to be told: that call looks for jobs, and two that take at once may change their order.
   */
  lend(): Slot | undefined {
    if (!this.#isTaking || this.#room === 0 || this.#ended.length > 0) return undefined
    const slot = this.#idle.pop()
    if (slot) this.#lent++
    return slot
  }

  /** No job was handed over to a slot that was lent. */
  giveBack(slot: Slot): void {
    this.#lent--
    this.#idle.push(slot)
    if (this.#wantsJobs) this.#schedule()
  }

  /** A job was handed over to a slot that was lent: it starts, and its record is written. */
  handed(slot: Slot, job: HandedJob): void {
    this.#lent--
    this.#handed = { slot, job, calls: [] }
    if (!job.isCareful && this.#quick.has(job.name as string)) this.#startHanded(this.#handed)
    // Behind it there may be more.
    this.#wantsJobs = true
    this.#begin(this.#handed)
  }

  /** Where a class is known not to keep this thread, before the call is made that shows that it runs. */
  #startHanded({ slot, job, calls }: Handed): void {
    const startedAt = performance.now()
    this.#start(slot, calls[0] ?? '', { ...job, deaths: 0 }, true)
    this.#quick.note(job.name as string, performance.now() - startedAt)
  }

  /** A job has come to its end. */
  finish(slot: Slot, ending: Ending): void {
    if (!slot.held) return
    slot.held.ending = ending
    if (slot.held.isUnwritten) return
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
    if (this.#ended.length === this.#busyCount - this.#lent) process.nextTick(() => this.#turnNow())
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
    if (this.#ended.length > 0 || (takes && this.#idle.length > 0)) this.#begin()
  }

  #begin(handed?: Handed): void {
    const work = this.#turn(handed).finally(() => {
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
    return Math.max(0, this.#options.room() - this.#busyCount + this.#ended.length)
  }

  async #turn(handed: Handed | undefined): Promise<void> {
    const { store, nonce, naming, queues } = this.#options
    const limit = this.#room
    const takes = this.#isTaking && this.#wantsJobs && limit > 0
    const ended = this.#ended.splice(0, MAX_OFFERED)
    // Each that is returned goes to the head of its queue: the one that was taken first, last.
    if (ended.some(({ held }) => held?.ending?.kind === 'returned')) {
      ended.sort((a, b) => (b.held as Held).order - (a.held as Held).order)
    }
    const appetite = takes && this.#offersAll ? MAX_OFFERED : this.#appetite
    if (takes) this.#offersAll = false
    const room = Math.min(MAX_OFFERED, appetite, limit) - ended.length
    const idle = takes ? this.#idle.splice(Math.max(0, this.#idle.length - Math.max(0, room))).reverse() : []
    const offered = handed ? [handed.slot, ...ended, ...idle] : [...ended, ...idle]
    const call = (++this.#calls).toString(36)
    if (handed) {
      handed.calls.push(call)
      if (handed.slot.held) handed.slot.held.call = call
    }
    const offer = takes ? queues.offer() : undefined
    this.#wantsJobs = false
    let reply: ReserveReply
    try {
      const request = {
        slots: offered.map((slot) => offeredSlot(slot, slot === handed?.slot ? handed.job : undefined)),
        limit,
        queues: offer?.json,
        countQueues: takes && queues.isDynamic,
        nonce,
        call,
        naming,
        runAt: this.#clock.now(),
      }
      const replying = store.slots.finishAndReserve(request, offer?.names ?? [])
      if (handed && !handed.slot.held && !handed.job.isCareful) this.#startHanded(handed)
      reply = await replying
    } catch (error) {
      if ((await this.#recover(error, offered, call)) && handed && handed === this.#handed)
        this.#begin(handed)
      return
    }
    await this.#apply(offered, reply, offer, call, limit, handed)
  }

  async #apply(
    offered: Slot[],
    reply: ReserveReply,
    offer: Offer | undefined,
    call: string,
    limit: number,
    handed: Handed | undefined,
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
      if (reason === 'occupied') odd.push(slot)
      else if (reason === 'lost') this.#loseReport(slot)
      else if (slot.held && !slot.held.isUnwritten) this.#accept(slot)
      if (reason === 'unregistered' || reason === 'lost') unregistered.push(slot)
    }
    for (const job of reply.jobs) {
      const slot = offered[job.slot] as Slot
      if (!slot.held) this.#start(slot, call, job)
    }
    let took = reply.jobs.length
    let room = offered.length - refused.size
    if (handed && !refused.has(handed.slot)) {
      room--
      if (reply.jobs[0]?.slot === 0) took--
      this.#settleHanded(handed, handed.calls.length === 1)
    }
    for (const slot of offered) {
      if (!slot.held && slot !== this.#handed?.slot && !odd.includes(slot)) this.#idle.push(slot)
    }
    const emptied = took < Math.min(room, limit)
    if (offer && !reply.isPaused) this.#options.queues.took(offer, reply.jobs, emptied)
    // A part of the queues that is empty says nothing of the others.
    const foundAll = reply.isPaused || (emptied && offer?.isAll !== false)
    this.#appetite = foundAll ? Math.max(1, took) : Math.min(MAX_OFFERED, 2 * Math.max(took, 1))
    // More may wait than was offered room for.
    if (offer && !foundAll) this.#wantsJobs = true
    if (unwritten.length > 0) this.#tryLater(unwritten)
    if (unregistered.length > 0) await this.#options.onUnregistered(unregistered)
    if (odd.length > 0 && !(await this.#reconcile(odd))) return
    if (handed && handed === this.#handed) {
      // It was registered no more, and is again, unless it leaves; or its record was of somebody else.
      if (this.#isTaking || !unregistered.includes(handed.slot)) this.#begin(handed)
      else this.#settleHanded(handed, false)
    }
    if (offer) {
      this.#options.onTurn({ foundAll, took, isPaused: reply.isPaused, queueCount: reply.queueCount })
    }
  }

  /**
   * Its record is written; or it was taken away, as this worker had been declared dead: then its end will be refused.
   * Not `isEmpty`: a call to write it was lost, and may still arrive, and would take what comes into the hand then.
   */
  #settleHanded({ slot: { held }, slot }: Handed, isEmpty: boolean): void {
    this.#handed = undefined
    this.#wantsJobs = true
    if (held) {
      held.isUnwritten = false
      if (held.ending) this.#ended.push(slot)
    }
    this.#options.onHandEmptied(isEmpty)
  }

  #start(
    slot: Slot,
    call: string,
    { queue, payload, deaths }: { queue: string; payload: Payload; deaths: number },
    isUnwritten = false,
  ): void {
    const order = ++this.#taken
    const held: Held = { queue, payload, call, deaths, order, ending: undefined, isUnwritten }
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

  /** A call failed. What it did is read from the records once Redis answers. False if the worker was stopped meanwhile. */
  async #recover(error: unknown, offered: Slot[], call: string): Promise<boolean> {
    const { log, store } = this.#options
    const hint = error instanceof CommandError ? 'Redis refused it' : 'Redis is not to be reached'
    log.warn({ err: error, call }, `${hint}; the worker waits and goes on by itself: ${messageOf(error)}`)
    if (!(await this.#reconcile(offered))) return false
    log.info({ call }, `Redis at ${store.connection.address} answers again.`)
    this.#wantsJobs = true
    if (error instanceof CommandError) await delay(500)
    return true
  }

  /**
   * Reads the records of these slots, as often as it takes, and believes them: an end whose job's record still
   * carries its mark did not arrive and is sent again; a record with another mark of this process is a job that was
   * given to the slot. False if the worker was stopped meanwhile: what is still held is found by recovery.
   */
  async #reconcile(slots: Slot[]): Promise<boolean> {
    const { store, nonce } = this.#options
    const found = await readBack(store, nonce, slots)
    for (const [i, each] of (found ?? []).entries()) {
      const slot = slots[i] as Slot
      if (slot === this.#handed?.slot) await this.#believeHanded(this.#handed, each)
      else this.#believe(slot, each)
    }
    if (found) return true
    this.#isTaking = false
    this.#ended.length = 0
    return false
  }

  #believe(slot: Slot, { call, job }: Found): void {
    if (slot.held && slot.held.call === call) {
      this.#ended.push(slot)
      return
    }
    if (slot.held) this.#accept(slot)
    if (!job) {
      this.#idle.push(slot)
    } else if (call !== undefined) {
      this.#start(slot, call, job)
    } else {
      // Somebody else works under this id: the slot is left to them.
      this.#options.log.error({ workerId: slot.workerId }, notOurs(slot))
    }
  }

  /** Where its record is not written, it is in the hand, and the call is made again. */
  async #believeHanded(handed: Handed, { call, job }: Found): Promise<void> {
    const { slot, calls } = handed
    if (!job) return
    if (call !== undefined && !calls.includes(call)) {
      const again = { call: (++this.#calls).toString(36), runAt: this.#clock.now() }
      await sendBack(this.#options, slot, { call, job }, again)
      return
    }
    if (call !== undefined && slot.held) slot.held.call = call
    else if (call !== undefined) this.#start(slot, call, job)
    else this.#options.log.error({ workerId: slot.workerId }, notOurs(slot))
    this.#settleHanded(handed, false)
  }
}
