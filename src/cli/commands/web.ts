/**
 * `resque web`: the web pages, on an address of this machine unless somebody may sign in.
 */

import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { isIP } from 'node:net'
import type { Command } from 'commander'
import { readEnvironment } from '../../config.js'
import { isJsonObject, parseJson } from '../../json.js'
import type { AuthModes, WebOptions } from '../../web/index.js'
import {
  addCommand,
  addCommonOptions,
  collect,
  failureBackendOption,
  flagsOf,
  openResque,
} from '../command.js'
import { Failure, Misuse } from '../errors.js'
import { addWebOptions, readWebFlags, type WebFlags } from '../web-options.js'

interface Flags extends WebFlags {
  host?: string
  port?: string
  authFile?: string
  basePath?: string
  allowHost?: readonly string[]
  trustProxy?: readonly string[]
  hashPassword?: boolean
  history?: boolean
}

const HOST = '127.0.0.1'
const PORT = 5678

/** A page that waits for Redis should say so before its reader gives up. */
const COMMAND_MS = 2_500

/** What is under way when it is told to stop has this long. */
const STOP_MS = 5_000

export function addWeb(program: Command): void {
  const command = addCommand(program, 'web', {
    summary: 'Serve the web pages',
    details:
      'Without users it listens on a loopback address only. Users stand in a file, or one of them in RESQUE_WEB_USER\n' +
      'and RESQUE_WEB_PASSWORD; he is an admin.',
    examples: [
      'resque web',
      'resque web --hash-password < password.txt',
      'resque web --host 0.0.0.0 --auth-file users.json --allow-host jobs.example.com',
    ],
  })
    .option('-o, --host <address>', `the address to listen on (default: ${HOST})`)
    .option('-p, --port <number>', `the port (default: ${PORT})`)
    .option(
      '--auth-file <file>',
      'JSON of { "users": [{ "name", "password", "role" }], "tokens": [{ "name", "token", "role" }], "proxy": { "header", "peers", "role" } }, with hashes',
    )
    .option('-a, --base-path <path>', 'where a proxy mounts it, such as /resque')
    .option('--allow-host <name>', 'a name under which it is reached; may be repeated', collect)
    .option(
      '--trust-proxy <address>',
      'a proxy whose X-Forwarded headers are believed; may be repeated',
      collect,
    )
    .option('--no-history', 'keep no figures for the charts (env: RESQUE_HISTORY=0)')
    .option('--hash-password', 'print the hash of the password on standard input, and end')
    .addOption(failureBackendOption())
  addWebOptions(command)
  addCommonOptions(command, { json: false }).action(web)
}

async function web(this: Command): Promise<void> {
  const flags = flagsOf<Flags>(this)
  const env = readEnvironment()
  // Only now: no other command needs these, and loading takes time.
  const { createWeb, hashPassword } = await import('../../web/index.js')
  if (flags.hashPassword) {
    process.stdout.write(`${await hashPassword(await readPassword())}\n`)
    return
  }
  const host = flags.host ?? HOST
  const port = readPort(flags.port)
  const auth = await readAuth(flags, env, hashPassword)
  if (auth === 'none' && !isLoopbackAddress(host)) {
    throw new Misuse(
      `Without users the pages are served on a loopback address only, not on ${host}. ` +
        'Give --auth-file, or RESQUE_WEB_USER and RESQUE_WEB_PASSWORD.',
    )
  }
  const { makeLogger } = await import('../logs.js')
  const resque = await openResque(flags, env, { commandTimeoutMs: COMMAND_MS })
  const options: WebOptions = {
    resque,
    auth,
    logger: makeLogger({ level: 'info', format: undefined, showsJobs: false }),
    ...(flags.basePath !== undefined && { basePath: flags.basePath }),
    ...(flags.allowHost && { hosts: flags.allowHost }),
    ...(flags.trustProxy && { trustedProxies: flags.trustProxy }),
    ...(env.webSecret !== undefined && { secret: env.webSecret }),
    ...readWebFlags(flags, env),
    history: flags.history !== false && env.history,
    scheduler: { environment: env.schedulerEnvironment, lockPrefix: env.schedulerLockPrefix },
  }
  const pages = createWeb(options)
  const server = createServer((req, res) => void pages.handler(req, res))
  await listen(server, host, port)
  const shown = host.includes(':') ? `[${host}]` : host
  process.stdout.write(`Resque's pages are at http://${shown}:${portOf(server)}${flags.basePath ?? ''}/\n`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.once(signal, resolve)
  })
  // Streams of live pages would keep the server from ending.
  await Promise.all([stop(server), pages.close()])
  await resque.close()
}

async function readAuth(
  flags: Flags,
  env: ReturnType<typeof readEnvironment>,
  hash: (password: string) => Promise<string>,
): Promise<'none' | AuthModes> {
  if (flags.authFile !== undefined) {
    let text: string
    try {
      text = await readFile(flags.authFile, 'utf8')
    } catch (cause) {
      throw new Misuse(`The file ${flags.authFile} cannot be read.`, { cause })
    }
    const value = parseJson(text)
    if (isJsonObject(value)) return value as AuthModes
    throw new Misuse(
      `Expected ${flags.authFile} to hold the JSON of an object with "users", "tokens" or "proxy".`,
    )
  }
  const { webUser, webPassword } = env
  if (webUser === undefined && webPassword === undefined) return 'none'
  if (webUser === undefined || webPassword === undefined) {
    throw new Misuse('RESQUE_WEB_USER and RESQUE_WEB_PASSWORD go together; one of them is missing.')
  }
  return { users: [{ name: webUser, password: await hash(webPassword), role: 'admin' }] }
}

function readPort(text: string | undefined): number {
  if (text === undefined) return PORT
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new Misuse(`Expected --port to be a number up to 65535, got "${text}".`)
}

function isLoopbackAddress(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'something listens there already' : error.message
      reject(new Failure(`Cannot listen on ${host}:${port}: ${why}.`, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Answers what was asked already, takes nothing more, and waits no longer than it must. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), STOP_MS)
    server.close(() => {
      clearTimeout(late)
      resolve()
    })
    server.closeIdleConnections()
  })
}

async function readPassword(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  const password = Buffer.concat(parts)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (password === '') throw new Misuse('Expected a password on standard input, got nothing.')
  return password
}
