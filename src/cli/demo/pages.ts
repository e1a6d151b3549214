/**
 * The demo's web pages, for this machine alone; and what lies there for their pages of delayed jobs and schedules, as
 * resque-scheduler keeps it.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Resque } from '../../resque.js'
import { createWeb } from '../../web/index.js'

export interface DemoPages {
  url: string
  close(): Promise<void>
}

/** The port of `resque web`, and of Ruby's page; if something listens there, any. */
const PORT = 5678

export async function servePages(resque: Resque): Promise<DemoPages> {
  const pages = createWeb({ resque, auth: 'none', title: 'demo' })
  const server = createServer((req, res) => void pages.handler(req, res))
  await listen(server, PORT).catch(() => listen(server, 0))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.close()
      server.closeAllConnections()
      await pages.close()
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Numbers that no job of the demo has. */
const FIRST_ID = 1_000_001

/** Jobs for later, and schedules. Nothing of them runs by itself: no scheduler does. */
export async function planAhead(resque: Resque, now = new Date()): Promise<void> {
  const { delayed, schedules } = resque.store
  const second = Math.floor(now.getTime() / 1_000)
  const waits = [
    ...[5, 20, 45].map((minutes) => minutes * MINUTE),
    ...[2, 3, 3, 3, 5, 8, 8, 13, 21, 21, 34].map((hours) => hours * HOUR),
    3 * DAY,
  ]
  for (const [i, wait] of waits.entries()) {
    const job =
      i % 3 === 0
        ? { class: 'CountWords', args: [FIRST_ID + i, 'package.json'], queue: 'docs' }
        : { class: 'HashFile', args: [FIRST_ID + i, 'package.json'], queue: 'files' }
    await delayed.add(second + wait, JSON.stringify(job))
  }
  const configs = {
    'hash the manifest': {
      cron: '*/15 * * * *',
      ...{ class: 'HashFile', queue: 'files', args: [FIRST_ID + 100, 'package.json'] },
      description: 'Every quarter of an hour, if a scheduler ran',
    },
    'count words at night': {
      cron: '30 2 * * 1-5 Europe/Berlin',
      ...{ class: 'CountWords', queue: 'docs', args: [FIRST_ID + 101, 'package.json'] },
    },
  }
  for (const [name, config] of Object.entries(configs)) await schedules.set(name, JSON.stringify(config))
}
