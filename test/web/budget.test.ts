// What the pages weigh, and what one costs Redis, also with many queues and workers.

import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { bearer, openSite } from './site.js'

const room = useRoom()

test('stylesheet and scripts are at most 35 kB together, compressed', () => {
  const folder = new URL('../../dist/web/public/', import.meta.url)
  const sizes = readdirSync(folder)
    .filter((name) => /\.(css|js)$/.test(name) && !name.includes('uplot'))
    .map((name) => gzipSync(readFileSync(new URL(name, folder))).length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(35 * 1024)
})

test('500 workers and 200 queues: one round trip, and pages within their budget', async () => {
  const pipeline = room.client.pipeline()
  for (let i = 0; i < 200; i++) {
    pipeline.sadd('resque:queues', `queue_${i}`)
    pipeline.rpush(`resque:queue:queue_${i}`, '{"class":"A","args":[]}')
  }
  for (let i = 0; i < 500; i++) {
    const id = `host-${i % 50}:${i}:queue_${i % 200},*`
    pipeline.sadd('resque:workers', id)
    pipeline.set(
      `resque:worker:${id}`,
      `{"queue":"queue_1","run_at":"2026-01-01T00:00:00Z","payload":{"class":"Thumbnail","args":[${i},"x"]}}`,
    )
  }
  await pipeline.exec()
  const site = openSite(room, { cacheMs: 60_000 })
  for (const path of ['/overview', '/queues', '/working', '/workers']) {
    const html = await site.text(path, { headers: bearer('viewer') })
    expect(html.length, path).toBeLessThan(130_000)
    expect(gzipSync(html).length, path).toBeLessThan(15_000)
    expect(html.match(/<[a-z]/g)?.length, path).toBeLessThan(2_500)
    // The first layout is one task, and is to take 50 ms at most on a slow machine: fifty rows of a list.
    if (path !== '/working') expect(html.match(/<tr/g)?.length, path).toBeLessThan(80)
  }
  await room.client.config('RESETSTAT')
  for (let i = 0; i < 20; i++) await site.ask('/overview', { headers: bearer('viewer') })
  const info = await room.client.info('commandstats')
  expect(info).not.toMatch(/cmdstat_(evalsha|keys|lrange)/)
})
