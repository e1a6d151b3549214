/**
 * Another try with other arguments: a text of JSON, what is wrong in it by line, and what changes, before it is sent. The
 * failed job stays as it was, marked as retried, unless what is retried is dropped.
 */
import { type Context, Hono } from 'hono'
import type { FailedJob } from '../../store/records.js'
import { hasHidden } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { failedJobOf } from '../failed-query.js'
import { argsText } from '../job-facts.js'
import { diffLines, type JsonProblem, joined, readTokens, spread } from '../json-text.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Fact, Form, Link, Name, type View, WayOut } from '../views/components.js'
import { page } from '../views/layout.js'
import { bytes, isPlain, seeable, shown } from '../views/text.js'
import { retry } from './failed-job.js'

/** A form carries at most 256 kB, and what is escaped in it takes up to three times its length. */
const MAX_ARGS = 65_536
/** Unchanged lines that are shown around changes. */
const AROUND = 3

interface Draft {
  args: string
  class: string
  queue: string
}

export function failedEditPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/failed/job/:ref/edit', needs('operator'), async (c) => {
    const job = await editable(web, c)
    if (hasHidden(argsOf(job), web.settings.secrets)) return askToShow(web, c, job)
    return edit(web, c, job, draftOf(job))
  })

  pages.post('/failed/job/:ref/edit', needs('operator'), async (c) => {
    const job = await editable(web, c)
    const body = c.get('body')
    const step = body.get('step')
    if (step === '' || step === 'show') {
      await recordReveal(web, c, job)
      return edit(web, c, job, draftOf(job))
    }
    const draft = { ...draftOf(job), args: body.get('args').replaceAll('\r\n', '\n') }
    if (includes(currentUser(c).role, 'admin')) {
      draft.class = body.get('class') || job.class
      draft.queue = body.get('queue') || job.queue
    }
    const problem = problemOf(draft.args)
    if (problem) return edit(web, c, job, draft, problem)
    if (step === 'again') return edit(web, c, job, draft)
    if (step !== 'send') {
      await recordReveal(web, c, job)
      return compare(web, c, job, draft)
    }
    return retry(web, c, job, {
      args: joined(draft.args),
      ...(draft.class !== job.class && { class: draft.class }),
      ...(draft.queue !== job.queue && { queue: draft.queue }),
      again: body.get('again') === 'yes',
    })
  })
  return pages
}

async function editable(web: WebContext, c: Context<WebEnv>): Promise<FailedJob> {
  const job = await failedJobOf(web, c, nameParam(c, 'ref'))
  if (!job.isReadable || job.class === '')
    throw new Refusal(409, 'This entry holds no job with a class, so its arguments cannot be edited.')
  if (argsOf(job).length > MAX_ARGS)
    throw new Refusal(409, `These arguments are too long to be edited here: ${bytes(argsOf(job).length)}.`)
  return job
}

/** As they stand in Redis: numbers are not read and written again. */
function argsOf(job: FailedJob): string {
  return argsText(job.payload.toString())
}

function draftOf(job: FailedJob): Draft {
  return { args: seeable(spread(argsOf(job))), class: job.class, queue: job.queue }
}

/** Whoever is shown the arguments as they are leaves a trace. */
async function recordReveal(web: WebContext, c: Context<WebEnv>, job: FailedJob): Promise<void> {
  if (!hasHidden(argsOf(job), web.settings.secrets)) return
  await recordAction(web, c, { action: 'reveal arguments', target: job.ref, result: 'done' })
}

function problemOf(args: string): JsonProblem | undefined {
  const tokens = readTokens(args)
  if (!Array.isArray(tokens)) return tokens
  if (tokens[0] === '[') return undefined
  return { line: 1, column: 1, message: 'Arguments are a list: begin with [ and end with ].' }
}

function askToShow(web: WebContext, c: Context<WebEnv>, job: FailedJob): Promise<Response> {
  const at = path`/failed/job/${job.ref}`
  return page(
    c,
    web,
    { title: `Edit ${job.class}`, tab: '/failed' },
    <section class="confirm" aria-labelledby="confirm-title">
      <h1 id="confirm-title">Show what is hidden?</h1>
      <p>
        The arguments of <Name>{job.class}</Name> hold values that look like secrets. To edit them you must
        see them; that is noted in the audit.
      </p>
      <Form web={web} c={c} action={`${at}/edit`} fields={{ step: 'show' }}>
        <div class="row">
          <WayOut back={url(web, at)}>Cancel</WayOut>
          <button class="primary" type="submit">
            Show and edit
          </button>
        </div>
      </Form>
    </section>,
  )
}

