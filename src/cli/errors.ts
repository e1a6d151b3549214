/**
 * How a command ends badly: a sentence on stderr, and exit code 2 for a call that cannot be right, 1 for what went
 * wrong on the way. Never a stack trace, unless asked for.
 */
import { ResqueError } from '../errors.js'

/** The call cannot be right: exit code 2. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

/** The call was right, and could not be done: exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** Codes of the errors that a different call would not have met. */
const misuseCodes = new Set(['CONFIG', 'NO_QUEUE', 'NO_CLASS', 'ARGUMENTS', 'PAYLOAD_TOO_LARGE'])

export function exitCodeOf(error: unknown): 1 | 2 {
  if (error instanceof Misuse) return 2
  return error instanceof ResqueError && misuseCodes.has(error.code) ? 2 : 1
}

/** What stands on stderr for an error: one sentence; the stack and its causes if `isVerbose`. */
export function complaintOf(error: unknown, isVerbose = false): string {
  const sentence = `resque: ${error instanceof Error ? error.message : String(error)}`
  if (!isVerbose || !(error instanceof Error)) return sentence
  const cause = error.cause instanceof Error ? `\nCaused by: ${error.cause.stack ?? error.cause.message}` : ''
  return `${sentence}\n${error.stack ?? ''}${cause}`
}

/** The candidate that `word` was most likely meant to be, or undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  // More than this many slips in a word of this length, and it is another word.
  let bestDistance = Math.max(1, Math.floor(word.length * 0.4)) + 1
  for (const candidate of candidates) {
    const isBeginning = word.length > 2 && candidate.toLowerCase().startsWith(word.toLowerCase())
    const distance = isBeginning ? 1 : distanceBetween(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** ` Did you mean "…"?`, or '' where nothing is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates)
  return found === undefined ? '' : ` Did you mean "${found}"?`
}

/** How many letters must be changed, added, left out or swapped with their neighbour. */
function distanceBetween(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(before, j - 2) + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
