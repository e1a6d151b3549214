/**
 * The parts of the page of one failed job.
 */
import { parseJson } from '../../json.js'
import type { FailedJob } from '../../store/records.js'
import { redactText } from '../access/redact.js'
import { currentUser, includes } from '../access/roles.js'
import { unveiled, type WebContext } from '../context.js'
import { groupOf } from '../failed-groups.js'
import { pathOf, queryOf } from '../failed-query.js'
import { newId } from '../operations.js'
import { path, url } from '../url.js'
import { Fact, Form, Link, Name, StatusWord, Time, type View } from './components.js'
import { ErrorLine, spoken } from './failed-table.js'
import { PayloadFacts, RevealForm, SizeFact } from './job-facts.js'
import { isPlain, plural, shown, thousands } from './text.js'

const MAX_BACKTRACE = 200

export function FailedJobHead({
  web,
  c,
  job,
  isRevealed,
  queues,
}: View & { job: FailedJob; isRevealed: boolean; queues: readonly string[] }) {
  const mayAct = includes(currentUser(c).role, 'operator')
  const at = path`/failed/job/${job.ref}`
  const isRetried = job.retriedAt !== undefined
  const fields = isRetried ? { again: 'yes' } : {}
  const said = spoken(web, job)
  const verb = isRetried ? 'Retry again' : 'Retry'
  return (
    <>
      <div class="section-head">
        <h1>
          <Name>{job.class === '' ? 'not a failed record' : job.class}</Name>
        </h1>
        {isRetried ? <StatusWord status="done" word="retried" /> : <StatusWord status="failed" />}
        {mayAct && (
          <div class="row">
            {job.isReadable && (
              <>
                <Form web={web} c={c} action={`${at}/retry`} fields={fields}>
                  <button class="primary" type="submit" aria-label={`${verb} ${said}`}>
                    {verb}
                  </button>
                </Form>
                {job.class !== '' && (
                  <a class="button" href={url(web, `${at}/edit`)} aria-label={`Edit and retry ${said}`}>
                    Edit and retry
                  </a>
                )}
              </>
            )}
            <Form web={web} c={c} action={`${at}/remove`} fields={{ operation: newId() }}>
              <button class="quiet-danger" type="submit" aria-label={`Remove ${said}`}>
                Remove
              </button>
            </Form>
          </div>
        )}
      </div>
      <div class="error-box">
        <ErrorLine
          web={isRevealed ? unveiled(web) : web}
          exception={job.exception}
          error={job.error}
          limit={2_000}
        />
      </div>
      {mayAct && (
        <div class="row">
          {job.isReadable && (
            <Form web={web} c={c} action={`${at}/retry`} fields={fields} class="row">
              <label class="row">
                <span>Into queue</span>
                <input name="queue" list="queues" required maxlength={512} size={16} autocomplete="off" />
              </label>
              <datalist id="queues">
                {queues
                  .filter(isPlain)
                  .slice(0, 200)
                  .map((name) => (
                    <option value={name} />
                  ))}
              </datalist>
              <button type="submit" aria-label={`Retry there: ${said}`}>
                Retry there
              </button>
            </Form>
          )}
          {!isRevealed && <RevealForm web={web} c={c} at={at} text={job.text} said={said} />}
        </div>
      )}
    </>
  )
}

export function FailedJobFacts({
  web,
  job,
  download,
  isWorkerThere,
}: {
  web: WebContext
  job: FailedJob
  /** The path of the entry as a file. */
  download: string
  isWorkerThere: boolean
}) {
  const group = groupOf(job)
  const same = {
    ...(job.class !== '' && { class: job.class }),
    ...(job.exception !== '' && { exception: job.exception }),
    group: group.id,
  }
  const alike = web.failedIndex.state.isReady ? web.failedIndex.count(same) : undefined
  return (
    <dl class="facts">
      <Fact label="Failed">
        <Time web={web} at={job.failedAt} />
      </Fact>
      {job.retriedAt !== undefined && (
        <Fact label="Retried">
          <Time web={web} at={job.retriedAt} />
        </Fact>
      )}
      <Fact label="Queue">
        {job.queue === '' ? (
          '–'
        ) : (
          <Link web={web} to={path`/queues/${job.queue}`}>
            <Name>{job.queue}</Name>
          </Link>
        )}
      </Fact>
      <Fact label="Worker">
        {isWorkerThere ? (
          <Link web={web} to={path`/workers/${job.worker}`}>
            <Name>{job.worker}</Name>
          </Link>
        ) : (
          <Name>{job.worker}</Name>
        )}
      </Fact>
      <Fact label="Place in the list">
        <span class="num">{thousands(job.index + 1)}</span> of <Name>{job.list}</Name>, the oldest first
      </Fact>
      <Fact label="Same failure">
        <Link web={web} to={pathOf(same)} query={{ ...queryOf(same), view: 'list' }}>
          {alike === undefined ? 'Jobs that failed alike' : `${plural(alike, 'job')} failed alike`}
        </Link>
      </Fact>
      <PayloadFacts web={web} payload={parseJson(job.payload.toString())} />
      <Fact label="Timeline">
        <Link web={web} to={path`/jobs/${job.ref}`}>
          What is known of it
        </Link>
      </Fact>
      <SizeFact web={web} sizeBytes={Buffer.byteLength(job.text)} download={download} />
    </dl>
  )
}

export function Backtrace({ web, job: { backtrace } }: { web: WebContext; job: FailedJob }) {
  if (backtrace.length === 0) return <p class="faint">No backtrace was kept.</p>
  const [first = ''] = backtrace
  const lines = backtrace.slice(0, MAX_BACKTRACE).map((line) => shown(line, 500))
  return (
    <details class="backtrace">
      <summary>
        Backtrace, {plural(backtrace.length, 'line')}{' '}
        <code class="args">{shown(redactText(first, web.settings.secrets), 100)}</code>
      </summary>
      <pre class="json">{redactText(lines.join('\n'), web.settings.secrets)}</pre>
    </details>
  )
}
