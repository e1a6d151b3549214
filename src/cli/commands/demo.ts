/**
 * `resque demo`: everything at work, on a Redis of its own.
 */
import { type Command, Option } from 'commander'
import { addCommand, flagsOf, wholeNumber } from '../command.js'
import { Output } from '../output.js'

interface Flags {
  jobs: number
  exit?: boolean
  json?: boolean
}

export function addDemo(program: Command): void {
  addCommand(program, 'demo', {
    summary: 'See it work: a private Redis, workers, web pages, jobs that succeed, fail and crash',
    details:
      'It starts a redis-server of its own, two worker processes and the web pages, on port 5678 if that is free. It places\n' +
      'jobs that hash and count the files of this package, and shows what happens: some jobs fail, some are retried, one\n' +
      'kills its worker. At the end it holds every job to account, unless somebody acted on the pages, and leaves nothing\n' +
      'behind. Exit code 0: every job came to the end it had to come to.',
    examples: ['resque demo', 'resque demo --jobs 20000 --exit'],
  })
    .option('--jobs <n>', 'how many jobs', wholeNumber(1), 500)
    .option('--exit', 'end when all jobs are accounted for, instead of going on until Ctrl-C')
    .addOption(new Option('--json', 'print the result as JSON, and progress on stderr'))
    .addOption(new Option('--verbose', 'show the stack of an error'))
    .helpOption('-h, --help', 'show this help')
    .action(demo)
}

async function demo(this: Command): Promise<void> {
  const { jobs, exit, json } = flagsOf<Flags>(this)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second time somebody is in a hurry: the keeper takes everything away.
      if (stop.signal.aborted) process.exit(1)
      stop.abort(new Error(`Told to stop (${signal}).`))
    })
  }
  const stream = json ? process.stderr : process.stdout
  const { runDemo } = await import('../demo/run.js')
  const isComplete = await runDemo({
    jobs,
    exits: exit === true,
    out: new Output(json === true),
    progress: new Output(false, stream),
    stream,
    signal: stop.signal,
  })
  process.exit(isComplete ? 0 : 1)
}
