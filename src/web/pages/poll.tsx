/**
 * The addresses that the classic page polled: the content of a page without its frame, and the time of day.
 */
import { type Context, Hono } from 'hono'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam } from '../params.js'
import { Name, StatusWord } from '../views/components.js'
import { QueueTable } from '../views/queue-table.js'
import { WorkingTable } from '../views/working-table.js'
import { workerOrHost } from './workers.js'

const MAX_ROWS = 100
const MAX_WORKING = 20

export function pollPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  for (const path of ['/overview.poll', '/overview/:id{.+\\.poll}']) {
    pages.get(path, needs('viewer'), (c) => overview(web, c))
  }
  for (const path of ['/workers.poll', '/workers/all.poll']) {
    pages.get(path, needs('viewer'), (c) => workers(web, c))
  }
  pages.get('/workers/:id{.+\\.poll}', needs('viewer'), async (c) =>
    fragment(web, c, await workerOrHost(web, c, nameParam(c, 'id').replace(/\.poll$/, ''))),
  )
  return pages
}

async function overview(web: WebContext, c: Context<WebEnv>): Promise<Response> {
  const [snapshot, figures, usualMs] = await Promise.all([
    web.snapshots.get(currentUser(c)),
    web.figures.queues(),
    web.figures.usualMs(),
  ])
  return fragment(
    web,
    c,
    <>
      <QueueTable web={web} c={c} snapshot={snapshot} figures={figures} />
      <WorkingTable web={web} c={c} snapshot={snapshot} limit={MAX_WORKING} usualMs={usualMs} />
    </>,
  )
}

async function workers(web: WebContext, c: Context<WebEnv>): Promise<Response> {
  const snapshot = await web.snapshots.get(currentUser(c))
  return fragment(
    web,
    c,
    <ul>
      {snapshot.workers.slice(0, MAX_ROWS).map(({ id, state }) => (
        <li>
          <Name>{id}</Name> <StatusWord status={state} />
        </li>
      ))}
    </ul>,
  )
}

function fragment(web: WebContext, c: Context<WebEnv>, body: { toString(): string }): Response {
  const updated = <p class="poll">Last Updated: {web.now().toISOString().slice(11, 19)}</p>
  return c.body(`${body.toString()}${updated.toString()}`, {
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
}
