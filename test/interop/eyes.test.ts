// What each side sees of the other: Ruby's library, its command line and its web pages while our workers work; and
// our client while Ruby's do.

import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { redisBackend } from 'resque-ts'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { asOurs, fillStats, rubyStats } from '../web/stats-txt.js'
import { beside, type Side } from './support/beside.js'
import { gemProgram, rubyEnvironment, whySkipped } from './support/stacks.js'
import { type RubyWeb, startRubyWeb } from './support/web.js'

/** Ruby's own command line. */
async function rubyCommand(side: Side, ...args: string[]): Promise<string> {
  const program = gemProgram(side.stack, 'resque')
  const all = [program, '-r', `127.0.0.1:${side.redis.port}`, ...args]
  const { stdout } = await promisify(execFile)('ruby', all, { env: rubyEnvironment(side.stack) })
  return stdout
}

/** A process of ours with two slots, one of which holds a job; another job waits, and one has failed. */
async function busyProcess(side: Side) {
  const ours = await side.startProcess('hold,boom', 2, ['--heartbeat-ms', '300'])
  await side.resque.enqueueTo('boom', 'Boom', 'x')
  await waitFor(async () => (await side.resque.failed.count()) === 1)
  await side.resque.enqueueTo('hold', 'Hold', 'ž & <b>', 7)
  const [seen] = await side.untilSeen(1)
  await side.resque.enqueueTo('later', 'Echo', 1)
  // The counters of a worker travel with its heartbeat.
  const total = async () => (await side.resque.workers()).reduce((sum, { processed }) => sum + processed, 0)
  await waitFor(async () => (await total()) === 1, { message: 'the heartbeat with the counters' })
  const record = await side.redis.client.keys('resque:worker:*')
  const busy = ours.ids.find((id) => record.includes(`resque:worker:${id}`)) as string
  const idle = ours.ids.find((id) => id !== busy) as string
  return { ...ours, busy, idle, seen }
}

/** A worker that has taken what is no job, and is still writing the failure of it. */
async function holdingNoJob(side: Side, bytes: string | Buffer) {
  const failureBackend = {
    ...redisBackend,
    async save(failure: Parameters<typeof redisBackend.save>[0]) {
      await waitFor(async () => (await side.redis.client.exists('interop:release')) === 1, {
        timeoutMs: 25_000,
      })
      return redisBackend.save(failure)
    },
  }
  await side.put('hold', bytes)
  const worker = await side.startWorker(['hold'], { resque: side.client({ failureBackend }) })
  const id = worker.ids[0] as string
  await waitFor(() => side.redis.client.exists(`resque:worker:${id}`))
  return id
}

const notJobs = [
  'not json',
  '',
  '[1]',
  'null',
  Buffer.from([0x7b, 0xff, 0x00, 0x7d]),
  '{"class":"Echo","args":["\\ud83d"',
  '{"class":7}',
]

