/**
 * `resque failed`: the failed jobs, and one of them in full.
 */
import type { Command } from 'commander'
import type { FailedJob } from '../../store/records.js'
import {
  addCommand,
  addCommonOptions,
  failureBackendOption,
  oneOf,
  redisAction,
  wholeNumber,
} from '../command.js'
import { Misuse, suggestion } from '../errors.js'
import {
  addFailedFilter,
  type FailedFilterFlags,
  filterOf,
  goneFailure,
  readFailedRef,
} from '../failed-filter.js'
import { ageOf, type Column, counted, type Output, plain } from '../output.js'

interface Flags extends FailedFilterFlags {
  limit: number
  offset: number
  order: 'asc' | 'desc'
}

export function addFailed(program: Command): void {
  const command = addCommand(program, 'failed', {
    summary: 'List the failed jobs, or show one in full: failed show <ref>',
    details: 'The ref names one entry for sure, also after others were removed. retry and remove take it.',
    examples: ['resque failed --class Archive --limit 50', 'resque failed show 12.9f86d081884c7d65@failed'],
  })
  addFailedFilter(command)
    .option('--limit <n>', 'how many to list', wholeNumber(1), 20)
    .option('--offset <n>', 'how many to skip', wholeNumber(0), 0)
    .option(
      '--order <order>',
      'asc: oldest first; desc: newest first',
      oneOf(['asc', 'desc'] as const),
      'desc',
    )
    .addOption(failureBackendOption())
    .allowExcessArguments()
    .enablePositionalOptions()
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args }) => {
      const [word] = args
      if (word !== undefined)
        throw new Misuse(
          `Expected nothing or "show" after failed, got "${word}".${suggestion(word, ['show'])}`,
        )
      const { limit, offset, order } = flags
      const filter = filterOf(flags)
      const jobs = await resque.failed.all(offset, limit, { ...filter, order })
      if (out.isJson) {
        out.json(jobs.map(toJson))
        return
      }
      // Counting what a filter lets through reads everything; a full page needs it, to tell whether there is more.
      const total = jobs.length < limit ? offset + jobs.length : await resque.failed.count(filter)
      if (jobs.length === 0) out.line(offset > 0 ? 'No failed jobs there.' : 'There are no failed jobs.')
      else list(out, jobs)
      if (offset + jobs.length < total) {
        out.line(
          out.style(
            'dim',
            `${jobs.length} of ${counted(total, 'failed job')}. More: --offset ${offset + jobs.length}`,
          ),
        )
      }
    }),
  )
  addShow(command)
}

function addShow(failed: Command): void {
  const show = addCommand(failed, 'show', {
    summary: 'Show one failed job in full, with its backtrace',
    examples: ['resque failed show 12.9f86d081884c7d65@failed', 'resque failed show 0 --json   # the oldest'],
  })
    .argument(
      '<ref>',
      'as listed by resque failed; a number alone is the place in the list "failed", 0 the oldest',
    )
    .addOption(failureBackendOption())
  addCommonOptions(show).action(
    redisAction(async ({ resque, out, args: [text = ''] }) => {
      const job = await resque.failed.get(readFailedRef(text))
      if (!job) throw goneFailure([text])
      if (out.isJson) out.json(toJson(job))
      else showOne(out, job)
    }),
  )
}

function list(out: Output, jobs: readonly FailedJob[]): void {
  const retried: Column<FailedJob> = {
    title: 'retried',
    of: (job) => (job.retriedAt === undefined ? '' : ago(job.retriedAt)),
  }
  out.table(
    [
      { title: 'ref', of: (job) => job.ref },
      { title: 'failed', of: (job) => ago(job.failedAt) },
      { title: 'queue', of: (job) => job.queue, isFlexible: true },
      { title: 'class', of: (job) => job.class || '(not a job)', isFlexible: true },
      { title: 'args', of: (job) => JSON.stringify(job.args), isFlexible: true },
      {
        title: 'error',
        of: (job) => [job.exception, job.error].filter(Boolean).join(': '),
        isFlexible: true,
        style: () => 'red',
      },
      ...(jobs.some((job) => job.retriedAt !== undefined) ? [retried] : []),
    ],
    jobs,
  )
}

/** As it stands there where it cannot be told: Ruby writes zones that only it can read. */
function ago(time: string): string {
  const at = Date.parse(time)
  return Number.isNaN(at) ? time : `${ageOf(Math.max(0, (Date.now() - at) / 1_000))} ago`
}

function showOne(out: Output, job: FailedJob): void {
  const lines: [string, string][] = [
    ['ref', job.ref],
    ['class', job.class || '(not a job)'],
    ['queue', job.queue],
    ['failed at', job.failedAt],
    ...(job.retriedAt === undefined ? [] : [['retried at', job.retriedAt] as [string, string]]),
    ['worker', job.worker],
    ['payload', job.payload.toString()],
    ['exception', job.exception],
    ['error', job.error],
  ]
  for (const [name, value] of lines) {
    const text = plain(value)
    out.line(
      `${name.padEnd(10)}  ${name === 'exception' || name === 'error' ? out.style('red', text) : text}`,
    )
  }
  if (job.backtrace.length > 0) out.line('backtrace')
  for (const frame of job.backtrace) out.line(out.style('dim', `  ${plain(frame)}`))
}

function toJson({ text: _text, payload, ...job }: FailedJob) {
  return { ...job, retriedAt: job.retriedAt ?? null, payload: payload.toString() }
}
