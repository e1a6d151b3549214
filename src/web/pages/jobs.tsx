/**
 * One job through time, as far as Redis tells: enqueued, delayed, picked, failed, put back. What nobody wrote down is said
 * to be unknown.
 */
import { Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { redactText } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { type Found, findJob, type Trace } from '../job-traces.js'
import { nameParam } from '../params.js'
import { path } from '../url.js'
import { Empty, Fact, Json, Link, Name, readTime, StatusWord, Time } from '../views/components.js'
import { page } from '../views/layout.js'
import { duration, plural, shown, thousands } from '../views/text.js'

const MAX_ID = 256

export function jobPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/jobs/:id', needs('viewer'), async (c) => {
    const name = nameParam(c, 'id')
    if (name === '' || name.length > MAX_ID) throw new Refusal(404, 'That is no id of a job.')
    const user = currentUser(c)
    const found = await web.searches.run(user.name, () => findJob(web, user, name))
    if (!found) {
      throw new Refusal(404, 'This entry is here no more.', {
        hint: 'It was taken, put back or removed since; what ended well leaves no trace.',
      })
    }
    return page(c, web, { title: `Job ${found.id || name}` }, <Job web={web} name={name} found={found} />)
  })
  return pages
}

interface Step {
  at: Date | undefined
  label: Child
  body: Child
}

function Job({ web, name, found }: { web: WebContext; name: string; found: Found }) {
  const { id, traces, enqueuedAt } = found
  const steps = stepsOf(web, traces, enqueuedAt)
  const [first] = traces
  const job = first && jobOf(first)
  return (
    <section>
      <div class="section-head">
        <h1>{job === undefined ? 'Job' : <Name>{job.class || 'not a job'}</Name>}</h1>
      </div>
      <dl class="facts">
        <Fact label="Id">
          {id === '' ? (
            <span class="faint">its payload carries none; this is its entry {shown(name, 120)}</span>
          ) : (
            <code>{shown(id, MAX_ID)}</code>
          )}
        </Fact>
        {job !== undefined && (
          <>
            <Fact label="Queue">
              {job.queue === '' ? <span class="faint">not known</span> : <Name>{job.queue}</Name>}
            </Fact>
            <Fact label="Arguments">
              <Json web={web} value={job.args} />
            </Fact>
            {job.class !== '' && (
              <Fact label="More of this class">
                <Link web={web} to="/failed" query={{ class: job.class }}>
                  Failed
                </Link>{' '}
                <Link web={web} to={path`/delayed/jobs/${job.class}`}>
                  Delayed
                </Link>
              </Fact>
            )}
          </>
        )}
      </dl>
      {steps.length === 0 ? (
        <Empty title="Nothing is known of this job">
          It may have ended well, which leaves no trace, or it was removed.
        </Empty>
      ) : (
        <Timeline web={web} steps={steps} />
      )}
      <Unknown found={found} />
    </section>
  )
}

function jobOf(trace: Trace): { class: string; queue: string; args: unknown } {
  switch (trace.kind) {
    case 'waiting':
      return { class: trace.job.class, queue: trace.queue, args: trace.job.args }
    case 'running': {
      const { job } = trace.worker
      return { class: job?.class ?? '', queue: job?.queue ?? '', args: job?.args }
    }
    default:
      return trace.job
  }
}

/** The earliest first; what has no time stands where it belongs: a wait at the end. */
function stepsOf(web: WebContext, traces: readonly Trace[], enqueuedAt: string | undefined): Step[] {
  const steps = traces.flatMap((trace) => stepsOfTrace(web, trace))
  if (enqueuedAt !== undefined)
    steps.push({ at: timeOf(enqueuedAt), label: 'Enqueued', body: 'by its payload’s own word' })
  const end = Number.POSITIVE_INFINITY
  return steps.sort((a, b) => (a.at?.getTime() ?? end) - (b.at?.getTime() ?? end))
}

