// Filters of failed jobs: what stands in a URL is what is meant, or an error.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readFailedJob } from '#built/store/records.js'
import { failedAtSeconds, groupOf } from '#built/web/failed-groups.js'
import {
  auditableFilter,
  formatFailureFilter,
  isEverything,
  matchesFailure,
  parseFailureFilter,
} from '#built/web/filters.js'
import { failedRecord } from './records.js'

const read = (...args: Parameters<typeof failedRecord>) => readFailedJob('failed', 0, failedRecord(...args))

test('a filter comes back from its URL as it was', () => {
  const text = fc.string({ minLength: 1, unit: 'grapheme' })
  const filter = fc.record(
    {
      ...{ list: text, queue: text, class: text, exception: text, text },
      group: fc.stringMatching(/^[0-9a-f]{12}$/),
      from: fc.nat(),
      to: fc.nat(),
      state: fc.constantFrom('open' as const, 'retried' as const),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(filter, (given) => {
      const url = new URL(`http://x/?${formatFailureFilter(given)}`)
      expect(parseFailureFilter(url.searchParams)).toEqual(given)
    }),
  )
})

test('what cannot be read is an error, and never a wider filter', () => {
  for (const query of ['from=yesterday', 'to=2026-99-99', 'state=maybe', 'group=xyz', 'from=-1'])
    expect(() => parseFailureFilter(new URLSearchParams(query))).toThrow(/cannot be read/)
  expect(isEverything(parseFailureFilter(new URLSearchParams('class=&from=&state=all&start=20')))).toBe(true)
})

test('a time range is in UTC where no zone is said, and includes its ends', () => {
  const { from, to } = parseFailureFilter(
    new URLSearchParams('from=2026-11-24T02:14:40&to=2026-11-24T03:14:40%2B01:00'),
  )
  expect(from).toBe(to)
  const job = read(1, { failedAt: '2026/11/24 03:14:40 CET' })
  expect(matchesFailure({ from: from as number, to: to as number }, job)).toBe(true)
  expect(matchesFailure({ from: (from as number) + 1 }, job)).toBe(false)
  expect(matchesFailure({ from: 1 }, read(1, { failedAt: 'once' }))).toBe(false)
})

test('every way a worker writes a time is understood', () => {
  const at = Date.UTC(2026, 10, 24, 2, 14, 40) / 1000
  const same = [
    '02:14:40 UTC',
    '03:14:40 CET',
    '07:44:40 IST',
    '23:14:40 -03',
    '02:14:40',
    '02:14:40 XYZ',
    '03:14:40 +0100',
  ]
  expect(same.map((time) => failedAtSeconds(`2026/11/${time.startsWith('23') ? 23 : 24} ${time}`))).toEqual(
    same.map(() => at),
  )
  expect(failedAtSeconds('2026-11-24T02:14:40Z')).toBe(at)
  expect(failedAtSeconds('')).toBe(0)
})

test('every part of a filter restricts', () => {
  const job = read(1, { class: 'Csv', queue: 'big', exception: 'Boom', error: 'no 5', retriedAt: 'x' })
  const meant = {
    list: 'failed',
    queue: 'big',
    class: 'Csv',
    exception: 'Boom',
    state: 'retried',
    text: 'no 5',
  } as const
  const all = { ...meant, group: groupOf(job).id }
  expect(matchesFailure(all, job)).toBe(true)
  for (const [key, other] of Object.entries({ ...all, state: 'open', group: '0'.repeat(12) })) {
    const wrong = key === 'state' || key === 'group' ? other : `${other}!`
    expect(matchesFailure({ ...all, [key]: wrong }, job), key).toBe(false)
  }
})

test('a search text does not get into the audit log', () => {
  expect(auditableFilter({ class: 'Mail', text: 'secret-token' })).toBe('class=Mail&text=%2812+characters%29')
})
