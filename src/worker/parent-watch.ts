/**
 * A thread of a child process that ends it when its parent is gone, also while a job blocks its event loop.
 * A process whose parent died is given to another: then its parent's pid is not the one it began with.
 */
import { workerData } from 'node:worker_threads'

const WATCH_MS = 250
const parent = workerData as number

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, WATCH_MS)
