// What Redis holds before a scenario begins, written as Ruby writes it.

import { redisBackend } from 'resque-ts'
import { idOf } from './ids.js'
import type { Run } from './run.js'

/** Registers a worker that does not exist, as the recorder did: with counters, and with a job if one is given. */
export async function seedWorker(run: Run, id: string, at: Date, payload?: string): Promise<void> {
  const seconds = at.toISOString().slice(0, 19)
  await run.redis.sadd('resque:workers', id)
  await run.redis.set(`resque:worker:${id}:started`, `${seconds.replace('T', ' ')} +0000`)
  await run.redis.hset('resque:workers:heartbeat', id, `${seconds}+00:00`)
  await run.redis.set(`resque:stat:processed:${id}`, '7')
  await run.redis.set(`resque:stat:failed:${id}`, '2')
  if (payload === undefined) return
  const record = `{"queue":"default","run_at":"${seconds}Z","payload":${payload}}`
  await run.redis.set(`resque:worker:${id}`, record)
}

export const anHourAgo = () => new Date(Date.now() - 3_600_000)

/** Saves the three failures with which the recordings of `failed_*` begin, through our own backend. */
export async function seedThreeFailures(run: Run): Promise<void> {
  const jobs = [
    ['OkJob', 'default'],
    ['LowJob', 'low'],
    ['OkJob', 'default'],
  ]
  for (const [i, [name, queue]] of jobs.entries()) {
    const entries = await redisBackend.save({
      failedAt: new Date(),
      payload: `{"class":"${name}","args":[${i}]}`,
      exception: 'BoomError',
      error: `boom ${i}`,
      backtrace: [],
      worker: idOf(1, 'default'),
      queue: queue as string,
    })
    await run.resque.store.failures.append(entries)
  }
}
