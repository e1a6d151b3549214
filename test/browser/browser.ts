// The system's Chromium, driven as a person drives it.

import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export interface BrowserRoom {
  /** A new window, without cookies. What its console says in this test, and what ran that should not, stands in `complaints`. */
  open(options?: Parameters<Browser['newContext']>[0]): Promise<Page>
  readonly complaints: string[]
}

/** Call it at the top of a test file. */
export function useBrowser({ args = [] }: { args?: readonly string[] } = {}): BrowserRoom {
  let browser: Browser
  const contexts: BrowserContext[] = []
  const complaints: string[] = []
  beforeAll(async () => {
    const executablePath = places.find((path) => existsSync(path))
    if (!executablePath) throw new Error('Chromium is missing: script/bootstrap --tests installs it.')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...args] })
  })
  // A page that stays open would go on to ask servers that are gone.
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()))
    complaints.length = 0
  })
  afterAll(() => browser?.close())
  return {
    complaints,
    async open(options) {
      const context = await browser.newContext(options)
      contexts.push(context)
      const page = await context.newPage()
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      return page
    },
  }
}
