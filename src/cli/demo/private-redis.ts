/**
 * The demo's own redis-server: on a free loopback port, with its data in the demo's folder.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Resque } from '../../resque.js'
import { Failure } from '../errors.js'
import { endProcess, type Keeper } from './keeper.js'

export interface PrivateRedis {
  url: string
  pid: number
  stop(): Promise<void>
}

export async function startRedis(keeper: Keeper): Promise<PrivateRedis> {
  checkVersion()
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const server = launch(port, keeper)
    try {
      await answers(server, port)
      return {
        url: `redis://127.0.0.1:${port}`,
        pid: server.pid as number,
        stop: () => endProcess(server, 'SIGTERM', 5_000),
      }
    } catch (error) {
      await endProcess(server, 'SIGKILL', 1_000)
      if (attempt < 5 && logOf(keeper).includes('Address already in use')) continue
      throw new Failure(`redis-server did not start: ${logOf(keeper).trim().split('\n').at(-1) ?? ''}`, {
        cause: error,
      })
    }
  }
}

const advice = `Install it, then try again:
  Debian, Ubuntu:  sudo apt-get install redis-server
  macOS:           brew install redis
  Docker:          docker run --rm -it -v "$PWD:/app" -w /app node:22 sh -c \\
                     "apt-get update && apt-get install -y redis-server && bin/resque demo"`

/** LPOP with a count came with 6.2. */
function checkVersion(): void {
  let text: string
  try {
    text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' })
  } catch (cause) {
    throw new Failure(`The demo needs redis-server, which was not found in PATH. ${advice}`, { cause })
  }
  const version = /v=(\d+)\.(\d+)\S*/.exec(text)
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])]
  if (major > 6 || (major === 6 && minor >= 2)) return
  throw new Failure(
    `The demo needs redis-server 6.2 or later, and found ${version?.[0].slice(2) ?? text.trim()}. ${advice}`,
  )
}

function launch(port: number, keeper: Keeper): ChildProcess {
  const { folder } = keeper
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--logfile',
    join(folder, 'redis.log'),
  ]
  // In a group of its own: Ctrl-C is for the demo, which stops its workers first.
  const server = spawn('redis-server', [...args, '--appendonly', 'yes', '--save', '', '--daemonize', 'no'], {
    stdio: 'ignore',
    detached: true,
    cwd: folder,
  })
  server.on('error', () => {})
  keeper.watch(server)
  return server
}

/** Resolves when our server, and not another on the same port, answers. */
async function answers(server: ChildProcess, port: number): Promise<void> {
  const client = new Resque({ redis: `redis://127.0.0.1:${port}`, commandTimeoutMs: 10_000 })
  const exited = new Promise<never>((_, reject) => server.once('exit', () => reject(new Error('It ended.'))))
  try {
    const info = await Promise.race([client.store.connection.send('info', ['server']), exited])
    if (!String(info).includes(`process_id:${server.pid}\r\n`)) throw new Error('Another server answered.')
  } finally {
    exited.catch(() => {})
    client.store.connection.close()
  }
}

function logOf({ folder }: Keeper): string {
  try {
    return readFileSync(join(folder, 'redis.log'), 'utf8')
  } catch {
    return ''
  }
}

/** A port that is free now, below the range that is handed out to outgoing connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
