/**
 * The door of `resque-ts/worker`.
 */

export type { WorkerOptions } from './options.js'
export { installSignals, type SignalSettings, signalTable } from './signals.js'
export type { StopOptions } from './stop-options.js'
export { Worker } from './worker.js'
