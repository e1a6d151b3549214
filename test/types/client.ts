// Compiled, never run: what the client takes and gives. A line after @ts-expect-error must not compile.

import { Redis } from 'ioredis'
import { type FailedJob, type JobPayload, type QueuedJob, Resque } from 'resque-ts'

export const clients = [
  new Resque(),
  new Resque({ redis: 'redis://127.0.0.1:6379', namespace: 'app' }),
  new Resque({ redis: 'localhost:6379:2/app' }),
  new Resque({ redis: { host: 'h', port: 1, tls: { ca: Buffer.from('') }, keepAlive: 5 } }),
  new Resque({ redis: new Redis({ lazyConnect: true }) }),
  new Resque({ inline: true, maxPayloadBytes: 1_000, commandTimeoutMs: 500 }),
  // @ts-expect-error no such option
  new Resque({ namespcae: 'app' }),
  // @ts-expect-error a number is no address
  new Resque({ redis: 6379 }),
]

export async function look(resque: Resque): Promise<(QueuedJob | FailedJob)[]> {
  const jobs: QueuedJob[] = await resque.peek('q', 0, 20)
  const [first] = jobs
  // @ts-expect-error there may be none
  first.class
  const taken = await resque.reserve('q')
  // @ts-expect-error the queue may be empty
  taken.queue
  const failed = await resque.failed.all(0, 20, { class: 'A', order: 'desc' })
  // @ts-expect-error no such order
  await resque.failed.all(0, 20, { order: 'newest' })
  const job = failed[0]
  if (job) {
    await resque.failed.requeue(job)
    await resque.failed.requeue(job.ref, { queue: 'other' })
    await resque.failed.remove(0)
  }
  for (const worker of await resque.workers()) {
    // @ts-expect-error it may be idle
    worker.job.queue
    if (worker.kind !== 'ruby') worker.kind.deadAfterMs.toFixed()
  }
  return [...jobs, ...failed]
}

export async function push(resque: Resque): Promise<void> {
  const payload: JobPayload = { class: 'A', args: [1, { b: [null, 'c'] }], id: 'x' }
  await resque.push('q', payload)
  await resque.push('q', { class: 'A' })
  // @ts-expect-error a payload has a class
  await resque.push('q', { args: [] })
  // @ts-expect-error JSON has no dates
  await resque.push('q', { class: 'A', args: [new Date()] })
}

export async function dispose(): Promise<void> {
  await using resque = new Resque()
  await resque.queues()
}
