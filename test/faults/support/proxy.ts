// A TCP proxy before Redis that a test can make lose things: whole connections, single answers, or time.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One connection through the proxy. */
export interface Link {
  client: Socket
  redis: Socket
}

/**
 * What becomes of a piece that a client sent, or that Redis answered. A function that returns nothing has dealt with
 * the piece itself.
 */
export interface Interference {
  /** On its way to Redis. */
  onSent?(piece: Buffer, link: Link): 'pass' | undefined
  /** On its way back. */
  onAnswered?(piece: Buffer, link: Link): 'pass' | undefined
}

export class CuttingProxy {
  readonly links = new Set<Link>()
  interference: Interference = {}
  /** Connections are accepted, and nothing that comes over them goes anywhere, as behind a dead router. */
  isBlackHole = false
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(public target: number) {
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client))
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Both ends are gone at once, and all that was under way. */
  cut(link: Link): void {
    link.client.destroy()
    link.redis.destroy()
    this.links.delete(link)
  }

  /** The client sees its connection break; Redis sees it stay open, for whatever is still to arrive. */
  abandon(link: Link): void {
    link.client.removeAllListeners('close')
    link.client.destroy()
    this.links.delete(link)
  }

  cutAll(): void {
    for (const link of this.links) this.cut(link)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    this.#keep(client)
    if (this.isBlackHole) return
    const redis = connect({ port: this.target, host: '127.0.0.1', noDelay: true })
    this.#keep(redis)
    const link = { client, redis }
    this.links.add(link)
    client.on('data', (piece) => {
      const { onSent } = this.interference
      if (!onSent || onSent(piece, link) === 'pass') redis.write(piece)
    })
    redis.on('data', (piece) => {
      const { onAnswered } = this.interference
      if (!onAnswered || onAnswered(piece, link) === 'pass') client.write(piece)
    })
    client.on('close', () => {
      this.links.delete(link)
      redis.end()
    })
    redis.on('close', () => {
      this.links.delete(link)
      client.destroy()
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
