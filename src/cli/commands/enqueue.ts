/**
 * `resque enqueue`: one job from the command line, or many from a pipe.
 */
import type { Command } from 'commander'
import { type AnyJob, queueOf } from '../../job.js'
import { addCommand, addCommonOptions, type Call, collect, redisAction } from '../command.js'
import { enqueueLines } from '../enqueue-lines.js'
import { Failure, Misuse, suggestion } from '../errors.js'
import { drawFault, findJsonFault } from '../json-fault.js'
import { counted } from '../output.js'
import { requireJobs } from '../require-jobs.js'

interface Flags {
  queue?: string
  require?: readonly string[]
  stdin?: boolean
}

export function addEnqueue(program: Command): void {
  const command = addCommand(program, 'enqueue', {
    summary: 'Place a job on a queue',
    details:
      'With --require the class is taken from your modules: its queue and its enqueue hooks count. Without, any name\n' +
      'goes, also of a class in another language.\n' +
      'With --stdin each line is a job: {"class":"Archive","args":[44]}, or its arguments alone, [44], if the class is\n' +
      'given. A line that is wrong ends it; the lines before it are placed.',
    examples: [
      `resque enqueue Archive '[44,"masterbrew"]' --queue file_serve`,
      'resque enqueue Archive --stdin --queue file_serve < arguments.jsonl',
    ],
  })
    .argument('[class]', 'the class name of the job')
    .argument('[args]', 'its arguments, a JSON array (default: none)')
    .option('-q, --queue <name>', 'the queue (default: that of the job, found by --require)')
    .option(
      '--require <module>',
      'a path, or the name of a package, that exports the job; may be repeated',
      collect,
    )
    .option('--stdin', 'read jobs from standard input, one JSON text a line')
  addCommonOptions(command).action(
    redisAction<Flags>(async (call) => {
      const { flags, args } = call
      if (flags.stdin) {
        if (args.length > 1)
          throw new Misuse('Expected at most a class with --stdin; the arguments are read from the lines.')
        await enqueueMany(call)
      } else await enqueueOne(call)
    }),
  )
}

async function enqueueOne(call: Call<Flags>): Promise<void> {
  const { resque, out, args: words } = call
  const [name, text] = words
  if (name === undefined || name === '')
    throw new Misuse('Expected the class of a job, such as Archive, or --stdin.')
  const args = text === undefined ? [] : readArguments(text)
  const jobs = await loadFlagged(call)
  const job = jobs.get(name)
  if (call.flags.require && !job) {
    throw new Misuse(`The required modules export no job named "${name}".${suggestion(name, jobs.keys())}`)
  }
  const queue = call.flags.queue ?? (job && queueOf(job))
  if (queue === undefined) throw noQueue(name)
  const isPlaced = await (job
    ? resque.enqueueTo(queue, job, ...args)
    : resque.enqueueTo(queue, name, ...args))
  if (!isPlaced) throw new Failure(`A before_enqueue hook of ${name} refused the job.`)
  out.say(`Enqueued ${name} on ${queue}.`, { enqueued: 1, class: name, queue })
}

async function enqueueMany(call: Call<Flags>): Promise<void> {
  const jobs = await loadFlagged(call)
  const count = await enqueueLines({
    resque: call.resque,
    className: call.args[0],
    queueOf: (name) => {
      const job = jobs.get(name)
      const queue = call.flags.queue ?? (job && queueOf(job))
      if (queue === undefined) throw noQueue(name)
      return { queue, job }
    },
  })
  call.out.say(`Enqueued ${counted(count, 'job')}.`, { enqueued: count })
}

function noQueue(name: string): Misuse {
  return new Misuse(
    `Expected a queue for ${name}: give --queue, or --require a module with a job that names one.`,
  )
}

async function loadFlagged({ flags }: Call<Flags>): Promise<Map<string, AnyJob>> {
  const { jobs } = await requireJobs(flags.require ?? [])
  return new Map(jobs.map((job) => [job.name, job]))
}

function readArguments(text: string): unknown[] {
  const fault = findJsonFault(text)
  if (fault)
    throw new Misuse(
      `The arguments are not JSON: ${fault.what} (character ${fault.at + 1}).\n${drawFault(text, fault)}`,
    )
  const args: unknown = JSON.parse(text)
  if (Array.isArray(args)) return args
  throw new Misuse(`Expected the arguments as a JSON array, got ${text}. Did you mean '[${text}]'?`)
}
