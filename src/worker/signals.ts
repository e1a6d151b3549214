/**
 * What a signal does to a worker process (protocol 6.6).
 *
 * With a process per job it does what Ruby does. With jobs in the process itself the "child" is the running jobs: to
 * kill it is to abort their signal, and to give up what does not end in time; a job that a stop had to abort goes back
 * to its queue instead of being lost or failed, unless TERM_CHILD asks for Ruby's failure. Differs: an idle worker
 * reacts at once.
 */
import type { Logger } from '../context.js'
import type { Worker } from './worker.js'

export interface SignalSettings {
  /** How long TERM lets jobs go on before it aborts them. Default: the worker's. */
  stopTimeoutMs?: number
  /** `TERM_CHILD`: TERM and INT abort the jobs, and those that do not finish fail with a TermException. */
  termChild: boolean
  /** `RESQUE_TERM_TIMEOUT`: how long an aborted job may go on. */
  termTimeoutMs: number
  /** `RESQUE_PRE_SHUTDOWN_TIMEOUT`: with TERM_CHILD, how long TERM waits before it aborts. */
  preShutdownTimeoutMs: number
  /** `GRACEFUL_TERM`: TERM is as QUIT. */
  gracefulTerm: boolean
  log: Logger
}

interface Reaction {
  /** What it does, for people. */
  does: string
  act(worker: Worker, settings: SignalSettings): unknown
}

const quit: Reaction = {
  does: 'finish the running jobs, however long they take, then exit',
  act: (worker) => worker.stop({ timeoutMs: Number.POSITIVE_INFINITY }),
}

const int: Reaction = {
  does: 'abort the running jobs now and give back what does not end in time, then exit',
  act: (worker, { termTimeoutMs, termChild }) => {
    const graceMs = worker.isolation === 'process' && !termChild ? 0 : termTimeoutMs
    const unfinished = termChild || worker.isolation === 'process' ? 'fail' : 'return'
    return worker.stop({ timeoutMs: graceMs, abortGraceMs: graceMs, unfinished })
  },
}

/** The workers that were told TERM before. */
const told = new WeakSet<Worker>()

const term: Reaction = {
  does: 'finish the running jobs within the stop timeout, abort and give back the rest, then exit; twice: as INT',
  act(worker, settings) {
    if (settings.gracefulTerm) return quit.act(worker, settings)
    if (told.has(worker)) return int.act(worker, settings)
    told.add(worker)
    const { termChild, preShutdownTimeoutMs, termTimeoutMs, stopTimeoutMs } = settings
    // Ruby kills the child.
    if (!termChild && worker.isolation === 'process') return worker.stop({ timeoutMs: 0, unfinished: 'fail' })
    if (!termChild)
      return worker.stop({
        ...(stopTimeoutMs !== undefined && { timeoutMs: stopTimeoutMs }),
        abortGraceMs: termTimeoutMs,
      })
    return worker.stop({
      timeoutMs: preShutdownTimeoutMs + termTimeoutMs,
      abortGraceMs: termTimeoutMs,
      unfinished: 'fail',
    })
  },
}

export const signalTable: Readonly<Partial<Record<NodeJS.Signals, Reaction>>> = {
  SIGQUIT: quit,
  SIGTERM: term,
  SIGINT: int,
  // A terminal that closes. Ruby does not trap it, and its worker dies of it.
  SIGHUP: { does: 'as TERM', act: term.act },
  SIGUSR1: {
    does: 'kill the running jobs (they fail as a DirtyExit) and go on',
    act: (worker, { termChild, termTimeoutMs }) =>
      worker.killJobs(termChild ? { abortGraceMs: termTimeoutMs } : {}),
  },
  SIGUSR2: { does: 'take no new jobs', act: (worker) => worker.pause() },
  SIGCONT: { does: 'take jobs again', act: (worker) => worker.resume() },
}

/**
 * Listens for the signals. Returns what ends it. Do it before anything else: without a listener SIGUSR1 opens Node's
 * inspector.
 */
export function installSignals(worker: Worker, settings: SignalSettings): () => void {
  const listeners = Object.entries(signalTable).map(([signal, { act }]) => {
    const listener = async () => {
      settings.log.debug({ signal }, `Got ${signal}`)
      await act(worker, settings)
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  settings.log.debug({}, 'Registered signals')
  return () => {
    for (const remove of listeners) remove()
  }
}
