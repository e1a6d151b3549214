/**
 * What the system tells the world, over `node:diagnostics_channel`.
 *
 * Logs, metrics and traces subscribe; nothing here knows of them. A channel that nobody listens to costs one
 * property read. Messages are plain objects; their shapes are the interfaces below.
 */
import { type Channel, channel } from 'node:diagnostics_channel'

/** A job was taken from its queue and is about to be performed. */
export interface JobStartedEvent {
  workerId: string
  queue: string
  class: string
  payload: string
}

/** A job came to its end. `durationMs` is from just before its first hook to the end of its last. */
export interface JobFinishedEvent extends JobStartedEvent {
  outcome: 'done' | 'skipped' | 'failed' | 'returned'
  durationMs: number
  error?: unknown
}

/** Jobs were accepted by Redis. */
export interface EnqueuedEvent {
  queue: string
  count: number
}

/** A worker process came, went, or found itself declared dead. */
export interface WorkerEvent {
  workerId: string
  event: 'started' | 'stopped' | 'paused' | 'resumed' | 'reregistered' | 'recovered'
  detail?: string
}

export const channels = {
  enqueued: channel('resque:enqueued') as Channel<unknown, EnqueuedEvent>,
  jobStarted: channel('resque:job:started') as Channel<unknown, JobStartedEvent>,
  jobFinished: channel('resque:job:finished') as Channel<unknown, JobFinishedEvent>,
  worker: channel('resque:worker') as Channel<unknown, WorkerEvent>,
}
