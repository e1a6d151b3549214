/**
 * The keys that pages heed, and the switch that turns them off: a page of its own, which opens as a dialog.
 */
import { Hono } from 'hono'
import { needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { url } from '../url.js'
import { WayOut } from '../views/components.js'
import { page } from '../views/layout.js'

const shortcuts: [keys: string[], what: string][] = [
  [['g', 'o'], 'Overview'],
  [['g', 'w'], 'Working'],
  [['g', 'f'], 'Failed'],
  [['g', 'q'], 'Queues'],
  [['g', 'k'], 'Workers'],
  [['g', 's'], 'Stats'],
  [['/'], 'Search'],
  [['j'], 'Next row'],
  [['k'], 'Previous row'],
  [['Enter'], 'Open the row'],
  [['x'], 'Select the row'],
  [['Shift', 'x'], 'Select all up to the row'],
  [['r'], 'Retry'],
  [['#'], 'Remove'],
  [['.'], 'Pause live updates, or go on'],
  [['?'], 'These keys'],
]

export function shortcutPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/shortcuts', needs('viewer'), (c) =>
    page(
      c,
      web,
      { title: 'Keys' },
      <section class="confirm" aria-labelledby="confirm-title" data-confirm-box="">
        <h1 id="confirm-title">Keys</h1>
        <dl class="keys">
          {shortcuts.map(([keys, what]) => (
            <div>
              <dt>
                {keys.map((key) => (
                  <kbd>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label class="check" hidden data-needs-script="">
          <input type="checkbox" data-keys-switch="" /> Heed these keys in this browser
        </label>
        <div class="row">
          <WayOut back={url(web, '/overview')}>Close</WayOut>
        </div>
      </section>,
    ),
  )
  return pages
}
