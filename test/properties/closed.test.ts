// The beginning of a JSON text, closed so that it can be read.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { closed } from '#built/json.js'

test('the beginning of any JSON is closed to JSON that says nothing else, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 5 }), { minLength: 1 }), fc.nat(), (value, place) => {
      const text = JSON.stringify(value)
      const beginning = text.slice(0, 1 + (place % text.length))
      const result = closed(beginning)
      expect(Array.isArray(JSON.parse(result)), beginning).toBe(true)
      // What was added closes, and is nothing else.
      expect(text.startsWith(result.replace(/[\]}"]+$/, '')), beginning).toBe(true)
      expect(closed(text)).toBe(text)
    }),
  )
})
