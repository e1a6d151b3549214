/**
 * Sees to it that nothing outlives the demo, however that ends: a shell that knows its processes and its folder, and
 * reads a pipe whose other end only the demo holds. When the demo is gone, killed even, the pipe ends, and the shell
 * kills what is left and removes the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const script = `
trap '' INT HUP TERM
folder=$1
pids=' '
while read -r what pid; do
  case $what in
    add) pids="$pids$pid " ;;
    end) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
`

export class Keeper {
  readonly folder: string
  readonly #shell: ChildProcess
  readonly #exited: Promise<void>

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'resque-demo-'))
    // A session of its own: Ctrl-C and the end of the terminal do not reach it.
    this.#shell = spawn('sh', ['-c', script, 'resque-demo-keeper', this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    })
    this.#shell.stdin?.on('error', () => {})
    this.#shell.unref()
    this.#exited = new Promise((resolve) => {
      this.#shell.once('close', () => resolve())
      this.#shell.once('error', () => resolve())
    })
  }

  /** Takes a child into its care, until that has ended. */
  watch(child: ChildProcess): void {
    if (child.pid === undefined) return
    const { pid } = child
    this.#shell.stdin?.write(`add ${pid}\n`)
    child.once('exit', () => this.#shell.stdin?.write(`end ${pid}\n`))
  }

  /** Kills what is left and removes the folder. */
  async close(): Promise<void> {
    this.#shell.ref()
    this.#shell.stdin?.end()
    await this.#exited
  }
}

/** Ends a child: a signal, and if it has not ended in time, SIGKILL. */
export async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  await exited
  clearTimeout(timer)
}
