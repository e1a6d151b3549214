/**
 * Which queues a worker takes from, and in which order (protocol 5).
 *
 * A list such as `critical,mail_*,!mail_old,*`: names in strict priority, patterns that stand for all known queues
 * they match, sorted, and names or patterns that are left out. `*` `?` `[ab]` are as in Ruby's fnmatch; `{a,b}`
 * means a or b, where Ruby takes the braces literally and so matches nothing.
 */
import { NoQueueError } from '../errors.js'

/** An id is part of the keys that each job writes: one of a thousand queues costs more than the job. */
const MAX_LABEL_CHARS = 1_000
/** Stands in an id for the queues that it has no room for. */
const MORE = '…'

export class QueueList {
  /** The list as it stands in a worker's id: patterns kept, exclusions left out, the rest of a very long one as `…`. */
  readonly label: string
  /** Whether it depends on which queues exist. */
  readonly isDynamic: boolean
  readonly #entries: Entry[]
  readonly #exclusions: RegExp[]

  /** Takes `['a', 'b']` or `'a,b'`. Throws NoQueueError when no queue is named. */
  constructor(list: readonly string[] | string) {
    const texts = (typeof list === 'string' ? [list] : list).flatMap(splitList)
    const included = texts.filter((text) => !text.startsWith('!'))
    const excluded = texts.filter((text) => text.startsWith('!')).map((text) => text.slice(1))
    if (included.length === 0) throw new NoQueueError('Please give each worker at least one queue.')
    this.label = labelOf(included)
    this.isDynamic = excluded.length > 0 || included.some(isPattern)
    this.#entries = included.map((text) => ({ text, pattern: isPattern(text) ? toRegExp(text) : undefined }))
    this.#exclusions = excluded.map(toRegExp)
  }

  /** The queues to take from, in order, given the names of those that exist. */
  expand(known: readonly string[]): string[] {
    if (!this.isDynamic) return this.#entries.map(({ text }) => text)
    const sorted = [...known].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const names = new Set<string>()
    for (const { text, pattern } of this.#entries) {
      for (const name of sorted) {
        if ((pattern ? pattern.test(name) : name === text) && !this.#isExcluded(name)) names.add(name)
      }
    }
    return [...names]
  }

  /** Whether this list takes from a queue of that name, if it exists. */
  includes(name: string): boolean {
    return (
      this.#entries.some(({ text, pattern }) => (pattern ? pattern.test(name) : text === name)) &&
      !this.#isExcluded(name)
    )
  }

  #isExcluded(name: string): boolean {
    return this.#exclusions.some((pattern) => pattern.test(name))
  }
}

interface Entry {
  text: string
  pattern: RegExp | undefined
}

function labelOf(names: string[]): string {
  const whole = names.join(',')
  if (whole.length <= MAX_LABEL_CHARS) return whole
  const end = whole.lastIndexOf(',', MAX_LABEL_CHARS)
  return end < 0 ? whole : `${whole.slice(0, end)},${MORE}`
}

function isPattern(text: string): boolean {
  return /[*?{}[\]]/.test(text)
}

/** Splits at commas outside of braces, and trims. */
function splitList(list: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const char of list) {
    if (char === ',' && depth === 0) {
      parts.push(part)
      part = ''
      continue
    }
    if (char === '{') depth++
    if (char === '}') depth = Math.max(0, depth - 1)
    part += char
  }
  return [...parts, part].map((each) => each.trim()).filter((each) => each !== '' && each !== '!')
}

/** fnmatch without flags: a leading dot must be matched by a dot; a slash is a character like any other. */
function toRegExp(pattern: string): RegExp {
  let source = /^[*?[]/.test(pattern) ? '(?!\\.)' : ''
  let braces = 0
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] as string
    if (char === '*') source += '.*'
    else if (char === '?') source += '.'
    else if (char === '[') {
      // A bracket right at the start of a set is a member of it.
      const end = pattern.indexOf(']', /[!^]/.test(pattern[i + 1] ?? '') ? i + 3 : i + 2)
      if (end < 0) source += '\\['
      else {
        source += `[${pattern
          .slice(i + 1, end)
          .replace(/^[!^]/, '^')
          .replace(/[\\[\]]/g, '\\$&')}]`
        i = end
      }
    } else if (char === '{' && pattern.includes('}', i)) {
      braces++
      source += '(?:'
    } else if (char === '}' && braces > 0) {
      braces--
      source += ')'
    } else if (char === ',' && braces > 0) source += '|'
    else source += char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  }
  try {
    return new RegExp(`^${source}${')'.repeat(braces)}$`, 's')
  } catch {
    // A set such as [b-a]: nothing is in it.
    return /(?!)/
  }
}
