// @ts-check
// A private redis-server for one run of the benchmarks: loopback only, nothing kept on disk, and
// gone when the harness is gone, however it goes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'

// The shell holds our pipe. When the pipe closes, because we closed it or because we died, it ends
// the one process it started, by its pid, and removes the empty directory.
const GUARD = `
trap '' INT TERM HUP
directory=$1
shift
"$@" &
pid=$!
cat >/dev/null
kill "$pid" 2>/dev/null
wait "$pid"
rmdir "$directory"`

const START_ATTEMPTS = 3
const START_DEADLINE_MS = 5_000

/**
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {string} version
 * @property {Redis} client  the harness' own connection
 * @property {() => Promise<void>} flush  an empty server, before each measurement
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a server on a free loopback port and waits until it answers.
 * @returns {Promise<RedisServer>}
 */
export async function startRedisServer() {
  const binary = process.env.REDIS_SERVER ?? 'redis-server'
  for (let attempt = 1; ; attempt++) {
    const server = await tryStart(binary, await freePort())
    if (server !== null) return server
    if (attempt === START_ATTEMPTS) {
      throw new Error(
        `expected ${binary} to start on a loopback port, but it did not in ${attempt} attempts; ` +
          'install Redis 7, or name its binary in REDIS_SERVER',
      )
    }
  }
}

/**
 * @param {string} binary
 * @param {number} port
 * @returns {Promise<RedisServer | null>} null when the port was taken in between
 */
async function tryStart(binary, port) {
  const directory = mkdtempSync(join(tmpdir(), 'resque-bench-'))
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory]
  const persistence = ['--save', '', '--appendonly', 'no']
  const guard = spawn(
    'sh',
    ['-c', GUARD, 'redis-guard', directory, binary, ...settings, ...persistence, '--loglevel', 'warning'],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  )
  guard.stdin.on('error', () => {})
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 50 })
  client.on('error', () => {})

  const stop = async () => {
    client.disconnect()
    const ended = once(guard, 'exit')
    guard.stdin.end()
    await ended
  }
  if (!(await answers(client, directory))) {
    await stop()
    return null
  }
  const server = await client.info('server')
  return {
    port,
    client,
    version: /redis_version:(\S+)/.exec(server)?.[1] ?? 'unknown',
    flush: async () => {
      await client.call('FLUSHALL', 'SYNC')
      await client.call('SCRIPT', 'FLUSH', 'SYNC')
      await client.call('FUNCTION', 'FLUSH', 'SYNC')
    },
    stop,
  }
}

/**
 * Whether the server at the other end is the one we started, told by its directory.
 * @param {Redis} client
 * @param {string} directory
 */
async function answers(client, directory) {
  const config = client.config('GET', 'dir').catch(() => null)
  const answer = await Promise.race([config, delay(START_DEADLINE_MS, null, { ref: false })])
  return Array.isArray(answer) && answer[1] === directory
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  return address.port
}
