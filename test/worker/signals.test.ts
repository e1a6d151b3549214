// What signals do to a worker whose jobs run in the process itself (protocol 6.6). They are sent in earnest, to this
// process; what they do to processes with children stands elsewhere.

import { defineJob } from 'resque-ts'
import { installSignals, type SignalSettings, signalTable, type Worker } from 'resque-ts/worker'
import { afterEach, expect, test } from 'vitest'
import { silentLogger } from '#built/context.js'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
let remove = () => {}
afterEach(() => remove())

const settings: SignalSettings = {
  ...{
    stopTimeoutMs: 10_000,
    termChild: false,
    termTimeoutMs: 500,
    preShutdownTimeoutMs: 0,
    gracefulTerm: false,
  },
  log: silentLogger,
}
const send = (signal: NodeJS.Signals) => process.kill(process.pid, signal)

/** A worker with one job under way, that hears its signal or goes on until the test says. */
async function busy(more: Partial<SignalSettings> = {}) {
  const hold = gate()
  const Job = defineJob({
    name: 'Job',
    perform() {
      return new Promise<void>((resolve, reject) => {
        void hold.opened.then(resolve)
        this.signal.addEventListener('abort', () => reject(this.signal.reason as Error))
      })
    },
  })
  const worker: Worker = await room.start({ jobs: [Job], queues: 'q' })
  remove = installSignals(worker, { ...settings, ...more })
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => worker.busyCount === 1)
  return { worker, end: hold.open }
}
const processed = () => room.resque.stats.get('processed')

test('QUIT: finish the job, then stop', async () => {
  const { worker, end } = await busy()
  send('SIGQUIT')
  await waitFor(() => room.logged('info').includes('Exiting...'))
  expect(worker.busyCount).toBe(1)
  end()
  await worker.stopped
  expect(await processed()).toBe(1)
})

test('TERM: the job may finish within the stop timeout', async () => {
  const { worker, end } = await busy()
  send('SIGTERM')
  await waitFor(() => room.logged('info').includes('Exiting...'))
  end()
  await worker.stopped
  expect(await processed()).toBe(1)
})

test('TERM: what does not finish in time is aborted and goes back to its queue', async () => {
  const { worker } = await busy({ stopTimeoutMs: 200, termTimeoutMs: 100 })
  send('SIGTERM')
  await worker.stopped
  expect(await room.resque.size('q')).toBe(1)
  expect(await processed()).toBe(0)
})

test('TERM with TERM_CHILD: aborted at once, and failed with a TermException', async () => {
  const { worker } = await busy({ termChild: true })
  send('SIGTERM')
  await worker.stopped
  expect(await room.resque.failed.all()).toMatchObject([
    { exception: 'Resque::TermException', error: 'SIGTERM' },
  ])
})

test('TERM with GRACEFUL_TERM: as QUIT', async () => {
  const { worker, end } = await busy({ gracefulTerm: true, stopTimeoutMs: 100, termTimeoutMs: 50 })
  send('SIGTERM')
  await waitFor(() => room.logged('info').includes('Exiting...'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(worker.busyCount).toBe(1)
  end()
  await worker.stopped
})

test('INT: aborted at once, and back to the queue', async () => {
  const { worker } = await busy()
  send('SIGINT')
  await worker.stopped
  expect(await room.resque.size('q')).toBe(1)
})

test('an idle worker stops at once on any of them', async () => {
  for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const worker = await room.start({ jobs: [] })
    remove = installSignals(worker, settings)
    send(signal)
    await worker.stopped
    remove()
  }
})

test('USR1: the job is killed, and the worker goes on', async () => {
  const { worker } = await busy()
  send('SIGUSR1')
  await waitFor(async () => (await room.resque.failed.count()) === 1)
  expect((await room.resque.failed.all())[0]?.exception).toBe('Resque::DirtyExit')
  await room.resque.enqueueTo('q', 'Job')
  await waitFor(() => worker.busyCount === 1)
})

test('USR2 pauses, CONT resumes', async () => {
  const { worker, end } = await busy()
  send('SIGUSR2')
  await waitFor(() => worker.isPaused)
  await room.resque.enqueueTo('q', 'Job')
  end()
  await waitFor(async () => (await processed()) === 1)
  expect(await room.resque.size('q')).toBe(1)
  send('SIGCONT')
  await waitFor(async () => (await processed()) === 2)
})

test('what installs the signals gives what removes them', async () => {
  const worker = await room.start({ jobs: [] })
  const count = () => Object.keys(signalTable).reduce((sum, signal) => sum + process.listenerCount(signal), 0)
  const before = count()
  const removeThem = installSignals(worker, settings)
  expect(count()).toBe(before + Object.keys(signalTable).length)
  removeThem()
  expect(count()).toBe(before)
})
