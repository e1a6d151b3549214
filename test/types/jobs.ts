// Compiled, never run: how jobs, their hooks and their plugins are typed. A line after @ts-expect-error must not compile.

import { defineJob, type JobContext, type Plugin, Resque } from 'resque-ts'
import { Worker } from 'resque-ts/worker'

/** In a perform, `this` is the context of the running job. */
export const Context = defineJob({
  name: 'Context',
  async perform(id: number) {
    this.signal.throwIfAborted()
    this.log.info({ id, attempt: this.attempt }, this.queue)
    // @ts-expect-error there is no such member
    this.queues
  },
})

/** Spelled out it is the same. */
export const Explicit = defineJob({
  name: 'Explicit',
  perform(this: JobContext, id: number) {
    return [this.workerId, id]
  },
})

/** Hooks take the arguments of their job, in all their spellings. */
export const Hooked = defineJob({
  name: 'Hooked',
  queue: 'q',
  beforeEnqueue(id, how) {
    return id > 0 && how === 'fast'
  },
  after_enqueue_log: (id) => id.toFixed(),
  beforeDequeue: (id, how) => [id?.toFixed(), how?.length],
  before_perform: [(id) => id.toFixed(), async (_id, how) => how.length],
  async aroundPerformTimed(next, id, how) {
    await next()
    return [id.toFixed(), how.length]
  },
  afterPerform: (_id, how) => how.toUpperCase(),
  onFailure(error, id) {
    // @ts-expect-error anything can be thrown
    error.message
    return id.toFixed()
  },
  perform(_id: number, _how: 'fast' | 'slow') {},
})

// @ts-expect-error the first argument is a number
defineJob({
  name: 'WrongHook',
  before_perform: (id: string) => id,
  perform(_id: number) {},
})
// @ts-expect-error next comes first
defineJob({
  name: 'WrongAround',
  aroundPerform: (id: number) => id,
  perform(_id: number) {},
})
// @ts-expect-error a hook is a function
defineJob({
  name: 'NoHook',
  onFailure: 'log it',
  perform() {},
})

// @ts-expect-error a job has a name
defineJob({ perform() {} })
// @ts-expect-error a job has a perform
defineJob({ name: 'Empty' })
defineJob({
  name: 'Settings',
  // @ts-expect-error a duration is a number
  timeoutMs: '5s',
  perform() {},
})
defineJob({
  name: 'Untyped',
  // @ts-expect-error an argument needs a type
  perform(_id) {},
})

/** Members of one's own are kept. */
const Own = defineJob({ name: 'Own', retries: 3, perform() {} })
export const retries: number = Own.retries
// @ts-expect-error a defined job cannot be changed
Own.retries = 4

/** A plugin serves jobs of any arguments, or of some. */
const logging: Plugin = { name: 'logging', before_perform_log: (...args: unknown[]) => args.length }
const numbered: Plugin<[id: number]> = { afterPerform: (id) => id.toFixed() }
export const Plugged = defineJob({ name: 'Plugged', plugins: [logging, numbered], perform(_id: number) {} })

class Thumbnail {
  static queue = 'images'
  static perform(id: number) {
    return id
  }
}
class Nothing {
  static queue = 'images'
}

const resque = new Resque()
export const workers = [
  new Worker({ resque, queues: '*', jobs: [Context, Explicit, Hooked, Own, Plugged, Thumbnail] }),
  new Worker({
    resque,
    queues: ['a', 'b'],
    jobs: [],
    concurrency: 5,
    hooks: { beforeFork: (job) => job.class },
  }),
  // @ts-expect-error a class without a perform is no job
  new Worker({ resque, queues: '*', jobs: [Nothing] }),
  // @ts-expect-error no such option
  new Worker({ resque, queues: '*', jobs: [], concurency: 5 }),
  // @ts-expect-error a worker has queues
  new Worker({ resque, jobs: [] }),
]
