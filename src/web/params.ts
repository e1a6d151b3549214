/**
 * What a URL asks for, read: a number that is none, or out of bounds, is refused with a page and never reaches Redis.
 */
import type { Context } from 'hono'
import { Refusal } from './access/refusal.js'
import type { WebEnv } from './context.js'
import { segmentName } from './url.js'

/** No list is longer. */
const MAX_START = 1_000_000_000

/** A whole number in the query, or `fallback` where it is missing or empty. */
export function numberParam(
  c: Context<WebEnv>,
  name: string,
  fallback: number,
  limits: { min?: number; max?: number } = {},
): number {
  const text = textParam(c, name)
  if (text === '') return fallback
  const { min = 0, max = MAX_START } = limits
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new Refusal(400, `Expected ${name} to be a whole number from ${min} to ${max}.`)
}

/** From where on a list is shown: `start` rows are left out, as in Ruby's URLs; or, as people count, from number `no`. */
export function startParam(c: Context<WebEnv>): number {
  return Math.max(0, numberParam(c, 'no', numberParam(c, 'start', 0) + 1) - 1)
}

/** A text in the query, '' where it is missing. Given twice, it is refused: two readers could take different ones. */
export function textParam(c: Context<WebEnv>, name: string, { maxLength = 512 } = {}): string {
  const values = c.req.queries(name) ?? []
  if (values.length > 1) throw new Refusal(400, `Expected ${name} once, got it ${values.length} times.`)
  const text = values[0] ?? ''
  if (text.length > maxLength)
    throw new Refusal(400, `Expected ${name} to have at most ${maxLength} characters.`)
  return text
}

/** One of a few words in the query. */
export function wordParam<T extends string>(
  c: Context<WebEnv>,
  name: string,
  words: readonly T[],
  fallback: T,
): T {
  const text = textParam(c, name)
  if (text === '') return fallback
  if (words.includes(text as T)) return text as T
  throw new Refusal(400, `Expected ${name} to be ${words.join(' or ')}.`)
}

/** A name in the path, such as that of a queue. */
export function nameParam(c: Context<WebEnv>, name: string): string {
  return segmentName(c.req.param(name) ?? '')
}
