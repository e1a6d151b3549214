/**
 * Workers, put together to the processes that they are slots of.
 */
import { readWorkerId, type Vitals } from '../store/workers.js'
import type { WorkerLine, WorkerState } from './snapshot.js'

/** One worker process: one slot for Ruby's, as many as it has for ours. */
export interface Process {
  /** Of its first slot. */
  id: string
  host: string
  pid: number
  isOurs: boolean
  slots: WorkerLine[]
}

/** The tenth slot stands behind the ninth. */
const inOrder = new Intl.Collator('en', { numeric: true })

export function processesOf(workers: readonly WorkerLine[]): Process[] {
  const processes = new Map<string, Process>()
  for (const worker of workers) {
    const first = worker.process === undefined ? worker : { ...worker, ...readWorkerId(worker.process) }
    const host = worker.process === undefined ? worker.host : first.host.replace(/~.*$/, '')
    const key = worker.process ?? worker.id
    const process = processes.get(key) ?? {
      id: key,
      host,
      pid: first.pid,
      isOurs: worker.process !== undefined,
      slots: [],
    }
    process.slots.push(worker)
    processes.set(key, process)
  }
  for (const { slots } of processes.values()) slots.sort((a, b) => inOrder.compare(a.id, b.id))
  return [...processes.values()].sort((a, b) =>
    a.host === b.host ? a.pid - b.pid : a.host < b.host ? -1 : 1,
  )
}

/** What is more worth knowing stands before the rest. */
export const states: readonly WorkerState[] = ['lost', 'stopping', 'busy', 'paused', 'idle']

/** The state of a process is what is most worth knowing of its slots. */
export function stateOf(slots: readonly WorkerLine[]): WorkerState {
  return states.find((state) => slots.some((slot) => slot.state === state)) ?? 'idle'
}

/** Of the process whose slots these are; undefined for Ruby's, and before the first heartbeat of ours. */
export function vitalsOf(slots: readonly WorkerLine[]): Vitals | undefined {
  return slots.find(({ vitals }) => vitals !== undefined)?.vitals
}
