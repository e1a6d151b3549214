// Cutting raw text out of JSON. What generated objects add to this stands in properties/member-text.test.ts.

import { expect, test } from 'vitest'
import { closed, isJsonObject, memberText, parseJson } from '#built/json.js'

test('a member comes out as it is spelled', () => {
  expect(memberText('{"args":[1.0, 2e5,{} ],"class":"A"}', 'args')).toBe('[1.0, 2e5,{} ]')
  expect(memberText('{"a":12345678901234567890}', 'a')).toBe('12345678901234567890')
  expect(memberText('{"a":"\\u00e9\\/"}', 'a')).toBe('"\\u00e9\\/"')
})

test('white space around keys and values is no part of the value', () => {
  expect(memberText(' {\n "a" :\t-0.50 , "b":\r null }', 'a')).toBe('-0.50')
  expect(memberText(' {\n "a" :\t-0.50 , "b":\r null }', 'b')).toBe('null')
})

test('the last of several members with one key counts, as in JSON.parse', () => {
  const text = '{"a":1,"b":2,"a":{"a":3}}'
  expect(memberText(text, 'a')).toBe('{"a":3}')
  expect(JSON.parse(text)).toEqual({ a: { a: 3 }, b: 2 })
})

test('braces, brackets and quotes inside of strings end nothing', () => {
  expect(memberText('{"x":"}]\\"{[","a":["\\\\",{"q":"]"}],"z":1}', 'a')).toBe('["\\\\",{"q":"]"}]')
})

test('a key deeper down is not taken for a member', () => {
  expect(memberText('{"x":{"a":1},"y":["a",2]}', 'a')).toBeUndefined()
})

test('an object without the member, an empty one and what is no object have nothing to give', () => {
  expect(memberText('{"b":1}', 'a')).toBeUndefined()
  expect(memberText('{}', 'a')).toBeUndefined()
  expect(memberText('[{"a":1}]', 'a')).toBeUndefined()
  expect(memberText('"a"', 'a')).toBeUndefined()
})

test('what is not JSON parses to undefined, and null to null', () => {
  expect(parseJson('{')).toBeUndefined()
  expect(parseJson('')).toBeUndefined()
  expect(parseJson('null')).toBeNull()
})

test('null and arrays are no JSON objects', () => {
  expect([null, [], 'a', 1, undefined].map(isJsonObject)).toEqual([false, false, false, false, false])
  expect(isJsonObject({})).toBe(true)
})

test.each([
  ['{"a":1', '{}'],
  ['{"a":1,', '{"a":1}'],
  ['{"a":"b', '{"a":"b"}'],
  ['{"a":"b\\', '{"a":"b"}'],
  ['{"a":"b\\u00', '{"a":"b"}'],
  ['{"a":"b\\\\', '{"a":"b\\\\"}'],
  ['{"a":"b\ufffd', '{"a":"b"}'],
  ['{"a', '{}'],
  ['{"a":', '{}'],
  ['[{"a":[tru', '[{"a":[]}]'],
  ['', ''],
  ['9999', ''],
])('%j is closed as %j', (text, expected) => {
  expect(closed(text)).toBe(expected)
})

test('what is no JSON is closed to none, and soon, however long it is', () => {
  for (const text of ['{"a":1} x', 'no "job" <b>', ']]]', '{{{{', '["a" "b"'])
    expect(() => JSON.parse(closed(text)), text).toThrow()
  for (const unit of ['[', '{"a":', '"', '\\"', '\ufffd', '"\ufffd', '["\\', '[1,', ']'])
    expect(closed(unit.repeat(100_000)).length).toBeGreaterThanOrEqual(0)
})
