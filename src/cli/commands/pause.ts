/**
 * `resque pause` and `resque resume`: whether jobs are taken from a queue, or at all.
 */
import { hostname, userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Resque } from '../../resque.js'
import { QueueList } from '../../worker/queue-list.js'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { Misuse } from '../errors.js'
import { checkQueueList, unknownQueue } from '../known-queue.js'

interface Flags {
  all?: boolean
  force?: boolean
}

export function addPause(program: Command): void {
  const command = addCommand(program, 'pause', {
    summary: 'Stop the taking of jobs from queues, or by all workers',
    details:
      'Jobs that run go on, and jobs can be placed. Ruby workers heed --all alone; a paused queue is known to the workers\n' +
      'of this package only.',
    examples: ['resque pause mail report_*', 'resque pause --all'],
  })
    .argument('[queue...]', 'names or patterns of queues')
    .option('--all', 'every worker, until resque resume --all')
    .option('--force', 'also a queue that does not exist yet')
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args }) => {
      checkTargets(args, flags)
      if (flags.all) {
        await resque.pauseAll(by())
        out.say('Paused all workers.', { all: true })
        return
      }
      const known = await resque.queues()
      const paused = args.flatMap((text) => matching(text, known, flags.force))
      for (const queue of paused) await resque.pauseQueue(queue, by())
      out.say(`Paused ${paused.join(', ')}.`, { queues: paused })
      await mention(resque, out.isJson)
    }),
  )
}

export function addResume(program: Command): void {
  const command = addCommand(program, 'resume', {
    summary: 'Let jobs be taken again from queues, or by all workers',
    examples: ['resque resume mail report_*', 'resque resume --all'],
  })
    .argument('[queue...]', 'names or patterns of queues')
    .option('--all', 'what resque pause --all stopped; queues that were paused by name stay so')
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args }) => {
      checkTargets(args, flags)
      if (flags.all) {
        await resque.resumeAll()
        out.say('Resumed all workers.', { all: true })
        return
      }
      const known = [...new Set([...(await resque.queues()), ...(await resque.pausedQueues())])]
      const resumed = args.flatMap((text) => matching(text, known))
      for (const queue of resumed) await resque.resumeQueue(queue)
      out.say(`Resumed ${resumed.join(', ')}.`, { queues: resumed })
      await mention(resque, out.isJson)
    }),
  )
}

/** Who does it, for the web pages. A container may run as a user without a name. */
function by(): { by: string } {
  try {
    return { by: `${userInfo().username}@${hostname()}` }
  } catch {
    return { by: hostname() }
  }
}

function checkTargets(args: readonly string[], { all }: Flags): void {
  if (args.length === 0 && !all) throw new Misuse('Expected names of queues, or --all, got nothing.')
  if (args.length > 0 && all) throw new Misuse('Expected names of queues, or --all, got both.')
  args.forEach(checkQueueList)
}

function matching(text: string, known: readonly string[], force = false): string[] {
  if (known.includes(text)) return [text]
  const list = new QueueList(text)
  const found = list.isDynamic ? list.expand(known) : []
  if (found.length > 0) return found
  if (force && !list.isDynamic) return [text]
  throw unknownQueue(text, known)
}

/** Whoever resumes a queue may wonder why nothing happens. */
async function mention(resque: Resque, isJson: boolean): Promise<void> {
  if (!isJson && (await resque.isPaused()))
    process.stderr.write('All workers are paused: resque resume --all\n')
}
