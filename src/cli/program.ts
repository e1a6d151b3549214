/**
 * All commands, in the order in which help lists them.
 */
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { Command, Option } from 'commander'
import { addClear } from './commands/clear.js'
import { addDemo } from './commands/demo.js'
import { addEnqueue } from './commands/enqueue.js'
import { addFailed } from './commands/failed.js'
import { addKill } from './commands/kill.js'
import { addList } from './commands/list.js'
import { addMarker } from './commands/marker.js'
import { addMarkers } from './commands/markers.js'
import { addPause, addResume } from './commands/pause.js'
import { addPeek } from './commands/peek.js'
import { addPool } from './commands/pool.js'
import { addQueues } from './commands/queues.js'
import { addRemove } from './commands/remove.js'
import { addRetry } from './commands/retry.js'
import { addStats } from './commands/stats.js'
import { addWeb } from './commands/web.js'
import { addWork } from './commands/work.js'
import { addWorkers } from './commands/workers.js'
import { addWorking } from './commands/working.js'
import { usesColour } from './output.js'

export function makeProgram(): Command {
  const program = new Command('resque')
    .description('Resque: background jobs on Redis. Works on the same queues as Ruby Resque.')
    .usage('<command> [options]')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help; resque <command> --help for one command')
    .addOption(new Option('-r, --redis <address>', 'where Redis is; each command takes it too').hideHelp())
    .addOption(new Option('-N, --namespace <name>').hideHelp())
    .addOption(new Option('--json').hideHelp())
    .addHelpCommand(
      new Command('help').argument('[command]').description('Show the help of a command').helpGroup('Help:'),
    )
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({
      styleTitle: (text) =>
        usesColour(process.stdout) ? styleText('bold', text, { validateStream: false }) : text,
    })
    .configureOutput({ outputError: (text, write) => write(`${asSentence(text)}\n`) })
    .addHelpText('after', examples)

  program.commandsGroup('Run jobs:')
  addWork(program)
  addPool(program)
  addDemo(program)
  program.commandsGroup('Place jobs:')
  addEnqueue(program)
  program.commandsGroup('Look:')
  addStats(program)
  addQueues(program)
  addPeek(program)
  addWorkers(program)
  addWorking(program)
  addFailed(program)
  addList(program)
  addMarkers(program)
  addWeb(program)
  program.commandsGroup('Act:')
  addRetry(program)
  addRemove(program)
  addClear(program)
  addPause(program)
  addResume(program)
  addKill(program)
  addMarker(program)
  return program
}

const examples = `
Every command takes --redis and --namespace, and --json where it prints something.
Exit code: 0 done, 1 failed, 2 misused.

Examples:
  resque work --require ./jobs.js --queue critical,mail,'*' --concurrency 20
  resque enqueue Archive '[44,"masterbrew"]' --queue file_serve
  resque demo`

/** The program's complaints, in one sentence: `resque: unknown command 'qeues'. Did you mean queues?` */
function asSentence(text: string): string {
  return text
    .trim()
    .replace(/^error: /, 'resque: ')
    .replace(/\.?\n\(Did you mean (?:one of )?(.*)\?\)$/s, '. Did you mean $1?')
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
