/**
 * Delayed jobs in tables: those of one time, with what can be done to each, and those that a search found.
 */
import type { DelayedJob } from '../../store/delayed.js'
import type { DelayedRow } from '../../store/delayed-glance.js'
import type { WebContext } from '../context.js'
import { path, url } from '../url.js'
import { HiddenHead, Link, Name, Time } from './components.js'
import { Json, Raw } from './json.js'
import { shown } from './text.js'

/** How many are on a page. */
export const PAGE_SIZE = 50

/** `mayAct` makes each a part of a form. */
export function DelayedTable({
  web,
  to,
  jobs,
  mayAct = false,
}: {
  web: WebContext
  to: string
  jobs: readonly DelayedRow[]
  mayAct?: boolean
}) {
  return (
    <table class="cards delayed roomy">
      <caption class="hidden">Jobs, in the order in which they will be queued</caption>
      <thead>
        <tr>
          {mayAct && <HiddenHead>Select</HiddenHead>}
          <th scope="col">Class</th>
          <th scope="col">Arguments</th>
          <th scope="col">Queue</th>
          {mayAct && <HiddenHead end>Actions</HiddenHead>}
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => {
          const name = classOf(job)
          const label = `${shown(name, 60)}, number ${job.index + 1}`
          return (
            <tr>
              {mayAct && (
                <td class="select">
                  <label class="box">
                    <input type="checkbox" name="ref" value={job.ref} aria-label={`Select ${label}`} />
                  </label>
                </td>
              )}
              <th scope="row">
                <ClassLink web={web} job={job} />
              </th>
              <td>
                <Args web={web} job={job} />
              </td>
              <td data-label="Queue">
                <QueueOf web={web} job={job} />
              </td>
              {mayAct && (
                <td class="end actions">
                  {((job.isReadable && job.queue !== '') || !job.isWhole) && (
                    <button
                      class="small"
                      type="submit"
                      name="only"
                      value={job.ref}
                      aria-label={`Queue now: ${label}`}
                    >
                      Queue now
                    </button>
                  )}{' '}
                  <button
                    class="small quiet-danger"
                    type="submit"
                    name="only"
                    value={job.ref}
                    formaction={url(web, `${to}/remove`)}
                    aria-label={`Remove ${label}`}
                  >
                    Remove
                  </button>
                </td>
              )}
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

export function classOf(job: DelayedJob): string {
  return job.class || 'not a job'
}

/** Its class, as the way to its page. */
function ClassLink({ web, job }: { web: WebContext; job: DelayedJob }) {
  return (
    <Link web={web} to={path`/delayed/${job.time}/job/${`${job.index}.${job.digest}`}`}>
      <Name>{classOf(job)}</Name>
    </Link>
  )
}

function Args({
  web,
  job,
}: {
  web: WebContext
  job: DelayedJob & { isWhole?: boolean; sizeBytes?: number }
}) {
  if (job.isWhole === false && job.class !== '')
    return <Json web={web} value={job.args} sizeBytes={job.sizeBytes ?? 0} />
  if (!job.isReadable) return <Raw web={web} text={job.text} limit={512} />
  return <Json web={web} value={job.args} />
}

/** The queue that it will be put on. */
export function QueueOf({ web, job }: { web: WebContext; job: DelayedJob & { isWhole?: boolean } }) {
  if (job.isWhole === false && job.queue === '') return <span class="faint">not read</span>
  if (!job.isReadable && job.isWhole !== false) return <span class="faint">–</span>
  if (job.queue === '') return <span class="faint">its class knows</span>
  return (
    <>
      <Link web={web} to={path`/queues/${job.queue}`}>
        <Name>{job.queue}</Name>
      </Link>
      {job.customClass !== undefined && (
        <span class="faint"> by {shown(job.customClass, 60)}, which only Ruby knows</span>
      )}
    </>
  )
}

export function FoundTable({ web, jobs }: { web: WebContext; jobs: readonly DelayedJob[] }) {
  return (
    <table class="cards roomy">
      <caption class="hidden">Jobs that were found, the next first</caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          <th scope="col">Arguments</th>
          <th scope="col">Queue</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr>
            <th scope="row">
              <ClassLink web={web} job={job} />
            </th>
            <td>
              <Args web={web} job={job} />
            </td>
            <td data-label="Queue">
              <QueueOf web={web} job={job} />
            </td>
            <td data-label="Time">
              <Link web={web} to={path`/delayed/${job.time}`} query={{ start: pageOf(job.index) }}>
                <Time web={web} inRow at={new Date(job.time * 1_000)} />
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function pageOf(index: number): number | undefined {
  return Math.floor(index / PAGE_SIZE) * PAGE_SIZE || undefined
}
