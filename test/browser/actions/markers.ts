// What is done to the markers of the charts.

import { expect } from 'vitest'
import { type Action, confirm } from './action.js'

export const markerActions: Action[] = [
  {
    claim: 'a marker of the charts is removed after a question, and no other',
    posts: ['/metrics/markers/:marker/remove'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const { markers } = room.resque.store
      const kept = await markers.add('aaaaaaaaaaaaaaaa', 'v1.2')
      await markers.add('bbbbbbbbbbbbbbbb', 'v1.3')
      await page.goto(`${origin}/metrics`)
      await page.getByRole('link', { name: 'Remove v1.3' }).click()
      await confirm(scene, 'Remove 1 marker')
      await page.getByText('Removed v1.3.').waitFor()
      expect(await page.getByRole('rowheader', { name: /^v1/ }).allTextContents()).toEqual(['v1.2'])
      expect(await markers.all()).toEqual([kept])
      await look()
    },
  },
]
