// Every command that a Redis is given, as MONITOR tells it. Over a socket of its own: a client that takes commands for
// replies loses its place where one comes together with the answer to MONITOR.

import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

export interface Monitor {
  close(): void
}

/** Resolves when it listens. `source` is an address, or `lua` of what a script does; escapes in arguments stay as they are. */
export async function startMonitor(
  port: number,
  onCommand: (args: string[], source: string) => void,
): Promise<Monitor> {
  const socket = connect(port, '127.0.0.1')
  const lines = createInterface({ input: socket })
  const begun = once(lines, 'line')
  lines.on('line', (line) => {
    const [, source, rest = ''] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? []
    if (source === undefined) return
    const args = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, arg]) => arg as string)
    onCommand(args, source)
  })
  socket.write('MONITOR\r\n')
  const [answer] = (await begun) as [string]
  if (answer !== '+OK') throw new Error(`Expected +OK of MONITOR, got ${answer}`)
  return { close: () => socket.destroy() }
}
