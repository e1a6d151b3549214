// Ways to reach Redis: every form of address, a socket, users and passwords, TLS; and what is said when one is wrong.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { CommandError, ConnectionError, defineJob, Resque, type ResqueOptions } from 'resque-ts'
import { Worker } from 'resque-ts/worker'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { waitFor } from '../support/wait-for.js'

let redis: RedisServer
let certificates: string
let tlsPort: number
let clients: Resque[] = []

beforeAll(async () => {
  certificates = await mkdtemp(join(tmpdir(), 'resque-tls-'))
  const [key, certificate] = [join(certificates, 'key.pem'), join(certificates, 'cert.pem')]
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ])
  tlsPort = await freePort()
  redis = await startRedis({
    args: [
      ...['--tls-port', `${tlsPort}`, '--tls-cert-file', certificate, '--tls-key-file', key],
      ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'],
    ],
  })
  await redis.client.acl('SETUSER', 'app', 'on', '>s3cr/et', '~*', '&*', '+@all')
  await redis.client.acl('SETUSER', 'reader', 'on', '>s3cr/et', '~*', '+@read', '+@connection', '+info')
})
beforeEach(() => redis.client.flushall())
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  clients = []
})
afterAll(async () => {
  await redis.stop()
  await rm(certificates, { recursive: true })
})

function connect(options: ResqueOptions): Resque {
  const resque = new Resque({ commandTimeoutMs: 1_500, ...options })
  clients.push(resque)
  return resque
}

/** Pushes one job through this address, and tells under which key of which database it is found. */
async function landingOf(options: ResqueOptions): Promise<string[]> {
  await connect(options).enqueueTo('q', 'Job')
  const found: string[] = []
  for (const db of [0, 3]) {
    const look = new Redis(redis.port, '127.0.0.1', { db })
    found.push(...(await look.keys('*queue:q')).map((key) => `${db} ${key}`))
    look.disconnect()
  }
  return found
}

test('a URL, with and without a database', async () => {
  expect(await landingOf({ redis: redis.url })).toEqual(['0 resque:queue:q'])
})

test('the database of a URL', async () => {
  expect(await landingOf({ redis: `${redis.url}/3/ignored` })).toEqual(['3 resque:queue:q'])
})

test("Ruby's short form, with database and namespace", async () => {
  expect(await landingOf({ redis: `127.0.0.1:${redis.port}:3/my:app/x` })).toEqual(['3 my:app/x:queue:q'])
})

test('a namespace given as an option goes before that of the short form', async () => {
  expect(await landingOf({ redis: `127.0.0.1:${redis.port}/theirs`, namespace: 'ours' })).toEqual([
    '0 ours:queue:q',
  ])
})

test('settings', async () => {
  expect(await landingOf({ redis: { host: '127.0.0.1', port: redis.port, db: 3 } })).toEqual([
    '3 resque:queue:q',
  ])
})

test('a unix socket', async () => {
  const options = { redis: { path: redis.socketPath } }
  expect(await landingOf(options)).toEqual(['0 resque:queue:q'])
  expect((await connect(options).info()).servers).toEqual([`unix:${redis.socketPath}/resque`])
})

test("the settings of the user's own ioredis client, through a connection of our own", async () => {
  const own = new Redis(redis.port, '127.0.0.1', { db: 3, lazyConnect: true, keyPrefix: 'mine:' })
  expect(await landingOf({ redis: own })).toEqual(['3 resque:queue:q'])
  expect(own.status).toBe('wait')
  own.disconnect()
})

test('a user and a password, in a URL and as settings', async () => {
  const url = `redis://app:s3cr%2Fet@127.0.0.1:${redis.port}`
  expect(await landingOf({ redis: url })).toEqual(['0 resque:queue:q'])
  const settings = { port: redis.port, username: 'app', password: 's3cr/et' }
  expect(await landingOf({ redis: settings })).toEqual(['0 resque:queue:q'])
  const users = (await redis.client.client('LIST')) as string
  expect(users).toContain('user=app')
})

test('TLS with the certificate it is told to trust', async () => {
  const ca = await readFile(join(certificates, 'cert.pem'))
  const options = { redis: { host: '127.0.0.1', port: tlsPort, tls: { ca } } }
  expect(await landingOf(options)).toEqual(['0 resque:queue:q'])
  expect((await connect(options).info()).servers).toEqual([`rediss://127.0.0.1:${tlsPort}/0/resque`])
})

