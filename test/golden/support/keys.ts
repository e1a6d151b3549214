// Short words for what keys hold, so that a scenario can say what ours has instead.

import type { Key } from './recording.js'

export const list = (...value: string[]): Key => ({ type: 'list', value })
export const text = (value: string, ttl?: number): Key => ({ type: 'string', value, ...(ttl && { ttl }) })
export const set = (...value: string[]): Key => ({ type: 'set', value })
export const hash = (value: Record<string, string>): Key => ({ type: 'hash', value })

export interface FailedParts {
  payload: string
  exception: string
  error: string
  backtrace?: string[]
  queue?: string
  worker?: string
  /** The exact bytes of an entry that is no job. */
  raw?: string
  retriedAt?: string
}

/** A failed record: Ruby's keys in Ruby's order, then `raw` where there is one, and `retried_at`. */
export function failed(parts: FailedParts): string {
  const { payload, exception, error, backtrace = [], queue = 'default', raw, retriedAt } = parts
  const worker = parts.worker ?? `worker-host:<PID1>:${queue}`
  return [
    `{"failed_at":"<YYYY/MM/DD HH:MM:SS> UTC","payload":${payload}`,
    `"exception":${JSON.stringify(exception)},"error":${JSON.stringify(error)}`,
    `"backtrace":${JSON.stringify(backtrace)},"worker":"${worker}","queue":"${queue}"`,
    ...(raw === undefined ? [] : [`"raw":${JSON.stringify(raw)}`]),
    ...(retriedAt === undefined ? [] : [`"retried_at":"${retriedAt}"`]),
  ]
    .join(',')
    .concat('}')
}

/** A working record of ours: Ruby's three keys, then `run`. */
export function working(queue: string, payload: string): string {
  return `{"queue":"${queue}","run_at":"<YYYY-MM-DDTHH:MM:SS>Z","payload":${payload},"run":"<RUN>"}`
}

/** `workers:kind` while the worker of this id, alone in its process, is registered. */
export function kinds(id: string, deadAfterMs = 30_000): Key {
  return hash({ [id]: `{"process":"${id}","deadAfterMs":${deadAfterMs},"failOnDeath":[]}` })
}
