// Where Redis is there and refuses: the page names what it answered and says what to do, and tells nothing that lies in it.

import { readFile, rm } from 'node:fs/promises'
import { Redis } from 'ioredis'
import type { Resque } from 'resque-ts'
import { afterEach, expect, test } from 'vitest'
import { refusalOf } from '#built/web/redis-refusals.js'
import { fillRoom, samplePath } from '../browser/walk.js'
import { useRoom } from '../room.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'
import { bearer, openSite, type Site } from './site.js'

const room = useRoom()
const PASSWORD = 's3cret-of-redis'
const admin = bearer('admin')
const json = { ...admin, 'content-type': 'application/json' }
const sites: Site[] = []
const servers: RedisServer[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map(({ web }) => web.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await room.client.call('acl', 'deluser', 'web')
  await room.client.config('SET', 'maxmemory', '0')
})

function open(resque: Resque = room.resque): Site {
  const site = openSite(room, { resque })
  sites.push(site)
  return site
}

/** Pages whose Redis user may do no more than these rules say. */
async function asUser(...rules: string[]): Promise<Site> {
  await room.client.call('acl', 'setuser', 'web', 'reset', 'on', `>${PASSWORD}`, ...rules)
  return open(
    room.connect({ redis: room.redis.url.replace('//', `//web:${PASSWORD}@`), commandTimeoutMs: 2_000 }),
  )
}

/** A page and the API say the same; neither says more than it should. */
async function expectSaid(site: Site, path: string, said: { status: number; word: string; text: RegExp }) {
  const page = await site.ask(path, { headers: { ...admin, accept: 'text/html' } })
  const html = await page.text()
  const answer = await site.ask(path, { headers: { ...admin, accept: 'application/json' } })
  const body = (await answer.json()) as { error: { status: number; code: string; message: string } }
  expect([page.status, answer.status, body.error.status]).toEqual(Array(3).fill(said.status))
  expect(body.error.code).toBe(said.status === 503 ? 'unavailable' : 'internal_error')
  for (const text of [html, body.error.message]) {
    expect(text).toContain(`It answered ${said.word}.`)
    expect(text.replaceAll('&#39;', "'")).toMatch(said.text)
    expect(text).not.toMatch(new RegExp(`${PASSWORD}|user_script|on @`))
  }
  expect(page.headers.get('retry-after')).toBe(said.status === 503 ? '5' : null)
  expect(html.includes('http-equiv="refresh"')).toBe(said.status === 503)
}

const pause = (site: Site) =>
  site.ask('/api/v1/pause', { method: 'POST', headers: json, body: '{}' }).then(async (answer) => ({
    status: answer.status,
    said: ((await answer.json()) as { error?: { message: string } }).error?.message ?? '',
  }))

test('a command that the Redis user may not use is named', async () => {
  const site = await asUser('~*', '&*', '+@all', '-evalsha')
  await expectSaid(site, '/overview', {
    status: 500,
    word: 'NOPERM',
    text: /may not use the command EVALSHA.*ACL SETUSER/s,
  })
  const without = await asUser('~*', '&*', '+@all', '-ping')
  const ready = await without.ask('/readyz')
  expect([ready.status, await ready.text()]).toEqual([500, 'Redis refused a command\n'])
})

test('a command within a script, and keys of another namespace, are told apart from an outage', async () => {
  const text = /a command or a key that they need.*ACL SETUSER/s
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', '{}')
  await expectSaid(await asUser('~*', '&*', '+@all', '-lrange'), '/queues/mail?text=a', {
    status: 500,
    word: 'NOPERM',
    text,
  })
  await expectSaid(await asUser('~other:*', '&*', '+@all'), '/overview', {
    status: 500,
    word: 'NOPERM',
    text,
  })
})

test('a script that Redis lost is sent again, and where it may not be, that is named', async () => {
  const site = await asUser('~*', '&*', '+@all')
  expect((await site.ask('/overview', { headers: admin })).status).toBe(200)
  await room.client.script('FLUSH')
  expect((await site.ask('/overview', { headers: admin })).status).toBe(200)
  await room.client.script('FLUSH')
  const denied = await asUser('~*', '&*', '+@all', '-eval')
  await expectSaid(denied, '/overview', { status: 500, word: 'NOPERM', text: /the command EVAL\b/ })
})

test('a wrong password is told apart from a Redis that is away', async () => {
  await asUser('~*', '+@all')
  const redis = room.redis.url.replace('//', '//web:wrong-password@')
  const site = open(room.connect({ redis, commandTimeoutMs: 300 }))
  const answer = await site.ask('/overview', { headers: { ...admin, accept: 'text/html' } })
  expect(answer.status).toBe(503)
  const html = await answer.text()
  expect(html).toContain('It answered WRONGPASS.')
  expect(html).not.toContain('wrong-password')
})

