// What is done to jobs that wait for a time, on our pages and by the forms of resque-scheduler's.

import { expect } from 'vitest'
import {
  type Action,
  classes,
  confirm,
  LATER,
  press,
  queued,
  type Scene,
  sendOldForm,
  T,
  undo,
} from './action.js'

const waiting = (scene: Scene, time = T) => classes(scene, `delayed:${time}`)
const times = ({ room }: Scene) => room.client.zrangebyscore('resque:delayed_queue_schedule', '-inf', '+inf')
/** The keys by which Ruby finds the times of a job. */
const found = async ({ room }: Scene) => (await room.client.keys('resque:timestamps:*')).length

export const delayedActions: Action[] = [
  {
    claim: 'one delayed job, then those that are selected, are queued after a question',
    posts: ['/delayed/:timestamp{\\d+}/queue'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed`)
      await page.getByRole('link', { name: '2100-01-01 00:00:00 UTC' }).click()
      await page.getByRole('button', { name: 'Queue now: Second' }).click()
      await page.getByText('Queue 1 job now?').waitFor()
      await press(scene, 'Queue 1 job', 'Queued 1 job.')
      expect(await waiting(scene)).toEqual(['First', 'Third'])
      expect((await queued(scene)).at(-1)).toBe('{"class":"Second","args":[1]}')
      await look()
      await page.getByLabel('Select First').check()
      await page.getByLabel('Select Third').check()
      await page.getByRole('button', { name: 'Queue selected now' }).click()
      await page.getByText('Queue 2 jobs now?').waitFor()
      await press(scene, 'Queue 2 jobs', 'Queued 2 jobs.')
      expect(await times(scene)).toEqual([`${LATER}`])
      expect(await found(scene)).toBe(1)
      expect(await classes(scene, 'queue:mail')).toEqual([
        'Mail',
        'Secretive',
        'Mail',
        'Second',
        'First',
        'Third',
      ])
      await look()
    },
  },
  {
    claim: 'one delayed job is looked at with nothing hidden, removed, brought back and queued, on its page',
    posts: [
      '/delayed/:timestamp{\\d+}/job/:ref/reveal',
      '/delayed/:timestamp{\\d+}/remove',
      '/operations/:id/undo',
      '/delayed/:timestamp{\\d+}/queue',
    ],
    async act(scene) {
      const { room, page, origin, look } = scene
      const said = 'Secretive, due 2100-01-01 00:00:00 UTC'
      const entry = '{"class":"Secretive","args":[{"password":"hunter2"}],"queue":"mail"}'
      await room.client.rpush(`resque:delayed:${T}`, entry)
      await room.client.sadd(`resque:timestamps:${entry}`, `delayed:${T}`)
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByRole('link', { name: 'Secretive', exact: true }).click()
      await page.getByText('[hidden]').waitFor()
      await press(scene, `Show what is hidden of ${said}`, 'hunter2')
      expect(await waiting(scene)).toEqual(['First', 'Second', 'Third', 'Secretive'])
      await look()
      await press(scene, `Remove ${said}`, 'Removed 1 job.')
      expect(await waiting(scene)).toEqual(['First', 'Second', 'Third'])
      await look()
      await undo(scene, 'Undone: 1 job came back.')
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByRole('link', { name: 'Secretive', exact: true }).click()
      await page.getByRole('button', { name: /^Queue.* now/ }).click()
      await page.getByText('Queue 1 job now?').waitFor()
      await press(scene, 'Queue 1 job', 'Queued 1 job.')
      expect((await queued(scene)).at(-1)).toBe('{"class":"Secretive","args":[{"password":"hunter2"}]}')
      await look()
    },
  },
  {
    claim: 'one delayed job, then those that are selected, are removed, and come back',
    posts: ['/delayed/:timestamp{\\d+}/remove', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByRole('button', { name: 'Remove Second' }).click()
      await page.getByText('Removed 1 job.').waitFor()
      expect(await waiting(scene)).toEqual(['First', 'Third'])
      await look()
      await undo(scene, 'Undone: 1 job came back.')
      expect((await waiting(scene)).sort()).toEqual(['First', 'Second', 'Third'])
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByLabel('Select First').check()
      await page.getByLabel('Select Third').check()
      await press(scene, 'Remove selected', 'Removed 2 jobs.')
      expect(await waiting(scene)).toEqual(['Second'])
      expect(await found(scene)).toBe(2)
      await look()
      await undo(scene, 'Undone: 2 jobs came back.')
      expect((await waiting(scene)).sort()).toEqual(['First', 'Second', 'Third'])
      expect(await found(scene)).toBe(4)
    },
  },
  {
    claim: 'all delayed jobs of a time are queued after a question',
    posts: ['/delayed/:timestamp{\\d+}/queue-all'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByRole('link', { name: 'Queue all now' }).click()
      await confirm(scene, 'Queue 3 jobs')
      await page.getByText('Queued 3 jobs.').waitFor()
      expect(await times(scene)).toEqual([`${LATER}`])
      expect((await classes(scene, 'queue:mail')).slice(3)).toEqual(['First', 'Second', 'Third'])
      await look()
    },
  },
  {
    claim: 'all delayed jobs of a time are removed after a question, and come back',
    posts: ['/delayed/:timestamp{\\d+}/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed/${T}`)
      await page.getByRole('link', { name: 'Remove all' }).click()
      await confirm(scene, 'Remove 3 jobs')
      await page.getByText('Removed 3 jobs.').waitFor()
      expect(await times(scene)).toEqual([`${LATER}`])
      await look()
      await undo(scene, 'Undone: 3 jobs came back.')
      expect(await waiting(scene)).toEqual(['First', 'Second', 'Third'])
      expect(await times(scene)).toEqual([`${T}`, `${LATER}`])
    },
  },
  {
    claim: 'all delayed jobs are removed after a question, and come back',
    posts: ['/delayed/clear', '/operations/:id/undo'],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed`)
      await page.getByRole('link', { name: 'Clear' }).click()
      await confirm(scene, 'Remove 4 jobs')
      await page.getByText('Removed 4 jobs.').waitFor()
      expect(await times(scene)).toEqual([])
      expect(await found(scene)).toBe(0)
      await look()
      await undo(scene, 'Undone: 4 jobs came back.')
      expect(await waiting(scene)).toEqual(['First', 'Second', 'Third'])
      expect(await waiting(scene, LATER)).toEqual(['Later'])
      expect(await found(scene)).toBe(4)
    },
  },
  {
    claim: 'forms of resque-scheduler’s pages search, and ask before they do anything',
    posts: [
      ...['/delayed/search', '/delayed/queue_now', '/delayed/cancel_now'],
      ...['/delayed/:timestamp{\\d+}/queue', '/delayed/:timestamp{\\d+}/remove'],
    ],
    async act(scene) {
      const { page, origin, look } = scene
      await page.goto(`${origin}/delayed/${T}`)
      await sendOldForm(scene, '/delayed/search', { search: 'Third' })
      await page.getByRole('rowheader', { name: 'Third' }).waitFor()
      await look()
      await page.goto(`${origin}/delayed/${T}`)
      await sendOldForm(scene, '/delayed/queue_now', { timestamp: `${T}` })
      await press(scene, 'Queue 1 job', 'Queued 1 job.')
      expect(await waiting(scene)).toEqual(['Second', 'Third'])
      await look()
      await sendOldForm(scene, '/delayed/cancel_now', { timestamp: `${T}`, klass: 'Third', args: '[1]' })
      await press(scene, 'Remove 1 job', 'Removed 1 job.')
      expect(await waiting(scene)).toEqual(['Second'])
      await look()
    },
  },
]
