/**
 * The child processes of a worker, where its jobs ask for any.
 */
import { ChildPool, type ChildPoolOptions } from './child-pool.js'
import type { WorkerSettings } from './options.js'

/** Undefined where every job runs in the worker's own process. */
export function childrenFor(
  settings: WorkerSettings,
  tells: Pick<ChildPoolOptions, 'upcoming' | 'onTakenBack'>,
): ChildPool | undefined {
  const { jobs, isolation, require } = settings
  const isNeeded = isolation === 'process' || [...jobs.values()].some((job) => job.isolation === 'process')
  return isNeeded ? new ChildPool({ ...settings, modules: require, ...tells }) : undefined
}
