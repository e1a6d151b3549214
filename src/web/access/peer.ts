/**
 * The other end of a connection, and whether it is this very machine. Where a request came in by `fetch` alone,
 * nothing of it is known unless the caller says so.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

export interface Peer {
  /** The address of the other end. */
  address?: string | undefined
  /** The address at our end, where the server listens. */
  localAddress?: string | undefined
  /** Whether the connection is TLS. */
  encrypted?: boolean | undefined
  /** What a body parser in front of us made of the body; null where it read it and left nothing. */
  parsedBody?: unknown
}

export function peerOf(req: IncomingMessage): Peer {
  const { socket } = req
  return {
    address: socket.remoteAddress,
    localAddress: socket.localAddress,
    encrypted: 'encrypted' in socket && socket.encrypted === true,
    parsedBody: parsedBodyOf(req),
  }
}

function parsedBodyOf(req: IncomingMessage & { body?: unknown }): unknown {
  if (req.readableEnded) return req.body ?? null
  // Some leave an empty object where they left the body alone.
  const { body } = req
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0 ? undefined : body
}

const loopback = makeList(['127.0.0.0/8', '::1/128'])

/** Whether an address is of this machine's loopback; what is not known is not. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && isIn(loopback, address)
}

/** A list of addresses and CIDR ranges, to ask with `isIn`. Throws at what is neither. */
export function makeList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

export function isIn(list: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  const version = isIP(plain)
  return version !== 0 && list.check(plain, version === 6 ? 'ipv6' : 'ipv4')
}
