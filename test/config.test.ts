// Options and environment: how they are read, and what is said of those that cannot be right.

import { ConfigError } from 'resque-ts'
import { expect, test } from 'vitest'
import { checkNumber, describeRedis, readEnvironment, readRedisOption } from '#built/config.js'

test('without a setting Redis is at 127.0.0.1:6379, database 0', () => {
  expect(readRedisOption(undefined)).toEqual({ settings: { host: '127.0.0.1', port: 6379, db: 0 } })
})

test('a URL gives host, port, database, user and password, decoded', () => {
  expect(readRedisOption('redis://app:p%40ss%2Fword@example.org:7000/4').settings).toEqual({
    host: 'example.org',
    port: 7000,
    db: 4,
    username: 'app',
    password: 'p@ss/word',
  })
  expect(readRedisOption('redis://:secret@h').settings).toEqual({
    host: 'h',
    port: 6379,
    db: 0,
    password: 'secret',
  })
  expect(readRedisOption('redis://[::1]:7000').settings).toMatchObject({ host: '::1', port: 7000 })
})

test('rediss is TLS', () => {
  expect(readRedisOption('rediss://h:1').settings).toEqual({ host: 'h', port: 1, db: 0, tls: {} })
})

test('a unix socket has a URL too', () => {
  expect(readRedisOption('unix:///run/redis/r%20s.sock')).toEqual({
    settings: { path: '/run/redis/r s.sock', db: 0 },
  })
  expect(readRedisOption('unix://me:p%40ss@/tmp/redis.sock?db=3').settings).toEqual({
    path: '/tmp/redis.sock',
    db: 3,
    username: 'me',
    password: 'p@ss',
  })
  for (const wrong of ['unix://', 'unix://tmp.sock', 'unix:///s?db=x']) {
    expect(() => readRedisOption(wrong)).toThrow('unix:///path/to/redis.sock')
  }
})

test('a URL names no namespace, as in Ruby', () => {
  expect(readRedisOption('redis://h/4/ns')).toEqual({ settings: { host: 'h', port: 6379, db: 4 } })
})

test('any other string is host:port:db/namespace, each part optional', () => {
  expect(readRedisOption('h:7000:3/my:name/space')).toEqual({
    settings: { host: 'h', port: 7000, db: 3 },
    namespace: 'my:name/space',
  })
  expect(readRedisOption('h')).toEqual({ settings: { host: 'h', port: 6379, db: 0 } })
  expect(readRedisOption(':7000')).toEqual({ settings: { host: '127.0.0.1', port: 7000, db: 0 } })
  expect(readRedisOption('/ns')).toEqual({
    settings: { host: '127.0.0.1', port: 6379, db: 0 },
    namespace: 'ns',
  })
  expect(readRedisOption('h:1:2/')).toEqual({ settings: { host: 'h', port: 1, db: 2 } })
})

test('settings are passed on, and those of a client are copied', () => {
  const settings = { path: '/tmp/redis.sock', keepAlive: 5 }
  expect(readRedisOption(settings)).toEqual({ settings })
  const client = { options: { host: 'h', port: 1 }, duplicate() {} }
  const { settings: copy } = readRedisOption(client)
  expect(copy).toEqual({ host: 'h', port: 1 })
  expect(copy).not.toBe(client.options)
})

test('what cannot be an address is refused with a sentence, and never shows the password', () => {
  expect(() => readRedisOption(7 as never)).toThrow(
    'Expected `redis` to be a string or an object, got number.',
  )
  expect(() => readRedisOption(null as never)).toThrow(ConfigError)
  expect(() => readRedisOption('h:http')).toThrow(
    'Expected the port in host:port:db/namespace to be a whole number, got "http".',
  )
  expect(() => readRedisOption('h:1:x')).toThrow('Expected the database in host:port:db/namespace')
  expect(() => readRedisOption('redis://h/zero')).toThrow(
    'Expected the database of the Redis URL to be a whole number, got "zero".',
  )
  const broken = () => readRedisOption('redis://app:s3/cr#et@h:99999999')
  expect(broken).toThrow('Expected a Redis URL that can be read')
  expect(broken).not.toThrow('cr#et')
})

test('an address for people has no credentials', () => {
  expect(describeRedis(readRedisOption('rediss://app:secret@h:1/2'))).toBe('rediss://h:1/2')
  expect(describeRedis({ settings: {} })).toBe('redis://127.0.0.1:6379/0')
  expect(describeRedis({ settings: { path: '/run/redis.sock', password: 'secret' } })).toBe(
    'unix:/run/redis.sock',
  )
})

