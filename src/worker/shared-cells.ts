/**
 * What the main thread and the heartbeat thread of a worker share, without a message: an array of 32-bit cells.
 */

/** The first cells; behind them, for each slot: jobs processed, jobs failed. */
export const cells = {
  /** Turns of the main loop. */
  turns: 0,
  /** The latest that such a turn was since the last heartbeat, ms. */
  lagMs: 1,
  /** Index into `states`. */
  state: 2,
} as const

export const FIRST_SLOT = 3

export const states = ['running', 'paused', 'stopping'] as const
export type ProcessState = (typeof states)[number]
