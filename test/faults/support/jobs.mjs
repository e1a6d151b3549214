// The jobs of the fault tests. What they do is written to a file of the process they run in, in the folder FAULT_DIR,
// line by line and at once: `b <id>` when one begins, `e <id>` just before it ends, `r <id>` when it is not its first
// attempt. So it outlives a SIGKILL, and needs no Redis.

import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentJob, defineJob } from 'resque-ts'

const runs = openSync(`${process.env.FAULT_DIR}/${process.pid}.runs`, 'a')
const begin = (id) => {
  writeSync(runs, `b ${id}\n`)
  if (currentJob().attempt > 1) writeSync(runs, `r ${id}\n`)
}
const end = (id) => writeSync(runs, `e ${id}\n`)

/** Takes this long, whatever its signal says. */
export const Record = defineJob({
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
export const Abortable = defineJob({
  name: 'Abortable',
  queue: 'runs',
  async perform(id, ms) {
    begin(id)
    await sleep(ms, undefined, { signal: this.signal })
    end(id)
  },
})

export const Boom = defineJob({
  name: 'Boom',
  queue: 'runs',
  perform(id) {
    begin(id)
    end(id)
    throw new Error(`${id} failed, as it should.`)
  },
})

/** Not again, when its worker dies. */
export const AtMostOnce = defineJob({
  name: 'AtMostOnce',
  queue: 'runs',
  onWorkerDeath: 'fail',
  perform: begin,
})

/** Keeps the event loop busy for this long. */
export const Spin = defineJob({
  name: 'Spin',
  queue: 'runs',
  perform(id, ms) {
    begin(id)
    const until = performance.now() + ms
    while (performance.now() < until);
    end(id)
  },
})
