/**
 * Who works: processes with their slots, Ruby's workers beside them. `/workers/:id` is one process, one worker, or,
 * as Ruby has it, all of one host; `/workers/all` is all.
 */
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { className, doing, JOBS_OF_PROCESS } from '../live-state.js'
import { nameParam, startParam } from '../params.js'
import { type Process, processesOf, stateOf, vitalsOf } from '../processes.js'
import type { Snapshot } from '../snapshot.js'
import { encodeSegment, path } from '../url.js'
import { Empty, Link, Name, Pager, StatusWord, Time, type View } from '../views/components.js'
import { page } from '../views/layout.js'
import { OneWorker } from '../views/one-worker.js'
import { bytes, plural } from '../views/text.js'
import { LoopDelay, QueueNames } from '../views/worker-facts.js'

/** As many as a browser lays out without keeping anybody waiting: each has twenty elements. */
const PAGE_SIZE = 40

export function workerPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  const list = async (c: Context<WebEnv>) => {
    const start = startParam(c)
    const snapshot = await web.snapshots.get(currentUser(c))
    return page(
      c,
      web,
      { title: 'Workers', tab: '/workers' },
      <Workers web={web} c={c} snapshot={snapshot} start={start} />,
    )
  }
  pages.get('/workers', needs('viewer'), list)
  pages.get('/workers/all', needs('viewer'), list)

  pages.get('/workers/:worker', needs('viewer'), async (c) => {
    const name = nameParam(c, 'worker')
    const snapshot = await web.snapshots.get(currentUser(c))
    const worker = snapshot.workers.find(({ id }) => id === name)
    if (worker) {
      const others = processesOf(snapshot.workers).find(({ slots }) => slots.includes(worker))?.slots ?? []
      const [processed = 0, failed = 0] = await web.store.stats.getAll([
        `processed:${name}`,
        `failed:${name}`,
      ])
      return page(
        c,
        web,
        { title: name, tab: '/workers' },
        <OneWorker web={web} c={c} worker={worker} others={others} processed={processed} failed={failed} />,
      )
    }
    const ofHost = snapshot.workers.filter(({ host }) => host === name || host.startsWith(`${name}~`))
    if (ofHost.length === 0) {
      throw new Refusal(404, 'There is no such worker.', { hint: 'It may have stopped since.' })
    }
    return page(
      c,
      web,
      { title: name, tab: '/workers' },
      <Workers
        web={web}
        c={c}
        snapshot={{ ...snapshot, workers: ofHost }}
        start={startParam(c)}
        host={name}
      />,
    )
  })
  return pages
}

function Workers({
  web,
  snapshot,
  start,
  host,
}: View & { snapshot: Snapshot; start: number; host?: string }) {
  const processes = processesOf(snapshot.workers)
  const lost = snapshot.workers.filter(({ state }) => state === 'lost').length
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
          {plural(snapshot.workers.length, 'worker')} in{' '}
          {processes.length === 1 ? 'one process' : `${processes.length} processes`}
        </span>
        {lost > 0 && <span class="warning">⚠ {plural(lost, 'worker')} lost: no heartbeat</span>}
      </div>
      {processes.length === 0 ? (
        <Empty title="No workers">
          Start one: <code>resque work --require ./jobs.js --queue '*'</code>
        </Empty>
      ) : (
        <table class="cards pairs workers">
          <caption class="hidden">Worker processes</caption>
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">State</th>
              <th scope="col" class="end">
                Busy
              </th>
              <th scope="col">Queues</th>
              <th scope="col" class="end memory">
                Memory
              </th>
              <th scope="col" class="end">
                Loop delay
              </th>
              <th scope="col">Heartbeat</th>
              <th scope="col">Working on</th>
            </tr>
          </thead>
          <tbody>
            {processes.slice(start, start + PAGE_SIZE).map((process) => (
              <ProcessRow web={web} process={process} />
            ))}
          </tbody>
        </table>
      )}
      <Pager
        web={web}
        path={host === undefined ? '/workers' : path`/workers/${host}`}
        start={start}
        size={PAGE_SIZE}
        total={processes.length}
        what="row"
      />
    </section>
  )
}

/** More of a process's queues are on its own page. */
const MAX_QUEUES = 5

function ProcessRow({ web, process }: { web: WebContext; process: Process }) {
  const { slots } = process
  const state = stateOf(slots)
  const busy = slots.filter(({ job }) => job !== undefined)
  const [first] = slots
  const vitals = vitalsOf(slots)
  return (
    <tr class={state === 'lost' ? 'is-lost' : ''} data-live-id={encodeSegment(process.id)}>
      <th scope="row" class="worker">
        <Link web={web} to={path`/workers/${first?.id ?? process.id}`}>
          <Name limit={100}>{`${process.host}:${process.pid}`}</Name>
        </Link>{' '}
        {!process.isOurs && <span class="faint">Ruby</span>}
      </th>
      <td data-label="State" data-live="process:">
        <StatusWord status={state} />
      </td>
      <td class="end num" data-label="Busy" data-live="slots:">
        {busy.length} / {slots.length}
      </td>
      <td class="whole" data-label="Queues">
        <QueueNames web={web} queues={first?.queues ?? []} most={MAX_QUEUES} />
      </td>
      <td class={`end num memory${vitals ? '' : ' blank'}`} data-label="Memory" data-live="memory:">
        {vitals ? bytes(vitals.rssBytes) : '–'}
      </td>
      <td class={`end num${vitals ? '' : ' blank'}`} data-label="Loop delay" data-live="delay:">
        {vitals ? <LoopDelay ms={vitals.lagMs} /> : '–'}
      </td>
      <td class="whole" data-label="Heartbeat" data-live="beat:">
        <Time web={web} at={first?.heartbeat} missing="none yet" />
      </td>
      <td
        class={busy.length === 0 ? 'blank' : 'whole'}
        data-label="Working on"
        data-live="doing:"
        data-live-value={doing(slots)}
      >
        {busy.length === 0 && '–'}
        {busy.slice(0, JOBS_OF_PROCESS).map(({ job }) => (
          <div>
            <Name>{job ? className(job) : ''}</Name>{' '}
            <span class="faint">
              <Time web={web} at={job?.runAt} />
            </span>
          </div>
        ))}
        {busy.length > JOBS_OF_PROCESS && <span class="faint">and {busy.length - JOBS_OF_PROCESS} more</span>}
      </td>
    </tr>
  )
}
