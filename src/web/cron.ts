/**
 * When a schedule fires, in words and as moments; and where that cannot be told, why. It reads what resque-scheduler's
 * rufus reads as cron: five or six fields, and a zone behind them.
 */
import { Cron } from 'croner'
import { toString as inWords } from 'cronstrue'
import type { Schedule } from '../store/schedules.js'
import { readTime } from './views/text.js'

const NEXT_TIMES = 3

export interface Rhythm {
  /** Such as `At 09:30, Monday through Friday`; undefined where it cannot be told. */
  words: string | undefined
  /** The zone that the schedule names. */
  zone: string | undefined
  /** The next times it fires. Where no zone is named, its scheduler's counts, and these are as if that were UTC. */
  next: Date[]
}

/** No cron that a person writes is longer. */
const MAX_LENGTH = 200

/** Of a schedule: cron wins, as in resque-scheduler. */
export function rhythmOf(
  { cron, every, lastEnqueuedAt }: Pick<Schedule, 'cron' | 'every' | 'lastEnqueuedAt'>,
  now: Date,
): Rhythm {
  if (cron !== undefined) return rhythmOfCron(cron, now)
  if (every !== undefined) return rhythmOfEvery(every, lastEnqueuedAt, now)
  return { words: undefined, zone: undefined, next: [] }
}

function rhythmOfCron(cron: string, now: Date): Rhythm {
  const { fields, zone } = splitZone(cron.trim())
  if (cron.length > MAX_LENGTH || fields === '') return { words: undefined, zone: undefined, next: [] }
  try {
    const next = new Cron(fields, { timezone: zone ?? 'UTC', paused: true }).nextRuns(NEXT_TIMES, now)
    return { words: wordsOf(fields), zone, next }
  } catch {
    return { words: undefined, zone, next: [] }
  }
}

/**
 * `30s`, `5m`, `1h30m`. It fires so long after it did before; a scheduler that is started anew begins anew, so where it
 * should have fired since it last did, nobody here knows when it will.
 */
function rhythmOfEvery(every: string, last: string | undefined, now: Date): Rhythm {
  const parts = every.length > MAX_LENGTH ? [] : [...every.matchAll(/(\d+(?:\.\d+)?)\s*([smhdwMy])/g)]
  const isRead = parts.length > 0 && parts.map(([text]) => text).join('') === every.replace(/\s(?=\d)/g, '')
  if (!isRead) return { words: undefined, zone: undefined, next: [] }
  const words = `Every ${parts.map(([, number, unit]) => `${number} ${units[unit as string]?.[0]}`).join(' ')}`
  const seconds = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (units[unit as string]?.[1] ?? 0),
    0,
  )
  const first = last === undefined ? Number.NaN : readTime(last).getTime() + seconds * 1_000
  if (!(seconds > 0) || !(first > now.getTime())) return { words, zone: undefined, next: [] }
  const next = Array.from({ length: NEXT_TIMES }, (_, i) => new Date(first + i * seconds * 1_000))
  // Beyond what a Date can hold.
  return { words, zone: undefined, next: next.filter((at) => !Number.isNaN(at.getTime())) }
}

/** How each is called, and how many seconds rufus takes it for. */
const units: Record<string, [name: string, seconds: number]> = {
  s: ['s', 1],
  m: ['min', 60],
  h: ['h', 3_600],
  d: ['d', 86_400],
  w: ['weeks', 7 * 86_400],
  M: ['months', 30 * 86_400],
  y: ['years', 365 * 86_400],
}

function wordsOf(fields: string): string | undefined {
  try {
    return inWords(fields, { use24HourTimeFormat: true, throwExceptionOnParseError: true })
  } catch {
    return undefined
  }
}

/** `0 9 * * * Europe/Berlin`: the last field is a zone where it is the name of one. */
function splitZone(cron: string): { fields: string; zone: string | undefined } {
  const [, fields = '', last = ''] = /^(.*\S)\s+(\S+)$/s.exec(cron) ?? []
  const looksLikeZone = /^(?:[A-Za-z_]+(?:\/[\w+-]+)+|UTC|GMT|Z)$/.test(last)
  if (!looksLikeZone || fields.split(/\s+/).length < 5) return { fields: cron, zone: undefined }
  return { fields, zone: last === 'Z' ? 'UTC' : last }
}
