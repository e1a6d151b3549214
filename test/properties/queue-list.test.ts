// Queue lists against a naive reading of the rules: File.fnmatch spelled out character by character.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { QueueList } from '#built/worker/queue-list.js'

/** Does `pattern` (with *, ? and [sets]) match `name`? By trying every way. */
function matches(pattern: string, name: string, isStart = true): boolean {
  if (pattern === '') return name === ''
  const first = pattern[0] as string
  const dotAhead = isStart && name.startsWith('.')
  if (first === '*') {
    if (dotAhead) return false
    return matches(pattern.slice(1), name, false) || (name !== '' && matches(pattern, name.slice(1), false))
  }
  if (first === '?') return name !== '' && !dotAhead && matches(pattern.slice(1), name.slice(1), false)
  const set = /^\[([!^]?)([a-c](?:-[a-c])?[a-c]*)\]/.exec(pattern)
  if (set) {
    const [whole, not, members = ''] = set
    const range = /^([a-c])-([a-c])(.*)$/.exec(members)
    const isIn = (char: string) =>
      range
        ? (char >= (range[1] ?? '') && char <= (range[2] ?? '')) || (range[3] ?? '').includes(char)
        : members.includes(char)
    if (name === '' || dotAhead || isIn(name[0] as string) === (not !== '')) return false
    return matches(pattern.slice(whole.length), name.slice(1), false)
  }
  return name.startsWith(first) && matches(pattern.slice(1), name.slice(1), false)
}

const isPattern = (text: string) => /[*?[]/.test(text)

/** The rules of protocol 5, as they are written there. */
function expand(list: string[], known: string[]): string[] {
  const excluded = list.filter((each) => each.startsWith('!')).map((each) => each.slice(1))
  const included = list.filter((each) => !each.startsWith('!'))
  if (!included.some(isPattern) && excluded.length === 0) return included
  const sorted = [...known].sort()
  const found: string[] = []
  for (const entry of included) {
    for (const name of sorted) {
      const isMeant = isPattern(entry) ? matches(entry, name) : entry === name
      if (isMeant && !excluded.some((each) => matches(each, name)) && !found.includes(name)) found.push(name)
    }
  }
  return found
}

const letter = fc.constantFrom('a', 'b', 'c', '.', ':', '/', '-')
const name = fc.array(letter, { minLength: 1, maxLength: 4 }).map((all) => all.join(''))
const piece = fc.oneof(
  { weight: 4, arbitrary: letter },
  { weight: 2, arbitrary: fc.constantFrom('*', '?', '**') },
  { weight: 1, arbitrary: fc.constantFrom('[ab]', '[!a]', '[^b]', '[a-c]', '[a-bc]') },
)
const entry = fc
  .tuple(fc.constantFrom('', '', '', '!'), fc.array(piece, { minLength: 1, maxLength: 4 }))
  .map(([not, pieces]) => `${not}${pieces.join('')}`)
const list = fc
  .array(entry, { minLength: 1, maxLength: 5 })
  .filter((all) => all.some((each) => !each.startsWith('!')))
const known = fc.uniqueArray(name, { maxLength: 8 })

test('a list stands for the queues that a naive reading finds, in the same order', () => {
  fc.assert(
    fc.property(list, known, (entries, names) => {
      const queues = new QueueList(entries)
      const expected = expand(entries, names)
      expect(queues.expand(names)).toEqual(queues.isDynamic ? expected : entries)
      if (queues.isDynamic)
        for (const each of names) expect(queues.includes(each)).toBe(expected.includes(each))
    }),
    { numRuns: 3_000 },
  )
})

test('a set that cannot be is no error: it matches nothing', () => {
  for (const set of ['[b-a]', '[a-!]', '[]', '[!]', '[^]', '[']) {
    expect(new QueueList(set).expand(['a', 'b', '!', '^'])).toEqual([])
  }
})

test('any text at all is a list or is refused with a sentence, and never breaks', () => {
  const odd = fc.string({
    unit: fc.constantFrom('[', ']', '{', '}', '*', '?', '!', ',', '\\', '^', '-', '(', '|', '$', 'a', ' '),
  })
  fc.assert(
    fc.property(odd, known, (text, names) => {
      let queues: QueueList
      try {
        queues = new QueueList(text)
      } catch (error) {
        expect((error as Error).message).toBe('Please give each worker at least one queue.')
        return
      }
      const found = queues.expand(names)
      if (!queues.isDynamic) return
      expect(new Set(found).size).toBe(found.length)
      expect(names).toEqual(expect.arrayContaining(found))
    }),
    { numRuns: 3_000 },
  )
})
