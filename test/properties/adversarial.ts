// Entries made to be taken for what they are not: near misses of JSON, valid and broken ones of the same shape.

import fc from 'fast-check'
import { objectText, oddBytes, oddNumber, oddString } from './json-text.js'

/** An object with holes, whose fillings are JSON or not. Holes: N a number, S a string. */
const templates = [
  '{"class":"A","args":[N]}',
  '{"class":"A","args":[N,N]}',
  '{"class":S,"args":[S,N]}',
  '{"class":"A","args":[{"k":N},[S]],"x":N}',
  '{"a":"1.","b":N,"c":"."}',
  '{S:N}',
  ' {"a" : S , "b":[ N ]}',
]

const filled = fc
  .tuple(
    fc.constantFrom(...templates),
    fc.array(oddNumber, { minLength: 3, maxLength: 3 }),
    fc.array(oddString, { minLength: 2, maxLength: 2 }),
  )
  .map(([template, numbers, strings]) => {
    let n = 0
    let s = 0
    const text = template
      .replace(/\bN\b/g, () => numbers[n++ % 3] as string)
      .replace(/(?<!")\bS\b/g, () => strings[s++ % 2] as string)
    return Buffer.from(text)
  })

/** A valid object with a few bytes taken out, put in, doubled or changed. */
const mutated = fc
  .tuple(
    objectText,
    fc.array(
      fc.record({
        at: fc.nat(),
        kind: fc.constantFrom('drop', 'put', 'set', 'cut', 'append'),
        bytes: fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 2 }).map((array) => Buffer.from(array)),
          oddBytes.map((hex) => Buffer.from(hex, 'hex')),
          fc
            .constantFrom(
              '\u0000',
              '"',
              '\\',
              ',',
              '.',
              '}',
              ']',
              '{',
              '0',
              '\u0001',
              ' ',
              '\u000b',
              '\u00a0',
              '\\u0000',
            )
            .map((text) => Buffer.from(text)),
        ),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  )
  .map(([text, changes]) => {
    let bytes = Buffer.from(text)
    for (const { at, kind, bytes: change } of changes) {
      const place = at % (bytes.length + 1)
      const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)]
      if (kind === 'drop') bytes = Buffer.concat([head, tail.subarray(1)])
      else if (kind === 'put') bytes = Buffer.concat([head, change, tail])
      else if (kind === 'set') bytes = Buffer.concat([head, change, tail.subarray(change.length)])
      else if (kind === 'cut') bytes = Buffer.from(head)
      else bytes = Buffer.concat([bytes, change])
    }
    return bytes
  })

const random = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))

const notObjects = fc
  .constantFrom(
    ...[
      '',
      ' ',
      '\u0000',
      'null',
      'false',
      'true',
      '7',
      '-1.5',
      '"text"',
      '[]',
      '[1]',
      '{',
      '}',
      '{}',
      '{}}',
      '{},{}',
    ],
    ...[
      '[{}]',
      '{}\u0000',
      '{}\u0000{}',
      '{"a":1}\u0000junk',
      '\ufeff{}',
      '{/*c*/}',
      "{'a':1}",
      '{a:1}',
      '{"a":1,}',
      '{"a"}',
    ],
    ...[
      '{"a":}',
      '{"a":1 "b":2}',
      '{"a":tru}',
      '{"a":TRUE}',
      '{"a":undefined}',
      `{"a":${'['.repeat(120)}${']'.repeat(120)}}`,
    ],
    ...[
      '{"payload":1},"x":{"a":1}',
      '{}","raw":"x',
      '{}}{',
      '{"a":1}{"b":2}',
      '{"a":"\\u0000"}',
      '{"a":1}\n',
      '\v{}',
      '{"a":1}\f',
    ],
  )
  .map((text) => Buffer.from(text))

/** One entry of a queue, any bytes at all. */
export const anyEntry: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 3, arbitrary: objectText.map((text) => Buffer.from(text)) },
  { weight: 4, arbitrary: mutated },
  { weight: 3, arbitrary: filled },
  { weight: 2, arbitrary: notObjects },
  { weight: 1, arbitrary: random },
)

/** Several entries of one template in a row, so that what was learnt of one may be wrong for the next. */
export const sameShape: fc.Arbitrary<Buffer[]> = fc
  .tuple(
    fc.constantFrom(...templates),
    fc.oneof(
      fc.array(fc.tuple(oddNumber, fc.constant('"abc"')), { minLength: 2, maxLength: 16 }),
      fc.array(fc.tuple(fc.constant('1'), oddString), { minLength: 2, maxLength: 16 }),
      fc.array(fc.tuple(oddNumber, oddString), { minLength: 2, maxLength: 12 }),
    ),
  )
  .map(([template, fillings]) =>
    fillings.map(([number, string]) =>
      Buffer.from(template.replace(/\bN\b/g, () => number).replace(/(?<!")\bS\b/g, () => string)),
    ),
  )
