/**
 * `resque kill`: the end of a worker process on this machine.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { readWorkerId, type WorkerInfo } from '../../store/workers.js'
import { addCommand, addCommonOptions, failureBackendOption, redisAction } from '../command.js'
import { Failure } from '../errors.js'
import { plain } from '../output.js'
import { unknownWorker } from './remove.js'

export function addKill(program: Command): void {
  const command = addCommand(program, 'kill', {
    summary: 'Kill a worker process on this machine (SIGKILL), and unregister it',
    details:
      'Its running jobs go to failed as DirtyExit, and all its slots are unregistered. For a stop without losses send the\n' +
      'process a TERM or QUIT instead. Differs from Ruby, which kills that pid here whatever host the worker runs on.',
    examples: ['resque kill web-1:4711:mail', 'resque list   # shows the ids'],
  }).argument('<id>', 'the id of a worker: host:pid:queues')
  addCommonOptions(command.addOption(failureBackendOption())).action(
    redisAction(async ({ resque, out, args: [id = ''] }) => {
      const workers = await resque.workers()
      const worker = workers.find((each) => each.id === id)
      if (!worker)
        throw unknownWorker(
          id,
          workers.map((each) => each.id),
        )
      const { host, pid } = readWorkerId(id)
      const here = hostname()
      if (host.replace(/~.*$/, '') !== here) {
        throw new Failure(
          `The worker ${id} runs on "${host.replace(/~.*$/, '')}", and this is "${here}": kill it there. To unregister one that is dead: resque remove.`,
        )
      }
      const killed = killProcess(pid, id)
      for (const slot of slotsOf(worker, workers)) await resque.removeWorker(slot.id)
      out.say(killed ? `** killed ${plain(id)}` : `** worker ${plain(id)} not running`, {
        worker: id,
        killed,
      })
    }),
  )
}

/** All workers of the same process. */
function slotsOf(worker: WorkerInfo, workers: readonly WorkerInfo[]): WorkerInfo[] {
  const { kind } = worker
  if (kind === 'ruby') return [worker]
  return workers.filter((each) => each.kind !== 'ruby' && each.kind.process === kind.process)
}

/** False if there is no such process (any more). A pid that was given to another program since is not touched. */
function killProcess(pid: number, id: string): boolean {
  if (!Number.isInteger(pid) || pid < 1 || pid === process.pid) return false
  const command = commandOf(pid)
  if (command !== '' && !/resque|node|ruby|bun|deno/i.test(command)) {
    throw new Failure(
      `The process ${pid} is another program by now (${plain(command)}). To unregister the worker: resque remove ${id}`,
    )
  }
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') return false
    throw new Failure(
      `The process ${pid} could not be killed: ${code ?? String(error)}. The worker stays registered.`,
    )
  }
}

/** The command line of a process, or '' where that cannot be told. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    const { status, stdout } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
    })
    return status === 0 ? stdout.trim() : ''
  }
}
