/**
 * The Node side: a request of `node:http`, as it comes or as a framework has left it, becomes a `Request`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Peer, peerOf } from './access/peer.js'

type Fetch = (request: Request, peer: Peer) => Response | Promise<Response>

/** Express, and what is built on it, cut the prefix off `url` and keep all of it elsewhere. */
type Mounted = IncomingMessage & { originalUrl?: string; baseUrl?: string }

export function nodeHandler(
  fetch: Fetch,
  basePath: string,
): (req: Mounted, res: ServerResponse) => Promise<void> {
  const listener = getRequestListener(
    (request, { incoming }) => fetch(request, peerOf(incoming as IncomingMessage)),
    { overrideGlobalObjects: false },
  )
  return async (req, res) => {
    if (req.originalUrl !== undefined) {
      const prefix = req.baseUrl ?? ''
      if (prefix !== '' && prefix !== basePath) return refuseMount(res, prefix, basePath)
      req.url = req.originalUrl
    }
    await listener(req, res)
  }
}

function refuseMount(res: ServerResponse, prefix: string, basePath: string): void {
  res.writeHead(500, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  res.end(
    `These pages are mounted at ${prefix} and were told that they are at ${basePath || '/'}. ` +
      `Give createWeb the option basePath: '${prefix}'.\n`,
  )
}
