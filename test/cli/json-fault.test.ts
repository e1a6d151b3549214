// Where a text stops being JSON.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findJsonFault } from '#built/cli/json-fault.js'

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('whatever JSON.parse reads has no fault, in any spelling', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, 4, '\t'), (text, space) => {
      const value: unknown = JSON.parse(text)
      expect(findJsonFault(JSON.stringify(value, null, space))).toBeUndefined()
    }),
  )
})

test('JSON with one character changed is judged as JSON.parse judges it', () => {
  const characters = fc.constantFrom(...'[]{},:"\\ 0123456789.eE+-truefalsn\n\t\'x')
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.option(characters),
      fc.boolean(),
      (text, place, character, replaces) => {
        const at = place % (text.length + 1)
        const changed = text.slice(0, at) + (character ?? '') + text.slice(at + (replaces ? 1 : 0))
        const fault = findJsonFault(changed)
        // Numbers that JavaScript would round are faults here, and none to JSON.parse.
        if (fault && /lose digits|too large/.test(fault.what)) return
        expect(fault === undefined).toBe(isJson(changed))
        if (fault) expect(fault.at).toBeLessThanOrEqual(changed.length)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('an integer that JavaScript would change is a fault, and no other', () => {
  expect(findJsonFault('[9007199254740993]')).toMatchObject({ at: 1 })
  expect(findJsonFault('[1000000000000000000000]')).toMatchObject({ at: 1 })
  expect(findJsonFault('[-9007199254740992, -0, 1e30, 0.1]')).toBeUndefined()
})

test.each([
  ['', 0],
  ['[1,2', 4],
  ['[1 2]', 3],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ['[1,]', 3],
  ['["a\nb"]', 3],
  ['["\\x"]', 2],
  ['[01]', 2],
  ['[1] x', 4],
  ['nul', 0],
])('the first fault of %j is at %i', (text, at) => {
  expect(findJsonFault(text)?.at).toBe(at)
})
