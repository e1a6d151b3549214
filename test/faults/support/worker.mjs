// A worker process for the fault tests, on the built package. One argument: its settings as JSON.
//
// What its jobs do is written to a file of its own, line by line and at once (`b <id>` when one begins, `e <id>` just
// before it ends, `r <id>` when it is not its first attempt), so that it outlives a SIGKILL and needs no Redis; so is
// what it logs. It ends by itself, with the
// exit code that Node gives it, once its worker has stopped: nothing here calls process.exit.

import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentJob, defineJob, Resque } from 'resque-ts'
import { installSignals, Worker } from 'resque-ts/worker'

const { url, dir, worker: workerOptions, resque: resqueOptions, signals } = JSON.parse(process.argv[2])

// Whoever started it is gone, whatever ended that: so is this.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume()
process.stdin.unref()

const runs = openSync(`${dir}/${process.pid}.runs`, 'a')
const lines = openSync(`${dir}/${process.pid}.log`, 'a')
const begin = (id) => {
  writeSync(runs, `b ${id}\n`)
  if (currentJob().attempt > 1) writeSync(runs, `r ${id}\n`)
}
const end = (id) => writeSync(runs, `e ${id}\n`)
const line = (level) => (fields, message) => {
  const { err, ...rest } = fields
  writeSync(lines, `${JSON.stringify({ level, message, ...rest, error: err?.message })}\n`)
}
const logger = { debug() {}, info: line('info'), warn: line('warn'), error: line('error') }

/** Takes this long, whatever its signal says. */
const Record = defineJob({
  name: 'Record',
  queue: 'runs',
  async perform(id, ms) {
    begin(id)
    // Given up, it does not keep its process from ending.
    if (ms > 0) await sleep(ms, undefined, { ref: false })
    end(id)
  },
})

/** Takes this long, or until its signal is aborted. */
const Abortable = defineJob({
  name: 'Abortable',
  queue: 'runs',
  async perform(id, ms) {
    begin(id)
    await sleep(ms, undefined, { signal: this.signal })
    end(id)
  },
})

const Boom = defineJob({
  name: 'Boom',
  queue: 'runs',
  perform(id) {
    begin(id)
    end(id)
    throw new Error(`${id} failed, as it should.`)
  },
})

/** Keeps the event loop busy for this long. */
const Spin = defineJob({
  name: 'Spin',
  queue: 'runs',
  perform(id, ms) {
    begin(id)
    const until = performance.now() + ms
    while (performance.now() < until);
    end(id)
  },
})

const resque = new Resque({ redis: url, logger, ...resqueOptions })
const jobs = [Record, Abortable, Boom, Spin]
const worker = new Worker({ resque, queues: 'runs', jobs, ...workerOptions })
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
