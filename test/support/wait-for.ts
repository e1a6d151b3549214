// Waits for a condition by asking again and again, so that no test needs to guess how long something takes.
// Not a retry of an action: the condition must be free of side effects.

export interface WaitForOptions {
  /** Give up after this long. Default 10 000. */
  timeoutMs?: number
  /** Pause between two looks. Default 10. */
  intervalMs?: number
  /** What was waited for, used in the error: "waited 10000 ms for <message>". */
  message?: string | (() => string)
}

/**
 * Resolves with the first truthy value of `condition`; rejects when none came in time.
 * A condition that throws counts as "not yet"; what it threw last becomes the `cause` of the rejection.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitForOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { timeoutMs = 10_000, intervalMs = 10, message = condition.toString() } = options
  const giveUpAt = performance.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const value = await beforeDeadline(condition, giveUpAt)
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() >= giveUpAt) {
      const what = typeof message === 'string' ? message : message()
      throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

/** A look that never settles must not outlast the deadline. */
async function beforeDeadline<T>(condition: () => T | Promise<T>, giveUpAt: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    const leftMs = Math.max(0, giveUpAt - performance.now())
    timer = setTimeout(reject, leftMs, new Error('the condition itself did not settle'))
  })
  try {
    return await Promise.race([condition(), deadline])
  } finally {
    clearTimeout(timer)
  }
}
