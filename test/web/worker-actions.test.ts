// Telling workers what to do, on the pages.

import { defineJob } from 'resque-ts'
import { expect, test } from 'vitest'
import { gate, useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { bearer, openSite } from './site.js'

const room = useRoom()
const at = (id: string, action = '') => `/workers/${encodeURIComponent(id)}${action}`
const quick = { heartbeatMs: 30, deadAfterMs: 10_000 }
const yes = (role: string) => ({ method: 'POST', headers: bearer(role), form: { confirmed: 'yes' } })

test('a process is paused after a question that shows its jobs, and resumed', async () => {
  const site = openSite(room)
  const hold = gate()
  const Job = defineJob({ name: 'LongJob', perform: () => hold.opened })
  const worker = await room.start({ jobs: [Job], queues: 'q', concurrency: 2, ...quick })
  await room.resque.enqueueTo('q', 'LongJob', 7)
  await waitFor(() => worker.busyCount === 1)
  const [id = ''] = worker.ids
  const question = await site.text(at(id, '/pause'), { headers: bearer('operator') })
  expect(question).toMatch(new RegExp(`Pause process [^ ]*:${process.pid}\\?`))
  expect(question).toContain('2 slots')
  expect(question).toContain('Pause 2 workers</button>')
  expect(question).toContain('LongJob')
  const asked = await site.ask(at(id, '/pause'), { method: 'POST', headers: bearer('operator') })
  expect(asked.status).toBe(200)
  expect(worker.isPaused).toBe(false)
  expect((await site.ask(at(id, '/pause'), yes('operator'))).status).toBe(303)
  await waitFor(() => worker.isPaused)
  await waitFor(async () => (await site.text(at(id), { headers: bearer('operator') })).includes('Resume'))
  // That it takes nothing more is worth knowing, also while its last job runs.
  expect(worker.busyCount).toBe(1)
  expect(await site.text('/workers', { headers: bearer('viewer') })).toMatch(/is-paused.*1 \/ 2/s)
  await site.ask(at(id, '/resume'), { method: 'POST', headers: bearer('operator') })
  await waitFor(() => !worker.isPaused)
  hold.open()
})

test('an admin stops a process; an operator may not, and sees no button', async () => {
  const site = openSite(room)
  const worker = await room.start({ jobs: [], queues: 'q', ...quick })
  const [id = ''] = worker.ids
  expect((await site.ask(at(id, '/stop'), yes('operator'))).status).toBe(403)
  expect(await site.text(at(id), { headers: bearer('operator') })).not.toContain('/stop"')
  expect(await site.text(at(id), { headers: bearer('admin') })).toContain('/stop"')
  expect((await site.ask(at(id, '/stop'), yes('admin'))).status).toBe(303)
  await worker.stopped
  expect(await room.resque.workers()).toEqual([])
})

test('a worker that lives is not forgotten; one that is lost is, and its job goes to failed', async () => {
  const site = openSite(room)
  const worker = await room.start({ jobs: [], queues: 'q', ...quick, pruneIntervalMs: 600_000 })
  const refused = await site.ask(at(worker.ids[0] as string, '/forget'), yes('admin'))
  expect(refused.status).toBe(409)
  expect(await refused.text()).toContain('This worker lives')
  const dead = 'host:1:q'
  await room.client.sadd('resque:workers', dead)
  await room.client.hset('resque:workers:heartbeat', dead, '2020-01-01T00:00:00+00:00')
  const record = { queue: 'q', run_at: '2020-01-01T00:00:00Z', payload: { class: 'Job', args: [] } }
  await room.client.set(`resque:worker:${dead}`, JSON.stringify(record))
  const question = await site.text(at(dead, '/forget'), { headers: bearer('admin') })
  for (const said of ['Forget host:1:q?', 'Forget 1 worker</button>', '1 job in progress', '>Job<'])
    expect(question).toContain(said)
  expect((await site.ask(at(dead, '/forget'), yes('admin'))).status).toBe(303)
  expect((await room.resque.workers()).map(({ id }) => id)).toEqual([...worker.ids])
  expect(await room.resque.failed.count()).toBe(1)
})

test('a Ruby worker cannot be told, which is said', async () => {
  const site = openSite(room)
  await room.client.sadd('resque:workers', 'host:1:q')
  const answer = await site.ask(at('host:1:q', '/pause'), yes('operator'))
  expect(answer.status).toBe(409)
  expect(await answer.text()).toContain('Send its process a signal')
})
