/**
 * JSON as text that a person edits: where it is wrong, and the same text with other white space. Numbers and strings are
 * never read into values and written again, which would change large ones.
 */

/** What is wrong, and where; line and column begin at 1. */
export interface JsonProblem {
  line: number
  column: number
  message: string
}

/** Deeper than this Ruby's parser refuses it. */
const MAX_DEPTH = 100

/** A string (of what is no control character), a number, a word, or one of the signs between them. */
const token =
  /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)|[[\]{},:]/y

const space = /[ \t\n\r]*/y

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or ]' | ', or }' | 'end'

const said: Record<Expected, string> = {
  value: 'a value',
  'value or ]': 'a value or ]',
  key: 'a name in quotes',
  'key or }': 'a name in quotes or }',
  ':': 'a colon',
  ', or ]': 'a comma or ]',
  ', or }': 'a comma or }',
  end: 'nothing more',
}

/** The tokens of a JSON text, or the first thing in it that is wrong. */
export function readTokens(text: string): string[] | JsonProblem {
  const tokens: string[] = []
  const open: ('[' | '{')[] = []
  let expected: Expected = 'value'
  let at = 0
  const afterValue = (): Expected => (open.length === 0 ? 'end' : open.at(-1) === '[' ? ', or ]' : ', or }')
  for (;;) {
    space.lastIndex = at
    space.test(text)
    at = space.lastIndex
    if (at >= text.length) break
    token.lastIndex = at
    const found = token.exec(text)?.[0]
    if (found === undefined) return problem(text, at, whatIsThere(text, at, expected))
    const kind = /^["\d\-tfn]/.test(found) ? (found.startsWith('"') ? 'string' : 'scalar') : found
    const next = step(kind, expected, open, afterValue)
    if (next === undefined) return problem(text, at, `Expected ${said[expected]}, got ${cut(found)}.`)
    if (open.length > MAX_DEPTH)
      return problem(text, at, `Deeper than ${MAX_DEPTH} brackets, which Ruby refuses.`)
    expected = next
    tokens.push(found)
    at = token.lastIndex
  }
  if (expected === 'end') return tokens
  return problem(text, text.length, `Expected ${said[expected]}, but the text ends here.`)
}

function step(
  kind: string,
  expected: Expected,
  open: ('[' | '{')[],
  afterValue: () => Expected,
): Expected | undefined {
  const wantsValue = expected === 'value' || expected === 'value or ]'
  const wantsKey = expected === 'key' || expected === 'key or }'
  if (kind === 'string' && wantsKey) return ':'
  if ((kind === 'string' || kind === 'scalar') && wantsValue) return afterValue()
  if ((kind === '[' || kind === '{') && wantsValue) {
    open.push(kind)
    return kind === '[' ? 'value or ]' : 'key or }'
  }
  if (kind === ':' && expected === ':') return 'value'
  if (kind === ',' && expected === ', or ]') return 'value'
  if (kind === ',' && expected === ', or }') return 'key'
  const closes =
    (kind === ']' && (expected === 'value or ]' || expected === ', or ]')) ||
    (kind === '}' && (expected === 'key or }' || expected === ', or }'))
  if (!closes) return undefined
  open.pop()
  return afterValue()
}

function whatIsThere(text: string, at: number, expected: Expected): string {
  const rest = text.slice(at, at + 40)
  if (rest.startsWith("'")) return 'Strings and names stand in double quotes.'
  if (rest.startsWith('"')) return 'This string has no end, or holds what must be escaped.'
  if (/^-?0\d/.test(rest)) return 'Numbers do not begin with 0.'
  if (/^[-+\d.]/.test(rest)) return 'This is no number that JSON knows.'
  if (/^(True|False|None|nil|undefined|NaN|Infinity)\b/.test(rest)) return 'JSON has true, false and null.'
  return `Expected ${said[expected]}, got ${cut(/^\w+|^./su.exec(rest)?.[0] ?? '')}.`
}

function cut(text: string): string {
  return text.length > 30 ? `${text.slice(0, 30)}…` : text
}

function problem(text: string, at: number, message: string): JsonProblem {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) as string).length + 1, message }
}

/** One element a line. Text that is no JSON comes back as it is. */
export function spread(text: string): string {
  const tokens = readTokens(text)
  if (!Array.isArray(tokens)) return text
  let result = ''
  let depth = 0
  tokens.forEach((each, i) => {
    const before = tokens[i - 1]
    const isEmpty = (each === ']' && before === '[') || (each === '}' && before === '{')
    if (each === ']' || each === '}') depth--
    if (!isEmpty && before !== undefined && (/^[[{,]$/.test(before) || each === ']' || each === '}'))
      result += `\n${'  '.repeat(depth)}`
    result += each === ':' ? ': ' : each
    if (each === '[' || each === '{') depth++
  })
  return result
}

/** Without white space between tokens. */
export function joined(text: string): string {
  const tokens = readTokens(text)
  return Array.isArray(tokens) ? tokens.join('') : text
}

/** A line of a comparison: in both texts, in the old one, or in the new one. */
export interface DiffLine {
  sign: ' ' | '-' | '+'
  text: string
}

/** Beyond so many pairs of lines the whole middle is shown as replaced. */
const MAX_PAIRS = 1_000_000

/** What differs between two texts, line by line. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const same = (lines: string[]) => lines.map((text): DiffLine => ({ sign: ' ', text }))
  return [
    ...same(a.slice(0, start)),
    ...diffMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(a.slice(a.length - end)),
  ]
}

function diffMiddle(a: string[], b: string[]): DiffLine[] {
  if (a.length * b.length > MAX_PAIRS)
    return [
      ...a.map((text) => ({ sign: '-' as const, text })),
      ...b.map((text) => ({ sign: '+' as const, text })),
    ]
  const width = b.length + 1
  // Length of the longest common rest, from each pair of lines on.
  const common = new Uint32Array((a.length + 1) * width)
  const of = (i: number, j: number) => common[i * width + j] as number
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? of(i + 1, j + 1) + 1 : Math.max(of(i + 1, j), of(i, j + 1))
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i++] as string })
      j++
    } else if (j >= b.length || (i < a.length && of(i + 1, j) >= of(i, j + 1)))
      lines.push({ sign: '-', text: a[i++] as string })
    else lines.push({ sign: '+', text: b[j++] as string })
  }
  return lines
}
