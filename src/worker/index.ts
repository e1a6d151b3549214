/**
 * The door of `resque-ts/worker`.
 */

export type { WorkerOptions } from './options.js'
export { installSignals, type SignalSettings, signalTable } from './signals.js'
export { type StopOptions, Worker } from './worker.js'
