// What an action is: which routes it posts to, and a person's way through the pages to it.

import type { Locator, Page } from 'playwright-core'
import type { Room } from '../../room.js'

export interface Scene {
  room: Room
  page: Page
  origin: string
  /** Whether scripts of ours run, so that questions open as dialogs. */
  hasScripts: boolean
  /** The slots of a worker process of ours; the first has a job. */
  ours: readonly string[]
  /** Lets that job end. */
  release(): void
  /** Is to be called after each POST that changed something: Ruby's own pages on what it left. */
  look(): Promise<void>
}

export interface Action {
  /** A claim about what it does. */
  claim: string
  /** The routes it posts to, as the table of routes has them. */
  posts: string[]
  /** Clicks, and looks at Redis. */
  act(scene: Scene): Promise<void>
  /** It goes on at once, before there is time for a look. */
  isHasty?: boolean
  /** Whether failures are kept in a list per queue. */
  hasLists?: boolean
}

/** A unix second that jobs wait for, and a later one. */
export const T = 4_102_444_800
export const LATER = T + 3_600

/** Where it is asked: in a dialog, or on a page of its own. */
export function question({ page, hasScripts }: Scene): Locator {
  return hasScripts ? page.getByRole('dialog') : page.locator('main [data-confirm-box]')
}

/** Presses the button that answers. */
export async function confirm(scene: Scene, button: string): Promise<void> {
  await question(scene).getByRole('button', { name: button, exact: true }).click()
}

/** Presses the button, and waits for what the next page says. */
export async function press({ page }: Scene, button: string | RegExp, says: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).first().click()
  await page.getByText(says).waitFor()
}

/** Takes back what was just done. */
export async function undo(scene: Scene, says: string): Promise<void> {
  await press(scene, /^Undo: /, says)
  await scene.look()
}

/**
 * Sends a form as an old page had it. None of ours has it, so it is made in a page of ours, with the token of a form
 * that is there.
 */
export async function sendOldForm(
  { page }: Scene,
  action: string,
  fields: Record<string, string> = {},
): Promise<void> {
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.evaluate(
    `(([action, fields]) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action })
      const token = document.querySelector('input[name=_token]').value
      for (const [name, value] of Object.entries({ ...fields, _token: token }))
        form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
      document.body.append(form)
      form.submit()
    })(${JSON.stringify([action, fields])})`,
  )
  await answered
  await page.waitForLoadState()
}

export const queued = ({ room }: Scene, queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
export const failed = ({ room }: Scene, list = 'failed') => room.client.lrange(`resque:${list}`, 0, -1)

/** The classes of the jobs of a list. */
export async function classes({ room }: Scene, key: string): Promise<string[]> {
  const texts = await room.client.lrange(`resque:${key}`, 0, -1)
  return texts.map((text) => (JSON.parse(text) as { class: string }).class)
}
