/**
 * Which jobs the demo places, and what must become of each.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyJob } from '../../job.js'
import * as jobs from './jobs.js'

/** What must become of a job. `failed`: it ends among the failed, with this exception. `retried`: there first, then done. */
export type Fate =
  | { kind: 'done' }
  | { kind: 'failed'; exception: string; runs: boolean }
  | { kind: 'retried'; exception: string }

export interface PlannedJob {
  id: number
  queue: string
  /** Undefined for what this package has no job for. */
  job: AnyJob | undefined
  args: unknown[]
  /** What goes into the queue, where it is no job of ours. */
  raw: string | undefined
  fate: Fate
}

export interface Plan {
  /** Ordinary jobs, placed one by one while nothing else is going on. */
  calm: PlannedJob[]
  /** All that are not ordinary, among others that are, placed one by one. */
  rough: PlannedJob[]
  /** Ordinary jobs, placed all at once. */
  burst: PlannedJob[]
}

const done: Fate = { kind: 'done' }

/** More, and they would not be placed calmly. */
const MOST_CALM = 300

/** Makes jobs, with numbers from 1 on. */
export class Planner {
  readonly #files: string[]
  readonly #docs: string[]
  #lastId = 0

  constructor(root = jobs.packageRoot) {
    const all = ['bin', 'dist', 'src', 'docs', '.'].flatMap((folder) => filesOf(root, folder))
    this.#files = all.length > 0 ? all : ['package.json']
    const docs = all.filter((path) => path.endsWith('.md'))
    this.#docs = docs.length > 0 ? docs : ['package.json']
  }

  /** `count` jobs: a few of each special kind, the others ordinary. */
  plan(count: number): Plan {
    const special = this.#specials(count).slice(0, count)
    const ordinary = Array.from({ length: count - special.length }, () => this.ordinary())
    const calm = Math.min(MOST_CALM, Math.floor(ordinary.length * 0.2))
    const rough = Math.floor(ordinary.length * 0.2)
    return {
      calm: ordinary.slice(0, calm),
      rough: mix(ordinary.slice(calm, calm + rough), special),
      burst: ordinary.slice(calm + rough),
    }
  }

  ordinary(): PlannedJob {
    const id = ++this.#lastId
    return id % 3 === 0
      ? ours(id, jobs.CountWords, [pick(this.#docs, id)], done)
      : ours(id, jobs.HashFile, [pick(this.#files, id)], done)
  }

  mail(): PlannedJob {
    const id = ++this.#lastId
    return ours(id, jobs.SendMail, [`reader-${id}@example.com`], {
      kind: 'retried',
      exception: 'MailServerError',
    })
  }

  /** In the order in which they shall come. The share of the slow ones does not grow for ever. */
  #specials(count: number): PlannedJob[] {
    const share = (fraction: number, max = 200) => Math.max(1, Math.min(max, Math.round(count * fraction)))
    const many = (howMany: number, make: (id: number) => PlannedJob) => {
      return Array.from({ length: howMany }, () => make(++this.#lastId))
    }
    const failed = (exception: string, runs = true): Fate => ({ kind: 'failed', exception, runs })
    return interleave([
      many(1, (id) => ours(id, jobs.CrashOnce, [], done)),
      many(share(0.02, 40), (id) => ours(id, jobs.BuildReport, [100 + ((id * 37) % 400)], done)),
      Array.from({ length: share(0.015) }, () => this.mail()),
      many(share(0.01), (id) => ours(id, jobs.HashFile, [`no/such/file-${id}.txt`], failed('Error'))),
      many(share(0.01), (id) => ours(id, jobs.ReadSettings, ['LICENSE'], failed('SyntaxError'))),
      many(share(0.005, 10), (id) => ours(id, jobs.BuildHugeReport, [60_000], failed('JobTimeoutError'))),
      many(share(0.004), (id) => {
        const raw = JSON.stringify({ class: 'ResizePhoto', args: [id, 'holiday.jpg'] })
        return { id, queue: 'files', job: undefined, args: [id], raw, fate: failed('UnknownJobError', false) }
      }),
      many(1, (id) => {
        const raw = `job ${id}: this is not JSON`
        return {
          id,
          queue: 'docs',
          job: undefined,
          args: [id],
          raw,
          fate: failed('InvalidPayloadError', false),
        }
      }),
    ])
  }
}

function ours(id: number, job: AnyJob, args: unknown[], fate: Fate): PlannedJob {
  return { id, queue: String(job.queue), job, args: [id, ...args], raw: undefined, fate }
}

/** The first of each list, then the second of each, and so on. */
function interleave<T>(lists: readonly T[][]): T[] {
  const longest = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat()
}

/** Spreads `special` evenly over `ordinary`. */
function mix<T>(ordinary: readonly T[], special: readonly T[]): T[] {
  const mixed: T[] = []
  const step = ordinary.length / (special.length + 1)
  special.forEach((each, i) => {
    mixed.push(...ordinary.slice(Math.round(step * i), Math.round(step * (i + 1))), each)
  })
  return [...mixed, ...ordinary.slice(Math.round(step * special.length))]
}

function pick<T>(from: readonly T[], index: number): T {
  return from[index % from.length] as T
}

/** Files of a moderate size, relative to the root; of the root itself only those directly in it. */
function filesOf(root: string, folder: string): string[] {
  const base = join(root, folder)
  if (!existsSync(base)) return []
  return readdirSync(base, { recursive: folder !== '.', withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size < 100_000)
    .map((path) => path.slice(root.length).replaceAll('\\', '/'))
    .slice(0, 300)
}
