// What a person who does not know the command sees: help, and complaints that say what to do.

import { expect, test } from 'vitest'
import { makeProgram } from '#built/cli/program.js'
import { useRoom } from '../room.js'
import { jobs, useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))

const commands = [
  ...['work', 'pool', 'demo', 'enqueue', 'stats', 'queues', 'peek', 'workers', 'working', 'failed', 'list'],
  ...['markers', 'retry', 'remove', 'clear', 'pause', 'resume', 'kill', 'marker'],
]

test('help names every command, and every command explains itself with examples', async () => {
  const { stdout, code } = await line.run(['--help'])
  expect(code).toBe(0)
  const program = makeProgram()
  for (const name of commands) {
    expect(stdout).toMatch(new RegExp(`^  ${name} .*[A-Z]`, 'm'))
    let help = ''
    const command = program.commands.find((each) => each.name() === name)
    command
      ?.configureOutput({
        writeOut(text) {
          help += text
        },
      })
      .outputHelp()
    expect(help).toMatch(/^Usage: resque /)
    const examples = help
      .split('\nExamples:\n')[1]
      ?.split('\n')
      .filter((each) => each.includes('resque'))
    expect(examples?.length, name).toBeGreaterThanOrEqual(2)
    expect(help).not.toContain('undefined')
  }
})

test.each([
  { args: ['qeues'], says: ['queues'] },
  { args: ['clear', 'qeue', 'x'], says: ['queue'] },
  { args: ['failed', 'shwo', '1'], says: ['show'] },
  { args: ['queues', '--jsn'], says: ['--json'] },
  { args: ['failed', '--order', 'decs'], says: ['asc', 'desc"?'] },
  { args: ['failed', '--limit', 'many'], says: ['--limit', 'whole number'] },
  { args: ['failed', '--failure-backend', 'redis_multiqueue'], says: ['redis_multi_queue"?'] },
  { args: ['work', '--require', jobs], says: ['--queue', 'QUEUE'] },
  { args: ['work', '--require', jobs, '--queue', 'mail_[ab'], says: ['mail_[ab]'] },
  { args: ['work', '--require', jobs, '--queue', '!low'], says: ['at least one queue'] },
  { args: ['work', '--queue', 'mail'], says: ['--require'] },
  { args: ['work', '--queue', 'mail', '--require', jobs, '--isolation', 'proces'], says: ['process"?'] },
  { args: ['work', '--queue', 'mail', '--require', jobs.replace('jobs.mjs', 'job.mjs')], says: ['jobs.mjs'] },
  { args: ['work', '--queue', 'mail', '--require', jobs, '--dead-after-ms', '1'], says: ['heartbeatMs'] },
  { args: ['peek'], says: ['queue'] },
  { args: ['retry'], says: ['--all'] },
  { args: ['retry', 'x'], says: ['ref'] },
  { args: ['retry', '--class', 'X'], says: ['refs of failed jobs, or --all'] },
  { args: ['remove', '1', '--all'], says: ['both'] },
  { args: ['remove', 'something'], says: ['host:pid:queues'] },
  { args: ['marker'], says: ['label'] },
  { args: ['markers', 'remove'], says: ['id'] },
  { args: ['marker', 'v1', '--at', 'yesterday'], says: ['instant'] },
  { args: ['marker', 'two\nlines'], says: ['a line of 1 to 80 characters'] },
  { args: [], says: ['Usage: resque'] },
])('misuse has exit code 2 and says what is right: resque $args', async ({ args, says }) => {
  const { code, stderr, stdout } = await line.run(args)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  for (const text of says) expect(stderr).toContain(text)
  expect(stderr).not.toContain('    at ')
})

test('an environment variable that cannot be right is named', async () => {
  const { code, stderr } = await line.run(['work', '--require', jobs], {
    env: { QUEUE: 'a', INTERVAL: 'soon' },
  })
  expect(code).toBe(2)
  expect(stderr).toContain('INTERVAL')
})

test('a Redis that is not there is one sentence and exit code 1; --verbose shows the stack', async () => {
  const [plain, verbose] = await Promise.all([
    line.run(['queues', '--redis', '127.0.0.1:1']),
    line.run(['queues', '--redis', '127.0.0.1:1', '--verbose']),
  ])
  expect(plain.code).toBe(1)
  expect(plain.stderr).toMatch(/^resque: Redis at redis:\/\/127\.0\.0\.1:1\/0 could not be reached .*\n$/)
  expect(verbose.stderr).toContain('    at ')
})

test('a password is in no complaint', async () => {
  const addresses = [
    'redis://user:opensesame@127.0.0.1:1/0',
    'redis://user:opensesame@127.0.0.1:x/0',
    'user:opensesame@127.0.0.1:1',
    'http://user:opensesame@127.0.0.1:1',
    room.redis.url.replace('//', '//user:opensesame@'),
  ]
  const all = await Promise.all(
    addresses.map((address) => line.run(['stats', '--verbose', '--redis', address])),
  )
  for (const { code, stdout, stderr } of all) {
    expect(code).toBeGreaterThan(0)
    expect(stdout + stderr).not.toContain('opensesame')
  }
})

test('the command line goes before the environment, and options may stand before the command, as in Ruby', async () => {
  await room.connect({ namespace: 'other' }).push('from-other', { class: 'X' })
  const env = { REDIS_URL: 'redis://127.0.0.1:1', RESQUE_NAMESPACE: 'wrong' }
  const short = room.redis.url.replace('redis://', '')
  const forms = [
    ['-r', `${short}:0/other`, 'queues', '--json'],
    ['-r', room.redis.url, '-N', 'other', 'queues', '--json'],
    ['queues', '--json', '--redis', room.redis.url, '--namespace', 'other'],
  ]
  for (const args of forms) {
    const { stdout } = await line.run(args, { env })
    expect(JSON.parse(stdout)).toEqual([{ name: 'from-other', size: 1, paused: false }])
  }
})
