/**
 * Worker processes in the order that a URL asks for. What is not known of a process stands last, whichever way it goes.
 */
import { type Process, stateOf, states, vitalsOf } from './processes.js'
import { readTime } from './views/text.js'

/** What the slots of a process have done since they were started. */
export interface Done {
  processed: number
  failed: number
}

export type Way = 'asc' | 'desc'

/** By what processes can be sorted, and which way first: what is most worth knowing stands above. */
export const processOrders = {
  ...{ process: 'asc', state: 'asc', memory: 'desc', lag: 'desc', started: 'desc' },
  ...{ processed: 'desc', failed: 'desc', running: 'desc' },
} as const satisfies Record<string, Way>

export type ProcessOrder = keyof typeof processOrders

export const processOrderNames = Object.keys(processOrders) as ProcessOrder[]

/** `done`: of each process by its id, where that is what it goes by. */
export function inOrder(
  processes: readonly Process[],
  order: ProcessOrder,
  way: Way,
  done: ReadonlyMap<string, Done>,
): Process[] {
  const sign = way === 'asc' ? 1 : -1
  // They come by host and process id.
  if (order === 'process') return way === 'asc' ? [...processes] : processes.toReversed()
  const measured = processes.map((process) => ({
    process,
    value: measures[order](process, done) ?? Number.NaN,
  }))
  measured.sort((a, b) => {
    if (Number.isNaN(a.value) || Number.isNaN(b.value))
      return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value))
    return sign * (a.value - b.value)
  })
  return measured.map(({ process }) => process)
}

/** Undefined, or NaN, where it is not known. */
const measures: Record<
  Exclude<ProcessOrder, 'process'>,
  (process: Process, done: ReadonlyMap<string, Done>) => number | undefined
> = {
  state: ({ slots }) => states.indexOf(stateOf(slots)),
  memory: ({ slots }) => vitalsOf(slots)?.rssBytes,
  lag: ({ slots }) => vitalsOf(slots)?.lagMs,
  started: ({ slots }) => instantOf(slots[0]?.started),
  processed: ({ id }, done) => done.get(id)?.processed,
  failed: ({ id }, done) => done.get(id)?.failed,
  // The earlier it began the longer it runs.
  running: ({ slots }) => {
    const since = slots.map(({ job }) => instantOf(job?.runAt)).filter((ms) => !Number.isNaN(ms))
    return since.length === 0 ? undefined : -Math.min(...since)
  },
}

function instantOf(text: string | undefined): number {
  return readTime(text ?? '').getTime()
}
