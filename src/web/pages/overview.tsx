/**
 * Everything at one glance: the queues, and what is worked on, the longest first.
 */
import { type Context, Hono } from 'hono'
import { needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { Link } from '../views/components.js'
import { page } from '../views/layout.js'
import { LastHour } from '../views/queue-charts.js'
import { QUEUES_OF_PAGE, QueueTable } from '../views/queue-table.js'
import { plural, thousands } from '../views/text.js'
import { WorkingTable } from '../views/working-table.js'
import { newFailures } from './new-failures.js'

/** More are on the page of their own. */
const MAX_WORKING = 20

export function overviewPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/overview', needs('viewer'), async (c) =>
    page(c, web, { title: 'Overview', tab: '/overview' }, await overview(c, web)),
  )
  return pages
}

async function overview(c: Context<WebEnv>, web: WebContext) {
  const user = c.get('user')
  const [snapshot, throughput, figures, usualMs, markers] = await Promise.all([
    web.snapshots.get(user ?? { sees: () => false, seesAll: false }),
    web.figures.throughput(),
    web.figures.queues(),
    web.figures.usualMs(),
    web.figures.markers(),
  ])
  const failures = await newFailures(web, c, snapshot.failed)
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <section aria-labelledby="queues-title">
        <div class="section-head">
          <h2 id="queues-title">Queues</h2>
        </div>
        <QueueTable web={web} c={c} snapshot={snapshot} figures={figures} />
        {snapshot.queues.length > QUEUES_OF_PAGE && (
          <p>
            <Link web={web} to="/queues">
              All {plural(snapshot.queues.length, 'queue')}
            </Link>
          </p>
        )}
      </section>
      {failures}
      <section class="later" aria-labelledby="working-title">
        <div class="section-head">
          <h2 id="working-title">Working</h2>
          <span class="faint num">
            {thousands(snapshot.working)} of {plural(snapshot.workers.length, 'worker')}
          </span>
        </div>
        <WorkingTable web={web} c={c} snapshot={snapshot} limit={MAX_WORKING} usualMs={usualMs} />
        {snapshot.working > MAX_WORKING && (
          <p>
            <Link web={web} to="/working">
              All {plural(snapshot.working, 'job')}
            </Link>
          </p>
        )}
      </section>
      <LastHour web={web} plot={throughput} markers={markers} />
    </>
  )
}
