// `resque enqueue`: one job, or many from standard input.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { jobs, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))
const waiting = (queue: string) => room.client.lrange(`resque:queue:${queue}`, 0, -1)

test('a job of any language is placed as Ruby would place it', async () => {
  const { stdout } = await line.run(['enqueue', 'Mail::Send', '[ 44, "é 漢", {"a": []} ]', '--queue', 'mail'])
  expect(stdout).toBe('Enqueued Mail::Send on mail.\n')
  expect(await line.json(['enqueue', 'Ping', '--queue', 'mail'])).toEqual({
    enqueued: 1,
    class: 'Ping',
    queue: 'mail',
  })
  expect(await waiting('mail')).toEqual([
    '{"class":"Mail::Send","args":[44,"é 漢",{"a":[]}]}',
    '{"class":"Ping","args":[]}',
  ])
})

test('a required job brings its queue and its enqueue hooks', async () => {
  expect(await line.json(['enqueue', 'Echo', '["hi"]', '--require', jobs])).toMatchObject({ queue: 'echo' })
  const refused = await line.run(['enqueue', 'Echo', '["refused"]', '--require', jobs])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain('hook')
  const unknown = await line.run(['enqueue', 'Ehco', '[]', '--require', jobs])
  expect(unknown).toMatchObject({ code: 2, stdout: '' })
  expect(unknown.stderr).toContain('Did you mean "Echo"?')
  expect(await waiting('echo')).toEqual(['{"class":"Echo","args":["hi"]}'])
})

test.each([
  { text: '[44,master]', says: 'character 5', caret: '  [44,master]\n      ^' },
  { text: '[44', says: 'ends without a ]', caret: '  [44\n     ^' },
  { text: "['a']", says: 'double quotes', caret: '   ^' },
  { text: '[12345678901234567890]', says: 'lose digits', caret: '   ^' },
  { text: '44', says: "Did you mean '[44]'?", caret: '' },
  { text: '["\\ud83d"]', says: 'lone surrogate', caret: '' },
])('arguments that are not right are pointed at: $text', async ({ text, says, caret }) => {
  const { code, stderr } = await line.run(['enqueue', 'Echo', text, '--queue', 'q'])
  expect(code).toBe(2)
  expect(stderr).toContain(says)
  expect(stderr).toContain(caret)
  expect(await room.resque.queues()).toEqual([])
})

test('many jobs come from standard input, in their order', async () => {
  const lines = Array.from({ length: 1_203 }, (_, i) =>
    i % 2 ? `[${i}]` : `{"class":"Other","args":[${i}],"id":"x${i}"}`,
  )
  const input = `${lines.join('\n')}\n\n`
  const { stdout } = await line.run(['enqueue', 'Echo', '--stdin', '--queue', 'bulk'], { input })
  expect(stdout).toBe('Enqueued 1,203 jobs.\n')
  const found = await waiting('bulk')
  expect(found).toHaveLength(1_203)
  expect(found[2]).toBe('{"class":"Other","args":[2],"id":"x2"}')
  expect(found[3]).toBe('{"class":"Echo","args":[3]}')
})

test('a wrong line is named, and those before it are placed', async () => {
  const input = '[1]\n[2]\n[3,]\n[4]\n'
  const { code, stderr, stdout } = await line.run(['enqueue', 'Echo', '--stdin', '--queue', 'bulk'], {
    input,
  })
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain('Line 3: not JSON')
  expect(stderr).toContain('Enqueued all the same: 2 lines.')
  expect(await waiting('bulk')).toHaveLength(2)
})

test('lines that no queue or class is known for are misuse', async () => {
  const [noQueue, noClass] = await Promise.all([
    line.run(['enqueue', 'Echo', '--stdin'], { input: '[1]\n' }),
    line.run(['enqueue', '--stdin', '--queue', 'q'], { input: '[1]\n' }),
  ])
  expect(noQueue).toMatchObject({ code: 2 })
  expect(noQueue.stderr).toContain('--queue')
  expect(noClass).toMatchObject({ code: 2 })
  expect(noClass.stderr).toContain('class')
})

test('a module that cannot be loaded is named, with the place of its fault', async () => {
  const path = join(line.folder, 'broken.mjs')
  await writeFile(path, 'export const a = 1\nthrow new TypeError("not today")\n')
  const { code, stderr } = await line.run(['enqueue', 'Echo', '--require', './broken.mjs'])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^resque: Could not load \.\/broken\.mjs: TypeError: not today \(.*broken\.mjs:2:7\)\n$/,
  )
})
