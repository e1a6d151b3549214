/**
 * Reading JSON text without re-writing it.
 *
 * What another language put into Redis must come out byte for byte, and `JSON.parse` followed by
 * `JSON.stringify` changes big integers, floats, key order and empty arrays. So copies are made by cutting
 * the raw text out of the text around it. This file finds where to cut; it never builds JSON from values.
 */

/**
 * The raw text of one member of a JSON object, or undefined if the object has no such member.
 *
 * `text` must be valid JSON and an object; `key` is compared with the keys as they are spelled in the text,
 * so it should need no escaping. When a key is repeated the last one wins, as it does in `JSON.parse`.
 */
export function memberText(text: string, key: string): string | undefined {
  const range = memberRange(text, key)
  return range && text.slice(...range)
}

/** The same object with the raw text of one member replaced; one that it lacks is added at its end. */
export function withMember(text: string, key: string, value: string): string {
  const range = memberRange(text, key)
  if (range) return `${text.slice(0, range[0])}${value}${text.slice(range[1])}`
  const end = text.lastIndexOf('}')
  const isEmpty = text.slice(0, end).trimEnd().endsWith('{')
  return `${text.slice(0, end)}${isEmpty ? '' : ','}"${key}":${value}${text.slice(end)}`
}

function memberRange(text: string, key: string): [start: number, end: number] | undefined {
  let at = skipSpace(text, 0)
  if (text.charCodeAt(at) !== OPEN_BRACE) return undefined
  at = skipSpace(text, at + 1)
  const quotedKey = `"${key}"`
  let found: [number, number] | undefined
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at)
    const isWanted = text.slice(at, keyEnd) === quotedKey
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const valueEnd = endOfValue(text, valueStart)
    if (isWanted) found = [valueStart, valueEnd]
    at = skipSpace(text, valueEnd)
    if (text.charCodeAt(at) !== COMMA) break
    at = skipSpace(text, at + 1)
  }
  return found
}

/** Parses JSON, or returns undefined where it is not JSON (`undefined` is no JSON value, so the two differ). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a parsed JSON value is an object, and not null or an array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The beginning of a JSON text, closed where it was cut off so that it can be read: a string ends there; a number and a
 * name whose end or value is missing are left away. A text that is whole comes back as it is, and one that is no JSON as
 * something that is none.
 */
export function closed(text: string): string {
  const token = /"(?:[^"\\]+|\\.)*("?)|[[\]{},:]|[^\s"[\]{},:]+/gs
  const closers: string[] = []
  let before = ''
  /** Behind the last value, or the bracket that opened one. */
  let end = 0
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [part, quote] = found
    const isString = part.startsWith('"')
    const isName = isString && closers.at(-1) === '}' && before !== ':'
    if (part === '{' || part === '[') closers.push(part === '{' ? '}' : ']')
    else if (part === '}' || part === ']') closers.pop()
    else if (isString && quote === '' && !isName)
      return text.slice(0, found.index) + closedString(part) + closers.reverse().join('')
    before = part
    const mayGoOn = !isString && !/[[\]{}]/.test(part) && token.lastIndex === text.length
    if (!isName && !mayGoOn && part !== ',' && part !== ':') end = token.lastIndex
  }
  return closers.length === 0 && end > 0 ? text : text.slice(0, end) + closers.reverse().join('')
}

/** An escape, or a character of several bytes, may have been cut through. */
function closedString(part: string): string {
  const text = part.replace(/\ufffd{1,3}$/, '')
  for (let less = 0; less < 6; less++) {
    const string = `${text.slice(0, text.length - less)}"`
    if (parseJson(string) !== undefined) return string
  }
  return `${text}"`
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

function skipSpace(text: string, from: number): number {
  let at = from
  for (;;) {
    const code = text.charCodeAt(at)
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return at
    at++
  }
}

/**
 * The index just past the closing quote of the string that opens at `from`. Most of a record is strings, so they are
 * passed over by a search for the quote that no odd number of backslashes stands before.
 */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = at
    while (text.charCodeAt(slashes - 1) === BACKSLASH) slashes--
    if ((at - slashes) % 2 === 0) return at + 1
  }
  return text.length
}

/** The index just past the JSON value that begins at `from`. */
function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from)
  if (first === QUOTE) return endOfString(text, from)
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfScalar(text, from)
  let depth = 0
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
    at++
    if (depth === 0) return at
  }
  return at
}

function endOfScalar(text: string, from: number): number {
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || code <= 0x20) break
    at++
  }
  return at
}
