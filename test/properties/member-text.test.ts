// Cutting a member out of generated JSON: exactly what stands there.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberText } from '#built/json.js'
import { objectText } from './json-text.js'

const space = fc.constantFrom('', ' ', '\n', '\t\r', '  ')
/** Keys that are spelled one way only, as memberText wants them. */
const plainKey = fc.stringMatching(/^[a-z_]{1,6}$/)
const value = objectText.map((text) => text.trim())

test('each member comes out as the exact text that was put in', () => {
  const members = fc.uniqueArray(fc.tuple(plainKey, value, space), { selector: ([key]) => key, maxLength: 6 })
  fc.assert(
    fc.property(members, space, (list, gap) => {
      const text = `${gap}{${list.map(([key, each, around]) => `${around}"${key}"${around}:${around}${each}${around}`).join(',')}}`
      for (const [key, each] of list) expect(memberText(text, key)).toBe(each)
      expect(memberText(text, 'no such key')).toBeUndefined()
    }),
    { numRuns: 500 },
  )
})

test('of members with the same key the last one comes out, as in JSON.parse', () => {
  fc.assert(
    fc.property(plainKey, fc.array(value, { minLength: 1, maxLength: 4 }), value, (key, values, other) => {
      const text = `{${values.map((each) => `"${key}":${each},"other~":${other}`).join(',')}}`
      expect(memberText(text, key)).toBe(values.at(-1))
    }),
    { numRuns: 200 },
  )
})

test('what comes out of any object parses to what JSON.parse finds there', () => {
  fc.assert(
    fc.property(objectText, (text) => {
      for (const [key, each] of Object.entries(JSON.parse(text) as object)) {
        const cut = memberText(text, key)
        // A key that is spelled with escapes is not found, by design.
        if (cut !== undefined && !text.includes('\\')) expect(JSON.parse(cut)).toEqual(each)
      }
    }),
    { numRuns: 500 },
  )
})
