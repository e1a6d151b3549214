// The records that stand for a job, by example. That they hold any payload stands in properties/records.test.ts.

import { expect, test } from 'vitest'
import {
  deathField,
  encodeFailure,
  failedAt,
  makeRef,
  readFailedJob,
  readRef,
  readWorkingRecord,
  readWorkingRecordBytes,
  runAt,
  startedAt,
  withRetriedAt,
} from '#built/store/records.js'

const at = new Date('2026-11-24T02:14:40.999Z')
const failure = {
  ...{
    failedAt: at,
    payload: '{"class":"A","args":[1.0]}',
    exception: 'Error',
    error: 'no "way"',
    backtrace: ['a:1'],
  },
  ...{ worker: 'h:1:q', queue: 'q' },
}

test('four formats of time, each in its place', () => {
  expect(runAt(at)).toBe('2026-11-24T02:14:40Z')
  expect(startedAt(at)).toBe('2026-11-24 02:14:40 +0000')
  expect(failedAt(at)).toBe('2026/11/24 02:14:40 UTC')
})

test("a working record of Ruby's is read, and one of ours with its mark", () => {
  const ruby = '{"queue":"q","run_at":"2026-11-24T02:14:40Z","payload":{"class":"A","args":[1e5, {}]}}'
  expect(readWorkingRecord(ruby)).toEqual({
    ...{
      queue: 'q',
      runAt: '2026-11-24T02:14:40Z',
      payload: '{"class":"A","args":[1e5, {}]}',
      run: undefined,
    },
  })
  expect(readWorkingRecord('{"queue":"q","run_at":"x","payload":{},"run":"n.c.1"}')?.run).toBe('n.c.1')
})

test('a working record that is none reads as undefined', () => {
  for (const text of ['', 'null', '[]', '{"queue":']) expect(readWorkingRecord(text)).toBeUndefined()
})

test('a payload that is not text comes from a record as bytes', () => {
  const head = Buffer.from('{"queue":"é","run_at":"x","payload":{"a":"')
  const record = Buffer.concat([head, Buffer.from([0xff]), Buffer.from('"}}')])
  const read = readWorkingRecordBytes(record)
  expect(read?.queue).toBe('é')
  expect(read?.payload).toEqual(
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
  )
  expect(readWorkingRecordBytes(Buffer.from('{"payload":{"a":"é"}}'))?.payload).toBe('{"a":"é"}')
})

test('a failed record holds the payload as it is, and everything else well-formed', () => {
  const text = encodeFailure({ ...failure, error: 'a\ud83d', backtrace: ['b\udc00'] })
  expect(text).toBe(
    '{"failed_at":"2026/11/24 02:14:40 UTC","payload":{"class":"A","args":[1.0]},"exception":"Error",' +
      '"error":"a\ufffd","backtrace":["b\ufffd"],"worker":"h:1:q","queue":"q"}',
  )
})

test('bytes that are no job stand in a failed record so that every reader can show them, and can be had back', () => {
  const bytes = Buffer.from([0x22, 0xff, 0x00])
  const text = encodeFailure({ ...failure, payload: bytes })
  const record = JSON.parse(text) as { payload: unknown; raw: string }
  expect(record.payload).toEqual({ class: '(not a job)', args: ['"\u00ff\u0000'] })
  expect(readFailedJob('failed', 0, text).payload).toEqual(bytes)
  expect(readFailedJob('failed', 0, text).class).toBe('(not a job)')
})

test('retried_at is appended, and replaced where there is one', () => {
  const text = encodeFailure(failure)
  const once = withRetriedAt(text, at)
  expect(once).toBe(`${text.slice(0, -1)},"retried_at":"2026/11/24 02:14:40 UTC"}`)
  const twice = withRetriedAt(once, new Date('2027-01-01T00:00:00Z'))
  expect(twice).toBe(`${text.slice(0, -1)},"retried_at":"2027/01/01 00:00:00 UTC"}`)
})

test('text that looks like a mark, inside of a record, is not taken for one', () => {
  const payload = '{"class":"A","args":[{"retried_at":"2001/01/01 00:00:00 UTC"}]}'
  const text = withRetriedAt(encodeFailure({ ...failure, payload, error: '"retried_at":"x"' }), at)
  expect(readFailedJob('failed', 0, text)).toMatchObject({ payload, retriedAt: '2026/11/24 02:14:40 UTC' })
  const again = withRetriedAt(text, new Date('2027-01-01T00:00:00Z'))
  expect(readFailedJob('failed', 0, again)).toMatchObject({ payload, retriedAt: '2027/01/01 00:00:00 UTC' })
})

test('a ref holds index, content and list, whatever the list is called', () => {
  const ref = makeRef('a@b:\n_failed', 12, 'text')
  expect(readRef(ref)).toEqual({
    list: 'a@b:\n_failed',
    index: 12,
    digest: expect.stringMatching(/^[0-9a-f]{16}$/),
  })
  for (const wrong of ['', '12', '12.xyz@failed', '-1.0123456789abcdef@failed', '1.0123456789abcdef@']) {
    expect(readRef(wrong)).toBeUndefined()
  }
})

test('deaths are counted per queue and payload, text or bytes alike', () => {
  expect(deathField('q', 'é')).toBe(deathField('q', Buffer.from('é')))
  expect(deathField('q', 'x')).not.toBe(deathField('r', 'x'))
  expect(deathField('a', 'b\0c')).not.toBe(deathField('a\0b', 'd'))
})
