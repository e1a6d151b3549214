/**
 * The door of `resque-ts/worker`.
 */
export { type SignalSettings, installSignals, signalTable } from './signals.js'
export { type StopOptions, Worker, type WorkerOptions } from './worker.js'
