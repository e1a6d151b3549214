/**
 * What endpoints that list things, or act on many, have in common.
 */
import { Refusal } from '../access/refusal.js'
import { resultOf } from '../audit.js'
import type { AuditEntry, WebContext } from '../context.js'
import { isEverything } from '../filters.js'
import type { OperationSpec } from '../operation-spec.js'
import { newId } from '../operations.js'
import { path } from '../url.js'
import { API, type Call, type Fields } from './endpoint.js'
import { operationShape } from './shapes.js'

export const paging: Fields = {
  start: { type: 'integer', minimum: 0, maximum: 1_000_000_000, description: 'How many to pass over.' },
  limit: { type: 'integer', minimum: 1, maximum: 100, description: 'At most so many. Default 50.' },
}

export const bulk: Fields = {
  refs: {
    ...{ type: 'array', items: { type: 'string' }, maxItems: 1_000 },
    description: 'Refs of the jobs that are meant.',
  },
  operation: {
    ...{ type: 'string', maxLength: 64 },
    description: 'An id of your own (8 to 64 letters, digits, dashes): sent twice, it is done once.',
  },
  waitMs: { type: 'integer', maximum: 10_000, description: 'Wait so long for its end. Default 0.' },
}

/** The body of an endpoint with those fields. */
export interface Bulk<Filter> {
  refs?: string[]
  filter?: Filter
  operation?: string
  waitMs?: number
}

/** Refs or a filter, never both, and never nothing: nothing would mean everything. */
export function oneOf<Filter extends object>(
  refs: string[] | undefined,
  filter: Filter | undefined,
): { refs: string[] } | { filter: Filter } {
  if ((refs === undefined) === (filter === undefined))
    throw new Refusal(422, 'Expected either refs or a filter; nothing was done.')
  if (refs !== undefined) {
    if (refs.length === 0) throw new Refusal(422, 'Expected at least one ref; nothing was done.')
    return { refs }
  }
  const meant = Object.fromEntries(Object.entries(filter as Filter).filter(([, value]) => value !== ''))
  if (isEverything(meant)) throw new Refusal(422, 'This filter restricts nothing, so nothing was done.')
  return { filter: meant as Filter }
}

/** Begins an operation as the body of the call says, and leaves its line in the audit. */
export async function begin(
  web: WebContext,
  call: Call,
  spec: OperationSpec,
  entry: Omit<AuditEntry, 'operation' | 'result'>,
): Promise<ReturnType<typeof operationShape>> {
  const { operation: id = newId(), waitMs = 0 } = call.body as Bulk<never>
  const operation = await web.operations.start(spec, { by: call.user.name, id, waitMs })
  const isRunning = operation.state === 'running'
  await call.record({
    ...{ ...entry, operation: operation.id, result: resultOf(operation) },
    ...(!isRunning && { count: operation.done }),
  })
  return operationShape(operation)
}

export function undoOf(id: string): string {
  return `${API}${path`/operations/${id}/undo`}`
}
