// Our side of the jobs that both sides know: same names, same queues as in ../ruby/jobs.rb. What a job saw it appends to
// the list interop:seen; what it waits for is a key, so that a test decides when it ends. Plain JavaScript, since worker
// processes load it with --require; these find Redis in INTEROP_REDIS, and end with the test that started them.
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { currentJob, defineJob } from 'resque-ts'

/** The jobs, with a connection to this Redis. */
export function interopJobs(url) {
  let client
  const redis = () => {
    client ??= new Redis(url)
    return client
  }
  const see = async (more) => {
    const { class: name, payload, workerId } = currentJob()
    const record = await redis().get(`resque:worker:${workerId}`)
    const entry = { by: 'ours', pid: process.pid, class: name, payload, record, ...more }
    await redis().rpush('interop:seen', JSON.stringify(entry))
  }
  const echo = { queue: 'echo', perform: (...args) => see({ args }) }
  const jobs = [
    defineJob({ name: 'Echo', ...echo }),
    defineJob({ name: 'Other', ...echo }),
    defineJob({
      name: 'Boom',
      queue: 'boom',
      perform(...args) {
        throw new RangeError(`boom with ${args.length}`)
      },
    }),
    defineJob({
      name: 'Hold',
      queue: 'hold',
      async perform(...args) {
        await see({ args })
        while (!(await redis().exists('interop:release'))) await delay(20, undefined, { signal: this.signal })
      },
    }),
    defineJob({
      name: 'Block', // the event loop, for as long as this file exists
      queue: 'block',
      async perform(file) {
        await see({ args: [file] })
        const cell = new Int32Array(new SharedArrayBuffer(4))
        while (existsSync(file)) Atomics.wait(cell, 0, 0, 10)
      },
    }),
    defineJob({ name: 'Noop', queue: 'noop', perform: () => redis().incr('interop:noops') }),
  ]
  return { jobs, close: () => client?.disconnect() }
}

/** For --require. */
export const jobs = process.env.INTEROP_REDIS ? interopJobs(process.env.INTEROP_REDIS).jobs : []

if (process.env.INTEROP_REDIS) {
  // The test holds the other end: when it is gone, so is this process.
  process.stdin.on('end', () => process.exit(1)).resume()
  process.stdin.unref?.()
}
