// What a job is: definition, the text that stands for it, the arguments that are refused, and how payloads of others
// are read. That the text is what Ruby writes is shown with generated values in properties/encode.test.ts.

import { ArgumentsError, defineJob, InvalidPayloadError, NoClassError, PayloadTooLargeError } from 'resque-ts'
import { expect, test } from 'vitest'
import { encodeJob, encodePayload, isJob, parseJob, queueOf, readJob, whyNoJob } from '#built/job.js'

const encode = (...args: unknown[]) => encodeJob('Archive', args, 1_000)
const anything = 'Expected argument 2 of Archive to be something JSON can carry, got '

test('a payload is class and args, in this order, without spaces', () => {
  expect(encode(44, 'master')).toBe('{"class":"Archive","args":[44,"master"]}')
  expect(encode()).toBe('{"class":"Archive","args":[]}')
  expect(encode({ b: [null, true], a: {} })).toBe('{"class":"Archive","args":[{"b":[null,true],"a":{}}]}')
})

test('text is written raw, as Ruby does', () => {
  expect(encode('é\u2028😀/\u007f<&>')).toBe('{"class":"Archive","args":["é\u2028😀/\u007f<&>"]}')
  expect(encode('\b\f\n\r\t\u0001"\\')).toBe('{"class":"Archive","args":["\\b\\f\\n\\r\\t\\u0001\\"\\\\"]}')
})

test.each([
  ['a function', () => {}, 'a value of type function. Pass strings, finite numbers'],
  ['NaN', Number.NaN, 'NaN. Pass strings, finite numbers'],
  ['Infinity', Number.NEGATIVE_INFINITY, '-Infinity. Pass'],
  ['a BigInt', 12n, 'the BigInt 12. Pass it as a string.'],
  ['undefined', undefined, 'a value of type undefined. Pass null, or leave trailing arguments out.'],
  ['a symbol', Symbol('x'), 'a value of type symbol. Pass'],
  ['a Date', new Date(0), 'an instance of Date. Pass date.toISOString().'],
  ['a Map', new Map(), 'an instance of Map. Pass a plain object or an array.'],
  ['a Set', new Set(), 'an instance of Set. Pass a plain object or an array.'],
  ['a class instance', new (class Point {})(), 'an instance of Point. Pass'],
  ['a boxed string', new String('x'), 'an instance of String. Pass'],
  ['a typed array', new Uint8Array(1), 'an instance of Uint8Array. Pass'],
  ['a toJSON method', { toJSON: () => 1 }, 'an object with a toJSON method. Pass'],
  ['a lone surrogate', 'a\ud83d', 'a string with a lone surrogate. A Ruby worker dies of it.'],
])('%s as an argument is refused with a sentence that names the argument', (_, value, sentence) => {
  expect(() => encode('fine', value)).toThrow(ArgumentsError)
  expect(() => encode('fine', value)).toThrow(anything + sentence)
})

test('what is refused deep inside is named by its path', () => {
  expect(() => encode({ user: { tags: ['a', Number.NaN] } })).toThrow(
    'Expected argument 1.user.tags[1] of Archive to be something JSON can carry, got NaN.',
  )
  const hole = Array(2)
  hole[0] = 1
  expect(() => encode(hole)).toThrow('Expected argument 1[1] of Archive')
})

test('a value that contains itself is refused, one that occurs twice is not', () => {
  const cycle: unknown[] = []
  cycle.push({ again: cycle })
  expect(() => encode(cycle)).toThrow('Expected argument 1[0].again of Archive')
  expect(() => encode(cycle)).toThrow('got a reference to itself.')
  const shared = { a: 1 }
  expect(encode(shared, shared)).toBe('{"class":"Archive","args":[{"a":1},{"a":1}]}')
})

test('a lone surrogate in a key or in the class name is refused', () => {
  expect(() => encode({ x: { '\udc00': 1 } })).toThrow(
    'Expected a key of argument 1.x of Archive to be well-formed text, got a lone surrogate in it.',
  )
  expect(() => encodeJob('A\ud83d', [], 1_000)).toThrow('Expected the class name to be well-formed text')
})

test('a member that is undefined is left out, as JSON does', () => {
  expect(encode({ a: undefined, b: 1 })).toBe('{"class":"Archive","args":[{"b":1}]}')
})

test('an object without a prototype is a plain object', () => {
  expect(encode(Object.assign(Object.create(null), { a: 1 }))).toBe('{"class":"Archive","args":[{"a":1}]}')
})

test('arguments nest 96 levels deep, so that no record of them is too deep for Ruby', () => {
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown
  expect(encode(nested(96))).toContain('['.repeat(96))
  expect(() => encode(nested(97))).toThrow('got nested deeper than 96 levels.')
  expect(() => encodePayload({ class: 'A', args: nested(96) as never }, 1_000)).toThrow(
    'nested deeper than 96',
  )
})

