/**
 * A request that is not answered as asked, with the status and the sentence that its page shows. Thrown by guards
 * and pages, shown by the error page.
 */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503 | 504

export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly status: RefusalStatus,
    message: string,
    readonly details: { headers?: Record<string, string>; hint?: string } = {},
  ) {
    super(message)
  }
}
