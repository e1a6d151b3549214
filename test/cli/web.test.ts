// `resque web` as it is typed: where it listens, what it refuses, how it ends.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { failedRecord, job } from '../web/records.js'
import { cookiesOf, sameOrigin, signInAt, tokenIn } from '../web/site.js'
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

/** A job whose arguments hold values of these names. */
async function withArguments(values: Record<string, string>): Promise<void> {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', JSON.stringify({ class: 'Mail', args: [values] }))
}

test.each([
  ['flags', ['--title', 'Shop <1>', '--redact', 'iban no', '--redact', '/^ref_/i', '--stats-txt', 'public']],
  [
    'variables',
    { RESQUE_WEB_TITLE: 'Shop <1>', RESQUE_WEB_REDACT: 'iban no, /^ref_/i', RESQUE_WEB_STATS_TXT: 'public' },
  ],
])('title, what is hidden and who may see /stats.txt are told by %s', async (_, given) => {
  await withArguments({ 'iban no': 'DE89', REF_1: 'R2D2', password: 'hunter2', other: 'seen' })
  const user = { RESQUE_WEB_USER: 'ann', RESQUE_WEB_PASSWORD: 'pw' }
  const { address } = await (Array.isArray(given) ? start(given, user) : start([], { ...user, ...given }))
  const page = await (await fetch(`${address}queues/mail`, { headers: basic('ann', 'pw') })).text()
  expect(page).toMatch(/<title>[^<]*Shop &lt;1&gt;/)
  expect(page).toContain('seen')
  for (const hidden of ['DE89', 'R2D2', 'hunter2']) expect(page).not.toContain(hidden)
  const stats = await fetch(`${address}stats.txt`)
  expect(await stats.text()).toContain('queues.mail=1')
  expect((await fetch(`${address}overview`)).status).toBe(401)
})

test('nothing is hidden where that is asked for, and a flag goes before its variable', async () => {
  await withArguments({ password: 'hunter2' })
  const shows = async ({ address }: { address: string }) =>
    (await (await fetch(`${address}queues/mail`)).text()).includes('hunter2')
  expect(await shows(await start(['--no-redact']))).toBe(true)
  expect(await shows(await start([], { RESQUE_WEB_REDACT: '0' }))).toBe(true)
  expect(await shows(await start(['--redact', 'iban'], { RESQUE_WEB_REDACT: '0' }))).toBe(false)
})

test('the pages of keys are switched on and off, and are off behind a proxy', async () => {
  const status = async (args: string[], env: Record<string, string> = {}) => {
    const { address } = await start(args, env)
    return (await fetch(`${address}stats/keys`)).status
  }
  expect(await status([])).toBe(200)
  expect(await status(['--no-key-browser'])).toBe(404)
  expect(await status([], { RESQUE_WEB_KEY_BROWSER: 'off' })).toBe(404)
  expect(await status(['--trust-proxy', '127.0.0.1'])).toBe(404)
  expect(await status(['--trust-proxy', '127.0.0.1', '--key-browser'])).toBe(200)
})

test('limits and times are told by flag and variable', async () => {
  const { address } = await start(['--login-limit', '2', '--session-ms', '60000'], {
    RESQUE_WEB_USER: 'ann',
    RESQUE_WEB_PASSWORD: 'pw',
    RESQUE_WEB_LOGIN_LIMIT: '100',
    RESQUE_WEB_MUTATION_LIMIT: '1',
    RESQUE_WEB_CACHE_MS: '0',
  })
  const at = address.slice(0, -1)
  const login = await signInAt(at, 'ann', 'pw')
  expect(login.headers.getSetCookie().join('\n')).toMatch(/^resque_session=.*; Max-Age=60;/m)
  const cookie = cookiesOf(login)
  const queues = async () => (await fetch(`${at}/queues`, { headers: { cookie } })).text()
  const _token = tokenIn(await queues())
  const pause = async () => {
    const body = new URLSearchParams({ _token, confirmed: 'yes' })
    const headers = { ...sameOrigin, cookie }
    return (await fetch(`${at}/pause`, { method: 'POST', redirect: 'manual', headers, body })).status
  }
  expect([await pause(), await pause()]).toEqual([303, 429])
  // Two looks within a second: a cache would show the second what it had shown the first.
  expect(await queues()).not.toContain('new-one')
  await room.client.sadd('resque:queues', 'new-one')
  expect(await queues()).toContain('new-one')
  const tries: number[] = []
  for (const wrong of ['a', 'b', 'c'])
    tries.push((await fetch(`${address}overview`, { headers: basic('ann', wrong) })).status)
  expect(tries).toEqual([401, 401, 429])
})

test('what is retried leaves the failed jobs where that is said, by an option or a variable', async () => {
  for (const [args, env] of [
    [['--retry', 'remove'], {}],
    [[], { RESQUE_WEB_RETRY: 'remove' }],
    [['--retry', 'mark'], { RESQUE_WEB_RETRY: 'remove' }],
  ] as [string[], Record<string, string>][]) {
    await room.client.del('resque:failed')
    await room.client.rpush('resque:failed', failedRecord(1))
    const { address } = await start(args, env)
    const page = await (await fetch(`${address}failed/requeue/0`)).text()
    const [, path = ''] = /action="\/(failed\/job\/[^"]*)"/.exec(page) ?? []
    const token = /name="_token" value="([^"]*)"/.exec(page)?.[1] ?? ''
    const body = new URLSearchParams({ _token: token, confirmed: 'yes' })
    await fetch(address + path, { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' }, body })
    expect(await room.client.llen('resque:failed')).toBe(args.includes('mark') ? 1 : 0)
  }
  expect(await room.client.lrange('resque:queue:mail', 0, -1)).toEqual([job(1), job(1), job(1)])
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
  const complaintAt = async (env: Record<string, string>) => {
    const { code, stderr } = await line.run(['web', '--port', '0'], { env })
    expect(code).toBe(2)
    return stderr
  }
  expect(await complaint('--port', 'x')).toContain('--port')
  expect(await complaint('--auth-file', 'none.json')).toContain('cannot be read')
  expect(await complaint('--auth-file', 'plain.json')).toContain('not a hash')
  expect(await complaint('--retry', 'forget')).toContain('mark or remove')
  expect(await complaint('--base-path', 'resque')).toContain('basePath')
  expect(await complaint('--stats-txt', 'publik')).toContain('Did you mean "public"?')
  expect(await complaint('--redact', '/[/')).toContain('regular expression')
  expect(await complaint('--login-limit', '0')).toContain('at least 1')
  expect(await complaintAt({ RESQUE_WEB_STATS_TXT: 'all' })).toContain('RESQUE_WEB_STATS_TXT cannot be "all"')
  expect(await complaintAt({ RESQUE_WEB_KEY_BROWSER: 'maybe' })).toContain('Expected 1 or 0')
  expect(await complaintAt({ RESQUE_WEB_SESSION_MS: '12h' })).toContain('RESQUE_WEB_SESSION_MS')
  expect(await complaintAt({ RESQUE_WEB_REDACT: 'iban,/a{1,2}/' })).toContain('regular expression')
})

test('Redis away is a page, not an end', async () => {
  const web = line.start(['web', '--port', '0', '--redis', 'redis://127.0.0.1:1'])
  await web.says('/\n')
  const address = /http:\S+/.exec(web.stdout)?.[0] ?? ''
  const page = await fetch(`${address}overview`)
  expect(page.status).toBe(503)
  expect(await page.text()).toContain('Redis cannot be reached')
})
