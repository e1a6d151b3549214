// Masks what differs from run to run, in the way of the recordings: host, pids, times, and a few things of ours.

import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** Formats of time, as the recordings name them; each has its place (`run_at`, heartbeat, `started`, `failed_at`). */
const times: readonly [RegExp, string, zone: string][] = [
  [/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/g, '<YYYY/MM/DD HH:MM:SS>', ' UTC'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?!\.)/g, '<YYYY-MM-DDTHH:MM:SS>', 'Z'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<YYYY-MM-DD HH:MM:SS>', ' UTC'],
]

/** The oldest time that a scenario seeds is an hour old. */
const OLDEST_MS = 2 * 3_600_000

/**
 * Masks one text. `pids` are those of the workers, in the order of their recording: `<PID1>`, `<PID2>`, ….
 * A time that is not of this run (or, like Ruby's here, not in UTC) is left as it is, and so fails the comparison.
 */
export function mask(text: string, pids: readonly number[]): string {
  let masked = text
  for (const [pattern, name, zone] of times) {
    masked = masked.replace(pattern, (time) => {
      const ageMs = Date.now() - Date.parse(`${time.replaceAll('/', '-')}${zone}`)
      return ageMs > -2_000 && ageMs < OLDEST_MS ? name : time
    })
  }
  masked = masked.replace(workerId, (_, before: string, slot = '', pid = '') => {
    const index = pids.indexOf(Number(pid))
    return `${before}worker-host${slot}:${index < 0 ? pid : `<PID${index + 1}>`}:`
  })
  return masked
    .replace(/(?<=\bpid )\d+\b/g, (pid) =>
      pids.includes(Number(pid)) ? `<PID${pids.indexOf(Number(pid)) + 1}>` : pid,
    )
    .replace(/"run":"[0-9a-f]{10}\.[0-9a-z]+\.\d+"/g, '"run":"<RUN>"')
    .replace(frame, (whole, path: string, file: string) =>
      path === here ? `perform (/app/${file}:<LINE>)` : whole,
    )
    .replace(/(got something that is not JSON) \(.*?\)\./g, '$1 (<PARSER>).')
}

/** A frame in a job's perform. How it names the class, and whether it says `file://`, depends on who loaded the file. */
const frame = /\w+\.perform \((?:file:\/\/)?([^\s"(]*\/test\/golden)\/([^\s"():]+):\d+:\d+\)/g

/** `host:pid:`, at the start of a text or after a quote, a colon or a blank; the host may name a slot (`~2`). */
const host = hostname().replace(/[^\w]/g, '\\$&')
const workerId = new RegExp(`(^|["\\s:])${host}(~\\d+)?:(\\d+):`, 'g')
