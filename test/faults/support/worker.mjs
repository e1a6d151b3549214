// A worker process for the fault tests, on the built package, with the jobs of `jobs.mjs`. One argument: its settings as
// JSON. It logs to a file of its own, and ends by itself, with the exit code that Node gives it, once its worker has
// stopped: nothing here calls process.exit.

import { openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Resque } from 'resque-ts'
import { installSignals, Worker } from 'resque-ts/worker'

const { url, dir, worker: workerOptions, resque: resqueOptions, signals } = JSON.parse(process.argv[2])

// Whoever started it is gone, whatever ended that: so is this.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume()
process.stdin.unref()

process.env.FAULT_DIR = dir
const jobs = Object.values(await import('./jobs.mjs'))

const lines = openSync(`${dir}/${process.pid}.log`, 'a')
const line = (level) => (fields, message) => {
  const { err, ...rest } = fields
  writeSync(lines, `${JSON.stringify({ level, message, ...rest, error: err?.message })}\n`)
}
const logger = { debug() {}, info: line('info'), warn: line('warn'), error: line('error') }

const resque = new Resque({ redis: url, logger, ...resqueOptions })
const require = [fileURLToPath(new URL('./jobs.mjs', import.meta.url))]
const worker = new Worker({ resque, queues: 'runs', jobs, require, ...workerOptions })
installSignals(worker, {
  stopTimeoutMs: 30_000,
  termChild: false,
  termTimeoutMs: 4_000,
  preShutdownTimeoutMs: 0,
  gracefulTerm: false,
  log: logger,
  ...signals,
})
process.stdout.write('listening\n')
await worker.start()
process.stdout.write(`${JSON.stringify(worker.ids)}\n`)
await worker.stopped
await resque.close()
