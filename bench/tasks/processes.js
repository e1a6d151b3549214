// @ts-check
// What Linux knows of a process and its children. Elsewhere it is not known: NaN, or none.
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second, in what /proc tells: the same on every Linux. */
const TICKS = 100

/**
 * The fields of /proc/<pid>/stat after the name, which may hold anything.
 * @param {number | 'self'} pid
 */
function stat(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

/** CPU seconds of all children that have ended and were waited for. */
export function childrenCpuSeconds() {
  const fields = stat('self')
  return (Number(fields[13] ?? Number.NaN) + Number(fields[14] ?? Number.NaN)) / TICKS
}

/** @param {number} parent */
export function childrenOf(parent) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => Number(stat(pid)[1]) === parent)
}

/**
 * RSS counts a page that several processes share in each of them; PSS counts to each its part of it.
 * @param {number} pid
 */
export function memoryMiB(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024
  return { rss: field('Rss'), pss: field('Pss') }
}
