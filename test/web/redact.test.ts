// What is hidden of arguments and texts, and what that costs.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultSecrets, redact, redactJson, redactText } from '#built/web/access/redact.js'

const hide = (value: unknown) => JSON.stringify(redact(value, defaultSecrets))
const text = (value: string) => redactText(value, defaultSecrets)

test.each([
  [
    'password',
    'db_password',
    'Authorization',
    'apiKey',
    'api-key',
    'accessToken',
    'client_secret',
    'cvv',
    'Cookie',
  ],
])('members named %s and the like are hidden, at any depth', (...names) => {
  for (const name of names) {
    expect(hide([{ deep: [{ [name]: 'S3CRET' }] }]), name).not.toContain('S3CRET')
    expect(hide([{ [name]: { inner: ['S3CRET'] } }]), name).not.toContain('S3CRET')
  }
})

test('other members, and what resembles a name only in part, are shown', () => {
  const value = { author: 'Ann', pinned: true, compass: 1, items: [1.5, null, 'x'] }
  expect(hide(value)).toBe(JSON.stringify(value))
})

test.each([
  'password=S3CRET',
  'x=password=S3CRET',
  'error:token=S3CRET',
  '{"a":{"password": "S3CRET \\" S3CRET"}}',
  "{:password=>'S3CRET'}",
  'redis://user:S3CRET@host/0',
  'Authorization: Bearer S3CRETS3CRET',
  'https://h/?a=1&api_key=S3CRET&b=2',
  'Authorization: Basic S3CRETS3CRET',
  'password: ["S3CRET"], ok',
  '"password":{"value":["x", "] S3CRET"],"more":"S3CRET"}, ok',
  '{"password"=>{"a"=>"S3CRET"}}',
  '"{\\"password\\":\\"S3CRET S3CRET\\"}"',
  'password="cut off S3CRET',
  'token: {"a": "S3CRET',
])('in a text: %s', (given) => {
  expect(text(given)).not.toContain('S3CRET')
})

test('what stands behind a hidden value is shown', () => {
  expect(text('password: ["S3CRET"], then this')).toBe('password: [hidden], then this')
  expect(text('{"token":{"a":"]"}} then this')).toBe('{"token":[hidden]} then this')
  expect(text('token=a b')).toBe('token=[hidden] b')
  expect(text('basic instructions')).toBe('basic instructions')
})

test('names of members never reach a prototype', () => {
  const value = redact(
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    defaultSecrets,
  )
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  expect(JSON.stringify(value)).toContain('polluted')
})

test('depth and length are bounded', () => {
  const deep = JSON.parse(`${'['.repeat(5_000)}1${']'.repeat(5_000)}`)
  expect(hide(deep)).toContain('too deep')
  const startedAt = performance.now()
  for (const unit of [
    'a=',
    'a="',
    'x:',
    '"',
    'token=',
    "password='",
    'Bearer ',
    '://a:',
    'aaaaaaaa',
    'token:[',
    'token={"',
  ])
    text(unit.repeat(100_000))
  // Quotes without an end, behind a name and a bracket.
  for (const start of ['token:[', 'secret={', 'password: ["', 'cookie=[['])
    text(start + '\\"'.repeat(100_000))
  expect(performance.now() - startedAt).toBeLessThan(5_000)
})

test('in JSON as text the same is hidden as in its value, and the rest keeps its spelling', () => {
  const json = (value: string, secrets = defaultSecrets) => redactJson(value, secrets)
  expect(json('{ "a" : 1.0, "n":12345678901234567890, "s":"\\u0041\\/" }')).toBe(
    '{ "a" : 1.0, "n":12345678901234567890, "s":"\\u0041\\/" }',
  )
  expect(json('[{"pass\\u0077ord" : "S3CRET", "x":1}]')).toBe('[{"pass\\u0077ord" : "[hidden]", "x":1}]')
  expect(json('{"token":{"a":["S3CRET","]}"]},"b":2}')).toBe('{"token":"[hidden]","b":2}')
  expect(json('{"pin":1234,"b":[true]}')).toBe('{"pin":"[hidden]","b":[true]}')
  expect(json('["x", "password=S3CRET and \\"more\\""]')).toBe('["x", "password=[hidden] and \\"more\\""]')
  expect(json('no JSON, token=S3CRET')).toBe('no JSON, token=[hidden]')
  expect(json('{"mi clave":"S3CRET","ñ":"S3CRET"}', [/^mi clave$/, /^ñ$/])).not.toContain('S3CRET')
})

test('strings of any length are gone through', () => {
  const long = '"\\'.repeat(1_000_000)
  const hidden = redactJson(JSON.stringify({ a: long, token: [long], b: 'seen' }), defaultSecrets)
  expect(hidden).toMatch(/"token":"\[hidden\]","b":"seen"\}$/)
})

const jsonValue = fc.jsonValue({ maxDepth: 4 })
const withSecrets = fc.array(
  fc.oneof(
    jsonValue,
    fc.dictionary(fc.constantFrom('password', 'api_key', 'a b', 'ünï', '"', 'pin', 'x'), jsonValue),
    fc.constantFrom('password=a,b', '{"token":"x"}', 'Bearer abcdefghijk', '://u:p@h'),
  ),
)

test('whatever JSON it is, its text hides what its value hides', () => {
  fc.assert(
    fc.property(withSecrets, fc.constantFrom(undefined, 2), (value, space) => {
      const text = JSON.stringify(value, undefined, space)
      expect(JSON.parse(redactJson(text, defaultSecrets))).toEqual(
        JSON.parse(JSON.stringify(redact(JSON.parse(text), defaultSecrets))),
      )
    }),
    { numRuns: 500 },
  )
})
