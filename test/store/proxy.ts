// A TCP proxy before a Redis, for tests of connections that break at a given moment: it sees what passes each way and
// may hold it back or cut the connection.

import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Judges what comes from the client. 'hold': from now on nothing passes, not even a good-bye; 'cut': both ends close. */
  onRequest: (chunk: string) => 'pass' | 'hold' | 'cut'
  /** The same for each chunk from Redis to client. */
  onReply: (chunk: string) => 'pass' | 'hold' | 'cut'
  /** How many connections were made. */
  readonly count: number
  close(): Promise<void>
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer({ allowHalfOpen: true }, (client) => {
    count++
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    let isHeld = false
    const cut = () => {
      client.destroy()
      target.destroy()
    }
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    const pass = (from: Socket, to: Socket, judge: (chunk: string) => 'pass' | 'hold' | 'cut') => {
      from.on('end', () => isHeld || to.end())
      from.on('data', (chunk) => {
        const verdict = isHeld ? 'hold' : judge(chunk.toString('latin1'))
        if (verdict === 'cut') cut()
        else if (verdict === 'pass') to.write(chunk)
        else isHeld = true
      })
    }
    pass(client, target, (chunk) => proxy.onRequest(chunk))
    pass(target, client, (chunk) => proxy.onReply(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const proxy: TcpProxy = {
    port,
    onRequest: () => 'pass',
    onReply: () => 'pass',
    get count() {
      return count
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
