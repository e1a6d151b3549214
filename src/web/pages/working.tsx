/**
 * What is worked on now. `/working/:id` is Ruby's address of one worker's job.
 */
import { Hono } from 'hono'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { page } from '../views/layout.js'
import { plural } from '../views/text.js'
import { WorkingTable } from '../views/working-table.js'

/** More rows than anybody reads, and than a page should weigh. */
const MAX_ROWS = 100

export function workingPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/working', needs('viewer'), async (c) => {
    const [snapshot, usualMs] = await Promise.all([web.snapshots.get(currentUser(c)), web.figures.usualMs()])
    return page(
      c,
      web,
      { title: 'Working', tab: '/working' },
      <section>
        <div class="section-head">
          <h1>Working</h1>
          <span class="faint num">
            {snapshot.working} of {plural(snapshot.workers.length, 'worker')}, the longest first
          </span>
        </div>
        <WorkingTable web={web} c={c} snapshot={snapshot} limit={MAX_ROWS} usualMs={usualMs} />
      </section>,
    )
  })
  pages.get('/working/:worker', needs('viewer'), (c) =>
    c.redirect(url(web, path`/workers/${nameParam(c, 'worker')}`), 302),
  )
  return pages
}
