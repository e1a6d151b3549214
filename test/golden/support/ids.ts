// The ids of workers on this host, as they stand in Redis before they are masked.

import { hostname } from 'node:os'

/** `host:pid:queues`. */
export function idOf(pid: number, queues: string, host = hostname()): string {
  return `${host}:${pid}:${queues}`
}
