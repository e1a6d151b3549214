// Entries of a list, acted on by content in one step: the one that is meant or none, its neighbours never.

import { expect, test } from 'vitest'
import { type EntryRef, readRefs, type Source, writeRefs } from '#built/store/entries.js'
import { useRoom } from '../room.js'

const room = useRoom()
const source: Source = { kind: 'queue', name: 'mail' }
const key = 'resque:queue:mail'
const all = () => room.client.lrange(key, 0, -1)
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `${from + i}`)

async function fill(...texts: string[]): Promise<EntryRef[]> {
  await room.client.rpush(key, ...texts)
  return room.resque.store.entries.range(source, 0, 10_000)
}

test('of equal entries each ref takes one', async () => {
  const refs = await fill('a', 'b', 'a', 'a', 'c')
  const { entries } = room.resque.store
  expect(await entries.remove(source, [refs[0], refs[3], refs[4]] as EntryRef[])).toEqual([
    'done',
    'done',
    'done',
  ])
  expect(await all()).toEqual(['b', 'a'])
  expect(await entries.remove(source, [refs[0], refs[3]] as EntryRef[])).toEqual(['missing', 'done'])
  expect(await all()).toEqual(['b'])
})

test('entries are found though some were taken before them, and some between them', async () => {
  const refs = await fill(...numbers(500))
  await room.client.lpop(key, 50)
  await room.client.lrem(key, 1, '300')
  const wanted = [60, 299, 300, 301, 499, 10].map((i) => refs[i] as EntryRef)
  const fates = await room.resque.store.entries.remove(source, wanted)
  expect(fates).toEqual(['done', 'done', 'missing', 'done', 'done', 'missing'])
  const gone = new Set(['60', '299', '300', '301', '499'])
  expect(await all()).toEqual(numbers(450, 50).filter((each) => !gone.has(each)))
})

test('an entry that moved out of reach is missing for the call, and found by a search', async () => {
  const refs = await fill(...numbers(2_000))
  await room.client.lpop(key, 1_500)
  const { entries } = room.resque.store
  expect(await entries.remove(source, [refs[1_900] as EntryRef])).toEqual(['missing'])
  expect(await entries.find(source, refs[1_900] as EntryRef)).toMatchObject({ index: 400 })
  await room.client.lpush(key, ...numbers(1_900, 5_000))
  expect(await entries.find(source, refs[1_900] as EntryRef)).toMatchObject({ index: 2_300 })
  expect(await entries.find(source, refs[1] as EntryRef)).toBeUndefined()
})

test('while workers take jobs, a removed job is not taken and a taken one not removed', async () => {
  const refs = await fill(...numbers(3_000))
  const taken: string[] = []
  let isDone = false
  const worker = (async () => {
    while (!isDone) {
      const text = await room.client.lpop(key)
      if (text === null) break
      taken.push(text)
    }
  })()
  let removed = 0
  for (let i = 2_900; i >= 0; i -= 100) {
    const fates = await room.resque.store.entries.remove(
      source,
      refs.slice(i, i + 100).filter((_, k) => k % 2 === 0),
    )
    removed += fates?.filter((fate) => fate === 'done').length ?? 0
  }
  isDone = true
  await worker
  const left = await all()
  expect(new Set([...taken, ...left]).size).toBe(taken.length + left.length)
  expect(taken.length + left.length + removed).toBe(3_000)
  expect(new Set([...taken, ...left].filter((text) => Number(text) % 2 === 1)).size).toBe(1_500)
})

test('a hundred new ones of a hundred thousand are removed by one walk along the list', async () => {
  const text = 'x'.repeat(200)
  for (let i = 0; i < 20; i++)
    await room.client.rpush(key, ...numbers(5_000, i * 5_000).map((each) => each + text))
  const { entries } = room.resque.store
  const refs = await entries.range(source, 99_900, 100)
  await room.client.config('RESETSTAT')
  await entries.remove(source, refs)
  const stats = await room.client.info('commandstats')
  const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, count]) => `${name}:${count}`)
  expect(calls.filter((each) => /lrem|lrange/.test(each))).toEqual(['lrem:1'])
})

test('refs are written and read as they were', () => {
  const refs = [
    { index: 5, digest: '0123456789abcdef' },
    { index: 12, digest: 'fedcba9876543210' },
  ]
  expect(readRefs(writeRefs(refs))).toEqual(refs)
  expect(readRefs('')).toEqual([])
})
