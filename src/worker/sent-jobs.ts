/**
 * The jobs that a child was sent and that have not come to their end here, in the order in which it has them.
 *
 * The first is the one it performs. Those behind it were sent ahead: they count as running only when `start` is called
 * for them, though the child may have answered by then. Those that were taken back stay until it has refused them.
 */
import type { Outcome } from '../hooks.js'

/** A job that a child shall perform. */
export interface ChildJob {
  queue: string
  payload: string
  workerId: string
  deaths: number
  class: string
}

interface Sent {
  readonly number: number
  readonly job: ChildJob
  state: 'running' | 'ahead' | 'taken back'
  /** By the clock of `monotonicMs`, of one that was sent ahead. */
  readonly until: number
  onEnd: ((outcome: Outcome) => void) | undefined
  /** The child's answer, or what its death came to. */
  outcome: Outcome | undefined
  hasPrinted: boolean
}

/** A job that has come to its end. */
export interface EndedJob {
  job: ChildJob
  outcome: Outcome
  hasPrinted: boolean
  onEnd: (outcome: Outcome) => void
}

export class SentJobs {
  #sent: Sent[] = []
  #number = 0

  /** One that the child performs when it has ended those before it. Returns its number. */
  add(job: ChildJob, onEnd: (outcome: Outcome) => void): number {
    return this.#add({ job, state: 'running', until: Number.POSITIVE_INFINITY, onEnd })
  }

  addAhead(job: ChildJob, until: number): number {
    return this.#add({ job, state: 'ahead', until, onEnd: undefined })
  }

  #add(sent: Pick<Sent, 'job' | 'state' | 'until' | 'onEnd'>): number {
    this.#sent.push({ ...sent, number: ++this.#number, outcome: undefined, hasPrinted: false })
    return this.#number
  }

  /** A job that was sent ahead counts as running from now on. False if it is none of those. */
  start(job: ChildJob, onEnd: (outcome: Outcome) => void): boolean {
    const sent = this.#sent.find((each) => each.job === job && each.state === 'ahead')
    if (!sent) return false
    sent.state = 'running'
    sent.onEnd = onEnd
    return true
  }

  /** The job that comes next, if it was sent ahead. */
  get next(): ChildJob | undefined {
    return this.#sent.find(({ state }) => state === 'ahead')?.job
  }

  get aheadCount(): number {
    let count = 0
    for (const { state } of this.#sent) if (state === 'ahead') count++
    return count
  }

  /** How many the child has not answered. */
  get unanswered(): number {
    let count = 0
    for (const { outcome, state } of this.#sent) if (!outcome && state !== 'taken back') count++
    return count
  }

  /** What the child performs now, or will next: the first that it has not answered. */
  get current(): ChildJob | undefined {
    return this.#current?.job
  }

  numberOf(job: ChildJob): number | undefined {
    return this.#sent.find((each) => each.job === job && each.state === 'running')?.number
  }

  get #current(): Sent | undefined {
    return this.#sent.find(({ outcome, state }) => !outcome && state !== 'taken back')
  }

  /** The child's answer to the first that it has not answered. */
  answer(outcome: Outcome, hasPrinted: boolean): void {
    const at = this.#sent.findIndex((each) => !each.outcome)
    const sent = this.#sent[at]
    // One that was taken back is refused, by any child that keeps to what was agreed.
    if (sent?.state === 'taken back') this.#sent.splice(at, 1)
    else if (sent) Object.assign(sent, { outcome, hasPrinted })
  }

  /**
   * The child has refused the first that it has not answered, and will refuse the others it was sent ahead. Returns
   * that one if it counts as running, and so must be sent again, and those that are free now.
   */
  refuse(): { again: { job: ChildJob; onEnd: (outcome: Outcome) => void } | undefined; free: ChildJob[] } {
    const at = this.#sent.findIndex((each) => !each.outcome)
    const [sent] = at < 0 ? [] : this.#sent.splice(at, 1)
    if (sent === undefined || sent.state === 'taken back') return { again: undefined, free: [] }
    const others = this.takeBack()
    if (sent.state === 'ahead') return { again: undefined, free: [sent.job, ...others] }
    return { again: { job: sent.job, onEnd: sent.onEnd as (outcome: Outcome) => void }, free: others }
  }

  /** The instant from which those that were sent ahead may be taken back. */
  get lapseAt(): number | undefined {
    return this.#sent.find(({ state }) => state === 'ahead')?.until
  }

  /**
   * Whether the child is certain to refuse what was sent ahead, if all that it said up to `now` has been read: it has
   * not answered the one before, and when it does, the time will have passed.
   */
  haveLapsed(now: number): boolean {
    const current = this.#current
    return (
      current !== undefined && current.state !== 'ahead' && (this.lapseAt ?? Number.POSITIVE_INFINITY) <= now
    )
  }

  /** Takes back all that was sent ahead and is not answered: they will be refused, or the child is dead. */
  takeBack(): ChildJob[] {
    const free = this.#sent.filter(({ state, outcome }) => state === 'ahead' && !outcome)
    for (const each of free) each.state = 'taken back'
    return free.map(({ job }) => job)
  }

  /** The child is dead: the job it had in hand comes to this. Returns those that it had not begun. */
  die(outcome: Outcome): ChildJob[] {
    const current = this.#current
    if (current) Object.assign(current, { outcome, hasPrinted: true })
    const free = this.takeBack()
    this.#sent = this.#sent.filter(({ state }) => state !== 'taken back')
    return free
  }

  /** The first, taken out, if it has come to its end and counts as running. */
  takeEnded(): EndedJob | undefined {
    const [first] = this.#sent
    if (!first?.outcome || !first.onEnd) return undefined
    this.#sent.shift()
    const { job, outcome, hasPrinted, onEnd } = first
    return { job, outcome, hasPrinted, onEnd }
  }

  /** The first has come to its end, and waits for its `start`. */
  get isBehind(): boolean {
    return this.#sent[0]?.outcome !== undefined
  }
}
