// The pages of Ruby's resque-web, as the gem ships them: its own program, in a process of its own.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../../support/wait-for.js'
import { gemProgram, rubyEnvironment, type Stack } from './stacks.js'

export interface RubyWeb {
  /** The page's HTML; rejects unless its status is 200. */
  page(path: string): Promise<string>
  /** Posts a form, as its buttons do; resolves to the status. */
  post(path: string): Promise<number>
  end(): Promise<void>
}

/** `config` is a file of Ruby that is run before it serves. */
export async function startRubyWeb(stack: Stack, redisUrl: string, config?: string): Promise<RubyWeb> {
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'interop-web-'))
  const args = [
    ...(config === undefined ? [] : [config]),
    '-F',
    '-L',
    '-o',
    '127.0.0.1',
    '-p',
    `${port}`,
    '-r',
    redisUrl,
    '--app-dir',
    home,
  ]
  const child = spawn('ruby', [gemProgram(stack, 'resque-web'), ...args], {
    env: { ...rubyEnvironment(stack), HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-6_000)
    })
  }
  const get = async (path: string) => {
    // WEBrick sends head and body apart: the second answer on a connection would wait 40 ms for an acknowledgement.
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status}\n${log}`)
    return text
  }
  const isUp = async () => child.exitCode !== null || get('/style.css')
  await waitFor(isUp, { timeoutMs: 30_000, message: () => `resque-web to answer: ${log}` })
  if (child.exitCode !== null) throw new Error(`resque-web did not start: ${log}`)
  return {
    page: get,
    async post(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', redirect: 'manual' })
      await response.arrayBuffer()
      return response.status
    },
    async end() {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
      child.kill('SIGKILL')
      await exited
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
