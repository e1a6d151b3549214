/**
 * One job through time, as far as Redis tells: enqueued, delayed, picked, failed, put back. What nobody wrote down is said
 * to be unknown.
 */
import { Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { redact, redactText } from '../access/redact.js'
import { currentUser, needs } from '../access/roles.js'
import { API } from '../api/endpoint.js'
import type { WebContext, WebEnv } from '../context.js'
import { argsText, attemptOf, failedArgsText } from '../job-facts.js'
import { type Found, findJob, MAX_ID, payloadOf, type Trace } from '../job-traces.js'
import { nameParam } from '../params.js'
import { path } from '../url.js'
import { Count, Empty, Fact, Link, Name, StatusWord, Time } from '../views/components.js'
import { FullJson } from '../views/json.js'
import { page } from '../views/layout.js'
import { downloadOf } from '../views/one-worker.js'
import { duration, plural, readTime, shown, thousands } from '../views/text.js'

export function jobPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/jobs/:id', needs('viewer'), async (c) => {
    const name = nameParam(c, 'id')
    const user = currentUser(c)
    const found = await web.searches.run(user.name, () => findJob(web, user, name))
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
  const { id, traces, enqueuedAt, deaths } = found
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
            {deaths > 0 && (
              <Fact label="Workers that died of it">
                <Count value={deaths} />
              </Fact>
            )}
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
        <Fact label="For programs">
          <Link web={web} to={`${API}${path`/jobs/${name}`}`}>
            As JSON
          </Link>
        </Fact>
      </dl>
      {steps.length === 0 ? (
        <Empty title="Nothing is known of this job">
          It may have ended well, which leaves no trace, or it was removed.
        </Empty>
      ) : (
        <Timeline web={web} steps={steps} />
      )}
      {job !== undefined && (
        <>
          <h2>Arguments</h2>
          <FullJson web={web} {...job.args} />
        </>
      )}
      <Unknown found={found} />
    </section>
  )
}

interface Shown {
  class: string
  queue: string
  args: { text: string; download: string | undefined; isCut?: boolean }
}

function jobOf(trace: Trace): Shown {
  switch (trace.kind) {
    case 'waiting': {
      const { job, queue } = trace
      const download = `${waitingPath(trace)}/download`
      return { class: job.class, queue, args: { text: argsText(job.text), download } }
    }
    case 'running': {
      const { job } = trace.worker
      const { class: name = '', queue = '', payload, isWhole = true } = job ?? {}
      const text = JSON.stringify(redact(payload?.args ?? [], []))
      return { class: name, queue, args: { text, download: downloadOf(trace.worker), isCut: !isWhole } }
    }
    case 'delayed': {
      const { class: name, queue, text } = trace.job
      const download = `${delayedPath(trace)}/download`
      return { class: name, queue, args: { text: argsText(text), download } }
    }
    case 'failed': {
      const { class: name, queue, ref } = trace.job
      const args = {
        text: failedArgsText(trace.job),
        download: path`/failed/job/${ref}/download`,
      }
      return { class: name, queue, args }
    }
  }
}

function waitingPath({ queue, job: { ref } }: Extract<Trace, { kind: 'waiting' }>): string {
  return path`/queues/${queue}/job/${ref.slice(0, ref.indexOf('@'))}`
}

function delayedPath({ job: { time, index, digest } }: Extract<Trace, { kind: 'delayed' }>): string {
  return path`/delayed/${time}/job/${`${index}.${digest}`}`
}

/** The earliest first; what has no time stands where it belongs: a wait at the end. */
function stepsOf(web: WebContext, traces: readonly Trace[], enqueuedAt: Date | undefined): Step[] {
  const steps = traces.flatMap((trace) => {
    const [first, ...more] = stepsOfTrace(web, trace)
    const attempt = attemptOf(payloadOf(trace))
    if (!first || attempt === undefined) return first ? [first, ...more] : more
    const label = (
      <>
        {first.label} <span class="faint">attempt {attempt}</span>
      </>
    )
    return [{ ...first, label }, ...more]
  })
  if (enqueuedAt !== undefined)
    steps.push({ at: enqueuedAt, label: 'Enqueued', body: 'by its payload’s own word' })
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
              <Link web={web} to={waitingPath(trace)}>
                as number {thousands(trace.job.index + 1)}
              </Link>{' '}
              in{' '}
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
            <Link web={web} to={delayedPath(trace)}>
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
                {before ? duration((at ?? web.now()).getTime() - before.getTime()) : '–'}
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
              {what === 'workers'
                ? `Whether a worker works on it whose record is too long to be read, or one too many after ${thousands(looked)}.`
                : `Whether it is among more ${what} than the first ${thousands(looked)} that were looked at.`}
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
