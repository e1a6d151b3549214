// Signing in and out, and the choice of colours: they leave a session and a line in the audit, and no more.

import { expect } from 'vitest'
import { type Action, press } from './action.js'

export const accountActions: Action[] = [
  {
    claim: 'a user signs in, chooses colours, and signs out',
    posts: ['/login', '/theme', '/logout'],
    async act(scene) {
      const { page, origin, room, look } = scene
      const sessions = async () => (await room.client.keys('resque:web:session*')).length
      await page.goto(`${origin}/queues`)
      await page.getByLabel('Name').fill('operator')
      await page.getByLabel('Password').fill('correct horse')
      await press(scene, 'Sign in', 'Sign out')
      expect(new URL(page.url()).pathname).toBe('/queues')
      expect(await sessions()).toBe(1)
      await look()
      await page.getByRole('button', { name: 'Dark' }).click()
      await page.locator('button[aria-pressed=true]', { hasText: 'Dark' }).waitFor()
      await look()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect(await sessions()).toBe(0)
      await look()
    },
  },
]
