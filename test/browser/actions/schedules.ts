// What is done to schedules, on our page and by the forms of resque-scheduler's.

import { expect } from 'vitest'
import { type Action, confirm, press, queued, sendOldForm, undo } from './action.js'

const REPORT = '{"class":"Report","args":["daily"]}'

export const scheduleActions: Action[] = [
  {
    claim: 'a schedule is run after a question',
    posts: ['/schedule/:name/run'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const schedule = await room.client.hgetall('resque:persistent_schedules')
      await page.goto(`${origin}/schedule`)
      await page.getByRole('link', { name: 'Run now: nightly' }).click()
      await confirm(scene, 'Queue 1 job')
      await page.getByText('Queued Report on reports.').waitFor()
      expect((await queued(scene, 'reports')).at(-1)).toBe(REPORT)
      expect(await room.client.hgetall('resque:persistent_schedules')).toEqual(schedule)
      await look()
    },
  },
  {
    claim: 'a schedule is removed after a question, and comes back',
    posts: ['/schedule/:name/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const schedule = await room.client.hgetall('resque:persistent_schedules')
      await page.goto(`${origin}/schedule`)
      await page.getByRole('link', { name: 'Remove nightly' }).click()
      await confirm(scene, 'Remove 1 schedule')
      await page.getByText('Removed nightly.').waitFor()
      expect(await room.client.hlen('resque:persistent_schedules')).toBe(0)
      await look()
      await undo(scene, 'Undone: 1 schedule came back.')
      expect(await room.client.hgetall('resque:persistent_schedules')).toEqual(schedule)
    },
  },
  {
    claim: 'forms of resque-scheduler’s page ask before they do anything',
    posts: [
      ...['/schedule/requeue', '/schedule/requeue_with_params', '/schedule'],
      ...['/schedule/:name/run', '/schedule/:name/remove'],
    ],
    async act(scene) {
      const { page, origin, room, look } = scene
      await page.goto(`${origin}/schedule`)
      await sendOldForm(scene, '/schedule/requeue', { job_name: 'nightly' })
      await press(scene, 'Queue 1 job', 'Queued Report on reports.')
      expect((await queued(scene, 'reports')).slice(1)).toEqual([REPORT])
      await look()
      await sendOldForm(scene, '/schedule/requeue_with_params', { 'job-name': 'nightly' })
      await press(scene, 'Queue 1 job', 'Queued Report on reports.')
      expect((await queued(scene, 'reports')).slice(1)).toEqual([REPORT, REPORT])
      await look()
      await sendOldForm(scene, '/schedule', { job_name: 'nightly', _method: 'delete' })
      await press(scene, 'Remove 1 schedule', 'Removed nightly.')
      expect(await room.client.hlen('resque:persistent_schedules')).toBe(0)
      await look()
    },
  },
]
