// Ruby workers that start on the host of ours. Each looks for dead workers there: it unregisters those under its own
// host name whose process it does not see in `ps` as a Resque worker, and fails their job. Ours must never be among them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { beside, type Side } from './support/beside.js'
import { newest, rakeProgram, root, rubyEnvironment } from './support/stacks.js'

/** A worker that Ruby takes for dead: nobody has this pid. It shows that a Ruby worker has looked. */
const bait = `${hostname()}:99999999:*`

/** Ours never looks for the dead here: it takes Ruby's lock for that, and Ruby's worker would leave it to ours. */
const quiet = ['--prune-interval-ms', '3600000']

async function layBait(side: Side): Promise<void> {
  await side.redis.client.del('resque:pruning_dead_workers_in_progress')
  await side.redis.client.sadd('resque:workers', bait)
}

/** A process of ours, each of whose slots holds a job. */
async function busyProcess(side: Side, slots: number) {
  const ours = await side.startProcess('*', slots, quiet)
  for (let i = 0; i < slots; i++) await side.resque.enqueueTo('hold', 'Hold', i)
  await side.untilSeen(slots)
  return ours
}

/** Nothing happened to it: all slots are registered, no job failed, none was taken again; and all end well. */
async function isUntouched(side: Side, { ids }: { ids: string[] }): Promise<void> {
  expect(await side.ids()).toEqual(expect.arrayContaining(ids))
  expect(await side.resque.failed.count()).toBe(0)
  expect((await side.seen()).length).toBe(ids.length)
  expect(await side.resque.stats.get('failed')).toBe(0)
  await side.release()
  await waitFor(async () => (await side.resque.stats.get('processed')) === ids.length)
  expect((await side.seen()).length).toBe(ids.length)
  expect(await side.resque.failed.count()).toBe(0)
}

/** `QUEUE=* rake resque:work`, until it has registered; then QUIT. */
async function startAndStopRake(side: Side): Promise<void> {
  const child = spawn('ruby', [rakeProgram, '--silent', 'resque:work'], {
    cwd: join(root, 'test/interop/ruby'),
    env: {
      ...rubyEnvironment(side.stack),
      QUEUE: '*',
      INTERVAL: '0.1',
      INTEROP_REDIS: `127.0.0.1:${side.redis.port}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const exited = once(child, 'exit')
  try {
    const isRegistered = async () => (await side.ids()).some((id) => id.split(':')[1] === `${child.pid}`)
    await waitFor(isRegistered, { timeoutMs: 30_000, message: () => `rake resque:work: ${complaint}` })
  } finally {
    child.kill('SIGQUIT')
    await exited
  }
}

beside('Same host', (side, claim) => {
  for (const slots of [1, 50]) {
    claim(
      'both',
      `a Ruby worker with * that starts beside our process with ${slots} busy slot${slots > 1 ? 's' : ''} touches none of them`,
      async () => {
        const ours = await busyProcess(side, slots)
        await layBait(side)
        await startAndStopRake(side)
        expect(await side.ids()).not.toContain(bait)
        await isUntouched(side, ours)
      },
      120_000,
    )
  }

  claim('both', 'a Ruby worker with the very queues of ours touches none of its slots', async () => {
    const ours = await side.startProcess('hold,later', 2, quiet)
    for (let i = 0; i < 2; i++) await side.resque.enqueueTo('hold', 'Hold', i)
    await side.untilSeen(2)
    const other = `${hostname()}:99999999:later,hold`
    await side.redis.client.del('resque:pruning_dead_workers_in_progress')
    await side.redis.client.sadd('resque:workers', other)
    await side.ruby.run(`start_and_stop('hold', 'later')`)
    expect(await side.ids()).not.toContain(other)
    await isUntouched(side, ours)
  })

  // Beside one stack: it takes a while.
  if (side.stack === newest)
    claim(
      'both',
      'fifty Ruby workers that start and stop beside our busy worker touch none of its jobs',
      async () => {
        const ours = await busyProcess(side, 3)
        const baits = await side.ruby.run<number>(
          `50.times.count do
        Resque.redis.del('pruning_dead_workers_in_progress')
        Resque.redis.sadd('workers', [arg])
        start_and_stop('*')
        !Resque.redis.sismember('workers', arg)
      end`,
          bait,
        )
        expect(baits, 'each of them looked for dead workers').toBe(50)
        await isUntouched(side, ours)
      },
      240_000,
    )

  claim(
    'both',
    'a Ruby worker that starts while ours is idle, starting or paused leaves it registered',
    async () => {
      const idle = await side.startProcess('*', 2, quiet)
      await layBait(side)
      await side.ruby.run(`start_and_stop('*')`)
      expect(await side.ids()).not.toContain(bait)
      expect((await side.ids()).sort()).toEqual([...idle.ids].sort())
      await side.resque.pauseAll()
      const starting = side.startProcess('*', 2, quiet)
      await layBait(side)
      await side.ruby.run(`start_and_stop('*')`)
      const ids = [...idle.ids, ...(await starting).ids]
      await layBait(side)
      await side.ruby.run(`start_and_stop('*')`)
      expect((await side.ids()).sort()).toEqual(ids.sort())
    },
  )

  claim(
    'both',
    'a dead process of ours on its host is found by a Ruby worker with *, and its job is in failed',
    async () => {
      const ours = await busyProcess(side, 1)
      process.kill(ours.pid, 'SIGKILL')
      await ours.exited
      await layBait(side)
      await side.ruby.run(`start_and_stop('*')`)
      expect(await side.ids()).toEqual([])
      expect(await side.resque.failed.all()).toMatchObject([
        {
          class: 'Hold',
          exception: 'Resque::DirtyExit',
          error: 'Job still being processed',
          worker: ours.ids[0],
        },
      ])
    },
  )
})
