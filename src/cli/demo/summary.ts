/**
 * The demo's result: numbers, and the table that shows them.
 */
import { counted, type Output, plain } from '../output.js'
import type { Accounts } from './accounts.js'

export interface Result {
  isComplete: boolean
  /** How often somebody did something on the pages: what that changed cannot be held to account. */
  actions: number
  jobs: number
  processed: number
  failed: number
  failedBy: Record<string, number>
  retried: number
  doneAtRetry: number
  /** Worker processes that died, and their jobs that were put back. */
  workersKilled: number
  recovered: number
  /** Of the jobs that were placed all at once; null if there were too few to tell. */
  burst: { jobs: number; perSecond: number } | null
  /** From enqueue to start, of the jobs that were placed in calm; null if there were none. */
  latencyMs: { jobs: number; median: number; p99: number } | null
  durationMs: number
  missing: string[]
}

export function showResult(out: Output, result: Result, { failedBy }: Accounts): void {
  if (out.isJson) {
    out.json(result)
    return
  }
  const rows: [string, string, string][] = [
    ['jobs placed', number(result.jobs), ''],
    [
      'processed',
      number(result.processed),
      result.retried > 0 ? `${counted(result.retried, 'job')} twice: they were retried` : '',
    ],
    ['failed', number(result.failed), ''],
    ...[...failedBy]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([name, { count, error }]): [string, string, string] => [`  ${name}`, number(count), error]),
    ['retried', number(result.retried), `${number(result.doneAtRetry)} done at the second try`],
    ['recovered', number(result.recovered), `from ${counted(result.workersKilled, 'worker')} killed at work`],
  ]
  if (result.burst)
    rows.push([
      'jobs per second',
      number(result.burst.perSecond),
      `${counted(result.burst.jobs, 'job')} placed at once`,
    ])
  if (result.latencyMs) {
    const { median, p99, jobs } = result.latencyMs
    rows.push([
      'enqueue to start',
      `${milliseconds(median)}`,
      `median; p99 ${milliseconds(p99)} (${counted(jobs, 'job')} placed in calm)`,
    ])
  }
  out.line()
  const [first, second] = [0, 1].map((i) => Math.max(...rows.map((row) => (row[i] as string).length))) as [
    number,
    number,
  ]
  const room = (process.stdout.columns ?? 120) - first - second - 6
  for (const [name, value, remark] of rows) {
    const shown = plain(remark)
    const cut = shown.length > room ? `${shown.slice(0, Math.max(0, room - 1))}…` : shown
    out.line(`  ${name.padEnd(first)}  ${value.padStart(second)}  ${out.style('dim', cut)}`.trimEnd())
  }
  out.line()
  if (result.actions > 0) {
    out.line(`${counted(result.actions, 'action')} on the pages: what they changed is not held to account.`)
    return
  }
  if (result.isComplete) {
    out.line(
      out.style('green', `Every job is accounted for, in ${(result.durationMs / 1_000).toFixed(1)} s.`),
    )
    return
  }
  out.line(out.style('red', `Not every job is accounted for:`))
  for (const sentence of result.missing.slice(0, 10)) out.line(`  ${plain(sentence)}`)
  if (result.missing.length > 10) out.line(`  … and ${number(result.missing.length - 10)} more`)
}

export function percentile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${number(value)} ms`
}