function edit(
  web: WebContext,
  c: Context<WebEnv>,
  job: FailedJob,
  draft: Draft,
  problem?: JsonProblem,
): Promise<Response> {
  const isAdmin = includes(currentUser(c).role, 'admin') && isPlain(job.class) && isPlain(job.queue)
  const line = problem && draft.args.split('\n')[problem.line - 1]
  return page(
    c,
    web,
    { title: `Edit ${job.class}`, tab: '/failed', ...(problem && { status: 422 as const }) },
    <Frame web={web} job={job} title={`Edit and retry ${shown(job.class, 80)}`}>
      {problem && (
        <div class="complaint" role="alert" id="problem">
          <p>
            Line {problem.line}, column {problem.column}: {shown(problem.message, 200)}
          </p>
          {line !== undefined && (
            <pre>
              {shown(line.slice(Math.max(0, problem.column - 40), problem.column + 40), 100)}
              {'\n'}
              {`${' '.repeat(Math.min(problem.column - 1, 39))}^`}
            </pre>
          )}
        </div>
      )}
      <Form
        web={web}
        c={c}
        action={path`/failed/job/${job.ref}/edit`}
        class="stack"
        fields={{ step: 'compare' }}
      >
        {isAdmin ? (
          <div class="filter-fields">
            <label class="field">
              <span>Class</span>
              <input name="class" value={draft.class} required maxlength={512} autocomplete="off" />
            </label>
            <label class="field">
              <span>Queue</span>
              <input name="queue" value={draft.queue} required maxlength={512} autocomplete="off" />
            </label>
          </div>
        ) : (
          <dl class="facts">
            <Fact label="Class">
              <Name>{job.class}</Name>
            </Fact>
            <Fact label="Queue">
              <Name>{job.queue}</Name>
            </Fact>
          </dl>
        )}
        <label class="field">
          <span>Arguments, a JSON list</span>
          <textarea
            name="args"
            rows={Math.min(24, Math.max(8, draft.args.split('\n').length + 1))}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={problem ? 'true' : undefined}
            aria-describedby={problem ? 'problem' : undefined}
          >
            {`\n${draft.args}`}
          </textarea>
        </label>
        <div class="row">
          <button class="primary" type="submit">
            Compare
          </button>
          <Link web={web} to={path`/failed/job/${job.ref}`} class="button">
            Cancel
          </Link>
        </div>
      </Form>
    </Frame>,
  )
}

function compare(web: WebContext, c: Context<WebEnv>, job: FailedJob, draft: Draft): Promise<Response> {
  const before = seeable(spread(argsOf(job)))
  const after = seeable(spread(draft.args))
  const isSame = before === after && draft.class === job.class && draft.queue === job.queue
  const fields = {
    args: draft.args,
    ...(draft.class !== job.class && { class: draft.class }),
    ...(draft.queue !== job.queue && { queue: draft.queue }),
    ...(job.retriedAt !== undefined && { again: 'yes' }),
  }
  const action = path`/failed/job/${job.ref}/edit`
  return page(
    c,
    web,
    { title: `Edit ${job.class}`, tab: '/failed' },
    <Frame web={web} job={job} title={`Retry ${shown(draft.class, 80)} with this?`}>
      {isSame ? (
        <p class="notice is-warning">Nothing is changed: the job would run as it did.</p>
      ) : (
        <>
          {draft.class !== job.class && <Change label="Class" before={job.class} after={draft.class} />}
          {draft.queue !== job.queue && <Change label="Queue" before={job.queue} after={draft.queue} />}
          {before !== after && <Diff before={before} after={after} />}
        </>
      )}
      {job.retriedAt !== undefined && <p class="warning">This job was retried before; it would run again.</p>}
      <div class="row">
        <Form web={web} c={c} action={action} fields={{ ...fields, step: 'send' }}>
          <button class="primary" type="submit">
            {isSame ? 'Retry unchanged' : 'Retry with these changes'}
          </button>
        </Form>
        <Form web={web} c={c} action={action} fields={{ ...fields, step: 'again' }}>
          <button type="submit">Edit again</button>
        </Form>
        <Link web={web} to={path`/failed/job/${job.ref}`} class="button">
          Cancel
        </Link>
      </div>
    </Frame>,
  )
}

function Frame({
  web,
  job,
  title,
  children,
}: {
  web: View['web']
  job: FailedJob
  title: string
  children?: unknown
}) {
  return (
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <section>
        <p class="crumbs">
          <Link web={web} to="/failed" query={{ view: 'list' }}>
            Failed
          </Link>{' '}
          ›{' '}
          <Link web={web} to={path`/failed/job/${job.ref}`}>
            <Name limit={80}>{job.class}</Name>
          </Link>
        </p>
        <h1>{title}</h1>
        {children}
      </section>
    </>
  )
}

function Change({ label, before, after }: { label: string; before: string; after: string }) {
  return (
    <p>
      {label}: <del>{shown(before, 200)}</del> → <ins>{shown(after, 200)}</ins>
    </p>
  )
}

/** What is taken away and what comes, with a few lines around; by sign as well as by colour. */
function Diff({ before, after }: { before: string; after: string }) {
  const lines = diffLines(before, after)
  const isNear = (at: number) =>
    lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ sign }) => sign !== ' ')
  return (
    <section class="diff" aria-label="Changes of the arguments" tabindex={0}>
      {lines.map(({ sign, text }, i) => {
        if (!isNear(i)) return isNear(i - 1) && i > 0 ? <div class="diff-gap">⋯</div> : null
        const shownText = shown(text, 2_000)
        if (sign === '-') return <del>{`− ${shownText}`}</del>
        if (sign === '+') return <ins>{`+ ${shownText}`}</ins>
        return <div>{`  ${shownText}`}</div>
      })}
    </section>
  )
}
