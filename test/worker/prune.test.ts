// Finding the dead and bringing their jobs to safety (protocol 6.7). The dead here are what their keys in Redis say:
// the processes that died in earnest stand in faults/.

import { channels, defineJob, redisBackend, redisMultiQueueBackend, type WorkerEvent } from 'resque-ts'
import { expect, test } from 'vitest'
import { silentLogger } from '#built/context.js'
import { deathField } from '#built/store/records.js'
import { prune } from '#built/worker/prune.js'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'

const room = useRoom()
const id = 'gone-host:99:mail'
const payload = '{"class":"Mail","args":[1.0,{}]}'

interface Dead {
  id?: string
  /** Seconds since its last heartbeat. */
  silent?: number
  /** Undefined: a Ruby worker. */
  deadAfterMs?: number | undefined
  failOnDeath?: string[]
  payload?: string | null
  queue?: string
}

/** How many processes died: each has a mark of its own in what it recorded. */
let processes = 0

/** The keys of a worker that was heard of last some time ago. */
async function leave(
  { silent = 60, deadAfterMs = 30_000, failOnDeath = [], queue = 'mail', ...rest }: Dead,
  isRuby = false,
) {
  const worker = rest.id ?? id
  const now = Number((await room.client.time())[0])
  const beat = `${new Date((now - silent) * 1_000).toISOString().slice(0, 19)}+00:00`
  await room.client.sadd('resque:workers', worker)
  await room.client.hset('resque:workers:heartbeat', worker, beat)
  await room.client.set(`resque:worker:${worker}:started`, '2026-11-24 02:14:00 +0000')
  if (!isRuby) {
    const kind = { process: worker, deadAfterMs, failOnDeath }
    await room.client.hset('resque:workers:kind', worker, JSON.stringify(kind))
  }
  if (rest.payload === null) return
  const record = `{"queue":"${queue}","run_at":"2026-11-24T02:14:40Z","payload":${rest.payload ?? payload}${isRuby ? '' : `,"run":"n${++processes}.1.1"`}}`
  await room.client.set(`resque:worker:${worker}`, record)
}

const look = (options: Partial<Parameters<typeof prune>[0]> = {}) =>
  prune({
    ...{ store: room.resque.store, workerId: 'me:1:*', failureBackend: redisBackend, jobs: new Map() },
    ...{ maxDeaths: 3, log: silentLogger, ...options },
  })
const traces = async () =>
  (await room.client.keys('*')).filter((key) => /worker(s|:)/.test(key) && !/prun/.test(key))
const waiting = () => room.client.lrange('resque:queue:mail', 0, -1)

test('a dead worker of ours leaves no trace, and its job stands at the head of its queue, byte for byte', async () => {
  await leave({})
  await room.client.rpush('resque:queue:mail', 'next')
  expect(await look()).toEqual(new Map([[id, 'requeued']]))
  expect(await waiting()).toEqual([payload, 'next'])
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  expect(await traces()).toEqual([])
  expect(await room.resque.failed.count()).toBe(0)
  expect(await room.client.hget('resque:deaths', deathField('mail', payload))).toBe('1')
})

test('one that held no job just goes', async () => {
  await leave({ payload: null })
  expect(await look()).toEqual(new Map([[id, 'removed']]))
  expect(await traces()).toEqual([])
})

test('each is judged by the deadline it recorded itself', async () => {
  await leave({ id: 'a:1:q', silent: 60, deadAfterMs: 59_000, payload: null })
  await leave({ id: 'b:1:q', silent: 60, deadAfterMs: 120_000, payload: null })
  expect([...(await look()).keys()]).toEqual(['a:1:q'])
})

test('a worker that beat in time is left alone, with all its keys', async () => {
  await leave({ silent: 10 })
  const before = await room.client.keys('*')
  expect((await look()).size).toBe(0)
  expect(await room.client.keys('*')).toEqual(expect.arrayContaining(before))
})

test("onWorkerDeath: 'fail': the job goes to failed as with Ruby, and its failure hooks run", async () => {
  await leave({ failOnDeath: ['Mail'] })
  let heard: unknown
  const Mail = defineJob({
    name: 'Mail',
    onFailure(error, ...args) {
      heard = [(error as Error).name, ...args]
    },
    perform(..._args: unknown[]) {},
  })
  expect(await look({ jobs: new Map([['Mail', Mail]]) })).toEqual(new Map([[id, 'failed']]))
  expect(await room.resque.failed.all()).toMatchObject([
    {
      exception: 'Resque::PruneDeadWorkerDirtyExit',
      error: `Worker ${id} did not gracefully exit while processing Mail`,
      ...{ payload, queue: 'mail', worker: id, backtrace: [] },
    },
  ])
  expect(heard).toEqual(['PruneDeadWorkerDirtyExit', 1, {}])
  expect(await waiting()).toEqual([])
})

test('a job that has killed as many workers as it may is parked, saying so, and its count is forgotten', async () => {
  const field = deathField('mail', payload)
  for (let death = 1; death <= 3; death++) {
    await leave({})
    await room.client.del('resque:queue:mail')
    expect((await look()).get(id)).toBe(death < 3 ? 'requeued' : 'parked')
  }
  expect(await room.resque.failed.all()).toMatchObject([
    {
      exception: 'Resque::DirtyExit',
      error: 'Mail has killed its worker 3 times; it is parked here instead of being tried again.',
      payload,
    },
  ])
  expect(await waiting()).toEqual([])
  expect(await room.client.hexists('resque:deaths', field)).toBe(0)
})

