// `resque web` as it is typed: where it listens, what it refuses, how it ends.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { useCommandLine } from './command-line.js'

const room = useRoom()
const line = useCommandLine(() => ({ REDIS_URL: room.redis.url }))

/** Starts it on a free port and gives its address, as it prints it. */
async function start(args: string[] = [], env: Record<string, string> = {}) {
  const web = line.start(['web', '--port', '0', ...args], { env })
  await web.says('/\n')
  const address = /http:\S+/.exec(web.stdout)?.[0] ?? ''
  return { web, address }
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

test('it says where it is, serves the pages there, and ends on TERM', async () => {
  const { web, address } = await start()
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
  const page = await fetch(`${address}overview`)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('Overview')
  web.kill('SIGTERM')
  expect(await web.finished).toMatchObject({ code: 0, stderr: '' })
})

test('it listens on no other address unless somebody may sign in', async () => {
  const refused = await line.run(['web', '--host', '0.0.0.0'])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--auth-file')
  const { address } = await start(['--host', '0.0.0.0'], {
    RESQUE_WEB_USER: 'ann',
    RESQUE_WEB_PASSWORD: 'pw',
  })
  const own = address.replace('0.0.0.0', '127.0.0.1')
  expect((await fetch(`${own}overview`)).status).toBe(401)
  expect((await fetch(`${own}overview`, { headers: basic('ann', 'pw') })).status).toBe(200)
})

test('a file says who may sign in, with hashes that it makes', async () => {
  const hash = await line.run(['web', '--hash-password'], { input: 'correct horse\n' })
  const file = join(line.folder, 'users.json')
  await writeFile(
    file,
    JSON.stringify({ users: [{ name: 'bob', password: hash.stdout.trim(), role: 'viewer' }] }),
  )
  const { address } = await start(['--auth-file', file, '--base-path', '/resque'])
  expect(address).toMatch(/\/resque\/$/)
  expect((await fetch(`${address}overview`, { headers: basic('bob', 'correct horse') })).status).toBe(200)
  expect((await fetch(`${address}overview`, { headers: basic('bob', 'wrong') })).status).toBe(401)
})

test('it keeps figures for the charts, unless it is told not to', { timeout: 60_000 }, async () => {
  await start(['--namespace', 'off', '--no-history'])
  await start(['--namespace', 'off'], { RESQUE_HISTORY: '0' })
  await start(['--namespace', 'on'])
  const kept = (namespace: string) => room.client.keys(`${namespace}:metrics:*`)
  await waitFor(async () => (await kept('on')).length > 0, { timeoutMs: 40_000 })
  expect(await kept('off')).toEqual([])
})

test('what cannot be right is said in a sentence', async () => {
  await writeFile(
    join(line.folder, 'plain.json'),
    JSON.stringify({ users: [{ name: 'bob', password: 'plain', role: 'viewer' }] }),
  )
  const complaint = async (...args: string[]) => {
    const { code, stderr } = await line.run(['web', ...args])
    expect(code).toBe(2)
    return stderr
  }
  expect(await complaint('--port', 'x')).toContain('--port')
  expect(await complaint('--auth-file', 'none.json')).toContain('cannot be read')
  expect(await complaint('--auth-file', 'plain.json')).toContain('not a hash')
  expect(await complaint('--base-path', 'resque')).toContain('basePath')
})

test('Redis away is a page, not an end', async () => {
  const web = line.start(['web', '--port', '0', '--redis', 'redis://127.0.0.1:1'])
  await web.says('/\n')
  const address = /http:\S+/.exec(web.stdout)?.[0] ?? ''
  const page = await fetch(`${address}overview`)
  expect(page.status).toBe(503)
  expect(await page.text()).toContain('Redis cannot be reached')
})
