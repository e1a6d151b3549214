/**
 * `--background`: the worker goes on without the terminal (env BACKGROUND), in a session of its own.
 *
 * Node cannot fork, so the same command is started again, detached; this process waits until that one has started
 * working, or says why it has not. The working folder stays, as in Ruby. The output goes to the file that stdout was
 * redirected to, else nowhere.
 */
import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { Failure, Misuse } from './errors.js'
import { nodeArguments } from './node-arguments.js'

/** Marks the process that works; not for people. */
export const DETACHED_FLAG = '--detached'

type Message = { kind: 'started'; workerId: string } | { kind: 'failed'; sentence: string; exitCode: number }

/** Starts the worker in the background. Resolves to its pid once it works; rejects with what it complains of. */
export async function startInBackground(): Promise<{ pid: number; workerId: string }> {
  const [node, main, ...args] = process.argv as [string, string, ...string[]]
  const rest = args.filter((each) => each !== '--background')
  const worker = spawn(node, [...nodeArguments(), main, ...rest, DETACHED_FLAG], {
    detached: true,
    stdio: ['ignore', fileOrNothing(1), fileOrNothing(2), 'ipc'],
  })
  const message = await new Promise<Message>((resolve, reject) => {
    worker.once('message', (value) => resolve(value as Message))
    worker.once('error', reject)
    worker.once('exit', (code, signal) =>
      reject(new Failure(`The worker ended before it had started (${signal ?? `exit code ${code}`}).`)),
    )
  })
  worker.disconnect()
  worker.unref()
  if (message.kind === 'started') return { pid: worker.pid as number, workerId: message.workerId }
  throw message.exitCode === 2 ? new Misuse(message.sentence) : new Failure(message.sentence)
}

/** In the background process: tells the one that waits, and lets it go. */
export async function reportToForeground(message: Message): Promise<void> {
  if (!process.send || !process.connected) return
  await new Promise<void>((resolve) => process.send?.(message, () => resolve()))
  if (process.connected) process.disconnect()
}

function fileOrNothing(fd: number): number | 'ignore' {
  try {
    return fstatSync(fd).isFile() ? fd : 'ignore'
  } catch {
    return 'ignore'
  }
}
