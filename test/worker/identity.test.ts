// The ids under which a worker registers (protocol 5): who it is, who it is not, and who was it before.

import { hostname } from 'node:os'
import { afterAll, expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const title = process.title
afterAll(() => {
  process.title = title
})

const host = hostname()
const tail = `:${process.pid}:`
const registered = async () => (await room.client.smembers('resque:workers')).sort()

test('a worker is host, pid and queue list; one whose title shows it takes the plain host name', async () => {
  const worker = await room.start({ jobs: [], queues: 'critical,mail_*,!mail_old', title: true })
  expect(worker.ids).toEqual([`${host}${tail}critical,mail_*`])
  expect(await registered()).toEqual(worker.ids)
})

test('each slot has an id of its own; they differ in the host part alone', async () => {
  const worker = await room.start({ jobs: [], queues: '*', title: true, concurrency: 3 })
  expect(worker.ids).toEqual([`${host}${tail}*`, `${host}~2${tail}*`, `${host}~3${tail}*`])
  expect((await room.resque.workers()).map((each) => each.pid)).toEqual(Array(3).fill(process.pid))
})

test('without a title no slot takes the plain host name, which a Ruby worker would look up in ps', async () => {
  const worker = await room.start({ jobs: [], queues: '*', concurrency: 2 })
  expect(worker.ids).toEqual([`${host}~2${tail}*`, `${host}~3${tail}*`])
})

test('two workers of one process do not collide, also on the same queues, and give their ids back', async () => {
  const first = await room.start({ jobs: [], queues: 'q', concurrency: 2 })
  const second = await room.start({ jobs: [], queues: 'q', concurrency: 2 })
  expect(new Set([...first.ids, ...second.ids]).size).toBe(4)
  expect(await registered()).toEqual([...first.ids, ...second.ids].sort())
  await first.stop()
  expect(await registered()).toEqual([...second.ids].sort())
  const third = await room.start({ jobs: [], queues: 'q', concurrency: 2 })
  expect(third.ids).toEqual(first.ids)
})

test('an id that a dead predecessor still holds is not taken', async () => {
  const [held, heldToo] = [`${host}~2${tail}q`, `${host}~4${tail}q`]
  await room.client.sadd('resque:workers', held)
  await room.client.set(`resque:worker:${heldToo}`, '{"queue":"q","payload":{"class":"A"}}')
  const worker = await room.start({ jobs: [], queues: 'q', concurrency: 3 })
  expect(worker.ids).not.toContain(held)
  expect(worker.ids).not.toContain(heldToo)
  expect(new Set(worker.ids).size).toBe(3)
  await worker.stop()
  expect(await registered()).toEqual([held])
  expect(await room.client.exists(`resque:worker:${heldToo}`)).toBe(1)
})

test('a registration is complete: heartbeat, start and kind stand beside the id', async () => {
  const worker = await room.start({
    jobs: [],
    queues: 'q',
    deadAfterMs: 12_345,
    heartbeatMs: 1_000,
    concurrency: 2,
  })
  for (const id of worker.ids) {
    expect(await room.client.hget('resque:workers:heartbeat', id)).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
    )
    expect(await room.client.get(`resque:worker:${id}:started`)).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/,
    )
    expect(JSON.parse((await room.client.hget('resque:workers:kind', id)) ?? '')).toMatchObject({
      ...{ process: worker.ids[0], deadAfterMs: 12_345, failOnDeath: [] },
    })
  }
})

test('before it starts a worker has no ids', () => {
  expect(room.worker({ jobs: [] }).ids).toEqual([])
})

test('queue names of every kind stand in the id as they are', async () => {
  const worker = await room.start({ jobs: [], queues: ['a:b', 'é 😀', 'x/y'] })
  const [info] = await room.resque.workers()
  expect(info?.id).toBe(worker.ids[0])
  expect(info?.queues).toEqual(['a:b', 'é 😀', 'x/y'])
  await worker.stop()
  expect(await registered()).toEqual([])
})
