// @ts-check
// The contract of an adapter: how the benchmarks enqueue and work with each system. A job carries
// one number, or nothing. Every adapter sets its system as fast as its manual allows without giving
// up that a killed worker's job comes back.

/** The queue of all jobs. */
export const QUEUE = 'bench'

/**
 * @typedef {object} Producer
 * @property {(n?: number) => Promise<unknown>} enqueue
 * @property {(ns: (number | undefined)[]) => Promise<unknown>} enqueueMany  the system's bulk call
 * @property {() => Promise<number>} pending  how many jobs wait
 * @property {() => Promise<unknown>} close
 */

/**
 * @typedef {object} BenchWorker
 * @property {() => Promise<unknown>} start  resolves when it takes jobs
 * @property {() => Promise<unknown>} stop  resolves when all it did is acknowledged
 */

/**
 * @typedef {object} WorkerSpec
 * @property {number} port
 * @property {number} concurrency
 * @property {number} [prefetch]  jobs held ready beyond those; only resque-ts has that
 * @property {string[]} queues  only resque-ts is measured with others than `QUEUE`
 * @property {(n: number) => void | Promise<void>} perform
 * @property {ChildrenSpec} [children]  perform in child processes, what `children/` says instead
 */

/**
 * @typedef {object} ChildrenSpec
 * @property {number} [jobsPerChild]  only resque-ts has that
 * @property {(n: number) => void} onEnd  called with what each job carried, when it is known here that it ended well
 */

/**
 * @typedef {object} Adapter
 * @property {(port: number) => Promise<Producer>} openProducer
 * @property {(spec: WorkerSpec) => Promise<BenchWorker>} openWorker  connected, not started
 */
