/**
 * What is worked on now, the longest first.
 */
import type { JobGlance } from '../../store/glance.js'
import type { WebContext } from '../context.js'
import { momentOf } from '../live-state.js'
import type { Snapshot, WorkerLine } from '../snapshot.js'
import { encodeSegment, path } from '../url.js'
import { Empty, Link, Name, StatusWord, Time, type View } from './components.js'
import { Json, Raw } from './json.js'
import { duration } from './text.js'

/** `run_at` has seconds alone, and comes from another machine's clock. */
const CLOCKS_MS = 2_000

export function WorkingTable({
  web,
  snapshot,
  start = 0,
  limit,
  usualMs,
}: View & {
  snapshot: Snapshot
  start?: number
  limit: number
  usualMs: ReadonlyMap<string, number>
}) {
  const working = workingOf(snapshot)
  if (working.length === 0)
    return (
      <Empty title="Nobody is working">
        {snapshot.workers.length === 0 ? (
          <>
            No workers are there: <code>resque work</code> starts one.
          </>
        ) : (
          'All workers wait for jobs.'
        )}
      </Empty>
    )
  return (
    <table class="cards roomy">
      <caption class="hidden">Jobs that are worked on</caption>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Queue</th>
          <th scope="col">Worker</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {working.slice(start, start + limit).map((worker) => (
          <tr>
            <th scope="row">
              <JobCell web={web} job={worker.job} />
              <Unusual web={web} job={worker.job} usualMs={usualMs} />
            </th>
            <td data-label="Queue">
              {worker.job?.queue ? (
                <Link web={web} to={path`/queues/${worker.job.queue}`}>
                  <Name>{worker.job.queue}</Name>
                </Link>
              ) : (
                <span class="faint">–</span>
              )}
            </td>
            <td data-label="Worker" class="worker">
              <Link web={web} to={path`/workers/${worker.id}`}>
                <Name limit={80}>{`${worker.host}:${worker.pid}`}</Name>
              </Link>{' '}
              {worker.state === 'lost' && <StatusWord status="lost" />}
            </td>
            <td
              data-label="Since"
              data-live={`job:${encodeSegment(worker.id)}`}
              data-live-value={worker.job && momentOf(worker.job.runAt)}
            >
              <Time web={web} inRow at={worker.job?.runAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A job that takes longer than 99 of 100 of its class did. */
export function Unusual({
  web,
  job,
  usualMs,
}: {
  web: WebContext
  job: JobGlance | undefined
  usualMs: ReadonlyMap<string, number>
}) {
  const usual = usualMs.get(job?.class ?? '')
  if (!job || usual === undefined || !(web.now().getTime() - Date.parse(job.runAt) > usual + CLOCKS_MS))
    return null
  return (
    <>
      {' '}
      <span class="warning">longer than usual</span>{' '}
      <span class="faint">99 of 100 end within {usual < 1_000 ? 'a second' : duration(usual)}</span>
    </>
  )
}

function workingOf(snapshot: Snapshot): WorkerLine[] {
  return snapshot.workers
    .filter(({ job }) => job !== undefined)
    .sort((a, b) => ((a.job?.runAt ?? '') < (b.job?.runAt ?? '') ? -1 : 1))
}

/** A job in a cell: its class and its arguments, or what stands there instead. */
export function JobCell({ web, job }: { web: WebContext; job: JobGlance | undefined }) {
  if (!job) return <span class="faint">nothing</span>
  if (job.broken !== undefined) {
    return (
      <>
        <span class="warning">not a job</span>
        <Raw web={web} text={job.broken} limit={512} />
      </>
    )
  }
  if (job.class === '' && job.queue === '') return <span class="faint">a job you may not see</span>
  return (
    <>
      <Name>{job.class}</Name>{' '}
      <Json web={web} value={job.payload?.args} {...(!job.isWhole && { sizeBytes: job.bytes })} />
    </>
  )
}
