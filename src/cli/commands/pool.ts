/**
 * `resque pool`: keeps several worker processes running, as many for each queue list as a file says.
 */
import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { readEnvironment } from '../../config.js'
import { addCommand, addCommonOptions, collect, flagsOf } from '../command.js'
import { Misuse } from '../errors.js'
import { nodeArguments } from '../node-arguments.js'
import { POOLED_FLAG } from '../pooled.js'

interface PoolFlags {
  config?: string
  environment?: string
  require?: readonly string[]
}

export function addPool(program: Command): void {
  const command = addCommand(program, 'pool', {
    summary: 'Keep several workers running, as a file plans them',
    details:
      'The file maps queue lists to counts of processes, in the form of resque-pool. What follows -- is given to each\n' +
      'worker, as in resque work.',
    examples: [
      'resque pool --config resque-pool.yml --require ./jobs.js',
      'resque pool --require ./jobs.js -- --concurrency 10 --isolation process',
    ],
  })
  command
    .option(
      '-c, --config <file>',
      'the plan (env: RESQUE_POOL_CONFIG; default: resque-pool.yml or config/resque-pool.yml)',
    )
    .option(
      '-E, --environment <name>',
      'the section that goes before the rest (env: RACK_ENV, RAILS_ENV, RESQUE_ENV or NODE_ENV)',
    )
    .option('--require <module>', 'as in resque work; may be repeated', collect)
    .argument('[options...]', 'options of resque work, after --')
  addCommonOptions(command, { json: false }).addHelpText('after', signals).action(pool)
}

const signals = `
Signals: TERM and INT are passed on, and end the pool when all workers are gone; QUIT lets them finish their jobs;
  HUP reads the plan again and replaces every worker, the new one first; TTIN and TTOU start one more or one less for
  each queue list; USR1, USR2 and CONT are passed on. A worker that dies is started again, after a pause if it died
  early. One that ends with 2 could never start: it is given up until a HUP, and the pool ends if that is all of them.`

async function pool(this: Command): Promise<void> {
  // Only now: no other command needs these, and loading takes time.
  const [{ Pool }, { makeLogger }, { findPlan, readPlan }] = await Promise.all([
    import('../../worker/pool.js'),
    import('../logs.js'),
    import('../pool-plan.js'),
  ])
  const flags = flagsOf<PoolFlags>(this)
  const env = readEnvironment()
  const environment = flags.environment ?? env.environment
  const plan = () => readPlan(findPlan(flags.config ?? env.poolConfig), environment)
  plan()
  const log = makeLogger({ level: 'info', format: undefined, showsJobs: false })
  const workers = new Pool({ plan, log, spawn: (queues) => startWorker(queues, flags, this.args) })
  const title = () => {
    process.title = `${env.proclinePrefix}resque-pool-master: managing [${workers.pids.join(', ')}]`
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)
    process.on(signal, () => void workers.stop(signal))
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const)
    process.on(signal, () => workers.signal(signal))
  process.on('SIGHUP', () => void workers.reload())
  process.on('SIGTTIN', () => workers.resize(1))
  process.on('SIGTTOU', () => workers.resize(-1))
  await workers.start()
  const retitle = setInterval(title, 1_000)
  title()
  const end = await workers.stopped
  clearInterval(retitle)
  if (end === 'given up') {
    throw new Misuse('No worker of this pool can start as it is called; what each of them said stands above.')
  }
}

function startWorker(
  queues: string,
  flags: PoolFlags & { redis?: string; namespace?: string },
  more: readonly string[],
) {
  const main = process.argv[1] as string
  const options = [
    ...['--queue', queues],
    ...(flags.require ?? []).flatMap((each) => ['--require', each]),
    ...(flags.redis === undefined ? [] : ['--redis', flags.redis]),
    ...(flags.namespace === undefined ? [] : ['--namespace', flags.namespace]),
  ]
  return spawn(process.execPath, [...nodeArguments(), main, 'work', ...options, ...more, POOLED_FLAG], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A Ctrl-C in the terminal is the pool's to pass on, once.
    detached: true,
  })
}
