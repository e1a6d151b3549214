// What the kernel knows of processes, read from /proc.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process whose parent is the one that was asked for. */
export interface Child {
  pid: number
  /** It has ended, and nobody has asked for its end yet. */
  isZombie: boolean
}

export function childrenOf(parent: number): Child[] {
  return pids().flatMap((pid) => {
    // The name stands in parentheses, and may hold anything.
    const [state, ppid] =
      read(`/proc/${pid}/stat`)
        ?.replace(/^.*\) /s, '')
        .split(' ') ?? []
    return Number(ppid) === parent ? [{ pid, isZombie: state === 'Z' }] : []
  })
}

/** The processes that were started with this in their environment. */
export function startedWith(name: string, value: string): number[] {
  return pids().filter((pid) => read(`/proc/${pid}/environ`)?.split('\0').includes(`${name}=${value}`))
}

/** How many files of each kind a process has open: sockets, pipes, what epoll needs, and files by their name. */
export function openFiles(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '')
      kinds[kind] = (kinds[kind] ?? 0) + 1
    } catch {
      // Closed meanwhile.
    }
  }
  return kinds
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Undefined where the process is gone, or another user's. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
