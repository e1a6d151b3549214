// From an error to what stands in a failed record.

import { expect, test } from 'vitest'
import { silentLogger } from '#built/context.js'
import { redisBackend } from '#built/failure/redis.js'
import { backtraceOf, failedEnding } from '#built/worker/report.js'

const attempt = { payload: '{"class":"A"}', queue: 'q', workerId: 'w:1:q' }

test('the frames of a stack, without the message before them', () => {
  const error = new Error('two\nlines\n    at nowhere')
  error.stack = 'Error: two\nlines\n    at first (/app/a.js:1:2)\n    at /app/b.js:3:4\n'
  expect(backtraceOf(error)).toEqual(['first (/app/a.js:1:2)', '/app/b.js:3:4'])
})

test('frames from the code that performs jobs on are left out', () => {
  const own = new URL('../../dist/hooks.js', import.meta.url).href
  const error = new Error('x')
  error.stack = `Error: x\n    at job (/app/a.js:1:2)\n    at performBare (${own}:1:1)\n    at later (/app/c.js:1:1)`
  expect(backtraceOf(error)).toEqual(['job (/app/a.js:1:2)'])
})

test('what has no stack has no frames', () => {
  expect(backtraceOf('text')).toEqual([])
  expect(backtraceOf(undefined)).toEqual([])
  expect(backtraceOf(Object.assign(new Error('x'), { stack: undefined }))).toEqual([])
  expect(backtraceOf(Object.assign(new Error('x'), { stack: { odd: true } }))).toEqual([])
})

test('a failure becomes one entry of its failed list, as JSON', async () => {
  const error = new TypeError('bad \ud83d')
  const ending = await failedEnding({ ...attempt, error }, redisBackend, silentLogger)
  if (ending.kind !== 'failed') throw new Error('not failed')
  expect(ending.entries).toHaveLength(1)
  expect(ending.entries[0]?.list).toBe('failed')
  expect(JSON.parse(ending.entries[0]?.text ?? '')).toMatchObject({
    ...{ payload: { class: 'A' }, exception: 'TypeError', error: 'bad \ufffd', worker: 'w:1:q', queue: 'q' },
  })
})

test('a backend that throws is logged, and the failure goes to "failed"', async () => {
  const lines: string[] = []
  const log = { ...silentLogger, error: (_fields: object | string, text = '') => void lines.push(text) }
  const backend = {
    save() {
      throw new Error('disk full')
    },
    lists: async () => [],
    listOf: () => undefined,
  }
  const ending = await failedEnding({ ...attempt, error: new Error('x') }, backend, log)
  expect(ending).toMatchObject({ kind: 'failed', entries: [{ list: 'failed' }] })
  expect(lines).toEqual([
    'The failure backend threw (disk full); the failure goes to the list "failed" instead.',
  ])
})
