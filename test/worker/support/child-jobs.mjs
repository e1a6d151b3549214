// Jobs for child processes, in JavaScript: a child loads them by name.

import { appendFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { currentJob, defineJob, defineWorkerHooks, Resque } from 'resque-ts'

const note = (file, text) => appendFileSync(file, `${text}\n`)

export const Note = defineJob({
  name: 'Note',
  queue: 'q',
  async perform(file, text) {
    note(file, `${text} ${process.pid}`)
  },
})

export const Tell = defineJob({
  name: 'Tell',
  queue: 'q',
  async perform(file) {
    const { class: name, queue, payload, workerId, attempt } = this
    const isCurrent = currentJob() === this
    note(file, JSON.stringify({ name, queue, payload, workerId, attempt, isCurrent, title: process.title }))
    this.log.info({ answer: 42 }, 'said by the job')
    process.stdout.write('half a ')
    process.stdout.write('line\n')
    process.stderr.write('to stderr\n')
  },
})

export const Hooked = defineJob({
  name: 'Hooked',
  queue: 'q',
  beforePerform: (file) => note(file, 'before'),
  aroundPerform: async (next, file) => {
    note(file, 'around in')
    await next()
    note(file, 'around out')
  },
  afterPerform: (file) => note(file, 'after'),
  onFailure: (error, file) => note(file, `failed ${error.message}`),
  async perform(file, fails) {
    note(file, 'perform')
    if (fails) throw new RangeError('on purpose')
  },
})

export const Exit = defineJob({
  name: 'Exit',
  queue: 'q',
  async perform(code) {
    process.exit(code)
  },
})

export const Die = defineJob({
  name: 'Die',
  queue: 'q',
  onFailure: (error, _signal, file) => file && note(file, `${process.pid} ${error.message}`),
  async perform(signal) {
    process.kill(process.pid, signal)
    await delay(60_000)
  },
})

export const Throw = defineJob({
  name: 'Throw',
  queue: 'q',
  async perform() {
    setImmediate(() => {
      throw new Error('nobody catches this')
    })
    await delay(60_000)
  },
})

export const Gorge = defineJob({
  name: 'Gorge',
  queue: 'q',
  perform() {
    const held = []
    for (;;) held.push(new Array(1_000_000).fill(Math.random()))
  },
})

export const Spin = defineJob({
  name: 'Spin',
  queue: 'q',
  timeoutMs: 200,
  perform() {
    for (;;);
  },
})

/** Busy without a timeout, so that its event loop never turns. */
export const Block = defineJob({
  name: 'Block',
  queue: 'q',
  perform(file) {
    note(file, `blocked ${process.pid}`)
    for (;;);
  },
})

export const Wait = defineJob({
  name: 'Wait',
  queue: 'q',
  async perform(file) {
    note(file, `waiting ${process.pid}`)
    await delay(60_000, undefined, { signal: this.signal })
  },
})

/** Heeds TERM only after a while. */
export const Reluctant = defineJob({
  name: 'Reluctant',
  queue: 'q',
  async perform(file) {
    note(file, `reluctant ${process.pid}`)
    await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
    await delay(100)
  },
})

export const Rest = defineJob({ name: 'Rest', queue: 'q', perform: (ms) => delay(ms) })

export const Limited = defineJob({ name: 'Limited', queue: 'q', timeoutMs: 500, perform: (ms) => delay(ms) })

const print = (name) =>
  defineJob({
    name,
    queue: 'q',
    perform() {
      process.stdout.write(`printed by ${name}\n`)
      process.stderr.write(`printed by ${name}\n`)
    },
  })
export const PrintA = print('PrintA')
export const PrintB = print('PrintB')

/** Notes whether the Redis client is loaded, before and after it uses it. */
export const Connect = defineJob({
  name: 'Connect',
  queue: 'q',
  async perform(file, redis) {
    const isLoaded = () =>
      Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('/ioredis/'))
    note(file, isLoaded())
    const resque = new Resque({ redis })
    await resque.enqueueTo('other', 'FromChild', 1)
    note(file, await resque.size('other'))
    await resque.close()
    note(file, isLoaded())
  },
})

export const Here = defineJob({
  name: 'Here',
  queue: 'q',
  isolation: 'none',
  async perform(file) {
    note(file, `here ${process.pid}`)
  },
})

export const hooks = defineWorkerHooks({
  afterFork: ({ args }) => {
    if (args[2] === 'afterFork') note(args[0], `afterFork ${process.pid}`)
  },
})
