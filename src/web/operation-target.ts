/**
 * What an operation is begun with, as it comes from a page: refs of entries, or where the lists ended when a number was
 * shown.
 */
import { ArgumentsError } from '../errors.js'
import { isJsonObject, parseJson } from '../json.js'
import { type EntryRef, readRefs } from '../store/entries.js'
import { readRef } from '../store/records.js'
import type { Scan } from './operation-run.js'
import type { OperationSpec } from './operation-spec.js'

/** Refs by list; undefined for a filter. */
export function refsOf(spec: OperationSpec): Map<string, EntryRef[]> | undefined {
  const target = spec.kind === 'remove-pending' ? spec.pending : spec.failed
  if (!('refs' in target)) return undefined
  const lists = new Map<string, EntryRef[]>()
  for (const ref of new Set(target.refs)) {
    const parts = readRef(ref)
    if (!parts || (spec.kind === 'remove-pending' && parts.list !== spec.queue)) {
      throw new ArgumentsError(`This is no ref of an entry here: ${JSON.stringify(ref.slice(0, 100))}.`)
    }
    const entry = readRefs(`${parts.index}.${parts.digest}`)
    lists.set(parts.list, [...(lists.get(parts.list) ?? []), ...entry])
  }
  return lists
}

/** What `mark` wrote. It comes back from a browser; whatever it says, only what matches the filter is meant. */
export function readMark(text: string): Map<string, Scan['lists'][number]> {
  const lists = parseJson(text)
  const isRight =
    isJsonObject(lists) &&
    Object.values(lists).every(
      (list) =>
        isJsonObject(list) &&
        Number.isSafeInteger(list.end) &&
        (list.end as number) >= 0 &&
        Array.isArray(list.anchors) &&
        list.anchors.length <= 200 &&
        list.anchors.every((each) => /^[0-9a-f]{16}$/.test(String(each))),
    )
  if (!isRight) throw new ArgumentsError('This form does not say what was shown.')
  return new Map(Object.entries(lists as Record<string, Scan['lists'][number]>))
}