test('a number option that cannot be right is refused with its name, its limits and what came', () => {
  expect(checkNumber('intervalMs', 5, { min: 1 })).toBe(5)
  expect(() => checkNumber('intervalMs', 0, { min: 1 })).toThrow(
    'Expected `intervalMs` to be a number of at least 1, got `0` (number).',
  )
  expect(() => checkNumber('concurrency', 1.5, { min: 1, integer: true })).toThrow('to be a whole number')
  for (const wrong of ['5', Number.NaN, Number.POSITIVE_INFINITY, null, {}]) {
    expect(() => checkNumber('x', wrong as number, { min: 0 })).toThrow(ConfigError)
  }
})

test('a duration that no timer can wait for is refused', () => {
  expect(checkNumber('intervalMs', 2 ** 31 - 1, { min: 1 })).toBe(2 ** 31 - 1)
  expect(() => checkNumber('intervalMs', 2 ** 31, { min: 1 })).toThrow(
    'Expected `intervalMs` to be at most 2147483647 (24 days), got 2147483648.',
  )
  expect(checkNumber('maxPayloadBytes', 2 ** 31, { min: 1 })).toBe(2 ** 31)
})

test("Ruby's environment variables are read, times in seconds", () => {
  const read = readEnvironment({
    QUEUE: 'ignored',
    QUEUES: 'a,b',
    INTERVAL: '0.5',
    COUNT: '3',
    PIDFILE: '/tmp/pid',
    BACKGROUND: 'yes',
    VERBOSE: '1',
    VVERBOSE: '1',
    TERM_CHILD: '',
    RESQUE_TERM_TIMEOUT: '4.0',
    RESQUE_PRE_SHUTDOWN_TIMEOUT: '5',
    GRACEFUL_TERM: '1',
    RESQUE_PROCLINE_PREFIX: 'app ',
    FAILURE_BACKEND: 'redis_multi_queue',
    RESQUE_WEB_USER: 'ann',
    RESQUE_WEB_PASSWORD: 'pw',
    RESQUE_WEB_SECRET: 'key',
    RESQUE_WEB_TITLE: 'Shop',
    RESQUE_WEB_STATS_TXT: 'public',
    RESQUE_WEB_KEY_BROWSER: '0',
    RESQUE_WEB_REDACT: 'iban',
    RESQUE_WEB_LOGIN_LIMIT: '4',
    RESQUE_WEB_MUTATION_LIMIT: '50',
    RESQUE_WEB_SESSION_MS: '60000',
    RESQUE_WEB_CACHE_MS: '0',
    RESQUE_WEB_RETRY: 'remove',
    RESQUE_SCHEDULER_MASTER_LOCK_PREFIX: 'app',
    RACK_ENV: 'staging',
    REDIS_URL: 'redis://h',
    RESQUE_NAMESPACE: 'ns',
    NO_COLOR: '1',
  })
  expect(read).toEqual({
    redis: 'redis://h',
    namespace: 'ns',
    queues: 'a,b',
    intervalMs: 500,
    count: 3,
    pidFile: '/tmp/pid',
    background: true,
    verbosity: 'very-verbose',
    history: true,
    termChild: true,
    termTimeoutMs: 4_000,
    preShutdownTimeoutMs: 5_000,
    gracefulTerm: true,
    proclinePrefix: 'app ',
    failureBackend: 'redis_multi_queue',
    webUser: 'ann',
    webPassword: 'pw',
    webSecret: 'key',
    web: {
      title: 'Shop',
      statsTxt: 'public',
      keyBrowser: '0',
      redact: 'iban',
      loginLimit: '4',
      mutationLimit: '50',
      sessionMs: '60000',
      cacheMs: '0',
      retry: 'remove',
    },
    schedulerLockPrefix: 'app',
    environment: 'staging',
    noColor: true,
  })
})

test('an empty environment sets nothing', () => {
  expect(readEnvironment({})).toMatchObject({
    queues: undefined,
    intervalMs: undefined,
    termChild: false,
    verbosity: undefined,
    environment: 'development',
  })
  expect(readEnvironment({ INTERVAL: '' }).intervalMs).toBeUndefined()
  expect(readEnvironment({ QUEUE: 'q', LOGGING: '1' })).toMatchObject({ queues: 'q', verbosity: 'verbose' })
})

test('an environment variable that is no number is refused by name', () => {
  expect(() => readEnvironment({ INTERVAL: 'often' })).toThrow('Expected `INTERVAL` to be a number')
  expect(() => readEnvironment({ COUNT: '0' })).toThrow('Expected `COUNT` to be a whole number of at least 1')
})
