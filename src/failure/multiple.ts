/**
 * Several backends at once (Ruby: FX). Every one saves; reading and acting goes to the first that keeps its
 * failures in Redis. Differs from Ruby: the error of one does not keep the failure from the others.
 */
import type { Failure, FailureBackend, FailureEntry } from './backend.js'

export function multipleBackends(backends: readonly FailureBackend[]): FailureBackend {
  return {
    async save(failure: Failure) {
      const results = await Promise.allSettled(backends.map(async (backend) => backend.save(failure)))
      const entries: FailureEntry[] = []
      const errors: unknown[] = []
      for (const result of results) {
        if (result.status === 'fulfilled') entries.push(...result.value)
        else errors.push(result.reason)
      }
      // Only a failure that nobody kept is worth the fallback of `entriesOf`.
      if (errors.length === backends.length)
        throw new AggregateError(errors, 'No failure backend could save a failure.')
      return entries
    },
    async lists(store) {
      for (const backend of backends) {
        const lists = await backend.lists(store)
        if (lists.length > 0) return lists
      }
      return []
    },
    listOf(queue) {
      for (const backend of backends) {
        const list = backend.listOf(queue)
        if (list !== undefined) return list
      }
      return undefined
    },
  }
}
