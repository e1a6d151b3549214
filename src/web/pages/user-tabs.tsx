/**
 * The tabs that `createWeb` was given: each a page in our frame, under our headers. What fails in one, or hangs, is an
 * error page of that tab alone.
 */
import { type Context, Hono } from 'hono'
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { ClosedError, ConnectionError, messageOf } from '../../errors.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import type { TabSettings } from '../user-tabs.js'
import { page } from '../views/layout.js'
import { shown } from '../views/text.js'

/** Of a text that is no markup. */
const MAX_TEXT = 10_000

export function userTabPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  for (const tab of web.settings.tabs) {
    pages.get(tab.path, needs(tab.role), async (c) => {
      const content = await contentOf(web, c, tab)
      return page(
        c,
        web,
        { title: tab.label, tab: tab.path },
        <section class="stack">
          <h1>{shown(tab.label, 40)}</h1>
          {content}
        </section>,
      )
    })
  }
  return pages
}

async function contentOf(web: WebContext, c: Context<WebEnv>, tab: TabSettings): Promise<Child> {
  const user = currentUser(c)
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late.abort()
      reject(
        new Refusal(504, `${tab.label} took longer than ${tab.timeoutMs} ms.`, { hint: 'Try again later.' }),
      )
    }, tab.timeoutMs)
  })
  const context = {
    ...{ user: user.name, role: user.role, sees: (queue: string) => user.sees(queue) },
    ...{ resque: web.resque, signal: late.signal },
    ...{ url: new URL(c.req.url), basePath: web.settings.basePath },
  }
  const content = async () => childOf(await tab.render(context))
  try {
    return await Promise.race([content().catch((error: unknown) => throwAs(tab, error)), deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** Markup becomes one string here, so that what fails in it fails before the frame is written. */
async function childOf(content: unknown): Promise<Child> {
  if (isMarkup(content)) return raw(String(await content.toString()))
  if (typeof content === 'string') return content === '' ? null : <p>{shown(content, MAX_TEXT, true)}</p>
  throw new TypeError(
    `Expected a text, or markup made by html, got ${content === null ? 'null' : typeof content}.`,
  )
}

/** What came out of JSON is none, whatever its members are: those have no function. */
function isMarkup(content: unknown): content is { toString(): string | Promise<string> } {
  return (
    typeof content === 'object' &&
    content !== null &&
    'isEscaped' in content &&
    content.isEscaped === true &&
    typeof content.toString === 'function' &&
    content.toString !== Object.prototype.toString
  )
}

function throwAs({ path }: TabSettings, error: unknown): never {
  // Ours to explain, wherever it was met.
  if (error instanceof ConnectionError || error instanceof ClosedError) throw error
  throw new Error(`The tab ${path.slice(1)} failed: ${messageOf(error)}`, { cause: error })
}
