// @ts-check
// What a job in a child does: nothing, or wait on a timer for as long as the environment says.
import { setTimeout as delay } from 'node:timers/promises'

const jobMs = Number(process.env.BENCH_JOB_MS ?? 0)

/** @returns {void | Promise<void>} */
export function wait() {
  if (jobMs > 0) return delay(jobMs)
}