beside('Eyes', (side, claim) => {
  let web: RubyWeb
  beforeAll(async () => {
    if (whySkipped === undefined) web = await startRubyWeb(side.stack, side.redis.url)
  })
  afterAll(() => web?.end())

  describe('while a process of ours is busy', () => {
    let ours: Awaited<ReturnType<typeof busyProcess>>
    // One for all of these: they only look.
    beforeAll(async () => {
      ours = await busyProcess(side)
      side.isKept = true
    })
    afterAll(async () => {
      side.isKept = false
      await side.clear()
    })

    claim('ours → Ruby', 'Resque.info counts our workers, jobs and failures', async () => {
      const info = await side.ruby.run('Resque.info')
      expect(info).toMatchObject({ pending: 1, processed: 1, queues: 3, workers: 2, working: 1, failed: 1 })
    })

    claim(
      'ours → Ruby',
      'Resque.workers and Resque.working show our slots, their state and their job',
      async () => {
        const { ids, busy, idle, pid } = ours
        expect((await side.ruby.run<string[]>('Resque.workers.map(&:to_s)')).sort()).toEqual([...ids].sort())
        expect(await side.ruby.run('Resque.working.map(&:to_s)')).toEqual([busy])
        const look = `worker = Resque::Worker.find(arg); [worker.state, worker.job, worker.hostname, worker.pid.to_s, worker.queues,
      worker.started, worker.heartbeat.class.name, worker.processed, worker.failed, Resque::Worker.exists?(arg)]`
        const [state, job, , , queues, started, beat] = await side.ruby.run<unknown[]>(look, busy)
        expect(state).toBe('working')
        expect(job).toMatchObject({ queue: 'hold', payload: { class: 'Hold', args: ['ž & <b>', 7] } })
        expect((job as { run_at: string }).run_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        expect(queues).toEqual(['hold', 'boom'])
        expect(started).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/)
        expect(beat).toBe('Time')
        const [idleState, idleJob] = await side.ruby.run<unknown[]>(look, idle)
        expect([idleState, idleJob]).toEqual(['idle', {}])
        const sums = await side.ruby.run(
          'Resque.workers.map { |w| [w.processed, w.failed] }.transpose.map(&:sum)',
        )
        expect(sums).toEqual([1, 1])
        expect(ids.every((id) => id.split(':')[1] === `${pid}`)).toBe(true)
        expect(ids[0]?.split(':')[0]).toBe(hostname())
      },
    )

    claim(
      'ours → Ruby',
      'Resque::Worker.all_heartbeats and the 300 seconds rule read our heartbeats',
      async () => {
        const { ids } = ours
        const beats = await side.ruby.run<Record<string, string>>('Resque::Worker.all_heartbeats')
        expect(Object.keys(beats).sort()).toEqual([...ids].sort())
        expect(await side.ruby.run('Resque::Worker.all_workers_with_expired_heartbeats.map(&:to_s)')).toEqual(
          [],
        )
        const ages = await side.ruby.run<number[]>(
          'Resque::Worker.all_heartbeats.values.map { |at| Time.now - Time.parse(at) }',
        )
        expect(Math.max(...ages)).toBeLessThan(60)
      },
    )

    claim('ours → Ruby', 'resque-web shows our busy worker and its job on every page', async () => {
      const { busy, pid, ids } = ours
      const host = busy.split(':')[0] as string
      const overview = await web.page('/overview')
      expect(overview).toContain('1 of 2 Workers Working')
      expect(overview).toContain(`${host}:${pid}`)
      expect(overview).toContain('Hold')
      expect(await web.page('/working')).toContain(`${host}:${pid}`)
      const job = await web.page(`/working/${busy}`)
      expect(job).toContain('Hold')
      expect(job).toContain('ž &amp; &lt;b&gt;')
      for (const id of ids) {
        const page = await web.page(`/workers/${id}`)
        expect(page).toContain(`${pid}`)
        // When it started, and its last heartbeat.
        expect(page.match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000/g)?.length).toBe(2)
      }
      expect(await web.page('/workers/all')).toContain(`${host}:${pid}`)
      expect(await web.page('/workers')).toContain(hostname())
      expect(await web.page('/queues')).toContain('later')
      expect(await web.page('/queues/later')).toContain('Echo')
      const failed = await web.page('/failed')
      expect(failed).toContain('RangeError')
      expect(failed).toContain('boom with 1')
      expect(failed).toContain(`:${pid}`)
      expect(await web.page('/stats/resque')).toContain('processed')
      expect(await web.page('/stats.txt')).toContain('resque.working=1')
      expect(await web.page('/stats/keys')).toContain('workers:heartbeat')
      for (const path of ['/overview.poll', '/workers.poll', '/stats/redis']) await web.page(path)
    })

    claim('ours → Ruby', 'resque-web opens every key that we keep beside Ruby’s', async () => {
      await side.resque.pauseQueue('quiet')
      const keys = (await side.redis.client.keys('resque:*')).map((key) => key.slice('resque:'.length))
      expect(keys).toContain('workers:kind')
      for (const key of keys) await web.page(`/stats/keys/${encodeURIComponent(key)}`)
    })

    claim(
      'ours → Ruby',
      '`resque list` names every slot with its state, `resque remove` unregisters one',
      async () => {
        const { busy, idle } = ours
        const lines = (await rubyCommand(side, 'list')).trim().split('\n').sort()
        expect(lines).toEqual([`${busy} (working)`, `${idle} (idle)`].sort())
        await side.startWorker(['quiet'])
        const other = (await side.ids()).find((id) => id.endsWith(':quiet')) as string
        expect(await rubyCommand(side, 'remove', other)).toBe(`** removed ${other}\n`)
      },
    )
  })

  claim('both', 'resque-web’s /stats.txt is what ours is held against', async () => {
    await fillStats(side.redis.client)
    const text = await web.page('/stats.txt')
    const sorted = (lines: string) => lines.split('\n').sort()
    expect(sorted(text)).toEqual(sorted(rubyStats))
    expect(asOurs(text)).toBe(asOurs(rubyStats))
  })

  claim('ours → Ruby', 'resque-web retries and removes what our worker failed', async () => {
    await side.resque.enqueueTo('boom', 'Boom', 1.5)
    const texts = await side.texts('boom')
    await side.work(['boom'])
    await web.page('/failed/requeue/0')
    expect(await side.texts('boom')).toEqual(texts)
    expect((await side.resque.failed.all())[0]?.retriedAt).toBeTruthy()
    expect([302, 303]).toContain(await web.post('/failed/clear'))
    expect(await side.resque.failed.count()).toBe(0)
  })

  claim('ours → Ruby', 'while our worker holds what is no job, Ruby’s library and pages go on', async () => {
    for (const bytes of notJobs) {
      const id = await holdingNoJob(side, bytes)
      expect(await side.ruby.run('Resque.working.map(&:to_s)')).toEqual([id])
      const job = await side.ruby.run<{ payload: { class: string } }>('Resque::Worker.find(arg).job', id)
      expect(typeof job.payload).toBe('object')
      for (const path of ['/overview', '/working', `/working/${id}`, '/workers/all', `/workers/${id}`])
        await web.page(path)
      await side.clear()
    }
  })

  claim('ours → Ruby', 'with entries in failed that are no jobs, Ruby’s failed page goes on', async () => {
    for (const bytes of notJobs) await side.put('echo', bytes)
    await side.work(['echo'])
    expect(await side.resque.failed.count()).toBe(notJobs.length)
    const page = await web.page('/failed')
    expect(page).toContain('(not a job)')
    expect(page).toContain('InvalidPayloadError')
    expect(page.split('InvalidPayloadError').length - 1).toBeGreaterThanOrEqual(notJobs.length)
    expect(page).not.toContain('could not be parsed')
    await web.page('/overview')
    expect(
      await side.ruby.run(
        'Resque::Failure.each(0, 50) { |_, item| item.fetch("payload").fetch("class") }; true',
      ),
    ).toBe(true)
  })

  claim('Ruby → ours', 'our workers(), working() and info() show Ruby’s busy worker', async () => {
    const idle = await side.startRubyWorker('quiet')
    const { id, pid } = await side.startRubyWorker('hold', 'boom')
    await side.ruby.run(`Resque.enqueue(Hold, 1.0); Resque.enqueue_to('later', Echo)`)
    await side.untilSeen(1)
    const workers = await side.resque.workers()
    expect(workers.map((worker) => worker.id).sort()).toEqual([id, idle.id].sort())
    const [busy] = await side.resque.working()
    expect(busy).toMatchObject({
      id,
      pid,
      host: hostname(),
      queues: ['hold', 'boom'],
      kind: 'ruby',
      job: { queue: 'hold', payload: '{"class":"Hold","args":[1.0]}', run: undefined },
    })
    expect(Number.isNaN(Date.parse(busy?.heartbeat ?? ''))).toBe(false)
    expect(await side.resque.info()).toMatchObject({ pending: 1, workers: 2, working: 1, queues: 2 })
  })

  claim(
    'Ruby → ours',
    'our removeWorker unregisters Ruby’s worker, and its job goes to failed as Ruby has it',
    async () => {
      const { id } = await side.startRubyWorker('hold')
      await side.ruby.run(`Resque.enqueue(Hold, 1)`)
      await side.untilSeen(1)
      expect(await side.resque.removeWorker(id)).toBe(true)
      expect(await side.ids()).toEqual([])
      expect(await side.resque.failed.all()).toMatchObject([
        { class: 'Hold', exception: 'Resque::DirtyExit', error: 'Job still being processed', worker: id },
      ])
    },
  )
})
