/**
 * The log of a worker on stdout: lines for people on a terminal, JSON lines elsewhere, or Ruby Resque's own two
 * forms (protocol 6.9).
 */
import { styleText } from 'node:util'
import { destination, pino, stdTimeFunctions } from 'pino'
import type { Logger } from '../context.js'
import { channels, type JobFinishedEvent, type JobStartedEvent } from '../events.js'
import { readJob } from '../job.js'
import { plain, usesColour } from './output.js'

export type LogFormat = 'pretty' | 'json' | 'ruby'

export interface LogOptions {
  level: 'debug' | 'info' | 'error'
  /** Undefined: `pretty` on a terminal, else `json`. */
  format: LogFormat | undefined
  /** A line for each job that was taken and done, as Ruby has them. */
  showsJobs: boolean
}

/** What pino writes, read back. */
interface Line {
  level: number
  time: string
  msg?: string
  err?: { type?: string; message?: string; stack?: string }
}

/** Written at once, so that the last words before an exit, or a kill, are not lost. */
export function makeLogger({ level, format, showsJobs }: LogOptions): Logger {
  const stdout = destination({ dest: 1, sync: true })
  const form = format ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const options = { level, timestamp: stdTimeFunctions.isoTime }
  const write = form === 'ruby' ? (level === 'debug' ? veryVerbose : verbose) : pretty
  const log: Logger =
    form === 'json'
      ? pino(options, stdout)
      : pino(options, { write: (text: string) => stdout.write(`${write(JSON.parse(text) as Line)}\n`) })
  if (showsJobs) showJobs(log, level === 'debug')
  return log
}

/** Ruby's `VerboseFormatter`. */
function verbose({ msg }: Line): string {
  return `*** ${plain(msg ?? '')}`
}

/** Ruby's `VeryVerboseFormatter`. */
function veryVerbose({ msg, time }: Line): string {
  const at = new Date(time)
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `** [${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${date}] ${process.pid}: ${plain(msg ?? '')}`
}

const levels: Record<number, [name: string, style: 'red' | 'yellow' | 'green' | 'dim']> = {
  20: ['debug', 'dim'],
  30: ['info', 'green'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
}

function pretty({ level, time, msg, err }: Line): string {
  const [name, style] = levels[level] ?? ['fatal', 'red']
  const at = new Date(time).toTimeString().slice(0, 8)
  const colour = (format: typeof style, text: string) =>
    usesColour(process.stdout) ? styleText(format, text, { validateStream: false }) : text
  const line = `${colour('dim', at)} ${colour(style, name.padEnd(5))} ${plain(msg ?? '')}`
  const frames = level >= 50 ? framesOf(err?.stack ?? '') : []
  return [
    line,
    ...frames.slice(0, 6).map((frame) => colour('dim', `               ${plain(frame.trim())}`)),
  ].join('\n')
}

const ownCode = new URL('../', import.meta.url).href

/** The frames up to this package's own. */
function framesOf(stack: string): string[] {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  const own = frames.findIndex((frame) => frame.includes(ownCode))
  return own < 0 ? frames : frames.slice(0, own)
}

/** Ruby's lines for each job. Arguments may be nobody's business: they show at level debug only, where Ruby has them at info. */
function showJobs(log: Logger, withArguments: boolean): void {
  const show = (event: JobStartedEvent) => {
    const job = readJob(event.payload)
    const args = job instanceof Error || !withArguments ? '' : ` | ${JSON.stringify(job.args)}`
    return `(Job{${event.queue}} | ${event.class || 'No Name'}${args})`
  }
  const fields = ({ workerId, queue, class: name }: JobStartedEvent) => ({ workerId, queue, class: name })
  channels.jobStarted.subscribe((message) => {
    const event = message as JobStartedEvent
    log.info(fields(event), `got: ${show(event)}`)
  })
  channels.jobFinished.subscribe((message) => {
    const event = message as JobFinishedEvent
    const { outcome, durationMs } = event
    // The worker itself tells of failures.
    if (outcome !== 'failed')
      log.info({ ...fields(event), outcome, durationMs }, `${outcome}: ${show(event)}`)
  })
}