function stepsOfTrace(web: WebContext, trace: Trace): Step[] {
  switch (trace.kind) {
    case 'waiting':
      return [
        {
          at: undefined,
          label: <StatusWord status="idle" word="Waiting" />,
          body: (
            <>
              as number {thousands(trace.job.index + 1)} in{' '}
              <Link web={web} to={path`/queues/${trace.queue}`}>
                <Name>{trace.queue}</Name>
              </Link>
            </>
          ),
        },
      ]
    case 'delayed':
      return [
        {
          at: new Date(trace.job.time * 1_000),
          label: <StatusWord status="paused" word="Delayed" />,
          body: (
            <Link web={web} to={path`/delayed/${trace.job.time}`}>
              until then
            </Link>
          ),
        },
      ]
    case 'running':
      return [
        {
          at: timeOf(trace.worker.job?.runAt ?? ''),
          label: <StatusWord status="busy" word="Picked" />,
          body: (
            <>
              by{' '}
              <Link web={web} to={path`/workers/${trace.worker.id}`}>
                <Name limit={100}>{trace.worker.id}</Name>
              </Link>
              , which works on it
            </>
          ),
        },
      ]
    case 'failed':
      return failedSteps(web, trace)
  }
}

function failedSteps(web: WebContext, { job }: Extract<Trace, { kind: 'failed' }>): Step[] {
  const failed: Step = {
    at: timeOf(job.failedAt),
    label: <StatusWord status="failed" word="Failed" />,
    body: (
      <>
        <Link web={web} to={path`/failed/job/${job.ref}`}>
          <Name>{job.exception || 'without an exception'}</Name>
        </Link>
        : {shown(redactText(job.error, web.settings.secrets), 300)}
        {job.worker !== '' && <span class="faint"> on {shown(job.worker, 120)}</span>}
      </>
    ),
  }
  if (job.retriedAt === undefined) return [failed]
  return [
    failed,
    {
      at: timeOf(job.retriedAt),
      label: <StatusWord status="open" word="Put back" />,
      body: 'on its queue; what became of it then stands here only if it waits, runs or failed again',
    },
  ]
}

function timeOf(text: string): Date | undefined {
  const at = readTime(text)
  return text === '' || Number.isNaN(at.getTime()) ? undefined : at
}

function Timeline({ web, steps }: { web: WebContext; steps: readonly Step[] }) {
  return (
    <table class="cards">
      <caption class="hidden">What happened to it, in order</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">When</th>
          <th scope="col">After</th>
          <th scope="col">Details</th>
        </tr>
      </thead>
      <tbody>
        {steps.map(({ at, label, body }, i) => {
          const before = steps[i - 1]?.at
          return (
            <tr>
              <th scope="row">{label}</th>
              <td data-label="When" class="nowrap">
                {at === undefined ? <span class="faint">now</span> : <Time web={web} at={at} />}
              </td>
              <td data-label="After" class="num nowrap">
                {at && before ? duration(at.getTime() - before.getTime()) : '–'}
              </td>
              <td>{body}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function Unknown({ found: { traces, enqueuedAt, looked, id } }: { found: Found }) {
  const hasFailed = traces.some(({ kind }) => kind === 'failed')
  return (
    <section aria-labelledby="unknown-title">
      <h2 id="unknown-title">What is not known</h2>
      <ul>
        {enqueuedAt === undefined && <li>When it was enqueued: its payload does not say.</li>}
        {hasFailed && <li>When it began to run before it failed: a failed record tells its end alone.</li>}
        <li>Whether it ended well at another time: nothing is kept of jobs that do.</li>
        {id === '' && (
          <li>Whether other entries are of the same job: without an id, equal jobs cannot be told apart.</li>
        )}
        {looked
          .filter(({ isAll }) => !isAll)
          .map(({ what, looked }) => (
            <li>
              Whether it is among more {what} than the first {thousands(looked)} that were looked at.
            </li>
          ))}
      </ul>
      {looked.length > 0 && (
        <p class="small faint">
          Looked at {looked.map((each) => `${plural(each.looked, each.what.replace(/s$/, ''))}`).join(', ')}.
        </p>
      )}
    </section>
  )
}