test('a payload above the limit is refused, counted in bytes', () => {
  const room = (bytes: number) => encodeJob('A', ['é'.repeat(10)], bytes)
  const size = Buffer.byteLength(room(1_000))
  expect(room(size)).toHaveLength(size - 10)
  expect(() => room(size - 1)).toThrow(PayloadTooLargeError)
  expect(() => room(size - 1)).toThrow(`The payload of A has ${size} bytes; maxPayloadBytes is ${size - 1}.`)
  expect(() => encodePayload({ class: 'A', args: ['x'.repeat(99)] }, 50)).toThrow(PayloadTooLargeError)
})

test('a job without a class name is refused in the words of Ruby', () => {
  expect(() => encodeJob('', [], 99)).toThrow(NoClassError)
  expect(() => encodeJob('', [], 99)).toThrow(/^Jobs must be given a class\.$/)
  expect(() => encodePayload({ class: '' }, 99)).toThrow(NoClassError)
  expect(() => encodePayload({} as never, 99)).toThrow(NoClassError)
})

test('a payload given as an object keeps its keys and their order', () => {
  expect(encodePayload({ args: [1], class: 'A', id: 'x' }, 99)).toBe('{"args":[1],"class":"A","id":"x"}')
  expect(() => encodePayload([] as never, 99)).toThrow(
    'Expected a payload { class, args }, got an instance of Array.',
  )
  expect(() => encodePayload({ class: 'A', at: new Date(0) as never }, 99)).toThrow(
    'Expected payload.at of A',
  )
})

test("a payload is read as Ruby's worker reads it", () => {
  const read = (text: string) => parseJob(text)
  expect(read('{"class":"A","args":[1,[2]]}')).toEqual({ class: 'A', args: [1, [2]] })
  expect(read('{"class":"A"}')).toEqual({ class: 'A', args: [] })
  expect(read('{"class":"A","args":null}')).toEqual({ class: 'A', args: [] })
  expect(read('{"class":"A","args":"str"}')).toEqual({ class: 'A', args: ['str'] })
  expect(read('{"class":"A","args":false}')).toEqual({ class: 'A', args: [false] })
  expect(read('{"class":"A","args":{"k":1,"l":2}}')).toEqual({
    class: 'A',
    args: [
      ['k', 1],
      ['l', 2],
    ],
  })
  expect(read(' {"x":0,"class":"B","class":"A"} ')).toEqual({ class: 'A', args: [] })
})

test.each([
  ['', 'Expected a job as JSON, got something that is not JSON'],
  ['{"class":', 'Expected a job as JSON, got something that is not JSON'],
  ['null', 'Expected a job as a JSON object {"class":…,"args":[…]}, got null.'],
  ['false', 'got a boolean.'],
  ['7', 'got a number.'],
  ['"str"', 'got a string.'],
  ['[1]', 'got an array.'],
  ['{"args":[]}', 'Expected a job with a class name, a string that is not empty, got none.'],
  ['{"class":""}', 'got "".'],
  ['{"class":null}', 'got null.'],
  ['{"class":7}', 'got 7.'],
])('what is no job is told as an error, not thrown: %s', (text, sentence) => {
  const error = parseJob(text)
  expect(error).toBeInstanceOf(InvalidPayloadError)
  expect((error as Error).message).toContain(sentence)
  expect(whyNoJob(text)).toEqual(error)
})

test('bytes that are text are read as text, and others are told by their number', () => {
  expect(readJob(Buffer.from('{"class":"é"}'))).toEqual({ class: 'é', args: [] })
  expect(whyNoJob(Buffer.from('{"class":"A"}'))).toBeUndefined()
  expect(whyNoJob(Buffer.from([0x7b, 0xff, 0x7d]))?.message).toBe(
    'Expected a job as JSON in UTF-8, got 3 bytes that are not UTF-8.',
  )
})

test('a job names its queue, or computes it, or names none', () => {
  const perform = () => {}
  expect(queueOf({ name: 'A', queue: 'q', perform })).toBe('q')
  expect(queueOf({ name: 'A', queue: () => 'computed', perform })).toBe('computed')
  expect(queueOf({ name: 'A', perform })).toBeUndefined()
})

test('defineJob refuses what has no name or nothing to perform', () => {
  expect(() => defineJob({ name: '', perform() {} })).toThrow('Expected defineJob({ name, perform })')
  expect(() => defineJob({ name: 'A' } as never)).toThrow('with a name and a function.')
})

test('a defined job cannot be changed, and its definition is not touched', () => {
  const spec = { name: 'A', queue: 'q', perform() {} }
  const job = defineJob(spec)
  expect(Object.isFrozen(job)).toBe(true)
  expect(Object.isFrozen(spec)).toBe(false)
})

test('a job is an object or a class with a name and a perform', () => {
  class Named {
    static perform() {}
    id = 1
  }
  expect([Named, { name: 'A', perform() {} }].map(isJob)).toEqual([true, true])
  const none = [null, 'A', class {}, { name: 'A' }, { name: '', perform() {} }, { name: 'A', perform: 1 }]
  expect(none.map(isJob)).toEqual(none.map(() => false))
})
