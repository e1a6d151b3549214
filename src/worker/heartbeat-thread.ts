/**
 * The thread that shows that a worker process lives: its own event loop, its own connection.
 *
 * A job that keeps the main thread busy for minutes changes nothing here. What the main thread has to say (that its
 * loop still turns, how many jobs each slot did) stands in shared memory and needs no message.
 *
 * Registering is the first heartbeat, so the next is due one interval later; only then does the thread load a Redis
 * client and connect. A worker that lives shorter never pays for it.
 */
import { readFileSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { Store, StoreOptions } from '../store/store.js'
import type { WorkerKind } from '../store/workers.js'
import { cells, FIRST_SLOT, states } from './shared-cells.js'

export interface HeartbeatThreadData {
  store: StoreOptions
  ids: string[]
  /** What stands in Redis of the first of them; its vitals are added. */
  kind: WorkerKind
  beatMs: number
  /** End the process when its event loop has not turned for this long; 0: never. */
  maxStallMs: number
  /** See shared-cells.ts. Counters count up and wrap around. */
  counters: SharedArrayBuffer
  /** What Redis was told of them. Shared, so that a thread that was made again does not tell it twice. */
  reported: SharedArrayBuffer
}

export type HeartbeatMessage =
  | { kind: 'unregistered'; ids: string[] }
  | { kind: 'order'; text: string }
  | { kind: 'trouble'; message: string }

/** Slots in one call at most: a Lua call takes a bounded number of arguments. */
const AT_ONCE = 1_000

const data = workerData as HeartbeatThreadData
const counters = new Uint32Array(data.counters)
const reported = new Uint32Array(data.reported)
let store: Store | undefined
let version: string | undefined
let isStopping = false
let wakeUp: () => void = () => {}

parentPort?.once('message', () => {
  isStopping = true
  store?.connection.close()
  wakeUp()
})

let turns = Atomics.load(counters, cells.turns)
let stoodStillMs = 0
let lookedAt = performance.now()

// On its own: a heartbeat waits for Redis, and a loop that hangs is not to be spared for as long as Redis hangs too.
const watch = data.maxStallMs > 0 ? setInterval(killIfStalled, data.beatMs) : undefined

while (await rest(data.beatMs)) {
  try {
    await beat()
  } catch (error) {
    if (!isStopping)
      tell({ kind: 'trouble', message: error instanceof Error ? error.message : String(error) })
  }
}
clearInterval(watch)

/** Waits; false once the thread shall end. */
async function rest(ms: number): Promise<boolean> {
  if (isStopping) return false
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    wakeUp = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  return !isStopping
}

async function beat(): Promise<void> {
  store ??= new (await import('../store/store.js')).Store(data.store)
  const now = Uint32Array.from(counters.keys(), (i) => Atomics.load(counters, i))
  const since = (i: number) => ((now[i] as number) - (reported[i] as number)) >>> 0
  for (let start = 0; start < data.ids.length; start += AT_ONCE) {
    const beats = data.ids.slice(start, start + AT_ONCE).map((id, i) => {
      const at = FIRST_SLOT + 2 * (start + i)
      return { id, processed: since(at), failed: since(at + 1) }
    })
    const { gone, order } = await store.workers.beat(beats, start === 0 ? kindNow() : undefined)
    const first = FIRST_SLOT + 2 * start
    reported.set(now.subarray(first, first + 2 * beats.length), first)
    if (gone.length > 0) tell({ kind: 'unregistered', ids: gone })
    if (start === 0 && order !== '') tell({ kind: 'order', text: order })
  }
}

function kindNow(): WorkerKind {
  const { kind } = data
  version ??= JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    .version as string
  const state = states[Atomics.load(counters, cells.state)] ?? 'running'
  const lagMs = Atomics.exchange(counters, cells.lagMs, 0)
  return { ...kind, vitals: { state, rssBytes: process.memoryUsage.rss(), lagMs, version } }
}

/** A loop that hangs cannot be asked to stop. Its process is ended, and its jobs are recovered as any dead worker's. */
function killIfStalled(): void {
  const now = Atomics.load(counters, cells.turns)
  const sinceMs = performance.now() - lookedAt
  lookedAt += sinceMs
  // While the whole process was stopped, this thread stood still as well: that time is not the loop's.
  stoodStillMs = now === turns ? stoodStillMs + Math.min(sinceMs, 2 * data.beatMs) : 0
  turns = now
  if (stoodStillMs < data.maxStallMs) return
  try {
    writeSync(
      2,
      `resque: the event loop of process ${process.pid} has stood still for ${data.maxStallMs} ms; ending it.\n`,
    )
  } catch {
    // Nobody reads it, or not fast enough. Its process is ended all the same.
  }
  process.kill(process.pid, 'SIGKILL')
}

function tell(message: HeartbeatMessage): void {
  parentPort?.postMessage(message)
}
