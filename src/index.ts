/**
 * The door: everything a user may import from `resque-ts`. It loads the Redis client, and nothing of the worker,
 * the command line or the web.
 */
export type { RedisOption, RedisSettings } from './config.js'
/** The running job, from anywhere below its `perform`. */
export { currentJob, type JobContext, type Logger, silentLogger } from './context.js'
/** Every error this package throws. */
export {
  ArgumentsError,
  ClosedError,
  CommandError,
  ConfigError,
  ConnectionError,
  DirtyExit,
  DontPerform,
  InvalidPayloadError,
  JobTimeoutError,
  NoClassError,
  NoQueueError,
  PayloadTooLargeError,
  PruneDeadWorkerDirtyExit,
  ResqueError,
  TermException,
  UnknownJobError,
} from './errors.js'
/** What the system tells the world, for logs, metrics and traces. */
export {
  channels,
  type EnqueuedEvent,
  type JobFinishedEvent,
  type JobStartedEvent,
  type WorkerEvent,
} from './events.js'
/** Where failures go: the contract, and the three backends. */
export type { Failure, FailureBackend, FailureEntry } from './failure/backend.js'
export type { Failed, FailedFilter, FailedRef, Progress } from './failure/failed.js'
export { multipleBackends } from './failure/multiple.js'
export { redisBackend } from './failure/redis.js'
export { redisMultiQueueBackend } from './failure/redis-multi-queue.js'
/** Hooks of jobs and of workers. */
export { defineWorkerHooks, type Plugin, type WorkedJob, type WorkerHooks } from './hooks.js'
/** What a job is. */
export { type AnyJob, type ArgsOf, defineJob, type JobHooks, type JobPayload, type JsonValue } from './job.js'
/** The client. */
export { type Info, type QueuedJob, type ReservedJob, Resque } from './resque.js'
export type { ResqueOptions } from './resque-options.js'
export type { FailedJob, Payload, WorkingRecord } from './store/records.js'
export type { Order, Vitals, WorkerInfo, WorkerKind } from './store/workers.js'
