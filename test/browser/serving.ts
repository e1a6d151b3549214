// The pages on a port of their own, for the browser to open.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach } from 'vitest'
import type { Room } from '../room.js'

/** Call it at the top of a test file. What it gives serves the pages of the room; they are gone after the test. */
export function useServing(
  room: Room,
): (options?: Partial<WebOptions>) => Promise<{ web: Web; origin: string }> {
  const servers: Server[] = []
  const webs: Web[] = []
  afterEach(async () => {
    await Promise.all(webs.splice(0).map((web) => web.close()))
    for (const server of servers.splice(0)) server.close().closeAllConnections()
  })
  return async (options = {}) => {
    const web = createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, history: false, ...options })
    webs.push(web)
    const server = createServer((req, res) => void web.handler(req, res)).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return { web, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
}
