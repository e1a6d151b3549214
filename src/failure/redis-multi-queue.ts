/**
 * A failed list per queue: `<queue>_failed`, listed in the set `failed_queues` (Ruby: FM).
 */
import { encodeFailure, type Failure } from '../store/records.js'
import type { Store } from '../store/store.js'
import type { FailureBackend } from './backend.js'

export const redisMultiQueueBackend: FailureBackend = {
  save: (failure: Failure) => [
    { list: listOf(failure.queue), text: encodeFailure(failure), listedIn: 'failed_queues' },
  ],
  lists: (store: Store) => store.failures.listNames(),
  listOf,
}

function listOf(queue: string): string {
  return `${queue}_failed`
}
