// What is done to failed jobs while others change the list: what was meant is what happens, never its neighbour.
// (Ruby names entries by index and hits the neighbour: protocol 16.1.17.)

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()
const record = (id: number) => `{"failed_at":"x","payload":{"class":"Mail","args":[${id}]},"queue":"mail"}`
const fill = (...ids: number[]) => room.client.rpush('resque:failed', ...ids.map(record))
const left = async () => (await room.resque.failed.all(0, 9_999)).map((job) => (job.args as number[])[0])
const putBack = () => room.client.lrange('resque:queue:mail', 0, -1)

test('a job is put back though entries before it were removed meanwhile', async () => {
  await fill(0, 1, 2, 3)
  const job = (await room.resque.failed.all())[2]
  await room.client.lpop('resque:failed', 2)
  expect(await room.resque.failed.requeue(job?.ref ?? '')).toBe(true)
  expect(await putBack()).toEqual(['{"class":"Mail","args":[2]}'])
  const [two, three] = await room.resque.failed.all()
  expect(two?.retriedAt).toBeDefined()
  expect(three?.text).toBe(record(3))
})

test('a job is removed though entries before it were removed meanwhile', async () => {
  await fill(0, 1, 2, 3)
  const job = (await room.resque.failed.all())[2]
  await room.client.lpop('resque:failed')
  expect(await room.resque.failed.remove(job as NonNullable<typeof job>)).toBe(true)
  expect(await left()).toEqual([1, 3])
})

test('a job that somebody else removed is neither put back nor removed, and its neighbours stay', async () => {
  await fill(0, 1, 2)
  const job = (await room.resque.failed.all())[1]
  await room.client.lrem('resque:failed', 1, record(1))
  expect(await room.resque.failed.requeue(job?.ref ?? '')).toBe(false)
  expect(await room.resque.failed.requeue(job as NonNullable<typeof job>)).toBe(false)
  expect(await room.resque.failed.remove(job as NonNullable<typeof job>)).toBe(false)
  expect(await left()).toEqual([0, 2])
  expect(await putBack()).toEqual([])
})

test('two that put the same job back at once put it back once', async () => {
  await fill(0)
  const other = room.connect()
  const [mine] = await room.resque.failed.all()
  const [theirs] = await other.failed.all()
  const both = await Promise.all([
    room.resque.failed.requeue(mine as NonNullable<typeof mine>),
    other.failed.requeue(theirs as NonNullable<typeof theirs>),
  ])
  expect(both.sort()).toEqual([false, true])
  expect(await putBack()).toHaveLength(1)
})

test('a ref finds its entry far from where it was, before and behind', async () => {
  await fill(...Array.from({ length: 700 }, (_, id) => id))
  const job = await room.resque.failed.get(650)
  await room.client.lpop('resque:failed', 600)
  expect((await room.resque.failed.get(job?.ref ?? ''))?.index).toBe(50)
  await room.client.lpush('resque:failed', ...Array.from({ length: 650 }, (_, id) => record(10_000 + id)))
  expect((await room.resque.failed.get(job?.ref ?? ''))?.index).toBe(700)
})

test('jobs that fail again while all are put back are not put back a second time', async () => {
  await fill(...Array.from({ length: 150 }, (_, id) => id))
  const count = await room.resque.failed.requeueAll({}, () => {
    void room.client.rpush('resque:failed', record(999))
  })
  expect(count).toBe(150)
  expect(await putBack()).not.toContain('{"class":"Mail","args":[999]}')
})

test('removing all that is meant, while others remove too, removes nothing that is not meant', async () => {
  const name = (id: number) => (id % 2 ? 'Odd' : 'Even')
  const texts = Array.from({ length: 400 }, (_, id) => record(id).replace('Mail', name(id)))
  await room.client.rpush('resque:failed', ...texts)
  let isDone = false
  const others = (async () => {
    for (let id = 0; id < 400 && !isDone; id += 8)
      await room.client.lrem('resque:failed', 1, texts[id] as string)
  })()
  await room.resque.failed.removeAll({ class: 'Odd' })
  isDone = true
  await others
  const evens = await room.resque.failed.count({ class: 'Even' })
  expect(evens).toBeGreaterThanOrEqual(150)
  expect(evens).toBeLessThanOrEqual(200)
})

test('putting all back while another removes puts back each of the others exactly once, or leaves it', async () => {
  await fill(...Array.from({ length: 300 }, (_, id) => id))
  const removing = (async () => {
    for (let id = 0; id < 300; id += 10) await room.client.lrem('resque:failed', 1, record(id))
  })()
  await room.resque.failed.requeueAll()
  await removing
  const back = await putBack()
  expect(new Set(back).size).toBe(back.length)
})
