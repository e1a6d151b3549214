/**
 * `resque retry`: failed jobs go back to their queues.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, failureBackendOption, redisAction } from '../command.js'
import {
  addFailedFilter,
  checkSelection,
  type FailedFilterFlags,
  filterOf,
  goneFailure,
  readFailedRef,
} from '../failed-filter.js'
import { counted } from '../output.js'
import { withProgress } from '../progress.js'

interface Flags extends FailedFilterFlags {
  all?: boolean
  includeRetried?: boolean
}

export function addRetry(program: Command): void {
  const command = addCommand(program, 'retry', {
    summary: 'Put failed jobs back on their queues',
    details:
      'The payload goes to the end of its queue, exactly as it was; the entry stays among the failed, marked as retried.\n' +
      'With --all those that were put back before are left out.',
    examples: ['resque retry 12.9f86d081884c7d65@failed', 'resque retry --all --class Archive'],
  })
    .argument('[ref...]', 'as listed by resque failed')
    .option('--all', 'every failed job that the filters below let through')
  addFailedFilter(command)
    .option('--include-retried', 'with --all: also those that were put back before')
    .addOption(failureBackendOption())
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args }) => {
      checkSelection(args, flags.all === true, flags, 'refs of failed jobs, or --all')
      const refs = args.map(readFailedRef)
      const missing: string[] = []
      let retried = 0
      if (flags.all) {
        const filter = { ...filterOf(flags), skipRetried: !flags.includeRetried }
        retried = await withProgress('Putting back', (progress) => resque.failed.requeueAll(filter, progress))
      }
      for (const [i, ref] of refs.entries()) {
        if (await resque.failed.requeue(ref)) retried++
        else missing.push(args[i] as string)
      }
      out.say(`Put back ${counted(retried, 'failed job')}.`, { retried, missing })
      if (missing.length > 0) throw goneFailure(missing)
    }),
  )
}
