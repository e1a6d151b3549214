// What is done to workers.

import { expect } from 'vitest'
import { waitFor } from '../../support/wait-for.js'
import { type Action, confirm, failed, press, type Scene } from './action.js'

const pageOf = ({ origin }: Scene, id: string) => `${origin}/workers/${encodeURIComponent(id)}`
/** As the first slot of the process keeps it. */
async function state({ room, ours }: Scene): Promise<string> {
  const text = await room.client.hget('resque:workers:kind', ours[0] as string)
  return (JSON.parse(text ?? '{}') as { vitals?: { state?: string } }).vitals?.state ?? ''
}

export const workerActions: Action[] = [
  {
    claim: 'a process of ours is paused after a question, and resumed',
    posts: ['/workers/:worker/pause', '/workers/:worker/resume'],
    async act(scene) {
      const { page, ours, look } = scene
      const at = pageOf(scene, ours[0] as string)
      await page.goto(at)
      await page.getByRole('button', { name: `Pause ${ours[0]}` }).click()
      await confirm(scene, 'Pause 2 workers')
      await page.getByText(/is told to pause/).waitFor()
      await waitFor(async () => (await state(scene)) === 'paused')
      await look()
      await page.goto(at)
      await press(scene, `Resume ${ours[0]}`, 'is told to resume')
      await waitFor(async () => (await state(scene)) !== 'paused')
      await look()
    },
  },
  {
    claim: 'a process of ours is stopped after a question, and is registered no more',
    posts: ['/workers/:worker/stop'],
    async act(scene) {
      const { page, ours, room, look } = scene
      await page.goto(pageOf(scene, ours[1] as string))
      await page.getByRole('button', { name: `Stop ${ours[1]}` }).click()
      await confirm(scene, 'Stop 2 workers')
      await page.getByText(/is told to stop/).waitFor()
      await look()
      scene.release()
      await waitFor(async () => {
        const ids = await room.client.smembers('resque:workers')
        return ours.every((id) => !ids.includes(id))
      })
      await look()
    },
  },
  {
    claim: 'a worker that is lost is forgotten after a question, and its job goes to failed',
    posts: ['/workers/:worker/forget'],
    async act(scene) {
      const { page, origin, room, look } = scene
      await page.goto(`${origin}/workers`)
      await page.goto(pageOf(scene, 'lost:1:mail'))
      await page.getByRole('button', { name: 'Forget lost:1:mail', exact: true }).click()
      await confirm(scene, 'Forget 1 worker')
      await page.getByText('Forgot lost:1:mail.').waitFor()
      expect(await room.client.sismember('resque:workers', 'lost:1:mail')).toBe(0)
      expect(await room.client.keys('resque:worker:lost*')).toEqual([])
      expect(JSON.parse((await failed(scene)).at(-1) as string)).toMatchObject({
        ...{ exception: 'Resque::DirtyExit', worker: 'lost:1:mail' },
        payload: { class: 'Lost', args: [] },
      })
      await look()
    },
  },
]
