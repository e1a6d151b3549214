/**
 * Failed jobs in rows, each with its box to select it and what can be done to it.
 */
import type { FailedJob } from '../../store/records.js'
import { redactText } from '../access/redact.js'
import { currentUser, includes } from '../access/roles.js'
import type { FailedRow } from '../entry-pages.js'
import { refField } from '../failed-query.js'
import { path, url } from '../url.js'
import { Form, HiddenHead, Link, Name, StatusWord, Time, type View } from './components.js'
import { Json, Raw } from './json.js'
import { age, readTime, shown } from './text.js'

export function FailedTable({
  web,
  c,
  rows,
  back,
  operation,
}: View & {
  rows: readonly FailedRow[]
  /** Where actions lead back to. */
  back: string
  /** So that a form that is sent twice acts once. */
  operation: string
}) {
  const mayAct = includes(currentUser(c).role, 'operator')
  const table = (
    <table class="cards failures roomy">
      <caption class="hidden">Failed jobs</caption>
      <thead>
        <tr>
          {mayAct && <HiddenHead>Select</HiddenHead>}
          <th scope="col">Job</th>
          <th scope="col">Queue</th>
          <th scope="col">Failed</th>
          {mayAct && <HiddenHead end>Actions</HiddenHead>}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row web={web} c={c} row={row} mayAct={mayAct} />
        ))}
      </tbody>
    </table>
  )
  if (!mayAct) return table
  return (
    <Form web={web} c={c} action="/failed/selected" class="stack" fields={{ back, operation }}>
      {/* Before the table: Enter in a box presses the first button of its form, which must not be that of a row. */}
      <div class="row selected-actions">
        <span class="faint">Selected:</span>
        <button class="small" type="submit" name="action" value="retry">
          Retry selected
        </button>
        <button class="small quiet-danger" type="submit" name="action" value="remove">
          Remove selected
        </button>
      </div>
      {table}
    </Form>
  )
}

function Row({ web, c: _, row, mayAct }: View & { row: FailedRow; mayAct: boolean }) {
  const { job } = row
  const at = path`/failed/job/${job.ref}`
  const name = job.class === '' ? (row.isWhole ? 'not a failed record' : 'a long entry') : job.class
  const said = spoken(web, job, name)
  return (
    <tr class="failure">
      {mayAct && (
        <td class="select">
          <label class="box">
            <input type="checkbox" name="ref" value={refField(job.ref)} aria-label={`Select ${said}`} />
          </label>
        </td>
      )}
      <th scope="row">
        <Link web={web} to={at}>
          <Name limit={120}>{name}</Name>
        </Link>{' '}
        {job.retriedAt !== undefined && (
          <span class="retried">
            <StatusWord status="done" word="retried" /> <Time web={web} inRow at={job.retriedAt} />
          </span>
        )}
        <Cause web={web} row={row} />
      </th>
      <td data-label="Queue">
        {job.queue === '' ? <span class="faint">–</span> : <Name limit={80}>{job.queue}</Name>}
      </td>
      <td data-label="Failed">
        <Time web={web} inRow at={job.failedAt} />
      </td>
      {mayAct && (
        <td class="end actions">
          {job.isReadable && (
            <button
              class="small"
              type="submit"
              formaction={url(web, `${at}/retry`)}
              name={job.retriedAt === undefined ? undefined : 'again'}
              value={job.retriedAt === undefined ? undefined : 'yes'}
              aria-label={`${job.retriedAt === undefined ? 'Retry' : 'Retry again'} ${said}`}
            >
              {job.retriedAt === undefined ? 'Retry' : 'Retry again'}
            </button>
          )}{' '}
          <button
            class="small quiet-danger"
            type="submit"
            formaction={url(web, `${at}/remove`)}
            aria-label={`Remove ${said}`}
          >
            Remove
          </button>
        </td>
      )}
    </tr>
  )
}

/** A failed job in the name of a button: `CsvExport, failed 3 min ago`. */
export function spoken(web: View['web'], job: FailedJob, name = job.class || 'not a failed record'): string {
  const when = readTime(job.failedAt)
  return `${shown(name, 60)}${Number.isNaN(when.getTime()) ? '' : `, failed ${age(when, web.now())}`}`
}

function Cause({ web, row: { job, isWhole, sizeBytes } }: { web: View['web']; row: FailedRow }) {
  if (!job.isReadable && isWhole && job.exception === '') return <Raw web={web} text={job.text} limit={300} />
  return (
    <>
      <ErrorLine web={web} exception={job.exception} error={job.error} />
      <div class="args-line">
        <Json web={web} value={job.args} {...(!isWhole && { sizeBytes })} />
      </div>
    </>
  )
}

/** An exception and what it says, in a line. */
export function ErrorLine({
  web,
  exception,
  error,
  limit = 200,
}: {
  web: View['web']
  exception: string
  error: string
  limit?: number
}) {
  return (
    <div class="error-line">
      {exception !== '' && (
        <b>
          <Name limit={120}>{exception}</Name>
        </b>
      )}{' '}
      <span>{shown(redactText(error, web.settings.secrets), limit)}</span>
    </div>
  )
}
