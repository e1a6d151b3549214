/**
 * The plain Redis backend: all failures in the one list `failed`. The default, as in Ruby (FR).
 */
import { encodeFailure, type Failure } from '../store/records.js'
import { FAILED, type FailureBackend } from './backend.js'

export const redisBackend: FailureBackend = {
  save: (failure: Failure) => [{ list: FAILED, text: encodeFailure(failure) }],
  lists: async () => [FAILED],
  listOf: () => FAILED,
}
