// The 300 seconds rule: who is taken for dead by its heartbeat, on either side. Heartbeats are set back in Redis; nobody
// waits five minutes.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { beside, type Side } from './support/beside.js'

/** Makes the last heartbeat of a worker this old, in Ruby's own words, and lets the next one look for the dead. */
async function setBack(side: Side, id: string, seconds: number): Promise<void> {
  await side.ruby.run(
    `Resque.redis.hset('workers:heartbeat', arg[0], (Time.at(Resque.redis.redis.time[0]) - arg[1]).iso8601)`,
    [id, seconds],
  )
  await side.redis.client.del('resque:pruning_dead_workers_in_progress')
}

/** A Ruby worker that was killed together with the child that worked. */
async function deadRubyWorker(side: Side): Promise<string> {
  const { pid, id } = await side.startRubyWorker('hold')
  await side.ruby.run('Resque.enqueue(Hold, 1.0)')
  const [seen] = await side.untilSeen(1)
  process.kill(pid, 'SIGKILL')
  process.kill(seen?.pid as number, 'SIGKILL')
  side.forgetRubyWorker(pid)
  await side.ruby.run('wait(arg)', pid)
  return id
}

beside('Heartbeats', (side, claim) => {
  claim(
    'ours → Ruby',
    'our worker whose event loop stands still beats on, and Ruby does not prune it',
    async () => {
      const ours = await side.startProcess('block', 1, ['--heartbeat-ms', '200'])
      const id = ours.ids[0] as string
      const file = join(side.redis.dir, 'block')
      await writeFile(file, '')
      await side.resque.enqueueTo('block', 'Block', file)
      await side.untilSeen(1)
      await setBack(side, id, 400)
      const expired = () =>
        side.ruby.run<string[]>('Resque::Worker.all_workers_with_expired_heartbeats.map(&:to_s)')
      await waitFor(async () => (await expired()).length === 0, {
        message: 'a heartbeat of the blocked worker',
      })
      await side.redis.client.del('resque:pruning_dead_workers_in_progress')
      await side.ruby.run(`start_and_stop('other')`)
      expect(await side.ids()).toEqual([id])
      expect(await side.resque.stats.get('processed'), 'it is still blocked').toBe(0)
      await rm(file)
      await waitFor(async () => (await side.resque.stats.get('processed')) === 1)
      expect(await side.resque.failed.count()).toBe(0)
    },
  )

  claim(
    'ours → Ruby',
    'our dead worker is left alone by Ruby for 300 seconds, then pruned, its job in failed',
    async () => {
      const ours = await side.startProcess('hold')
      const id = ours.ids[0] as string
      await side.resque.enqueueTo('hold', 'Hold', 1)
      await side.untilSeen(1)
      process.kill(ours.pid, 'SIGKILL')
      await ours.exited
      await setBack(side, id, 280)
      await side.ruby.run(`start_and_stop('other')`)
      expect(await side.ids()).toEqual([id])
      await setBack(side, id, 320)
      await side.ruby.run(`start_and_stop('other')`)
      expect(await side.ids()).toEqual([])
      expect(await side.resque.failed.all()).toMatchObject([
        {
          class: 'Hold',
          exception: 'Resque::PruneDeadWorkerDirtyExit',
          error: `Worker ${id} did not gracefully exit while processing Hold`,
          worker: id,
          queue: 'hold',
          payload: '{"class":"Hold","args":[1]}',
        },
      ])
      // Ruby knows nothing of what we note beside a worker; the next of ours clears it away.
      expect(await side.redis.client.hkeys('resque:workers:kind')).toEqual([id])
      const next = await side.startWorker(['other'])
      expect(await side.redis.client.hkeys('resque:workers:kind')).toEqual([...next.ids])
    },
  )

  claim(
    'both',
    'our dead worker is found by ours long before Ruby’s rule, and its job runs again',
    async () => {
      const ours = await side.startProcess('hold', 1, ['--heartbeat-ms', '100', '--dead-after-ms', '1000'])
      await side.resque.enqueueTo('hold', 'Hold', 1)
      await side.untilSeen(1)
      process.kill(ours.pid, 'SIGKILL')
      await ours.exited
      await setBack(side, ours.ids[0] as string, 40)
      await side.ruby.run(`start_and_stop('other')`)
      expect(await side.ids()).toEqual(ours.ids)
      await side.startWorker(['other'], { pruneIntervalMs: 100 })
      await waitFor(async () => (await side.texts('hold')).length === 1)
      expect(await side.texts('hold')).toEqual(['{"class":"Hold","args":[1]}'])
      await side.release()
      await side.ruby.work('hold')
      expect((await side.seen()).map(({ by }) => by)).toEqual(['ours', 'ruby'])
      expect(await side.resque.failed.count()).toBe(0)
    },
  )

  claim(
    'Ruby → ours',
    'a dead Ruby worker is left alone by ours for 300 seconds, then its job goes to failed as Ruby has it',
    async () => {
      const id = await deadRubyWorker(side)
      await setBack(side, id, 280)
      await side.startWorker(['other'])
      expect(await side.ids()).toContain(id)
      await setBack(side, id, 320)
      await side.startWorker(['another'])
      expect(await side.ids()).not.toContain(id)
      const record = await side.ruby.run<Record<string, unknown>>('Resque::Failure.all(0, 1)')
      expect(record).toMatchObject({
        payload: { class: 'Hold', args: [1] },
        exception: 'Resque::PruneDeadWorkerDirtyExit',
        error: `Worker ${id} did not gracefully exit while processing Hold`,
        backtrace: [],
        worker: id,
        queue: 'hold',
      })
      expect((await side.resque.failed.all())[0]?.payload).toBe('{"class":"Hold","args":[1.0]}')
    },
  )

  claim('Ruby → ours', 'our record of a dead Ruby worker is the one that Ruby itself writes', async () => {
    const records: Record<string, unknown>[] = []
    for (const by of ['ruby', 'ours'] as const) {
      const id = await deadRubyWorker(side)
      await setBack(side, id, 320)
      await (by === 'ruby' ? side.ruby.run(`start_and_stop('other')`) : side.startWorker(['other']))
      const [failure] = await side.resque.failed.all()
      const record = JSON.parse((failure?.text ?? '{}').replaceAll(id, 'ID')) as Record<string, unknown>
      records.push({ ...record, failed_at: '' })
      await side.clear()
    }
    expect(JSON.stringify(records[1])).toBe(JSON.stringify(records[0]))
  })

  claim('Ruby → ours', 'while a Ruby worker prunes, ours leaves the Ruby workers to it', async () => {
    const id = await deadRubyWorker(side)
    await setBack(side, id, 320)
    await side.redis.client.set('resque:pruning_dead_workers_in_progress', 'other-host:1:*', 'EX', 60)
    await side.startWorker(['other'])
    expect(await side.ids()).toContain(id)
  })

  claim('Ruby → ours', 'a Ruby worker that lives is never pruned by ours, whatever it works on', async () => {
    const { id } = await side.startRubyWorker('hold')
    await side.ruby.run('Resque.enqueue(Hold, 1)')
    await side.untilSeen(1)
    await setBack(side, id, 200)
    await side.startWorker(['other'])
    expect(await side.ids()).toContain(id)
    expect(await side.resque.failed.count()).toBe(0)
  })
})
