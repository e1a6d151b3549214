// What is hidden of arguments and texts, and what that costs.

import { expect, test } from 'vitest'
import { defaultSecrets, redact, redactText } from '#built/web/access/redact.js'

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
  expect(performance.now() - startedAt).toBeLessThan(5_000)
})
