// Who paused a queue, or all workers, and when: told where it is known, and nowhere made up.

import { expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { bearer, openSite } from './site.js'

const room = useRoom()
const admin = { headers: bearer('admin') }

/** What the pages and the API tell of it. */
async function told() {
  const site = openSite(room)
  const plain = async (path: string) =>
    (await site.text(path, admin)).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  const { queues, ...all } = JSON.parse(await site.text('/api/v1/overview', admin))
  const [queue] = queues
  return {
    page: /‖ paused( by .*?, now)?/.exec(await plain('/queues/mail'))?.[1],
    table: /‖ paused( by .*?, now)?/.exec(await plain('/queues'))?.[1],
    banner: /All workers are paused( by .*?, now)?/.exec(await plain('/failed'))?.[1],
    queue: [queue.isPaused, queue.pausedBy, Date.parse(queue.pausedAt)],
    all: [all.isAllPaused, all.allPausedBy, Date.parse(all.allPausedAt)],
  }
}

async function post(path: string, role = 'admin') {
  const answer = await openSite(room).ask(path, {
    ...{ method: 'POST', headers: bearer(role), form: { confirmed: 'yes' } },
  })
  expect(answer.status, path).toBe(303)
}

const nobody = {
  ...{ page: undefined, table: undefined, banner: undefined },
  ...{ queue: [true, null, Number.NaN], all: [true, null, Number.NaN] },
}

test('who paused is shown with the time, on the page, in the table, in the banner and in the API', async () => {
  await room.client.sadd('resque:queues', 'mail')
  const before = Date.now() - 1_000
  await post('/queues/mail/pause', 'operator')
  await post('/pause')
  // The first who paused it did: who comes later changes nothing.
  await room.resque.pauseQueue('mail', { by: 'late' })
  await room.resque.pauseAll({ by: 'late' })
  const { queue, all, ...shown } = await told()
  expect(shown).toEqual({
    ...{ page: ' by operator-token , now', table: ' by operator-token , now' },
    banner: ' by admin-token , now',
  })
  expect([queue.slice(0, 2), all.slice(0, 2)]).toEqual([
    [true, 'operator-token'],
    [true, 'admin-token'],
  ])
  for (const at of [queue[2], all[2]]) expect(Math.abs((at as number) - before)).toBeLessThan(60_000)
  expect(await room.client.get('resque:pause-all-workers')).toBe('true')
  expect(await room.client.smembers('resque:queues:paused')).toEqual(['mail'])
})

test('a name that was not given, or was given for an earlier pause, is not shown', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.sadd('resque:queues:paused', 'mail')
  await room.client.set('resque:pause-all-workers', 'TRUE')
  expect(await told()).toEqual(nobody)
  // It was paused before they came.
  await room.resque.pauseQueue('mail', { by: 'late' })
  await room.resque.pauseAll({ by: 'late' })
  expect(await told()).toEqual(nobody)
  await room.resque.resumeQueue('mail')
  await room.resque.resumeAll()
  await room.resque.pauseQueue('mail', { by: 'ann' })
  await room.resque.pauseAll({ by: 'ann' })
  await room.client.srem('resque:queues:paused', 'mail')
  await room.client.del('resque:pause-all-workers')
  expect((await told()).queue).toEqual([false, null, Number.NaN])
  await room.resque.pauseQueue('mail')
  await room.resque.pauseAll()
  expect(await told()).toEqual(nobody)
})

test('there are no more notes than paused queues and one, nothing of them stays after resuming, and their key may be broken', async () => {
  for (let i = 0; i < 20; i++) {
    await room.resque.pauseQueue(`q${i}`, { by: 'ann' })
    if (i > 0) await room.resque.removeQueue(`q${i}`)
  }
  await room.resque.pauseAll({ by: `${'a'.repeat(5_000)}` })
  expect((await room.client.hkeys('resque:web:paused')).sort()).toEqual(['all', 'queue:q0'])
  expect((await room.client.hget('resque:web:paused', 'all'))?.length).toBeLessThan(300)
  await room.resque.resumeQueue('q0')
  await room.resque.resumeAll()
  expect(await room.client.exists('resque:web:paused')).toBe(0)
  await room.client.set('resque:web:paused', 'something else')
  await room.client.sadd('resque:queues', 'mail')
  await post('/queues/mail/pause')
  await post('/pause')
  expect(await told()).toEqual(nobody)
})

test('a name is shown as text', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.resque.pauseQueue('mail', { by: '<b>ann\n\u202e' })
  await room.resque.pauseAll({ by: '<b>ann\n\u202e' })
  for (const path of ['/queues', '/queues/mail']) {
    const html = await openSite(room).text(path, admin)
    expect(html).toContain('&lt;b&gt;ann\\u000a\\u202e')
    expect(html).not.toContain('<b>ann')
  }
})
