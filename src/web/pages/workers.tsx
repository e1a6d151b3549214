/**
 * Who works: processes with their slots, Ruby's workers beside them. `/workers/:id` is one process, one worker, or,
 * as Ruby has it, all of one host; `/workers/all` is all.
 */
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam, startParam, wordParam } from '../params.js'
import { type Done, inOrder, processOrderNames, processOrders } from '../process-order.js'
import { type Process, processesOf } from '../processes.js'
import type { WorkerLine } from '../snapshot.js'
import { path } from '../url.js'
import { Empty, Link, Name, Pager } from '../views/components.js'
import { page } from '../views/layout.js'
import { OneWorker } from '../views/one-worker.js'
import { ProcessTable } from '../views/process-table.js'
import { plural } from '../views/text.js'

/** As many as a browser lays out without keeping anybody waiting: each has thirty elements. */
const PAGE_SIZE = 40

export function workerPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  const list = async (c: Context<WebEnv>) => {
    const { workers } = await web.snapshots.get(currentUser(c))
    return page(c, web, { title: 'Workers', tab: '/workers' }, await listing(web, c, workers))
  }
  pages.get('/workers', needs('viewer'), list)
  pages.get('/workers/all', needs('viewer'), list)

  pages.get('/workers/:worker', needs('viewer'), async (c) => {
    const name = nameParam(c, 'worker')
    return page(c, web, { title: name, tab: '/workers' }, await workerOrHost(web, c, name))
  })
  return pages
}

/** One worker, or all of a host; refuses what is neither. */
export async function workerOrHost(web: WebContext, c: Context<WebEnv>, name: string) {
  const { workers } = await web.snapshots.get(currentUser(c))
  const worker = workers.find(({ id }) => id === name)
  if (worker) {
    const others = processesOf(workers).find(({ slots }) => slots.includes(worker))?.slots ?? []
    const [[processed = 0, failed = 0], usualMs] = await Promise.all([
      web.store.stats.getAll([`processed:${name}`, `failed:${name}`]),
      web.figures.usualMs(),
    ])
    return <OneWorker {...{ web, c, worker, others, processed, failed, usualMs }} />
  }
  const ofHost = workers.filter(({ host }) => host === name || host.startsWith(`${name}~`))
  if (ofHost.length === 0) {
    throw new Refusal(404, 'There is no such worker.', { hint: 'It may have stopped since.' })
  }
  return listing(web, c, ofHost, name)
}

/** All workers, or those of one host. */
async function listing(web: WebContext, c: Context<WebEnv>, workers: readonly WorkerLine[], host?: string) {
  const start = startParam(c)
  const order = wordParam(c, 'sort', processOrderNames, 'process')
  const way = wordParam(c, 'order', ['asc', 'desc'] as const, processOrders[order])
  const processes = processesOf(workers)
  const lost = workers.filter(({ state }) => state === 'lost').length
  const to = host === undefined ? '/workers' : path`/workers/${host}`
  // Of all where they are sorted by it, else of those that are shown.
  const isByDone = order === 'processed' || order === 'failed'
  const known = isByDone ? await doneBy(web, processes) : new Map<string, Done>()
  const shownNow = inOrder(processes, order, way, known).slice(start, start + PAGE_SIZE)
  const done = isByDone ? known : await doneBy(web, shownNow)
  return (
    <section>
      {host !== undefined && (
        <p class="crumbs">
          <Link web={web} to="/workers">
            Workers
          </Link>
        </p>
      )}
      <div class="section-head">
        <h1>{host === undefined ? 'Workers' : <Name>{host}</Name>}</h1>
        <span class="faint num">
          {plural(workers.length, 'worker')} in{' '}
          {processes.length === 1 ? 'one process' : `${processes.length} processes`}
        </span>
        {lost > 0 && <span class="warning">⚠ {plural(lost, 'worker')} lost: no heartbeat</span>}
      </div>
      {processes.length === 0 ? (
        <Empty title="No workers">
          Start one: <code>resque work --require ./jobs.js --queue '*'</code>
        </Empty>
      ) : (
        <ProcessTable web={web} processes={shownNow} done={done} sorting={{ order, way, to }} />
      )}
      <Pager
        web={web}
        path={to}
        query={{
          sort: order === 'process' ? undefined : order,
          order: way === processOrders[order] ? undefined : way,
        }}
        start={start}
        size={PAGE_SIZE}
        total={processes.length}
        what="row"
      />
    </section>
  )
}

/** What the slots of each have done, all together, by the id of the process. */
async function doneBy(web: WebContext, processes: readonly Process[]): Promise<Map<string, Done>> {
  const slots = processes.flatMap(({ id: process, slots }) => slots.map(({ id }) => ({ process, id })))
  const counts = await web.store.stats.getAll(slots.flatMap(({ id }) => [`processed:${id}`, `failed:${id}`]))
  const done = new Map<string, Done>()
  for (const [i, { process }] of slots.entries()) {
    const { processed, failed } = done.get(process) ?? { processed: 0, failed: 0 }
    done.set(process, {
      processed: processed + (counts[2 * i] as number),
      failed: failed + (counts[2 * i + 1] as number),
    })
  }
  return done
}
