/**
 * What belongs together among failures: the same class, exception and message, once what differs from one failure to the
 * next is masked. And when a failure was, from the time that a worker of any language wrote.
 */
import { createHash } from 'node:crypto'
import type { FailedJob } from '../store/records.js'

/** The message of an entry beyond this is not looked at. */
const MAX_MESSAGE = 500

/** The class that a group of entries which are no failed records has. */
export const NOT_A_RECORD = '(not a failed record)'

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi
const HEX = /\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi
/** An apostrophe within a word opens nothing. Ruby opens with a backtick and closes with an apostrophe. */
const QUOTED = /"[^"\n]*"|(?<!\w)'[^'\n]*'(?!\w)|`[^`'\n]*[`']/g
const NUMBER = /\d+(?:[.,:]\d+)*/g

/** A message without what differs from one failure to the next: numbers, hex, UUIDs and what stands in quotes. */
export function maskMessage(message: string): string {
  return message
    .slice(0, MAX_MESSAGE)
    .replace(UUID, '<uuid>')
    .replace(QUOTED, '<text>')
    .replace(HEX, '<hex>')
    .replace(NUMBER, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
}

export interface FailureGroup {
  /** Short and safe for a URL; the same in every process. */
  id: string
  class: string
  exception: string
  /** The masked message. */
  message: string
}

export function groupOf(job: Pick<FailedJob, 'class' | 'exception' | 'error' | 'isReadable'>): FailureGroup {
  const isRecord =
    (job.isReadable || job.class !== '' || job.exception !== '') &&
    job.class.length <= MAX_MESSAGE &&
    job.exception.length <= MAX_MESSAGE
  return makeGroup(
    isRecord ? job.class : NOT_A_RECORD,
    isRecord ? job.exception : '',
    isRecord ? maskMessage(job.error) : '',
  )
}

/** Most failures are of few groups, and to digest each anew takes as long as to read it. */
const groups = new Map<string, FailureGroup>()
const MAX_KEPT = 1_000

export function makeGroup(name: string, exception: string, message: string): FailureGroup {
  const text = JSON.stringify([name, exception, message])
  const known = groups.get(text)
  if (known) return known
  const id = createHash('sha1').update(text).digest('hex').slice(0, 12)
  const group = { id, class: name, exception, message }
  if (groups.size >= MAX_KEPT) groups.clear()
  groups.set(text, group)
  return group
}

/** Offsets from UTC in hours. Abbreviations that mean several zones have the one most written by servers. */
const ZONES: Record<string, number> = {
  UTC: 0,
  GMT: 0,
  Z: 0,
  WET: 0,
  WEST: 1,
  BST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  MSK: 3,
  IST: 5.5,
  JST: 9,
  KST: 9,
  AEST: 10,
  AEDT: 11,
  NZST: 12,
  NZDT: 13,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
}

/** A `failed_at` or `retried_at` in unix seconds; 0 where it says no time. A zone that is not known is taken for UTC. */
export function failedAtSeconds(text: string): number {
  const match =
    /^(\d{4})[-/](\d{2})[-/](\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?\s*([A-Z]+|[+-]\d{2}(?::?\d{2})?)?/.exec(
      text,
    )
  if (!match) return 0
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - offsetSeconds(match[7])
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
}

function offsetSeconds(zone: string | undefined): number {
  if (zone === undefined) return 0
  if (!/^[+-]/.test(zone)) return (ZONES[zone] ?? 0) * 3600
  const digits = zone.slice(1).replace(':', '')
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2) || 0) * 60
  return zone.startsWith('-') ? -seconds : seconds
}
