/**
 * When a schedule fires, in words and as moments; and where that cannot be told, why. It reads what resque-scheduler's
 * rufus reads as cron: five or six fields, and a zone behind them.
 */
import { Cron } from 'croner'
import { toString as inWords } from 'cronstrue'

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

export function rhythmOfCron(cron: string, now: Date, count = 3): Rhythm {
  const { fields, zone } = splitZone(cron.trim())
  if (cron.length > MAX_LENGTH || fields === '') return { words: undefined, zone: undefined, next: [] }
  try {
    const next = new Cron(fields, { timezone: zone ?? 'UTC', paused: true }).nextRuns(count, now)
    return { words: wordsOf(fields), zone, next }
  } catch {
    return { words: undefined, zone, next: [] }
  }
}

/** `30s`, `5m`, `1h30m`: when it fires depends on when its scheduler was started. */
export function wordsOfEvery(every: string): string | undefined {
  const parts = [...every.matchAll(/(\d+(?:\.\d+)?)\s*([smhdwMy])/g)]
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== every.replace(/\s(?=\d)/g, ''))
    return undefined
  return `Every ${parts.map(([, count, unit]) => `${count} ${units[unit as string]}`).join(' ')}`
}

const units: Record<string, string> = {
  s: 's',
  m: 'min',
  h: 'h',
  d: 'd',
  w: 'weeks',
  M: 'months',
  y: 'years',
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
