// The audit log: capped, newest first, page by page.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'

const room = useRoom()

test('events come back as they were recorded, newest first, page by page', async () => {
  const { audit } = room.resque.store
  await audit.record({
    user: 'anna',
    role: 'admin',
    ip: '::1',
    action: 'clear',
    target: 'mail',
    count: 5,
    result: 'done',
  })
  for (let i = 0; i < 7; i++) await audit.record({ user: `u${i}\n\0<b>`, action: 'retry', result: 'denied' })
  const first = await audit.page({ limit: 5 })
  expect(first.map(({ user }) => user)).toEqual([6, 5, 4, 3, 2].map((i) => `u${i}\n\0<b>`))
  const second = await audit.page({ limit: 5, before: first.at(-1)?.id })
  expect(second).toHaveLength(3)
  expect(second[2]).toEqual({
    ...{
      id: expect.any(String),
      at: expect.any(Date),
      user: 'anna',
      role: 'admin',
      ip: '::1',
      action: 'clear',
    },
    ...{ target: 'mail', count: 5, result: 'done' },
  })
  expect(Math.abs((second[2]?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
  expect(await audit.page({ before: 'no id' })).toHaveLength(8)
  // No two have one id, and Ruby's page of the key, which shows it as it lies there, finds no tag in it.
  expect(new Set((await audit.page()).map(({ id }) => id)).size).toBe(8)
  expect((await room.client.zrangebyscore('resque:web:audit', '-inf', '+inf')).join()).not.toContain('<')
})

test('it never holds more than ten thousand entries', async () => {
  const { audit } = room.resque.store
  for (let i = 0; i < 110; i++)
    await Promise.all(
      Array.from({ length: 100 }, () => audit.record({ user: 'x', action: 'retry', result: 'done' })),
    )
  expect(await audit.count()).toBe(10_000)
})

test('texts are cut, so that no event is large', async () => {
  const { audit } = room.resque.store
  await audit.record({ user: 'x'.repeat(100_000), action: 'retry', result: 'done' })
  expect((await audit.page())[0]?.user).toHaveLength(500)
})
