/**
 * `resque clear`: deletes much at once, and asks before.
 */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { addCommand, addCommonOptions, failureBackendOption, redisAction } from '../command.js'
import { Failure, Misuse, suggestion } from '../errors.js'
import { knownQueue } from '../known-queue.js'
import { counted } from '../output.js'

interface Flags {
  yes?: boolean
  list?: string
}

export function addClear(program: Command): void {
  const clear = addCommand(program, 'clear', {
    summary: 'Delete all failed jobs, a queue with its jobs, or a counter',
    details: 'It asks first. Where nobody can answer, it wants --yes.',
    examples: ['resque clear failed', 'resque clear queue mail --yes', 'resque clear stat failed'],
  }).enablePositionalOptions()
  addCommonOptions(clear)
  addClearFailed(clear)
  addClearQueue(clear)
  addClearStat(clear)
}

function addClearFailed(clear: Command): void {
  const command = addCommand(clear, 'failed', {
    summary: 'Delete all failed jobs; their counter stays',
    examples: [
      'resque clear failed --yes',
      'resque clear failed --list mail_failed --failure-backend redis_multi_queue',
    ],
  })
    .option('--list <name>', 'only this failed list')
    .option('--yes', 'do not ask')
    .addOption(failureBackendOption())
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags }) => {
      const lists = await resque.failed.lists()
      if (flags.list !== undefined && !lists.includes(flags.list)) {
        throw new Misuse(`There is no failed list "${flags.list}".${suggestion(flags.list, lists)}`)
      }
      const count = await resque.failed.count({ list: flags.list })
      await confirm(
        flags,
        `Delete ${counted(count, 'failed job')}${flags.list === undefined ? '' : ` of ${flags.list}`}?`,
      )
      await resque.failed.clear(flags.list)
      out.say(`Deleted ${counted(count, 'failed job')}.`, { removed: count })
    }),
  )
}

function addClearQueue(clear: Command): void {
  const command = addCommand(clear, 'queue', {
    summary: 'Delete a queue with all jobs that wait in it',
    examples: ['resque clear queue mail', 'resque clear queue mail --yes --json'],
  })
    .argument('<name>', 'the name of a queue')
    .option('--yes', 'do not ask')
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args: [name = ''] }) => {
      const queue = await knownQueue(resque, name)
      const count = await resque.size(queue)
      await confirm(flags, `Delete the queue ${queue} with ${counted(count, 'job')}?`)
      await resque.removeQueue(queue)
      out.say(`Deleted the queue ${queue} with ${counted(count, 'job')}.`, { queue, removed: count })
    }),
  )
}

function addClearStat(clear: Command): void {
  const command = addCommand(clear, 'stat', {
    summary: 'Set a counter to 0',
    examples: ['resque clear stat failed', 'resque clear stat processed --yes'],
  })
    .argument('<name>', 'the name of a counter, such as processed or failed')
    .option('--yes', 'do not ask')
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args: [name = ''] }) => {
      const value = await resque.stats.get(name)
      await confirm(flags, `Set the counter ${name} from ${value.toLocaleString('en')} to 0?`)
      await resque.stats.clear(name)
      out.say(`Set the counter ${name} to 0; it was ${value.toLocaleString('en')}.`, {
        stat: name,
        was: value,
      })
    }),
  )
}

async function confirm({ yes }: Flags, question: string): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Misuse('This deletes, and nobody can be asked here: add --yes if it is meant.')
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const interrupted = new Promise<string>((resolve) => terminal.once('close', () => resolve('\n')))
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), interrupted])
    // Ctrl-C, or the end of the input, leave the line unfinished.
    if (answer === '\n') process.stderr.write(answer)
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('Nothing was deleted.')
  } finally {
    terminal.close()
  }
}
