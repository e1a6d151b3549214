// Worker processes in a table: what each has done, and by what they are sorted.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { bearer, openSite } from './site.js'

const room = useRoom()
const viewer = { headers: bearer('viewer') }

interface Known {
  /** Seconds ago. */
  started?: number
  running?: number
  rssBytes?: number
  lagMs?: number
  done?: [processed: number, failed: number][]
  isLost?: boolean
  isRuby?: boolean
}

/** A process with a slot for each of what its slots have done. */
async function addProcess(host: string, known: Known): Promise<void> {
  const { started, running, rssBytes = 0, lagMs = 0, done = [[0, 0]], isLost, isRuby } = known
  const at = (seconds: number) => new Date(Date.now() - 1_000 * seconds).toISOString()
  for (const [i, [processed, failed]] of done.entries()) {
    const id = `${host}${i === 0 ? '' : `~${i + 1}`}:1:*`
    await room.client.sadd('resque:workers', id)
    await room.client.hset('resque:workers:heartbeat', id, at(isLost ? 3_600 : 0))
    if (started !== undefined) await room.client.set(`resque:worker:${id}:started`, at(started))
    await room.client.set(`resque:stat:processed:${id}`, processed)
    await room.client.set(`resque:stat:failed:${id}`, failed)
    if (running !== undefined)
      await room.client.set(
        `resque:worker:${id}`,
        JSON.stringify({ queue: 'q', run_at: at(running - i), payload: { class: 'Job', args: [] } }),
      )
    if (isRuby) continue
    const vitals = { state: 'running', rssBytes, lagMs, version: '9.8.7' }
    const kind = {
      process: `${host}:1:*`,
      deadAfterMs: 60_000,
      failOnDeath: [],
      nonce: 'n',
      ...(i === 0 && { vitals }),
    }
    await room.client.hset('resque:workers:kind', id, JSON.stringify(kind))
  }
}

async function look(path: string) {
  const html = await openSite(room).text(path, viewer)
  return { html, hosts: [...html.matchAll(/<bdi class="name">(\w+):1<\/bdi>/g)].map(([, host]) => host) }
}

test('processes are sorted by what is known of them, both ways, and those of which it is not known stand last', async () => {
  await addProcess('a', {
    started: 30,
    rssBytes: 20,
    lagMs: 5,
    done: [
      [5, 0],
      [5, 9],
    ],
  })
  await addProcess('b', { started: 10, running: 60, rssBytes: 30, lagMs: 1, done: [[7, 1]] })
  await addProcess('c', { started: 20, running: 90, rssBytes: 10, lagMs: 9, done: [[30, 3]], isLost: true })
  await addProcess('d', { isRuby: true, done: [[8, 2]] })
  const orders = {
    process: ['abcd', 'dcba'],
    // What is worth knowing first: lost, busy, idle.
    state: ['cbad', 'adbc'],
    memory: ['bacd', 'cabd'],
    lag: ['cabd', 'bacd'],
    started: ['bcad', 'acbd'],
    processed: ['cadb', 'bdac'],
    failed: ['acdb', 'bdca'],
    running: ['cbad', 'bcad'],
  }
  for (const [sort, [first, other]] of Object.entries(orders)) {
    const { html, hosts } = await look(`/workers?sort=${sort}`)
    expect(hosts.join(''), sort).toBe(first)
    // The one head it is sorted by says so, and leads to the other way round.
    const [, word, href = ''] = /<th[^>]* aria-sort="(\w+)"[^>]*><a href="([^"]*)"/.exec(html) ?? []
    expect(html.match(/aria-sort/g), sort).toHaveLength(1)
    const turned = await look(href.replaceAll('&amp;', '&'))
    expect(turned.hosts.join(''), sort).toBe(other)
    expect([word, /aria-sort="(\w+)"/.exec(turned.html)?.[1]].sort(), sort).toEqual([
      'ascending',
      'descending',
    ])
  }
  expect((await openSite(room).ask('/workers?sort=nonsense', viewer)).status).toBe(400)
  expect((await openSite(room).ask('/workers?sort=__proto__', viewer)).status).toBe(400)
})

test('a process shows its version, when it was started, and what all its slots have done', async () => {
  await addProcess('a', {
    started: 7_200,
    rssBytes: 1,
    done: [
      [1_000, 4],
      [500, 3],
    ],
  })
  const { html } = await look('/workers')
  const cell = (label: string) =>
    new RegExp(`data-label="${label}"[^>]*>(.*?)</td>`).exec(html)?.[1]?.replace(/<[^>]*>/g, '')
  expect([cell('Processed'), cell('Failed'), cell('Started')]).toEqual(['1,500', '7', '2 h ago'])
  expect(html).toContain('9.8.7')
})

test('the next page of a sorted list goes on in its order, also for one host', async () => {
  for (let i = 0; i < 45; i++) await addProcess(`h${i}`, { done: [[i, 0]] })
  const { html, hosts } = await look('/workers?sort=processed')
  expect([hosts.length, hosts[0]]).toEqual([40, 'h44'])
  const next = /href="([^"]*start=40[^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect((await look(next)).hosts).toEqual(['h4', 'h3', 'h2', 'h1', 'h0'])
  const ofHost = await look('/workers/h7?sort=failed')
  expect(ofHost.hosts).toEqual(['h7'])
  expect(ofHost.html).toContain('href="/workers/h7?sort=memory"')
})

test('the fragment of a worker is of that worker, of a host of that host, and of nobody it is none', async () => {
  for (const host of ['a', 'b']) await addProcess(host, { running: 5 })
  const of = async (path: string) => {
    const answer = await openSite(room).ask(path, viewer)
    const text = await answer.text()
    return [answer.status, text.includes('a:1'), text.includes('b:1'), text.includes('<html')]
  }
  expect(await of('/workers/a:1:%2a.poll')).toEqual([200, true, false, false])
  expect(await of('/workers/b.poll')).toEqual([200, false, true, false])
  for (const path of ['/workers.poll', '/workers/all.poll'])
    expect(await of(path), path).toEqual([200, true, true, false])
  expect((await of('/workers/c.poll'))[0]).toBe(404)
})
