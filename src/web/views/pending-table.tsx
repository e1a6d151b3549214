/**
 * Waiting jobs in rows, and the form that narrows them.
 */
import { parseJob } from '../../job.js'
import { closed } from '../../json.js'
import { currentUser, includes } from '../access/roles.js'
import { hereOf } from '../failed-query.js'
import type { PendingFilter } from '../filters.js'
import { enqueuedAt } from '../job-facts.js'
import { newId } from '../operations.js'
import { path, url } from '../url.js'
import { Form, HiddenHead, Link, Name, Time, type View } from './components.js'
import { Json, Raw } from './json.js'
import { bytes, isPlain, shown } from './text.js'

export interface WaitingRow {
  index: number
  digest: string
  /** Whole, or its beginning. */
  text: string
  /** Of the whole. */
  bytes: number
  isWhole: boolean
}

export function PendingTable({ web, c, queue, rows }: View & { queue: string; rows: readonly WaitingRow[] }) {
  const mayAct = includes(currentUser(c).role, 'operator')
  const jobs = rows.map(readRow)
  const isDated = jobs.some(({ at }) => at !== undefined)
  const table = (
    <table class="cards waiting roomy">
      <caption class="hidden">Jobs in {shown(queue, 100)}</caption>
      <thead>
        <tr>
          {mayAct && <HiddenHead>Select</HiddenHead>}
          <th scope="col" class="end tight">
            No.
          </th>
          <th scope="col">Class</th>
          <th scope="col">Arguments</th>
          {isDated && <th scope="col">Enqueued</th>}
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <Row {...{ web, queue, job, mayAct, isDated }} />
        ))}
      </tbody>
    </table>
  )
  if (!mayAct) return table
  return (
    <Form
      web={web}
      c={c}
      action={path`/queues/${queue}/selected`}
      class="stack"
      fields={{ back: hereOf(web, c), operation: newId() }}
    >
      <div class="row selected-actions">
        <span class="faint">Selected:</span>
        <button class="small quiet-danger" type="submit">
          Remove selected
        </button>
      </div>
      {table}
    </Form>
  )
}

interface Job {
  row: WaitingRow
  parsed: ReturnType<typeof parseJob>
  /** When it was enqueued, where that is known. */
  at: Date | undefined
}

function readRow(row: WaitingRow): Job {
  const parsed = parseJob(row.isWhole ? row.text : closed(row.text))
  const at = parsed instanceof Error || !row.isWhole ? undefined : enqueuedAt(parsed)
  return { row, parsed, at }
}

function Row({
  web,
  queue,
  job: { row, parsed, at },
  mayAct,
  isDated,
}: {
  web: View['web']
  queue: string
  job: Job
  mayAct: boolean
  isDated: boolean
}) {
  const isBroken = parsed instanceof Error
  const name = isBroken ? (row.isWhole ? 'not a job' : 'a long entry') : parsed.class
  const ref = `${row.index}.${row.digest}`
  return (
    <tr>
      {mayAct && (
        <td class="select">
          <label class="box">
            <input
              type="checkbox"
              name="ref"
              value={ref}
              aria-label={`Select no. ${row.index + 1}, ${shown(name, 60)}`}
            />
          </label>
        </td>
      )}
      <td class="end tight faint num" data-label="No.">
        {row.index + 1}
      </td>
      <th scope="row">
        <Link web={web} to={path`/queues/${queue}/job/${ref}`}>
          <Name>{name}</Name>
        </Link>
      </th>
      <td>
        {!isBroken ? (
          <Json web={web} value={parsed.args} {...(!row.isWhole && { sizeBytes: row.bytes })} />
        ) : row.isWhole ? (
          <Raw web={web} text={row.text} limit={512} />
        ) : (
          <span class="faint">{bytes(row.bytes)}, on its own page</span>
        )}
      </td>
      {isDated && (
        <td data-label="Enqueued" class="nowrap">
          <Time web={web} inRow at={at} />
        </td>
      )}
    </tr>
  )
}

export function PendingFilterForm({ web, queue, filter }: View & { queue: string; filter: PendingFilter }) {
  const isNarrow = filter.class !== undefined || filter.text !== undefined
  return (
    <search>
      <form method="get" action={url(web, path`/queues/${queue}`)} class="filter">
        <div class="row">
          <label class="grow">
            <span class="hidden">Class</span>
            <input
              name="class"
              value={plainOr(filter.class)}
              placeholder="Class"
              maxlength={512}
              autocomplete="off"
            />
          </label>
          <label class="grow">
            <span class="hidden">Text in the job</span>
            <input
              type="search"
              name="text"
              value={plainOr(filter.text)}
              placeholder="Text in the job"
              maxlength={512}
            />
          </label>
          <button type="submit">Filter</button>
          {isNarrow && (
            <Link web={web} to={path`/queues/${queue}`} class="button">
              All jobs
            </Link>
          )}
        </div>
      </form>
    </search>
  )
}

function plainOr(text: string | undefined): string {
  return text !== undefined && isPlain(text) ? text : ''
}
