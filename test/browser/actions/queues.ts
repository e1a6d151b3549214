// What is done to queues and to what waits in them.

import { expect } from 'vitest'
import { type Action, classes, confirm, press, question, queued, undo } from './action.js'

export const queueActions: Action[] = [
  {
    claim: 'a queue is paused and resumed on its page, and in the list of queues',
    posts: ['/queues/:queue/pause', '/queues/:queue/resume'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const paused = () => room.client.smembers('resque:queues:paused')
      await page.goto(`${origin}/queues`)
      await page.getByRole('link', { name: 'mail', exact: true }).click()
      await press(scene, 'Pause mail', 'Paused mail')
      expect(await paused()).toEqual(['mail'])
      await look()
      await press(scene, 'Resume mail', 'Resumed mail.')
      expect(await paused()).toEqual([])
      await look()
      await page.goto(`${origin}/queues`)
      await press(scene, 'Pause reports', 'Paused reports')
      expect(await paused()).toEqual(['reports'])
      await look()
      await page.goto(`${origin}/queues`)
      await press(scene, 'Resume reports', 'Resumed reports.')
      expect(await paused()).toEqual([])
      await look()
    },
  },
  {
    claim: 'all workers are paused after a question, and resumed',
    posts: ['/pause', '/resume'],
    async act(scene) {
      const { page, origin, room, look } = scene
      await page.goto(`${origin}/queues`)
      await page.getByRole('button', { name: 'Pause all' }).click()
      await question(scene)
        .getByRole('heading', { name: /^Pause all \d+ workers\?$/ })
        .waitFor()
      await question(scene)
        .getByRole('button', { name: /^Pause all \d+ workers$/ })
        .click()
      await page.getByText('All workers are paused').waitFor()
      expect(await room.client.get('resque:pause-all-workers')).toBe('true')
      await look()
      await press(scene, 'Resume all', 'Resumed: jobs are taken again.')
      expect(await room.client.exists('resque:pause-all-workers')).toBe(0)
      await look()
    },
  },
  {
    claim: 'a queue is cleared after a question, and its jobs come back',
    posts: ['/queues/:queue/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const before = await queued(scene)
      await page.goto(`${origin}/queues/mail`)
      await page.getByRole('link', { name: 'Clear mail', exact: true }).click()
      await confirm(scene, 'Clear 3 jobs')
      await page.getByText('Cleared mail: 3 jobs.').waitFor()
      expect(await queued(scene)).toEqual([])
      expect(await room.client.sismember('resque:queues', 'mail')).toBe(1)
      await look()
      await undo(scene, 'Undone: 3 jobs came back.')
      expect(await queued(scene)).toEqual(before)
    },
  },
  {
    claim: 'a queue is removed after a question, and comes back with its jobs',
    posts: ['/queues/:queue/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const before = await queued(scene)
      await page.goto(`${origin}/queues/mail`)
      await page.getByRole('link', { name: 'Remove queue mail', exact: true }).click()
      await confirm(scene, 'Remove 3 jobs')
      await page.getByText('Removed mail: 3 jobs.').waitFor()
      expect(await queued(scene)).toEqual([])
      expect(await room.client.sismember('resque:queues', 'mail')).toBe(0)
      await look()
      await undo(scene, 'Undone: 3 jobs came back.')
      expect(await queued(scene)).toEqual(before)
      expect(await room.client.sismember('resque:queues', 'mail')).toBe(1)
    },
  },
  {
    claim: 'one waiting job is looked at with nothing hidden, removed, and comes back',
    posts: ['/queues/:queue/job/:ref/reveal', '/queues/:queue/job/:ref/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await queued(scene)
      await page.goto(`${origin}/queues/mail`)
      await page.getByRole('link', { name: 'Secretive', exact: true }).click()
      await page.getByText('[hidden]').waitFor()
      await press(scene, 'Show what is hidden of Secretive from mail', 'hunter2')
      expect(await queued(scene)).toEqual(before)
      await look()
      await press(scene, 'Remove job Secretive from mail', 'Removed Secretive from mail.')
      expect(await classes(scene, 'queue:mail')).toEqual(['Mail', 'Mail'])
      await look()
      await undo(scene, 'Undone: 1 job came back.')
      expect((await queued(scene)).sort()).toEqual(before.sort())
    },
  },
  {
    claim: 'waiting jobs are selected and removed, and come back',
    posts: ['/queues/:queue/selected', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await queued(scene)
      await page.goto(`${origin}/queues/mail`)
      for (const box of await page.getByRole('checkbox', { name: /, Mail$/ }).all()) await box.check()
      await press(scene, 'Remove selected', 'Removed 2 jobs.')
      expect(await classes(scene, 'queue:mail')).toEqual(['Secretive'])
      await look()
      await undo(scene, 'Undone: 2 jobs came back.')
      expect((await queued(scene)).sort()).toEqual(before.sort())
    },
  },
  {
    claim: 'waiting jobs that match a filter are removed after a question, and come back',
    posts: ['/queues/:queue/remove-matching', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await queued(scene)
      await page.goto(`${origin}/queues/mail`)
      await page.getByLabel('Class').fill('Mail')
      await page.getByRole('button', { name: 'Filter' }).click()
      await page.getByRole('link', { name: 'Remove 2 Mail jobs' }).click()
      await confirm(scene, 'Remove 2 Mail jobs')
      await page.getByText('Removed 2 jobs.').waitFor()
      expect(await classes(scene, 'queue:mail')).toEqual(['Secretive'])
      await look()
      await undo(scene, 'Undone: 2 jobs came back.')
      expect((await queued(scene)).sort()).toEqual(before.sort())
    },
  },
]
