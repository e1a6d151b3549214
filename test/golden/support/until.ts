// `waitFor`, with the patience that processes which start one another need on a busy machine.

import { waitFor } from '../../support/wait-for.js'

/** Resolves when the condition holds; `what` says what is waited for. */
export async function until<T>(what: string, condition: () => T | Promise<T>) {
  return await waitFor(condition, { message: what, timeoutMs: 30_000 })
}
