/**
 * The ids of a worker process: one per slot, each a Resque worker of its own (protocol 5).
 *
 * All slots share the pid, which must be the real one; what tells them apart is the host part: `web-1`, `web-1~2`, ….
 * Ruby's same-host check looks at the plain host name alone, so only the first slot needs a title that shows it lives.
 */
import { hostname } from 'node:os'
import { isMainThread, threadId } from 'node:worker_threads'
import { type SlotNaming, slotId } from '../store/slots.js'
import type { Store } from '../store/store.js'
import type { WorkerKind } from '../store/workers.js'

/** Slot numbers that are in use in this process: several workers may live in one. */
const taken = new Set<number>()

export interface IdentityOptions {
  /** The queue list as it stands in ids. */
  label: string
  count: number
  /** Whether the process title shows Ruby's workers that it lives. Without it no slot takes the plain host name. */
  hasTitle: boolean
}

/**
 * Registers `count` workers under ids that nobody holds. A process that died under the same host name and pid (a
 * container that was restarted) still holds its ids until it is pruned; then others are taken.
 */
export async function register(
  store: Store,
  options: IdentityOptions,
  kindOf: (id: string) => WorkerKind,
): Promise<Identity> {
  const separator = isMainThread ? '~' : `~t${threadId}.`
  const naming = { host: hostname(), separator, tail: `:${process.pid}:${options.label}` }
  const numbers: number[] = []
  let next = options.hasTitle && isMainThread ? 1 : 2
  const claim = () => {
    while (taken.has(next)) next++
    taken.add(next)
    return next++
  }
  for (let i = 0; i < options.count; i++) numbers.push(claim())
  for (;;) {
    const ids = numbers.map((number) => slotId(naming, number))
    const held = new Set(await store.workers.register(ids, kindOf(ids[0] as string), new Date()))
    if (held.size === 0) {
      const release = () => {
        for (const number of numbers) taken.delete(number)
      }
      return { ids, numbers, naming, release }
    }
    numbers.forEach((number, i) => {
      if (!held.has(ids[i] as string)) return
      numbers[i] = claim()
      taken.delete(number)
    })
  }
}

export interface Identity {
  ids: string[]
  /** The slot number of each id. */
  numbers: number[]
  naming: SlotNaming
  /** Lets others of this process use the slot numbers. */
  release(): void
}
