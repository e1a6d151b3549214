// Failed records as workers write them, for the tests of the web pages' services.

export interface RecordParts {
  class?: string
  queue?: string
  exception?: string
  error?: string
  failedAt?: string
  retriedAt?: string
}

/** A failed record as Ruby writes it; `id` is its job's argument. */
export function failedRecord(id: number | string, parts: RecordParts = {}): string {
  const retried = parts.retriedAt === undefined ? '' : `,"retried_at":"${parts.retriedAt}"`
  return (
    `{"failed_at":"${parts.failedAt ?? '2026/11/24 02:14:40 UTC'}",` +
    `"payload":{"class":"${parts.class ?? 'Mail'}","args":[${JSON.stringify(id)}]},` +
    `"exception":"${parts.exception ?? 'RuntimeError'}","error":${JSON.stringify(parts.error ?? 'boom')},` +
    `"backtrace":[],"worker":"web:1:mail","queue":"${parts.queue ?? 'mail'}"${retried}}`
  )
}

export const job = (id: number | string, name = 'Mail') =>
  `{"class":"${name}","args":[${JSON.stringify(id)}]}`
export const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