test('the rights that the guide asks for are enough for every page, and to pause, retry, clear and undo', async () => {
  await fillRoom(room, 'full')
  const guide = await readFile(new URL('../../docs/guide/web.md', import.meta.url), 'utf8')
  const [, rights = ''] = /^ACL SETUSER web on >\S+ (.+)$/m.exec(guide) ?? []
  expect(rights).toContain('-@dangerous')
  const site = await asUser(...rights.split(' '))
  for (const { method, path } of site.web.routes) {
    if (method !== 'GET' || path === '/events') continue
    const answer = await site.ask(samplePath(path), { headers: admin })
    expect(answer.status, `${path}: ${await answer.text()}`).toBeLessThan(500)
  }
  expect((await pause(site)).status).toBe(200)
  const post = async (path: string) => {
    const answer = await site.ask(`/api/v1${path}`, { method: 'POST', headers: json, body: '{}' })
    const body = await answer.text()
    expect(answer.status, `${path}: ${body}`).toBe(200)
    return JSON.parse(body) as { undo: string }
  }
  const waiting = () => room.client.lrange('resque:queue:mail', 0, -1)
  const failed = JSON.parse(await site.text('/api/v1/failed', { headers: admin })) as {
    items: { ref: string; queue: string }[]
  }
  const ref = failed.items.find(({ queue }) => queue === 'mail')?.ref ?? ''
  await post(`/failed/jobs/${encodeURIComponent(ref)}/retry`)
  const before = await waiting()
  expect(before).toHaveLength(61)
  const { undo } = await post('/queues/mail/clear')
  expect(await waiting()).toEqual([])
  await post(undo.replace(/^.*\/api\/v1/, ''))
  expect(await waiting()).toEqual(before)
})

test('a key of another type is named', async () => {
  await room.client.set('resque:failed', 'a string')
  await expectSaid(open(), '/failed', {
    status: 500,
    word: 'WRONGTYPE',
    text: /another type than Resque keeps there/,
  })
})

test('a full memory refuses changes, says so, and lets look on', async () => {
  const site = open()
  expect((await site.ask('/overview', { headers: admin })).status).toBe(200)
  await room.client.config('SET', 'maxmemory', '1')
  const { status, said } = await pause(site)
  expect(status).toBe(503)
  expect(said).toMatch(/It answered OOM\. .*maxmemory/)
  await room.client.config('SET', 'maxmemory', '0')
  expect((await pause(site)).status).toBe(200)
})

test('a replica can be looked at, and says that it cannot be changed', async () => {
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(room.redis.port)] })
  servers.push(replica)
  const look = new Redis(replica.url)
  await waitFor(async () => (await look.info('replication')).includes('master_link_status:up'))
  look.disconnect()
  const site = open(room.connect({ redis: replica.url }))
  expect((await site.ask('/overview', { headers: admin })).status).toBe(200)
  expect((await site.ask('/readyz')).status).toBe(200)
  const { status, said } = await pause(site)
  expect(status).toBe(503)
  expect(said).toMatch(/It answered READONLY\. .*address of the master/)
})

test('a Redis that cannot save says so, and is looked at meanwhile', async () => {
  const redis = await startRedis({ args: ['--save', '3600 1'] })
  servers.push(redis)
  await rm(redis.dir, { recursive: true })
  await redis.client.bgsave()
  await waitFor(async () => (await redis.client.info('persistence')).includes('rdb_last_bgsave_status:err'))
  const site = open(room.connect({ redis: redis.url }))
  expect((await site.ask('/overview', { headers: admin })).status).toBe(200)
  const { status, said } = await pause(site)
  expect(status).toBe(503)
  expect(said).toMatch(/It answered MISCONF\. /)
  // It would not end while it cannot save.
  await redis.client.config('SET', 'save', '')
})

test.each([
  ['LOADING Redis is loading the dataset in memory', 503, 'LOADING'],
  ['BUSY Redis is busy running a script. You can only call SCRIPT KILL.', 503, 'BUSY'],
  // As Redis 6.2 says it of a script.
  [
    'ERR Error running script (call to f_0f): @user_script:1: WRONGTYPE Operation against a key',
    500,
    'WRONGTYPE',
  ],
  ['ERR Error running script (call to f_0f): @user_script: 1: -OOM command not allowed', 503, 'OOM'],
  [
    "ERR Error running script (call to f_0f): @user_script:1: The user executing the script can't run this command",
    500,
    'NOPERM',
  ],
])('%s', (answer, status, word) => {
  const refusal = refusalOf(new Error(answer))
  expect(refusal?.status).toBe(status)
  expect(refusal?.text).toContain(`It answered ${word}.`)
})

test('an answer without a name is not guessed at, and what it says stays in the log', () => {
  for (const answer of [
    "ERR unknown command 'x', with args beginning with: OOM",
    'BUSYGROUP exists',
    'ERR no',
  ])
    expect(refusalOf(new Error(answer))).toBeUndefined()
})
