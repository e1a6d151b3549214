/**
 * What is worked on now. `/working/:id` is Ruby's address of one worker's job.
 */
import { Hono } from 'hono'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam, startParam } from '../params.js'
import { path, url } from '../url.js'
import { Pager } from '../views/components.js'
import { page } from '../views/layout.js'
import { plural, thousands } from '../views/text.js'
import { WorkingTable } from '../views/working-table.js'

const PAGE_SIZE = 40

export function workingPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/working', needs('viewer'), async (c) => {
    const start = startParam(c)
    const [snapshot, usualMs] = await Promise.all([web.snapshots.get(currentUser(c)), web.figures.usualMs()])
    return page(
      c,
      web,
      { title: 'Working', tab: '/working' },
      <section>
        <div class="section-head">
          <h1>Working</h1>
          <span class="faint num">
            {thousands(snapshot.working)} of {plural(snapshot.workers.length, 'worker')}, the longest first
          </span>
        </div>
        <WorkingTable {...{ web, c, snapshot, start, usualMs }} limit={PAGE_SIZE} />
        <Pager web={web} path="/working" start={start} size={PAGE_SIZE} total={snapshot.working} what="job" />
      </section>,
    )
  })
  pages.get('/working/:worker', needs('viewer'), (c) =>
    c.redirect(url(web, path`/workers/${nameParam(c, 'worker')}`), 302),
  )
  return pages
}
