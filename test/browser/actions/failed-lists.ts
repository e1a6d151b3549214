// What is done to failed jobs where each queue has a list of its own.

import { expect } from 'vitest'
import { type Action, confirm, failed, question, queued, sendOldForm, undo } from './action.js'

const OTHER = 'reports_failed'

export const failedListActions: Action[] = [
  {
    claim: 'one list is cleared after a question, the others stay, and it comes back',
    hasLists: true,
    posts: ['/failed/:queue/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await failed(scene, 'mail_failed')
      const other = await failed(scene, OTHER)
      await page.goto(`${origin}/queues`)
      await page.getByRole('link', { name: 'mail_failed' }).click()
      await page.getByRole('link', { name: /^Clear 4 / }).click()
      await question(scene)
        .getByRole('button', { name: /^Clear 4 / })
        .click()
      await page.getByText('Cleared 4 jobs.').waitFor()
      expect(await failed(scene, 'mail_failed')).toEqual([])
      expect(await failed(scene, OTHER)).toEqual(other)
      await look()
      await undo(scene, 'Undone: 4 jobs came back.')
      expect(await failed(scene, 'mail_failed')).toEqual(before)
    },
  },
  {
    claim: 'all lists are cleared after a question, and come back',
    hasLists: true,
    posts: ['/failed/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/failed`)
      await page.getByRole('link', { name: 'Clear 5 failed jobs' }).click()
      await confirm(scene, 'Clear 5 failed jobs')
      await page.getByText('Cleared 5 jobs.').waitFor()
      expect([...(await failed(scene, 'mail_failed')), ...(await failed(scene, OTHER))]).toEqual([])
      await look()
      await undo(scene, 'Undone: 5 jobs came back.')
      expect(await failed(scene, 'mail_failed')).toHaveLength(4)
      expect(await failed(scene, OTHER)).toHaveLength(1)
    },
  },
  {
    claim: 'forms of Ruby’s page to one list ask before they do it',
    hasLists: true,
    posts: [
      ...['/failed/:queue/requeue/all', '/failed/:queue/clear_retried', '/failed/:queue/clear'],
      ...['/failed/retry', '/failed/remove'],
    ],
    async act(scene) {
      const { page, origin, room, look } = scene
      const other = await failed(scene, OTHER)
      await page.goto(`${origin}/failed/mail_failed`)
      await sendOldForm(scene, '/failed/mail_failed/requeue/all')
      await page.getByRole('button', { name: /^Retry 3 / }).click()
      await page.getByText('Retried 3 jobs; 1 could not be, or was retried before.').waitFor()
      expect(await queued(scene)).toHaveLength(6)
      await look()
      await sendOldForm(scene, '/failed/mail_failed/clear_retried')
      await page.getByRole('button', { name: /^Clear 4 / }).click()
      await page.getByText('Removed 4 jobs.').waitFor()
      expect(await failed(scene, 'mail_failed')).toEqual([])
      expect(await failed(scene, OTHER)).toEqual(other)
      await look()
      await page.goto(`${origin}/failed/reports_failed`)
      await sendOldForm(scene, `/failed/${OTHER}/clear`)
      await page.getByRole('button', { name: /^Clear 1 / }).click()
      await page.getByText('Cleared 1 job.').waitFor()
      expect(await room.client.exists(`resque:${OTHER}`)).toBe(0)
      await look()
    },
  },
]