test('a worker lives over TLS, its heartbeat and what wakes it included', async () => {
  const ca = await readFile(join(certificates, 'cert.pem'))
  const resque = connect({ redis: { host: '127.0.0.1', port: tlsPort, tls: { ca } } })
  let runs = 0
  const Job = defineJob({ name: 'Job', queue: 'q', perform: () => void runs++ })
  const worker = new Worker({
    resque,
    queues: '*',
    jobs: [Job],
    heartbeatMs: 50,
    intervalMs: 60_000,
    title: false,
  })
  await worker.start()
  const id = worker.ids[0] ?? ''
  await redis.client.hset('resque:workers:heartbeat', id, 'old')
  await waitFor(async () => (await redis.client.hget('resque:workers:heartbeat', id)) !== 'old')
  await waitFor(async () =>
    /name=resque-ts:worker:listener/.test((await redis.client.client('LIST')) as string),
  )
  await resque.enqueue(Job)
  await waitFor(() => runs === 1)
  await worker.stop()
})

test('TLS with a certificate that nobody vouches for is refused, and the error says why', async () => {
  const enqueue = connect({ redis: `rediss://127.0.0.1:${tlsPort}` }).enqueueTo('q', 'Job')
  await expect(enqueue).rejects.toThrow(ConnectionError)
  await expect(enqueue).rejects.toThrow(/self-signed certificate/)
  expect(await redis.client.keys('*')).toEqual([])
})

test('a TLS connection that is given up at any moment of its handshake throws nothing at the process', async () => {
  const thrown: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  try {
    for (let i = 0; i < 150; i++) {
      const resque = connect({ redis: `rediss://127.0.0.1:${tlsPort}`, commandTimeoutMs: 1 + (i % 50) })
      await expect(resque.queues()).rejects.toThrow(ConnectionError)
      await resque.close()
    }
    // What the last of them had to say has been said.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(thrown).toEqual([])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})

test('plain text to a TLS port is an error within the deadline', async () => {
  const enqueue = connect({ redis: `redis://127.0.0.1:${tlsPort}` }).enqueueTo('q', 'Job')
  await expect(enqueue).rejects.toThrow(ConnectionError)
})

test.each([
  ['a wrong password', 'app:wr0ng-word', 'wr0ng-word'],
  ['an unknown user', 'nobody:wr0ng-word', 'wr0ng-word'],
])('%s: the error says what to do, and never the password', async (_, credentials, password) => {
  const resque = connect({ redis: `redis://${credentials}@127.0.0.1:${redis.port}` })
  const error = await resque.enqueueTo('q', 'Job').catch((reason: unknown) => reason as Error)
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error).toMatchObject({ code: 'CONNECTION' })
  expect((error as Error).message).toMatch(/WRONGPASS.*Check that .* address and password are right\.$/)
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    expect(`${each.stack} ${JSON.stringify(each)}`).not.toContain(password)
  }
})

test('a password that is missing is asked for', async () => {
  await redis.client.config('SET', 'requirepass', 'secret')
  try {
    const enqueue = connect({ redis: redis.url }).enqueueTo('q', 'Job')
    await expect(enqueue).rejects.toThrow(/NOAUTH/)
    await expect(connect({ redis: `redis://:secret@127.0.0.1:${redis.port}` }).queues()).resolves.toEqual([])
  } finally {
    await redis.client.config('SET', 'requirepass', '')
  }
})

test('a command that the user may not use is an error that names the reason', async () => {
  const resque = connect({ redis: `redis://reader:s3cr%2Fet@127.0.0.1:${redis.port}` })
  expect(await resque.queues()).toEqual([])
  await expect(resque.enqueueTo('q', 'Job')).rejects.toThrow(CommandError)
  await expect(resque.enqueueTo('q', 'Job')).rejects.toThrow(/NOPERM/)
})

test('an address that cannot be resolved is an error that names it', async () => {
  const enqueue = connect({ redis: 'redis://no-such-host.invalid:1' }).enqueueTo('q', 'Job')
  await expect(enqueue).rejects.toThrow(/^Redis at redis:\/\/no-such-host\.invalid:1\/0 could not be reached/)
})

test('the connection is named, so that CLIENT LIST shows whose it is', async () => {
  await connect({ redis: redis.url }).queues()
  expect(await redis.client.client('LIST')).toContain('name=resque-ts')
})

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}
