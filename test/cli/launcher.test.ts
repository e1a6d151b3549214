// bin/resque itself: how it finds what it starts, and the room it makes for the process title.

import { execFile } from 'node:child_process'
import { cp, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { bin, jobs, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))
const run = promisify(execFile)

test('it starts through a chain of symlinks, with spaces in paths', async () => {
  const folder = join(line.folder, 'a folder', 'node modules')
  await mkdir(join(folder, '.bin'), { recursive: true })
  await symlink(bin, join(folder, 'the command'))
  await symlink('../the command', join(folder, '.bin', 'resque'))
  const { stdout } = await line.run(['--version'], { command: join(folder, '.bin', 'resque') })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('under the name resque-web it serves the web pages', async () => {
  const folder = join(line.folder, 'alias')
  await mkdir(folder)
  await symlink(bin, join(folder, 'resque-web'))
  const { stdout } = await line.run(['--help'], { command: join(folder, 'resque-web') })
  expect(stdout).toContain('Usage: resque web [options]')
  const { code, stderr } = await line.run(['--port', 'x'], { command: join(folder, 'resque-web') })
  expect([code, stderr]).toEqual([2, expect.stringContaining('Expected --port')])
})

test('it passes every argument as it is', async () => {
  await line.run(['enqueue', 'Any Class', '["two  words", "$HOME", "*", ""]', '--queue', 'a queue'])
  const [job] = await room.resque.peek('a queue')
  expect(job).toMatchObject({ class: 'Any Class', args: ['two  words', '$HOME', '*', ''] })
})

test('it says what to do where nothing is built', async () => {
  const folder = join(line.folder, 'not built')
  await mkdir(join(folder, 'bin'), { recursive: true })
  await cp(bin, join(folder, 'bin/resque'))
  const { code, stderr } = await line.run([], { command: join(folder, 'bin/resque') })
  expect(code).toBe(1)
  expect(stderr).toContain('dist/cli/main.js is missing')
  expect(stderr).toContain('npm run build')
  await rm(folder, { recursive: true })
})

test('the title of a worker has room for a long text, and takes the place of a password', async () => {
  const queues = Array.from({ length: 20 }, (_, i) => `queue-${i + 10}`).join(',')
  const url = room.redis.url.replace('//', '//:opensesame@')
  // A server without a password refuses one; the title stands all the same.
  const refused = line.start(['queues', '--redis', url])
  const seen = waitFor(async () => {
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(refused.pid)])
    return stdout.startsWith('resque queues') && stdout
  })
  expect(await seen).not.toContain('opensesame')
  expect((await refused.finished).stderr).not.toContain('opensesame')

  const worker = line.start(['work', '--queue', queues, '--require', jobs])
  await worker.says('Starting worker')
  const title = await waitFor(async () => {
    const { stdout } = await run('ps', ['-ww', '-o', 'args=', '-p', String(worker.pid)])
    return stdout.includes('Waiting') && stdout.trim()
  })
  expect(title).toBe(`resque-3.0.0: Waiting for ${queues}`)
})