test('a Ruby worker is judged at 300 seconds, and its job goes to failed', async () => {
  await leave({ id: 'ruby-1:5:mail', silent: 290 }, true)
  await leave({ id: 'ruby-2:5:mail', silent: 310 }, true)
  expect(await look()).toEqual(new Map([['ruby-2:5:mail', 'failed']]))
  expect((await room.resque.failed.all())[0]).toMatchObject({
    exception: 'Resque::PruneDeadWorkerDirtyExit',
    worker: 'ruby-2:5:mail',
  })
  expect(await room.client.sismember('resque:workers', 'ruby-1:5:mail')).toBe(1)
})

test('a Ruby worker is judged only by who has the lock of Ruby, which expires by itself', async () => {
  await leave({ silent: 900 }, true)
  await room.client.set('resque:pruning_dead_workers_in_progress', 'other:1:*', 'EX', 60)
  expect((await look()).size).toBe(0)
  expect(await room.client.get('resque:pruning_dead_workers_in_progress')).toBe('other:1:*')
  await room.client.del('resque:pruning_dead_workers_in_progress')
  expect((await look()).size).toBe(1)
  expect(await room.client.get('resque:pruning_dead_workers_in_progress')).toBe('me:1:*')
  expect(await room.client.ttl('resque:pruning_dead_workers_in_progress')).toBeGreaterThan(50)
})

test("a dead worker of ours is found without Ruby's lock", async () => {
  await leave({})
  await room.client.set('resque:pruning_dead_workers_in_progress', 'other:1:*')
  expect((await look()).get(id)).toBe('requeued')
})

test('a heartbeat without a registration, and one that is no time, do no harm', async () => {
  await room.client.hset(
    'resque:workers:heartbeat',
    'ghost:1:q',
    '2001-01-01T00:00:00+00:00',
    'odd:1:q',
    'not a time',
  )
  expect(await look()).toEqual(new Map([['ghost:1:q', 'removed']]))
  expect(await room.client.hkeys('resque:workers:heartbeat')).toEqual(['odd:1:q'])
})

test('a heartbeat in another zone counts from its instant', async () => {
  await leave({ silent: 310 }, true)
  const beat = (await room.client.hget('resque:workers:heartbeat', id)) ?? ''
  const shifted = new Date(Date.parse(beat) + 3_600_000).toISOString().slice(0, 19)
  await room.client.hset('resque:workers:heartbeat', id, `${shifted}+01:00`)
  expect((await look()).size).toBe(1)
})

test('a worker of ours whose heartbeat was deleted gets a clock, and can be judged later', async () => {
  await leave({})
  await room.client.hdel('resque:workers:heartbeat', id)
  expect((await look()).size).toBe(0)
  expect(await room.client.hget('resque:workers:heartbeat', id)).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
  )
})

test('the kind of workers that Ruby unregistered is forgotten', async () => {
  await room.client.hset(
    'resque:workers:kind',
    'left:1:q',
    '{"process":"left:1:q","deadAfterMs":1000,"failOnDeath":[]}',
  )
  await look()
  expect(await room.client.exists('resque:workers:kind')).toBe(0)
})

test('what a dead worker held is put back whatever it is', async () => {
  const raw = '{"class":"(not a job)","args":["\\u00ff\\u0000"]},"raw":"\\u00ff\\u0000"'
  await leave({ payload: raw })
  expect((await look()).get(id)).toBe('requeued')
  expect(await room.client.lrangeBuffer('resque:queue:mail', 0, -1)).toEqual([Buffer.from([0xff, 0])])
})

test('a record that is no JSON goes with its worker', async () => {
  await leave({ payload: null })
  await room.client.set(`resque:worker:${id}`, '{"queue":')
  await look()
  expect(await traces()).toEqual([])
})

test('many that look at once put a job back once', async () => {
  await leave({})
  const verdicts = await Promise.all(Array.from({ length: 8 }, () => look()))
  expect(verdicts.filter((each) => each.get(id) === 'requeued')).toHaveLength(1)
  expect(await waiting()).toEqual([payload])
})

test('with a list per queue a parked job goes to that of its queue', async () => {
  await leave({ failOnDeath: ['Mail'] })
  await look({ failureBackend: redisMultiQueueBackend })
  expect(await room.client.llen('resque:mail_failed')).toBe(1)
  expect(await room.client.smembers('resque:failed_queues')).toEqual(['mail_failed'])
})

test('a running worker looks by itself, tells what it found, and does the job', async () => {
  await leave({ silent: 60, deadAfterMs: 1_000 })
  const events: WorkerEvent[] = []
  const onEvent = (event: unknown) => events.push(event as WorkerEvent)
  channels.worker.subscribe(onEvent)
  const attempts: number[] = []
  const Mail = defineJob({
    name: 'Mail',
    perform() {
      attempts.push(this.attempt)
    },
  })
  await room.start({ jobs: [Mail], queues: '*', pruneIntervalMs: 100 })
  await waitFor(() => attempts.length === 1)
  channels.worker.unsubscribe(onEvent)
  expect(events).toContainEqual({ workerId: id, event: 'recovered', detail: 'requeued' })
  expect(room.logged('warn')).toEqual([
    `Pruned dead worker ${id}: its job is at the head of its queue again.`,
  ])
  // The death before was an attempt; now that it is done, it is forgotten.
  expect(attempts).toEqual([2])
  await waitFor(async () => (await room.client.exists('resque:deaths')) === 0)
})

test('only one of many workers looks in each interval', async () => {
  for (let i = 0; i < 4; i++) await room.start({ jobs: [], pruneIntervalMs: 2_000 })
  await waitFor(async () => (await room.client.exists('resque:workers:prune')) === 1)
  expect(await room.client.pttl('resque:workers:prune')).toBeLessThanOrEqual(1_800)
})
