/**
 * `resque remove`: failed jobs are deleted; or a worker is unregistered, as Ruby's command has it.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, type Call, failureBackendOption, redisAction } from '../command.js'
import { Failure, Misuse, suggestion } from '../errors.js'
import {
  addFailedFilter,
  checkSelection,
  type FailedFilterFlags,
  filterOf,
  goneFailure,
  isFailedRef,
  readFailedRef,
} from '../failed-filter.js'
import { counted, plain } from '../output.js'
import { withProgress } from '../progress.js'

interface Flags extends FailedFilterFlags {
  all?: boolean
  retried?: boolean
}

export function addRemove(program: Command): void {
  const command = addCommand(program, 'remove', {
    summary: 'Delete failed jobs, or unregister a worker',
    details:
      'A worker id is host:pid:queues. To unregister does not end the process (a live worker of this package registers\n' +
      'again); a job that it holds goes to failed as a DirtyExit.',
    examples: [
      'resque remove 12.9f86d081884c7d65@failed',
      'resque remove web-1:4711:mail',
      'resque remove --retried',
    ],
  })
    .argument('[id...]', 'refs of failed jobs, or ids of workers')
    .option('--all', 'every failed job that the filters below let through')
    .option('--retried', 'as --all, but only those that were put back')
  addFailedFilter(command).addOption(failureBackendOption())
  addCommonOptions(command).action(
    redisAction<Flags>(async (call) => {
      const { flags, args, out } = call
      const selectsAll = flags.all === true || flags.retried === true
      checkSelection(args, selectsAll, flags, 'refs of failed jobs, ids of workers, --all or --retried')
      if (selectsAll) await removeAll(call)
      else {
        const removed: string[] = []
        try {
          for (const id of args) {
            await removeOne(call, id)
            removed.push(id)
            if (!out.isJson) out.line(`** removed ${plain(id)}`)
          }
        } finally {
          if (out.isJson) out.json({ removed })
        }
      }
    }),
  )
}

async function removeAll({ resque, flags, out }: Call<Flags>): Promise<void> {
  const filter = { ...filterOf(flags), onlyRetried: flags.retried === true }
  const removed = await withProgress('Removing', (progress) => resque.failed.removeAll(filter, progress))
  out.say(`Removed ${counted(removed, 'failed job')}.`, { removed })
}

async function removeOne({ resque }: Call<Flags>, id: string): Promise<void> {
  if (isFailedRef(id)) {
    if (!(await resque.failed.remove(readFailedRef(id)))) throw goneFailure([id])
    return
  }
  if (!isWorkerId(id)) {
    throw new Misuse(
      `Expected the ref of a failed job (12.9f86d081884c7d65@failed) or the id of a worker (host:pid:queues), got "${id}".`,
    )
  }
  if (!(await resque.removeWorker(id))) throw unknownWorker(id, await resque.store.workers.ids())
}

function isWorkerId(text: string): boolean {
  return /^[^:]+:[^:]+:./s.test(text)
}

export function unknownWorker(id: string, known: readonly string[]): Failure {
  return new Failure(`There is no worker "${id}".${suggestion(id, known) || ' resque list shows the ids.'}`)
}
