/**
 * Queues that a call names: whether they exist, and patterns that can be read.
 */
import type { Resque } from '../resque.js'
import { Misuse, suggestion } from './errors.js'

/** The name, if there is such a queue; else a complaint with the nearest that there is. */
export async function knownQueue(resque: Resque, name: string): Promise<string> {
  const known = await resque.queues()
  if (known.includes(name)) return name
  // A queue that was emptied by hand may still have jobs, or the other way round.
  if ((await resque.size(name)) > 0) return name
  throw unknownQueue(name, known)
}

export function unknownQueue(name: string, known: readonly string[]): Misuse {
  const hint =
    suggestion(name, known) || (known.length === 0 ? ' There are none.' : ' resque queues lists them.')
  return new Misuse(`There is no queue "${name}".${hint}`)
}

/** Refuses a queue list with a pattern that ends in the middle; no worker would ever take what it was meant for. */
export function checkQueueList(list: string): string {
  const closers: Record<string, string> = { '[': ']', '{': '}' }
  const open: string[] = []
  for (const char of list) {
    if (open.at(-1) !== ']' && closers[char] !== undefined) open.push(closers[char])
    else if (char === open.at(-1)) open.pop()
  }
  const missing = open.at(-1)
  if (missing === undefined) {
    if (list.split(',').some((each) => each.trim() !== '' && !each.trim().startsWith('!'))) return list
    throw new Misuse(
      `Expected --queue to name at least one queue, got "${list}". Did you mean "${['*', list].filter(Boolean).join(',')}"?`,
    )
  }
  const opener = Object.keys(closers).find((each) => closers[each] === missing)
  throw new Misuse(
    `The queue pattern "${list}" opens a ${opener} that it does not close. Did you mean "${list}${open.reverse().join('')}"?`,
  )
}
