// What is done to failed jobs, on our pages and at the addresses that Ruby's pages have.

import { expect } from 'vitest'
import { waitFor } from '../../support/wait-for.js'
import { failedRecord, job, range } from '../../web/records.js'
import { type Action, confirm, failed, press, queued, sendOldForm, undo } from './action.js'

const LIST = '/failed?view=list'
const isRetried = (text: string) => text.includes('retried_at')

export const failedActions: Action[] = [
  {
    claim: 'one failed job is looked at with nothing hidden, and retried, on its page',
    posts: ['/failed/job/:ref/reveal', '/failed/job/:ref/retry'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await failed(scene)
      await page.goto(origin + LIST)
      await page.getByRole('link', { name: 'Csv', exact: true }).click()
      await press(scene, /^Show what is hidden of Csv, failed .* ago$/, /^RuntimeError.*password=hunter2$/)
      expect(await failed(scene)).toEqual(before)
      await look()
      await press(scene, /^Retry Csv, failed .* ago$/, 'Retried Csv: it waits in mail.')
      expect((await queued(scene)).at(-1)).toBe(job(2, 'Csv'))
      expect((await failed(scene)).map(isRetried)).toEqual([false, true, false, true])
      await look()
    },
  },
  {
    claim: 'one failed job is retried on another queue',
    posts: ['/failed/job/:ref/retry'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(origin + LIST)
      await page.getByRole('link', { name: 'Csv', exact: true }).click()
      await page.getByLabel('Into queue').fill('of_my_own')
      await press(scene, /^Retry there: Csv, failed .* ago$/, 'Retried Csv: it waits in of_my_own.')
      expect(await queued(scene, 'of_my_own')).toEqual([job(2, 'Csv')])
      await look()
    },
  },
  {
    claim: 'one failed job is removed on its page, and comes back',
    posts: ['/failed/job/:ref/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await failed(scene)
      await page.goto(origin + LIST)
      await page.getByRole('link', { name: 'Csv', exact: true }).click()
      await press(scene, /^Remove Csv, failed .* ago$/, 'Removed Csv.')
      expect(await failed(scene)).toEqual(before.filter((text) => !text.includes('Csv')))
      await look()
      await undo(scene, 'Undone: 1 job came back.')
      expect(await failed(scene)).toEqual(before)
    },
  },
  {
    claim: 'failed jobs are selected and retried, and removed, and come back',
    posts: ['/failed/selected', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(origin + LIST)
      const boxes = page.getByRole('checkbox', { name: /^Select (Mail|Csv)/ })
      await boxes.nth(1).check()
      await boxes.nth(2).check()
      await press(scene, 'Retry selected', 'Retried 2 jobs.')
      expect((await queued(scene)).slice(3).sort()).toEqual([job(2, 'Csv'), job(3)])
      const before = await failed(scene)
      expect(before.map(isRetried)).toEqual([false, true, true, true])
      await look()
      await page.goto(origin + LIST)
      await boxes.nth(0).check()
      await boxes.nth(3).check()
      await press(scene, 'Remove selected', 'Removed 2 jobs.')
      expect(await failed(scene)).toEqual(before.slice(1, 3))
      await look()
      await undo(scene, 'Undone: 2 jobs came back.')
      expect(await failed(scene)).toEqual(before)
    },
  },
  {
    claim: 'arguments, class and queue of a failed job are edited, compared and sent',
    posts: ['/failed/job/:ref/edit'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(origin + LIST)
      await page.getByRole('link', { name: 'Csv', exact: true }).click()
      await page.getByRole('link', { name: 'Edit and retry' }).click()
      await page.getByLabel('Class').fill('Tsv')
      await page.getByLabel('Queue').fill('reports')
      await page.getByLabel('Arguments, a JSON list').fill('[2, "again"]')
      await press(scene, 'Compare', 'Retry Tsv with this?')
      await press(scene, 'Retry with these changes', 'Retried Tsv: it waits in reports.')
      expect((await queued(scene, 'reports')).at(-1)).toBe('{"class":"Tsv","args":[2,"again"]}')
      expect((await failed(scene)).map(isRetried)).toEqual([false, true, false, true])
      await look()
    },
  },
  {
    claim: 'all that match are retried after a question, and removed after another, and come back',
    posts: ['/failed/retry', '/failed/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/failed?class=Mail&view=list`)
      await page.getByRole('link', { name: 'Retry 2 Mail jobs' }).click()
      await confirm(scene, 'Retry 2 Mail jobs')
      await page.getByText('Retried 2 jobs; 1 could not be, or was retried before.').waitFor()
      expect((await queued(scene)).slice(3).sort()).toEqual([job(1), job(3)])
      const before = await failed(scene)
      await look()
      await page.goto(`${origin}/failed?class=Mail&view=list`)
      await page.getByRole('link', { name: 'Remove 3 Mail jobs' }).click()
      await confirm(scene, 'Remove 3 Mail jobs')
      await page.getByText('Removed 3 jobs.').waitFor()
      expect(await failed(scene)).toEqual([before[1]])
      await look()
      await undo(scene, 'Undone: 3 jobs came back.')
      expect(await failed(scene)).toEqual(before)
    },
  },
  {
    claim: 'all that were retried are cleared, then all, and both come back',
    posts: ['/failed/remove', '/failed/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      const before = await failed(scene)
      await page.goto(`${origin}/failed`)
      await page.getByRole('link', { name: 'Clear 1 retried' }).click()
      await confirm(scene, 'Clear 1 failed job')
      await page.getByText('Removed 1 job.').waitFor()
      expect(await failed(scene)).toEqual(before.slice(0, 3))
      await look()
      await undo(scene, 'Undone: 1 job came back.')
      await page.goto(`${origin}/failed`)
      await page.getByRole('link', { name: 'Clear 4 failed jobs' }).click()
      await confirm(scene, 'Clear 4 failed jobs')
      await page.getByText('Cleared 4 jobs.').waitFor()
      expect(await failed(scene)).toEqual([])
      await look()
      await undo(scene, 'Undone: 4 jobs came back.')
      expect(await failed(scene)).toEqual(before)
    },
  },
  {
    claim: 'an operation under way is cancelled, and what it did is undone',
    isHasty: true,
    posts: ['/failed/remove', '/operations/:id/cancel', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, room, look } = scene
      await room.client.rpush('resque:failed', ...range(4_000).map((i) => failedRecord(i, { class: 'Many' })))
      await page.goto(`${origin}/failed?class=Many&view=list`)
      await page.getByRole('link', { name: 'Remove 4,000 Many jobs' }).click()
      await confirm(scene, 'Remove 4,000 Many jobs')
      await page.getByRole('progressbar').waitFor()
      await waitFor(async () => (await room.client.llen('resque:failed')) < 4_004)
      await press(scene, 'Cancel: Remove failed jobs', 'Cancelled. What was done before stays done.')
      expect(await room.client.llen('resque:failed')).toBeGreaterThan(4)
      await look()
      await undo(scene, 'came back.')
      expect(await failed(scene)).toHaveLength(4_004)
    },
  },
  {
    claim: 'links and forms of Ruby’s pages to one failed job ask before they do it',
    posts: [
      ...['/failed/requeue/:index', '/failed/remove/:index'],
      ...['/failed/:queue/requeue/:index', '/failed/:queue/remove/:index'],
      ...['/failed/job/:ref/retry', '/failed/job/:ref/remove'],
    ],
    async act(scene) {
      const { page, origin, look } = scene
      for (const [at, wanted] of [
        ['/failed/requeue/0', job(1)],
        ['/failed/failed/requeue/1', job(2, 'Csv')],
      ] as const) {
        await page.goto(origin + at)
        await sendOldForm(scene, at)
        await page.getByRole('button', { name: /^Retry 1 (Mail|Csv) job$/ }).click()
        await page.getByText(/Retried (Mail|Csv): it waits in mail\./).waitFor()
        expect((await queued(scene)).at(-1)).toBe(wanted)
        await look()
      }
      for (const at of ['/failed/remove/0', '/failed/failed/remove/0']) {
        const before = await failed(scene)
        await page.goto(origin + at)
        await sendOldForm(scene, at)
        await page.getByRole('button', { name: /^Remove 1 (Mail|Csv) job$/ }).click()
        await page.getByText(/Removed (Mail|Csv)\./).waitFor()
        expect(await failed(scene)).toEqual(before.slice(1))
        await look()
      }
    },
  },
  {
    claim: 'forms of Ruby’s page to all failed jobs ask before they do it',
    posts: [
      ...['/failed/requeue/all', '/failed/clear_retried', '/failed/clear'],
      ...['/failed/retry', '/failed/remove'],
    ],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/failed`)
      await sendOldForm(scene, '/failed/requeue/all')
      await press(scene, 'Retry 3 failed jobs', 'Retried 3 jobs; 1 could not be, or was retried before.')
      expect(await queued(scene)).toHaveLength(6)
      await look()
      await sendOldForm(scene, '/failed/clear_retried')
      await press(scene, 'Clear 4 failed jobs', 'Removed 4 jobs.')
      expect(await failed(scene)).toEqual([])
      await look()
      await scene.room.client.rpush('resque:failed', failedRecord(9))
      await page.goto(`${origin}/failed`)
      await sendOldForm(scene, '/failed/clear')
      await press(scene, 'Clear 1 failed job', 'Cleared 1 job.')
      expect(await failed(scene)).toEqual([])
      await look()
    },
  },
]
