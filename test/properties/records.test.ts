// Whatever is in a queue: its working record is JSON that every reader understands, and its bytes can be had back from
// the record, from the failed record, and from the queue after it was put back.

import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isJsonObject, parseJson } from '#built/json.js'
import { encodeFailure, readFailedJob, readWorkingRecord } from '#built/store/records.js'
import { useRoom } from '../room.js'
import { anyEntry, sameShape } from './adversarial.js'
import { bounded, objectText } from './json-text.js'

const room = useRoom()
const naming = { host: 'h', separator: '~', tail: ':1:q' }
const keyOf = (number: number) => `resque:worker:h${number === 1 ? '' : `~${number}`}:1:q`

interface Held {
  /** The record as it stands in Redis while the job is held. */
  record: Buffer
  /** What the call said it took. */
  payload: string | Buffer
}

/** Pushes these entries, takes them all in one call, and reads the records. */
async function hold(entries: Buffer[]): Promise<Held[]> {
  const numbers = entries.map((_, i) => i + 1)
  const keys = numbers.map(keyOf)
  await room.client.flushall()
  await room.client.sadd('resque:workers', ...keys.map((key) => key.slice('resque:worker:'.length)))
  await room.client.rpush('resque:queue:q', ...entries)
  const slots = numbers.map((number) => ({ number }))
  const request = {
    slots,
    queues: '["resque:queue:q"]',
    limit: 1_000,
    countQueues: false,
    nonce: 'n',
    call: '1',
    naming,
    runAt: 'now',
  }
  const reply = await room.resque.store.slots.finishAndReserve(request, ['q'])
  expect(reply.jobs.map((job) => job.slot)).toEqual(entries.map((_, i) => i))
  const records = await room.client.mgetBuffer(keys)
  return reply.jobs.map((job, i) => ({ record: records[i] as Buffer, payload: job.payload }))
}

const isJson = (bytes: Buffer) => isUtf8(bytes) && isJsonObject(parseJson(bytes.toString('utf8')))
const latin = (payload: string | Buffer) => Buffer.from(payload).toString('latin1')

/** What must hold of the record of any entry. */
function check(entry: Buffer, { record, payload }: Held): void {
  expect(isUtf8(record)).toBe(true)
  const text = record.toString('utf8')
  const read = JSON.parse(text) as { payload: unknown; raw?: string; queue: string; run: string }
  expect(isJsonObject(read.payload)).toBe(true)
  expect(read.queue).toBe('q')
  // An entry stands in its record as it is only if JSON.parse takes it.
  if (read.raw === undefined) expect(isJson(entry)).toBe(true)
  expect(latin(payload)).toBe(latin(entry))
  const recovered = readWorkingRecord(text)
  expect(latin(recovered?.payload ?? '')).toBe(latin(entry))
  expect(recovered?.run).toBe(read.run)
}

test('whatever bytes are in a queue, the record of each is JSON, and holds these bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 12 }), async (entries) => {
      const held = await hold(entries)
      for (const [i, entry] of entries.entries()) check(entry, held[i] as Held)
    }),
    bounded(400),
  )
})

test('entries that look alike are judged each by itself: one that is JSON does not let a broken one pass', async () => {
  await fc.assert(
    fc.asyncProperty(sameShape, async (entries) => {
      // Both orders: what is remembered of the first must be right for the others.
      for (const each of [entries, [...entries].reverse()]) {
        const held = await hold(each)
        for (const [i, entry] of each.entries()) check(entry, held[i] as Held)
      }
    }),
    bounded(200),
  )
})

test('a JSON object of any spelling stands in its record byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(objectText, { minLength: 1, maxLength: 8 }), async (texts) => {
      const entries = texts.map((text) => Buffer.from(text))
      const held = await hold(entries)
      for (const [i, text] of texts.entries()) {
        check(entries[i] as Buffer, held[i] as Held)
        const record = (held[i] as Held).record.toString('utf8')
        expect(record).toContain(`"payload":${text},"r`)
        expect(typeof (held[i] as Held).payload).toBe('string')
      }
    }),
    bounded(250),
  )
})

test('a failed record holds the same bytes, and a requeue puts them back as they were', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 8 }), async (entries) => {
      const held = await hold(entries)
      const texts = held.map(({ payload }) =>
        encodeFailure({
          ...{ failedAt: new Date(0), payload, exception: 'E', error: 'no', backtrace: [] },
          ...{ worker: 'h:1:q', queue: 'q' },
        }),
      )
      for (const [i, text] of texts.entries()) {
        expect(isJsonObject((JSON.parse(text) as { payload: unknown }).payload)).toBe(true)
        expect(latin(readFailedJob('failed', 0, text).payload)).toBe(latin(entries[i] as Buffer))
      }
      await room.client.rpush('resque:failed', ...texts)
      expect(await room.resque.failed.requeueAll()).toBe(entries.length)
      const back = await room.client.lrangeBuffer('resque:queue:q', 0, -1)
      expect(back.map(latin)).toEqual(entries.map(latin))
      // Put back a second time, from the records as they are after the first.
      expect(await room.resque.failed.requeueAll()).toBe(entries.length)
      const again = await room.client.lrangeBuffer('resque:queue:q', entries.length, -1)
      expect(again.map(latin)).toEqual(entries.map(latin))
    }),
    bounded(150),
  )
})
