/**
 * The counts that every page shows: one look at Redis for all who look, not older than `cacheMs`, and made anew after
 * anything was changed here. What a user may not know of is left out of his.
 */

import { rubyRhythm } from '../config.js'
import type { Glance, QueueGlance, WorkerGlance } from '../store/glance.js'
import type { PauseNote } from '../store/paused-by.js'
import type { Store } from '../store/store.js'
import type { Vitals } from '../store/workers.js'
import { maySee, type WebUser } from './access/user.js'
import { countServing } from './serves.js'

export type WorkerState = 'idle' | 'busy' | 'paused' | 'stopping' | 'lost'

export interface WorkerLine extends WorkerGlance {
  state: WorkerState
}

export interface QueueLine extends QueueGlance {
  /** How many live workers take from it. */
  workers: number
  /** How many of them are none of ours. */
  rubyWorkers: number
}

export interface Snapshot {
  at: Date
  pending: number
  processed: number
  failedEver: number
  /** Failed jobs that are kept, in all lists. */
  failed: number
  failedLists: { name: string; size: number }[]
  isAllPaused: boolean
  allPausedBy: PauseNote | undefined
  queues: QueueLine[]
  workers: WorkerLine[]
  working: number
}

/** As whom it is looked at. */
type Eyes = Pick<WebUser, 'sees' | 'seesAll'>

export class Snapshots {
  readonly #store: Store
  readonly #cacheMs: number
  #last: { at: number; glance: Promise<Glance> } | undefined

  constructor(store: Store, cacheMs: number) {
    this.#store = store
    this.#cacheMs = cacheMs
  }

  /** What this user may see. */
  async get(user: Eyes): Promise<Snapshot> {
    return seenBy(await this.#glance(), user)
  }

  /** One look for several users: what each of them may see of it. */
  async look(): Promise<(user: Eyes) => Snapshot> {
    const glance = await this.#glance()
    return (user) => seenBy(glance, user)
  }

  /** Something was changed: the next look is a new one. */
  forget(): void {
    this.#last = undefined
  }

  #glance(): Promise<Glance> {
    const now = performance.now()
    if (this.#last && now - this.#last.at < this.#cacheMs) return this.#last.glance
    const glance = this.#store.glances.read()
    const entry = { at: now, glance }
    this.#last = entry
    glance.catch(() => {
      if (this.#last === entry) this.#last = undefined
    })
    return glance
  }
}

const seen = new WeakMap<Glance, WeakMap<Eyes, Snapshot>>()

/** What a user sees of one look is made once, however many parts of a page ask for it. */
function seenBy(glance: Glance, user: Eyes): Snapshot {
  const ofUsers = seen.get(glance) ?? new WeakMap<Eyes, Snapshot>()
  seen.set(glance, ofUsers)
  const snapshot = ofUsers.get(user) ?? asSeen(glance, user)
  ofUsers.set(user, snapshot)
  return snapshot
}

function asSeen(glance: Glance, user: Eyes): Snapshot {
  const processes = new Map(glance.workers.map(({ id, vitals }) => [id, vitals?.state]))
  const workers = glance.workers.map((worker): WorkerLine => {
    const state = stateOf(worker, processes.get(worker.process ?? ''), glance)
    const { job } = worker
    // A record that is whole and names no queue is broken, and nobody's.
    const isSeen = job === undefined || (job.queue === '' && job.isWhole) || maySee(user, job)
    const queues = worker.queues.filter((queue) => /[*?[\]{}]/.test(queue) || user.sees(queue))
    if (isSeen) return { ...worker, queues, state }
    return { ...worker, queues, state, job: { ...hiddenJob, runAt: job.runAt } }
  })
  const taken = takenOf(glance)
  const queues = glance.queues
    .filter(({ name }) => user.sees(name))
    .map((queue) => ({ ...queue, ...(taken.get(queue.name) ?? { workers: 0, rubyWorkers: 0 }) }))
  const failedLists = glance.failedLists.filter(
    ({ name }) => name === 'failed' || user.sees(name.replace(/_failed$/, '')),
  )
  return {
    at: glance.at,
    pending: queues.reduce((sum, { size }) => sum + Math.max(0, size), 0),
    processed: glance.processed,
    failedEver: glance.failedEver,
    failed: failedLists.reduce((sum, { size }) => sum + size, 0),
    failedLists,
    isAllPaused: glance.isAllPaused,
    allPausedBy: glance.allPausedBy,
    queues,
    workers,
    working: workers.filter(({ job }) => job !== undefined).length,
  }
}

type Taken = Pick<QueueLine, 'workers' | 'rubyWorkers'>

const taken = new WeakMap<Glance, Map<string, Taken>>()

/** How many live workers take from each queue: the same for all who look. */
function takenOf(glance: Glance): Map<string, Taken> {
  const known = taken.get(glance)
  if (known) return known
  // A thousand slots have few different lists.
  const lists = new Map<string, { queues: string[]; count: number; ruby: number }>()
  for (const worker of glance.workers) {
    if (isLost(worker, glance)) continue
    const entry = lists.get(worker.queues.join('\0')) ?? { queues: worker.queues, count: 0, ruby: 0 }
    entry.count++
    if (worker.process === undefined) entry.ruby++
    lists.set(worker.queues.join('\0'), entry)
  }
  const names = glance.queues.map(({ name }) => name)
  const all = countServing([...lists.values()], names)
  const ruby = countServing(
    [...lists.values()].filter((list) => list.ruby > 0).map(({ queues, ruby }) => ({ queues, count: ruby })),
    names,
  )
  const counts = new Map(
    names.map((name, i) => [name, { workers: all[i] as number, rubyWorkers: ruby[i] as number }]),
  )
  taken.set(glance, counts)
  return counts
}

const hiddenJob = {
  ...{ queue: '', class: '', payload: undefined, broken: undefined },
  ...{ isWhole: true, digest: '', bytes: 0 },
}

function stateOf(worker: WorkerGlance, process: Vitals['state'] | undefined, glance: Glance): WorkerState {
  if (isLost(worker, glance)) return 'lost'
  if (process === 'stopping') return 'stopping'
  if (process === 'paused') return 'paused'
  if (worker.job) return 'busy'
  return glance.isAllPaused ? 'paused' : 'idle'
}

function isLost({ heartbeat, deadAfterMs }: WorkerGlance, glance: Glance): boolean {
  const beat = Date.parse(heartbeat ?? '')
  return glance.at.getTime() - beat > (deadAfterMs ?? rubyRhythm.deadAfterSeconds * 1_000)
}
