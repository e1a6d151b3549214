// The client: what it shows of workers and counters, and removing a worker that is not there any more. The workers
// here are what a foreign program wrote into Redis; living ones stand in worker/.

import { expect, test } from 'vitest'
import { useRoom } from './room.js'

const room = useRoom()
const idle = 'web-1:100:default'
const busy = 'web-2:200:mail,low:er'
const record =
  '{"queue":"mail","run_at":"2026-11-24T02:14:40Z","payload":{"class":"Mail","args":[1.0,12345678901234567890]}}'

/** Two workers as Ruby registers them. */
async function registerTwo(): Promise<void> {
  await room.client
    .multi()
    .sadd('resque:workers', busy, idle)
    .set(`resque:worker:${idle}:started`, '2026-11-24 02:14:00 +0000')
    .set(`resque:worker:${busy}:started`, '2026-11-24 02:14:30 +0000')
    .hset('resque:workers:heartbeat', busy, '2026-11-24T02:14:40+00:00')
    .set(`resque:worker:${busy}`, record)
    .set(`resque:stat:processed:${busy}`, 12)
    .set(`resque:stat:failed:${busy}`, 2)
    .exec()
}

test('workers shows every registered worker with all that is known of it', async () => {
  await registerTwo()
  expect(await room.resque.workers()).toEqual([
    {
      ...{ id: idle, host: 'web-1', pid: 100, queues: ['default'], kind: 'ruby' },
      ...{
        started: '2026-11-24 02:14:00 +0000',
        heartbeat: undefined,
        processed: 0,
        failed: 0,
        job: undefined,
      },
    },
    {
      ...{ id: busy, host: 'web-2', pid: 200, queues: ['mail', 'low:er'], kind: 'ruby' },
      ...{
        started: '2026-11-24 02:14:30 +0000',
        heartbeat: '2026-11-24T02:14:40+00:00',
        processed: 12,
        failed: 2,
      },
      job: {
        queue: 'mail',
        runAt: '2026-11-24T02:14:40Z',
        payload: '{"class":"Mail","args":[1.0,12345678901234567890]}',
        run: undefined,
      },
    },
  ])
})

test('working shows those that have a job', async () => {
  await registerTwo()
  expect((await room.resque.working()).map((worker) => worker.id)).toEqual([busy])
})

test('a worker without a heartbeat, a start or even a proper id hides nobody', async () => {
  await room.client.sadd('resque:workers', 'weird', 'h:1:', idle)
  const workers = await room.resque.workers()
  expect(workers.map((worker) => worker.id)).toEqual(['h:1:', idle, 'weird'])
  expect(workers.every((worker) => worker.started === '')).toBe(true)
})

test('removeWorker deletes all traces of an idle worker', async () => {
  await registerTwo()
  expect(await room.resque.removeWorker(idle)).toBe(true)
  expect(await room.resque.removeWorker(idle)).toBe(false)
  expect((await room.client.keys(`*${idle}*`)).sort()).toEqual([])
  expect((await room.resque.workers()).map((worker) => worker.id)).toEqual([busy])
  expect(await room.resque.failed.count()).toBe(0)
})

test('removeWorker fails the job that the worker held, as Ruby does, and does not count it', async () => {
  await registerTwo()
  expect(await room.resque.removeWorker(busy)).toBe(true)
  expect(await room.resque.failed.all()).toMatchObject([
    {
      exception: 'Resque::DirtyExit',
      error: 'Job still being processed',
      payload: '{"class":"Mail","args":[1.0,12345678901234567890]}',
      worker: busy,
      queue: 'mail',
      backtrace: [],
    },
  ])
  expect((await room.client.keys('*')).sort()).toEqual([
    'resque:failed',
    `resque:worker:${idle}:started`,
    'resque:workers',
  ])
})

test('removeWorker keeps the bytes of a job that is not even text', async () => {
  const payload = Buffer.concat([
    Buffer.from('{"class":"Mail","args":["'),
    Buffer.from([0xff]),
    Buffer.from('"]}'),
  ])
  await room.client.sadd('resque:workers', busy)
  await room.client.set(
    `resque:worker:${busy}`,
    Buffer.concat([Buffer.from('{"queue":"mail","run_at":"x","payload":'), payload, Buffer.from('}')]),
  )
  await room.resque.removeWorker(busy)
  const [job] = await room.resque.failed.all()
  expect(Buffer.from(job?.payload ?? '').toString('latin1')).toBe(payload.toString('latin1'))
})

test('info counts what there is', async () => {
  await registerTwo()
  await room.resque.enqueueTo('mail', 'Mail', 1)
  await room.resque.enqueueTo('mail', 'Mail', 2)
  await room.resque.watch('low')
  await room.client.rpush('resque:failed', '{}', '{}', '{}')
  await room.client.set('resque:stat:processed', 9)
  await room.client.set('resque:stat:failed', 100)
  expect(await room.resque.info()).toEqual({
    ...{ pending: 2, processed: 9, queues: 2, workers: 2, working: 1, failed: 3 },
    servers: [`redis://127.0.0.1:${room.redis.port}/0/resque`],
    environment: process.env.RAILS_ENV ?? process.env.RACK_ENV ?? process.env.NODE_ENV ?? 'development',
  })
})

test('info of an empty Redis is all zeros', async () => {
  expect(await room.resque.info()).toMatchObject({
    pending: 0,
    processed: 0,
    queues: 0,
    workers: 0,
    working: 0,
    failed: 0,
  })
})

test('info never shows a password', async () => {
  const resque = room.connect({ redis: { port: room.redis.port, username: 'default', password: undefined } })
  expect(JSON.stringify(await resque.info())).not.toContain('default@')
})

test('counters are read, raised, lowered and cleared', async () => {
  const { stats } = room.resque
  expect(await stats.get('processed')).toBe(0)
  expect(await stats.increment('processed')).toBe(1)
  expect(await stats.increment('processed', 10)).toBe(11)
  expect(await stats.decrement('processed')).toBe(10)
  expect(await stats.decrement('processed', 4)).toBe(6)
  expect(await room.client.get('resque:stat:processed')).toBe('6')
  expect(await stats.getAll(['processed', 'failed'])).toEqual([6, 0])
  expect(await stats.getAll([])).toEqual([])
  await stats.clear('processed')
  expect(await room.client.exists('resque:stat:processed')).toBe(0)
})
