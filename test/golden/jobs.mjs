// The jobs of the recorder, in JavaScript. Child processes load this file too, so it is not TypeScript.
// What a job notes goes to the list `resque:test:log` of the Redis that GOLDEN_REDIS names, as the recorder's did.

import { once } from 'node:events'
import { Resque, TermException } from 'resque-ts'

/** Ruby's `BoomError`. */
class BoomError extends Error {}

/** What Ruby's `raise "…"` makes. */
class RuntimeError extends Error {}

/** @type {Resque | undefined} */
let resque

/** @param {string} name @param {(string | number)[]} args */
function send(name, ...args) {
  resque ??= new Resque({ redis: process.env.GOLDEN_REDIS ?? '' })
  return resque.store.connection.send(name, args)
}

/** @param {string} line */
export function note(line) {
  return send('rpush', 'resque:test:log', line)
}

/** Closes the connection on which was noted. */
export async function stopNoting() {
  await resque?.close()
  resque = undefined
}

/** Where a test pushes something to wake a sleeping job; the job takes it away again. */
export const WAKE = 'golden:wake'

// Ruby's jobs are classes with class methods, and so are these.

/** Does nothing. */
export class OkJob {
  static queue = 'default'
  static perform() {}
}

/** As OkJob, on `low`. */
export class LowJob {
  static queue = 'low'
  static perform() {}
}

/** Fails with a message that is not ASCII. */
export class FailJob {
  static queue = 'default'
  static perform() {
    throw new BoomError('boom: naïve')
  }
}

/** Fails with a message that is no well-formed text: Ruby's has invalid UTF-8 in it, ours a lone surrogate. */
export class BadBytesJob {
  static queue = 'default'
  static perform() {
    throw new BoomError('bad \ud83d bytes')
  }
}

/** Names no queue. */
export class NoQueueJob {
  static perform() {}
}

/** A hook keeps it from being enqueued. */
export class RejectedJob {
  static queue = 'default'
  static before_enqueue_no() {
    return false
  }
  static perform() {}
}

/** Sleeps until it is woken, however long its argument says, and hears no signal. */
export class SleepJob {
  static queue = 'default'
  static async perform() {
    const sleeper = new Resque({ redis: process.env.GOLDEN_REDIS ?? '' })
    try {
      await sleeper.store.connection.send('blpop', [WAKE, 0], 60_000)
    } finally {
      await sleeper.close()
    }
  }
}

/** As SleepJob. In Ruby, where SleepJob dies of TERM, it is this one that does not. */
export class StubbornJob extends SleepJob {}

/** Notes that it was told to stop, and stops. */
export const TermJob = {
  name: 'TermJob',
  queue: 'default',
  /** @this {import('resque-ts').JobContext} */
  async perform() {
    if (!this.signal.aborted) await once(this.signal, 'abort')
    if (this.signal.reason instanceof TermException) await note('TermException rescued by job')
    throw this.signal.reason
  },
}

/** Ends its process, with the status of a failure. */
export class ExitBangJob {
  static queue = 'default'
  static perform() {
    process.exit(3)
  }
}

/** Notes every hook, and fails when its argument is `bad`. Its hooks do not stand in the order in which they run. */
export class HookJob {
  static queue = 'hooked'
  static before_enqueue_b = (...args) => note(`before_enqueue_b ${JSON.stringify(args)}`)
  static before_enqueue_a = (...args) => note(`before_enqueue_a ${JSON.stringify(args)}`)
  static after_enqueue_a = (...args) => note(`after_enqueue_a ${JSON.stringify(args)}`)
  static before_perform_b = (...args) => note(`before_perform_b ${JSON.stringify(args)}`)
  static before_perform_a = (...args) => note(`before_perform_a ${JSON.stringify(args)}`)
  static after_perform_a = (...args) => note(`after_perform_a ${JSON.stringify(args)}`)
  static around_perform_b = (next) => HookJob.noteAround('around_b', next)
  static around_perform_a = (next) => HookJob.noteAround('around_a', next)

  static async on_failure_a(error, ...args) {
    if (await send('exists', 'resque:failed')) await note('the failure was recorded before its hooks had run')
    await note(`on_failure_a ${error.constructor.name} ${JSON.stringify(args)}`)
  }

  static async noteAround(name, next) {
    await note(`${name} in`)
    await next()
    await note(`${name} out`)
  }

  static perform(argument) {
    const noted = note('perform')
    if (argument === 'bad') throw new RuntimeError('hook boom')
    return noted
  }
}
