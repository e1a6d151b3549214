/**
 * The list of queues, and one queue with its jobs.
 */
import { type Context, Hono } from 'hono'
import type { PendingGlance } from '../../store/queues.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { isEverything } from '../filters.js'
import { nameParam, startParam, wordParam } from '../params.js'
import { oldestOf, type QueueFigures } from '../queue-figures.js'
import type { QueueLine, Snapshot } from '../snapshot.js'
import { encodeSegment, path, url } from '../url.js'
import { Count, Empty, Form, Link, Name, Pager, type View } from '../views/components.js'
import { page } from '../views/layout.js'
import { PendingFilterForm, PendingTable, type WaitingRow } from '../views/pending-table.js'
import { QueueCharts } from '../views/queue-charts.js'
import { QUEUES_OF_PAGE, QueueTable, TakenBy } from '../views/queue-table.js'
import { plural, shown } from '../views/text.js'
import { matching, readPendingFilter } from './pending-search.js'

const PAGE_SIZE = 40

export function queuePages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/queues', needs('viewer'), async (c) => {
    const user = currentUser(c)
    const start = startParam(c)
    const snapshot = await web.snapshots.get(user)
    return page(
      c,
      web,
      { title: 'Queues', tab: '/queues' },
      <section>
        <div class="section-head">
          <h1>Queues</h1>
          <span class="faint num">
            {plural(snapshot.pending, 'job')} in {plural(snapshot.queues.length, 'queue')}
          </span>
          {includes(user.role, 'operator') && !snapshot.isAllPaused && (
            <div class="row">
              <Form web={web} c={c} action="/pause" confirm>
                <button class="small" type="submit">
                  Pause all
                </button>
              </Form>
            </div>
          )}
        </div>
        <QueueTable web={web} c={c} snapshot={snapshot} figures={await web.figures.queues()} start={start} />
        {snapshot.queues.length > QUEUES_OF_PAGE && (
          <Pager
            web={web}
            path="/queues"
            start={start}
            size={QUEUES_OF_PAGE}
            total={snapshot.queues.length}
            what="queue"
          />
        )}
      </section>,
    )
  })

  pages.get('/queues/:queue', needs('viewer'), async (c) => {
    const start = startParam(c)
    const order = wordParam(c, 'order', ['asc', 'desc'] as const, 'asc')
    const filter = readPendingFilter(c)
    const { queue } = await queueOf(web, c)
    const { depth, oldest } = await web.history.ofQueue(queue.name, '24h')
    const markers = await web.figures.markers()
    return page(
      c,
      web,
      { title: queue.name, tab: '/queues' },
      <section>
        <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
        <QueueHead web={web} c={c} queue={queue} figures={await web.figures.queues()} />
        {queue.size > 0 && <PendingFilterForm web={web} c={c} queue={queue.name} filter={filter} />}
        {queue.size < 0 ? (
          <Empty title="This is no queue">Its key holds something else than a list of jobs.</Empty>
        ) : isEverything(filter) ? (
          await jobs(web, c, queue, start, order)
        ) : (
          await matching(web, c, queue.name, filter)
        )}
        <QueueCharts web={web} depth={depth} oldest={oldest} markers={markers} />
      </section>,
    )
  })
  return pages
}

/** The queue that the path names, and everything else; refuses one that is not there, or not for this user. */
export async function queueOf(
  web: WebContext,
  c: Context<WebEnv>,
): Promise<{ queue: QueueLine; snapshot: Snapshot }> {
  const name = nameParam(c, 'queue')
  const snapshot = await web.snapshots.get(currentUser(c))
  const queue = snapshot.queues.find((each) => each.name === name)
  if (!queue) throw new Refusal(404, 'There is no such queue.', { hint: 'It may have been removed.' })
  return { queue, snapshot }
}

function QueueHead({
  web,
  c,
  queue,
  figures,
}: View & { queue: QueueLine; figures: ReadonlyMap<string, QueueFigures> | undefined }) {
  const { role } = currentUser(c)
  const verb = queue.isPaused ? 'Resume' : 'Pause'
  const said = shown(queue.name, 80)
  const key = encodeSegment(queue.name)
  return (
    <div class="section-head">
      <h1>
        <Name>{queue.name}</Name>
      </h1>
      <span class="faint">
        Jobs{' '}
        <span data-live={`queue:${key}`}>
          <Count value={queue.size} />
        </span>
        , oldest{' '}
        <span class="num" data-live={`oldest:${key}`}>
          {oldestOf(queue, figures) ?? '–'}
        </span>
      </span>
      <TakenBy web={web} queue={queue} />
      <div class="row">
        {includes(role, 'operator') && (
          <Form
            web={web}
            c={c}
            action={`${path`/queues/${queue.name}`}/${queue.isPaused ? 'resume' : 'pause'}`}
          >
            <button class="small" type="submit" aria-label={`${verb} ${said}`}>
              {verb}
            </button>
          </Form>
        )}
        {includes(role, 'admin') && (
          <>
            {queue.size > 0 && (
              <a
                class="button small quiet-danger"
                href={url(web, path`/queues/${queue.name}/clear`)}
                data-confirm=""
                aria-label={`Clear ${said}`}
              >
                Clear
              </a>
            )}
            <a
              class="button small quiet-danger"
              href={url(web, path`/queues/${queue.name}/remove`)}
              data-confirm=""
              aria-label={`Remove queue ${said}`}
            >
              Remove queue
            </a>
          </>
        )}
      </div>
    </div>
  )
}

async function jobs(
  web: WebContext,
  c: Context<WebEnv>,
  queue: QueueLine,
  start: number,
  order: 'asc' | 'desc',
) {
  if (queue.size === 0) return <Empty title="No jobs wait here">Jobs are taken as soon as they come.</Empty>
  const first = order === 'asc' ? start : queue.size - start - PAGE_SIZE
  const count = order === 'asc' ? PAGE_SIZE : Math.min(PAGE_SIZE, queue.size - start)
  const found = await web.store.queues.glance(queue.name, Math.max(0, first), count)
  if (order === 'desc') found.reverse()
  const to = path`/queues/${queue.name}`
  return (
    <>
      <nav class="subtabs" aria-label="Order">
        <Link web={web} to={to} current={order === 'asc'}>
          Next to run first
        </Link>
        <Link web={web} to={to} query={{ order: 'desc' }} current={order === 'desc'}>
          Newest first
        </Link>
      </nav>
      {found.length === 0 ? (
        <Empty title="Nothing is here any more">The queue is shorter than that.</Empty>
      ) : (
        <PendingTable web={web} c={c} queue={queue.name} rows={found.map(asRow)} />
      )}
      <Pager
        web={web}
        path={to}
        query={{ order: order === 'desc' ? 'desc' : undefined }}
        start={start}
        size={PAGE_SIZE}
        total={queue.size}
        what="job"
      />
    </>
  )
}

function asRow(job: PendingGlance): WaitingRow {
  return { ...job, isWhole: Buffer.byteLength(job.text) === job.bytes }
}
