// A watched queue full of what is no job: bytes of all kinds, and jobs that something gnawed at. Every one is parked in
// failed with a sentence, its bytes intact, and the worker goes on.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.js'
import { leftovers, nothing } from './support/leftovers.js'
import { type Random, scaled, seeded } from './support/random.js'
import { Room } from './support/room.js'

let room: Room

beforeEach(async () => {
  room = await Room.open()
})
afterEach(() => room.close())

const jobs = [
  '{"class":"Nobody","args":[1,2.5,-3e7,true,null,"text",{"a":[]}]}',
  '{"class":"Nobody","args":["\\u00e4 \\ud83d\\ude00 \\" \\\\ \\n"]}',
  '{"class":"Nobody","args":["ä 😀 \u2028"],"more":{"deep":[[[[[]]]]]}}',
  ' { "class" : "Nobody" ,\n "args" : [ ] }\r\n',
  '[]',
  'null',
  '"a string"',
  '{"class":null}',
  '{"args":[]}',
]

function bytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.between(0, 120) }, () => random.between(0, 255)))
}

/** A job in which some bytes were changed, left out, doubled or added. */
function gnawed(random: Random): Buffer {
  let job = [...Buffer.from(random.pick(jobs))]
  for (let i = random.between(0, 3); i > 0; i--) {
    const at = random.between(0, job.length)
    const byte = random.pick([
      0,
      9,
      10,
      34,
      44,
      46,
      48,
      58,
      92,
      93,
      125,
      127,
      128,
      0xc3,
      0xed,
      random.between(0, 255),
    ])
    const rest = job.slice(at + random.between(0, 2))
    job = [...job.slice(0, at), ...(random.next() < 0.3 ? [] : [byte]), ...rest]
  }
  return Buffer.from(job)
}

test('whatever stands in a queue and is no job is parked with a sentence, and the worker goes on', async () => {
  const random = seeded('garbage')
  const count = scaled(10_000)
  const entries = Array.from({ length: count }, (_, i) => (i % 2 ? bytes(random) : gnawed(random)))
  const { client } = room.redis
  for (let i = 0; i < count; i += 1_000)
    await client.rpush('resque:queue:runs', ...entries.slice(i, i + 1_000))
  await room.resque.enqueue(room.Record, 'last')
  const worker = await room.start({ concurrency: 20 })
  const records = worker.ids.map((id) => `resque:worker:${id}`)
  while (!room.ended.has('last')) {
    // What a web page, Ruby's too, would have to read at this moment.
    for (const record of await client.mget(records)) if (record !== null) JSON.parse(record)
  }
  await waitFor(async () => (await room.resque.failed.count()) === count)
  await worker.stop()

  const found: string[] = []
  for (let offset = 0; offset < count; offset += 1_000) {
    for (const job of await room.resque.failed.all(offset, 1_000)) {
      expect(job.isReadable).toBe(true)
      expect(job.error).toMatch(/^(Expected a job .+, got .+|This worker knows no job named ".+)\.$/s)
      found.push(Buffer.from(job.payload).toString('hex'))
    }
  }
  expect(found.sort()).toEqual(entries.map((entry) => entry.toString('hex')).sort())
  expect(await leftovers(client)).toEqual({ ...nothing, failed: count })
})
