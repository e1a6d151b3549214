/**
 * The jobs of `resque demo`. They do small real work on the files of this package, and some go wrong on purpose.
 * A worker can have them by `--require`; each takes its number in the demo first.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { defineJob } from '../../job.js'
import { isFirstTry, note } from './ledger.js'

/** The folder of this package; paths in arguments are relative to it. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url))

const ledger = {
  name: 'ledger',
  async aroundPerformLedger(next: () => Promise<unknown>, ...args: unknown[]) {
    note('start', Number(args[0]))
    await next()
    note('done', Number(args[0]))
  },
}
const plugins = [ledger]

/** The SHA-256 of a file. */
export const HashFile = defineJob({
  name: 'HashFile',
  queue: 'files',
  plugins,
  async perform(_id: number, path: string) {
    return createHash('sha256')
      .update(await readFile(`${packageRoot}${path}`))
      .digest('hex')
  },
})

/** How many words a text has. */
export const CountWords = defineJob({
  name: 'CountWords',
  queue: 'docs',
  plugins,
  async perform(_id: number, path: string) {
    const text = await readFile(`${packageRoot}${path}`, 'utf8')
    return text.split(/\s+/).filter(Boolean).length
  },
})

/** Reads a file as JSON, whether it is or not. */
export const ReadSettings = defineJob({
  name: 'ReadSettings',
  queue: 'docs',
  plugins,
  async perform(_id: number, path: string) {
    return JSON.parse(await readFile(`${packageRoot}${path}`, 'utf8'))
  },
})

/** Takes its time, and stops when it is told to. */
export const BuildReport = defineJob({
  name: 'BuildReport',
  queue: 'reports',
  plugins,
  async perform(_id: number, ms: number) {
    await sleep(ms, undefined, { signal: this.signal })
  },
})

/** Takes more time than it has. */
export const BuildHugeReport = defineJob({
  name: 'BuildHugeReport',
  queue: 'reports',
  timeoutMs: 250,
  plugins,
  async perform(_id: number, ms: number) {
    await sleep(ms, undefined, { signal: this.signal })
  },
})

class MailServerError extends Error {
  override readonly name = 'MailServerError'
}

/** Fails at its first try, and succeeds at every later one. */
export const SendMail = defineJob({
  name: 'SendMail',
  queue: 'mail',
  plugins,
  async perform(id: number, _to: string) {
    if (isFirstTry(id)) throw new MailServerError('The mail server is busy. Try again later.')
  },
})

/** Kills the process it runs in, once. */
export const CrashOnce = defineJob({
  name: 'CrashOnce',
  queue: 'critical',
  plugins,
  async perform(_id: number) {
    if (this.attempt > 1) return
    process.kill(process.pid, 'SIGKILL')
    await sleep(10_000)
  },
})
