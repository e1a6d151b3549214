/**
 * Operations in words: what one does, and how it ended.
 */
import type { Notice } from '../context.js'
import type { Operation } from '../operation-spec.js'
import { path } from '../url.js'
import { plural, shown, thousands } from './text.js'

const doing: Record<Operation['kind'], string> = {
  retry: 'Retry failed jobs',
  remove: 'Remove failed jobs',
  'remove-pending': 'Remove waiting jobs',
  clear: 'Clear',
  'remove-delayed': 'Remove delayed jobs',
  'remove-schedule': 'Remove schedule',
}

const did: Record<Operation['kind'], string> = {
  retry: 'Retried',
  remove: 'Removed',
  'remove-pending': 'Removed',
  clear: 'Cleared',
  'remove-delayed': 'Removed',
  'remove-schedule': 'Removed',
}

export function operationTitle(operation: Operation): string {
  const { kind, lists } = operation
  if (kind !== 'clear' && kind !== 'remove-schedule') return doing[kind]
  const names = lists.slice(0, 3).map((name) => shown(name, 60))
  return `${doing[kind]} ${names.join(', ')}${lists.length > 3 ? ` and ${lists.length - 3} more` : ''}`
}

/** `Retried 3 jobs; 1 was retried before; 2 were gone.` */
export function operationResult({ kind, done, skipped, gone, state }: Operation): string {
  const parts = [`${did[kind]} ${plural(done, thing(kind))}`]
  if (skipped > 0) parts.push(`${thousands(skipped)} could not be, or ${were(skipped)} retried before`)
  if (gone > 0) parts.push(`${thousands(gone)} ${were(gone)} gone already`)
  if (state === 'cancelled') parts.push('then it was cancelled')
  return `${parts.join('; ')}.`
}

export function thing(kind: Operation['kind']): string {
  return kind === 'remove-schedule' ? 'schedule' : 'job'
}

function were(count: number): string {
  return count === 1 ? 'was' : 'were'
}

/** What the page after it says. */
export function noticeOf(operation: Operation): Notice {
  const { id, state, error, done, skipped, gone } = operation
  const link = { to: path`/operations/${id}`, label: 'More' }
  if (state === 'running') return { text: 'This goes on in the background; you may leave this page.' }
  if (state === 'broken') return { text: `It stopped. ${error}`, kind: 'warning', link }
  if (done + skipped + gone === 0)
    return { text: 'Nothing was done: what was meant is no longer there.', kind: 'warning', link }
  return {
    text: operationResult(operation),
    ...(done === 0 && { kind: 'warning' as const }),
    ...(operation.isUndoable && { undo: { action: path`/operations/${id}/undo`, label: 'Undo' } }),
    link,
  }
}
