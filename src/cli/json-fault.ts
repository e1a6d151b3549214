/**
 * Where a text stops being JSON, so that a complaint can point at it. (`JSON.parse` says it in some cases only, and
 * differently in each version of Node.)
 */

export interface JsonFault {
  /** The index of the first character that does not belong there; the length of the text if it ends too early. */
  at: number
  /** What is wrong, as the end of a sentence: `expected , or ] here`. */
  what: string
}

class Fault extends Error {
  constructor(
    readonly at: number,
    readonly what: string,
  ) {
    super(what)
  }
}

/** The first fault, or undefined where the text is JSON that JavaScript reads without loss. */
export function findJsonFault(text: string): JsonFault | undefined {
  try {
    const end = skipSpace(text, readValue(text, skipSpace(text, 0), 0))
    return end < text.length ? { at: end, what: 'expected nothing more here' } : undefined
  } catch (error) {
    if (error instanceof Fault) return { at: error.at, what: error.what }
    throw error
  }
}

const MAX_DEPTH = 200

function readValue(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new Fault(at, `nested deeper than ${MAX_DEPTH} levels`)
  const char = text[at]
  if (char === '[') return readMany(text, at, ']', (start) => readValue(text, start, depth + 1))
  if (char === '{') return readMany(text, at, '}', (start) => readMember(text, start, depth + 1))
  if (char === '"') return readString(text, at)
  if (char !== undefined && /[-\d]/.test(char)) return readNumber(text, at)
  for (const word of ['true', 'false', 'null']) if (text.startsWith(word, at)) return at + word.length
  if (char === "'") throw new Fault(at, 'strings stand in double quotes')
  throw new Fault(at, char === undefined ? 'it ends where a value is expected' : 'expected a value here')
}

function readMany(text: string, open: number, close: string, readOne: (at: number) => number): number {
  let at = skipSpace(text, open + 1)
  if (text[at] === close) return at + 1
  for (;;) {
    at = skipSpace(text, readOne(at))
    if (text[at] === close) return at + 1
    if (text[at] !== ',')
      throw new Fault(at, at < text.length ? `expected , or ${close} here` : `it ends without a ${close}`)
    at = skipSpace(text, at + 1)
    if (text[at] === close) throw new Fault(at, `expected a value after the comma, not ${close}`)
  }
}

function readMember(text: string, at: number, depth: number): number {
  if (text[at] !== '"') throw new Fault(at, 'expected a name in double quotes here')
  const colon = skipSpace(text, readString(text, at))
  if (text[colon] !== ':') throw new Fault(colon, 'expected : here')
  return readValue(text, skipSpace(text, colon + 1), depth)
}

function readString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === QUOTE) return at + 1
    if (char < 0x20)
      throw new Fault(at, 'a control character in a string must be written as \\n, \\t or \\u00..')
    if (char === BACKSLASH) {
      const escaped = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at, at + 6))
      if (!escaped) throw new Fault(at, 'no such escape; a backslash itself is written \\\\')
      at += escaped[0].length - 1
    }
  }
  throw new Fault(open, 'this string is not closed')
}

function readNumber(text: string, at: number): number {
  const found = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/.exec(text.slice(at, at + 400))
  if (!found) throw new Fault(at, 'expected a number here')
  const [number, fraction, exponent] = found
  const after = text[at + number.length]
  if (after !== undefined && /[\w.+-]/.test(after))
    throw new Fault(at + number.length, 'this number is not written as JSON writes numbers')
  if (!Number.isFinite(Number(number))) throw new Fault(at, 'this number is too large')
  const isInteger = fraction === undefined && exponent === undefined
  if (isInteger && Number(number) !== 0 && String(Number(number)) !== number) {
    throw new Fault(at, 'this integer would lose digits; write it as a string')
  }
  return at + number.length
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++
  return at
}

/** The place of a fault, drawn below the text; a long text is cut around it. */
export function drawFault(text: string, { at }: JsonFault): string {
  const start = Math.max(0, at - 40)
  const shown = text.slice(start, at + 30).replace(/[\n\r\t]/g, ' ')
  const dots = start > 0 ? '…' : ''
  return `  ${dots}${shown}${at + 30 < text.length ? '…' : ''}\n  ${' '.repeat(dots.length + at - start)}^`
}
