/**
 * How calls name failed jobs: by ref, or all that a filter lets through.
 */
import type { Command } from 'commander'
import type { FailedFilter } from '../failure/failed.js'
import { readRef } from '../store/records.js'
import { Failure, Misuse } from './errors.js'

export interface FailedFilterFlags {
  class?: string
  queue?: string
  list?: string
}

export function addFailedFilter(command: Command): Command {
  return command
    .option('--class <name>', 'only jobs of this class')
    .option('--queue <name>', 'only jobs that came from this queue')
    .option('--list <name>', 'only this failed list, such as mail_failed (of the backend redis_multi_queue)')
}

export function filterOf({ class: name, queue, list }: FailedFilterFlags): FailedFilter {
  return { class: name, queue, list }
}

/** Whether `text` has the form of a ref, or of a place in the list. */
export function isFailedRef(text: string): boolean {
  return /^\d+$/.test(text) || readRef(text) !== undefined
}

export function readFailedRef(text: string): string | number {
  if (/^\d+$/.test(text)) return Number(text)
  if (readRef(text)) return text
  throw new Misuse(
    `Expected the ref of a failed job, such as 12.9f86d081884c7d65@failed, got "${text}". resque failed lists them.`,
  )
}

/** Refs or --all: exactly one of the two, and filters only with --all. */
export function checkSelection(
  refs: readonly string[],
  selectsAll: boolean,
  flags: FailedFilterFlags,
  what: string,
): void {
  if (refs.length === 0 && !selectsAll)
    throw new Misuse(`Expected ${what}, got nothing. resque failed lists the refs.`)
  if (refs.length > 0 && selectsAll) throw new Misuse(`Expected ${what}, got both.`)
  const filter = (['class', 'queue', 'list'] as const).find((name) => flags[name] !== undefined)
  if (filter !== undefined && !selectsAll)
    throw new Misuse(`--${filter} goes with --all, which was not given.`)
}

export function goneFailure(refs: readonly string[]): Failure {
  const which =
    refs.length === 1
      ? `There is no failed job ${refs[0]}`
      : `These failed jobs do not exist: ${refs.join(', ')}`
  return new Failure(`${which} (any more).`)
}
