/**
 * One job that waits for a time, found by its content. What is done to it is in `delayed-actions.tsx`.
 */
import { type Context, Hono } from 'hono'
import { parseJson } from '../../json.js'
import type { DelayedJob } from '../../store/delayed.js'
import { delayedRefs } from '../../store/delayed-glance.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import { unveiled, type WebContext, type WebEnv } from '../context.js'
import { argsText } from '../job-facts.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Count, Fact, Form, Link, Name, Time, type View } from '../views/components.js'
import { classOf, QueueOf } from '../views/delayed-table.js'
import { PayloadFacts, RevealForm, SizeFact } from '../views/job-facts.js'
import { FullJson, Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { exact, shown } from '../views/text.js'
import { seesDelayed, timeParam } from './delayed.js'

export function delayedJobPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/delayed/:timestamp{\\d+}/job/:ref', needs('viewer'), async (c) => {
    const job = await delayedJobOf(web, c)
    return page(c, web, { title: classOf(job), tab: '/delayed' }, <Job web={web} c={c} job={job} />)
  })

  // A POST, as it leaves a trace: who looked at what was hidden.
  pages.post('/delayed/:timestamp{\\d+}/job/:ref/reveal', needs('operator'), async (c) => {
    const job = await delayedJobOf(web, c)
    await recordAction(web, c, { action: 'reveal arguments', target: `delayed ${job.ref}`, result: 'done' })
    return page(
      c,
      web,
      { title: classOf(job), tab: '/delayed' },
      <Job web={web} c={c} job={job} isRevealed />,
    )
  })
  return pages
}

/** The delayed job that the path names. */
export async function delayedJobOf(web: WebContext, c: Context<WebEnv>): Promise<DelayedJob> {
  const time = timeParam(c)
  const refs = delayedRefs(time, [`${nameParam(c, 'ref')}@${time}`])
  if (!refs) throw new Refusal(404, 'That names no job.')
  const [job] = (await web.store.delayedGlances.find(time, refs)).filter(seesDelayed(c))
  if (job) return job
  throw new Refusal(404, 'This job waits for this time no more.', {
    hint: 'It was put on its queue when its time had come, or removed.',
  })
}

function Job({ web, c, job, isRevealed = false }: View & { job: DelayedJob; isRevealed?: boolean }) {
  const mayAct = includes(currentUser(c).role, 'operator')
  const eyes = isRevealed ? unveiled(web) : web
  const time = path`/delayed/${job.time}`
  const at = `${time}/job/${job.index}.${job.digest}`
  const due = new Date(job.time * 1_000)
  const said = `${shown(classOf(job), 60)}, due ${exact(due)}`
  return (
    <section>
      <p class="crumbs">
        <Link web={web} to="/delayed">
          Delayed
        </Link>{' '}
        /{' '}
        <Link web={web} to={time}>
          {exact(due)}
        </Link>
      </p>
      <div class="section-head">
        <h1>
          <Name>{classOf(job)}</Name>
        </h1>
        {mayAct && (
          <div class="row">
            {!isRevealed && <RevealForm web={web} c={c} at={at} text={job.text} said={said} />}
            <Form web={web} c={c} action={`${time}/queue`} fields={{ only: job.ref }} class="row">
              {job.isReadable && job.queue === '' && (
                <label class="row small">
                  <span class="faint">On queue</span>
                  <input name="queue" required autocomplete="off" maxlength={200} size={12} />
                </label>
              )}
              {job.isReadable && (
                <button type="submit" aria-label={`Queue now: ${said}`}>
                  Queue now
                </button>
              )}
              <button
                class="quiet-danger"
                type="submit"
                formaction={url(web, `${time}/remove`)}
                formnovalidate
                aria-label={`Remove ${said}`}
              >
                Remove
              </button>
            </Form>
          </div>
        )}
      </div>
      <dl class="facts">
        <Fact label="Due">
          <Time web={web} at={due} />
        </Fact>
        <Fact label="Queue">
          <QueueOf web={web} job={job} />
        </Fact>
        <Fact label="Place at its time">
          <Count value={job.index + 1} />
        </Fact>
        <PayloadFacts web={web} payload={parseJson(job.text)} />
        <Fact label="Timeline">
          <Link web={web} to={path`/jobs/${job.ref}`}>
            What is known of it
          </Link>
        </Fact>
        <SizeFact web={web} sizeBytes={Buffer.byteLength(job.text)} download={`${at}/download`} />
      </dl>
      <h2>{job.isReadable ? 'Arguments' : 'Entry'}</h2>
      {job.isReadable ? (
        <FullJson web={eyes} text={argsText(job.text)} download={`${at}/download`} />
      ) : (
        <Raw web={eyes} text={job.text} limit={65_536} />
      )}
    </section>
  )
}
