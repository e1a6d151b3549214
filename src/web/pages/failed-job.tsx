/**
 * One failed job, found by its content wherever it stands by now; and Ruby's addresses, which name a place in the list:
 * they ask about the job that stands there now, and the answer is about that job.
 */
import { type Context, Hono } from 'hono'
import { parseJson } from '../../json.js'
import type { FailedJob } from '../../store/records.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import { unveiled, type WebContext, type WebEnv } from '../context.js'
import { type NotRetried, retryFailed } from '../failed-actions.js'
import { NOT_A_RECORD } from '../failed-groups.js'
import { backFrom, failedJobOf, jobsOf, listsFor, mayShow, refusalOf } from '../failed-query.js'
import { failedArgsText, jobIdOf } from '../job-facts.js'
import { MAX_ID } from '../job-traces.js'
import { seeOther } from '../notice.js'
import { newId } from '../operations.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, Fact, Link, Name, Time } from '../views/components.js'
import { Backtrace, FailedJobFacts, FailedJobHead } from '../views/failed-job.js'
import { ErrorLine } from '../views/failed-table.js'
import { FullJson, Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { noticeOf } from '../views/operation-text.js'
import { shown, thousands } from '../views/text.js'
import { idOf } from './failed-bulk.js'

const WAIT_MS = 3_000
const LIST = '/failed?view=list'

export function failedJobPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/failed/job/:ref', needs('viewer'), async (c) => {
    const job = await failedJobOf(web, c, nameParam(c, 'ref'))
    return show(web, c, job)
  })

  // A POST, as it leaves a trace: who looked at what was hidden.
  pages.post('/failed/job/:ref/reveal', needs('operator'), async (c) => {
    const job = await failedJobOf(web, c, nameParam(c, 'ref'))
    await recordAction(web, c, { action: 'reveal arguments', target: job.ref, result: 'done' })
    return show(web, c, job, true)
  })

  pages.post('/failed/job/:ref/retry', needs('operator'), async (c) => {
    const job = await failedJobOf(web, c, nameParam(c, 'ref'))
    const body = c.get('body')
    const queue = body.get('queue') || undefined
    return retry(web, c, job, { queue, again: body.get('again') === 'yes' })
  })

  pages.post('/failed/job/:ref/remove', needs('operator'), async (c) => {
    const job = await failedJobOf(web, c, nameParam(c, 'ref'))
    const operation = await web.operations.start(
      { kind: 'remove', failed: { refs: [job.ref] } },
      {
        by: currentUser(c).name,
        id: idOf(c.get('body').get('operation'), 'remove', job.ref),
        waitMs: WAIT_MS,
      },
    )
    const isDone = operation.done > 0
    await recordAction(web, c, {
      action: 'remove failed',
      target: `${job.class} ${job.ref}`,
      operation: operation.id,
      count: operation.done,
      result: isDone ? 'done' : operation.state === 'running' ? 'begun' : 'gone',
    })
    const notice = noticeOf(operation)
    return seeOther(c, web, backFrom(c, LIST), {
      ...notice,
      ...(isDone && { text: `Removed ${nameOf(job)}.` }),
    })
  })

  for (const act of ['requeue', 'remove'] as const) {
    for (const where of [`/failed/${act}/:index`, `/failed/:queue/${act}/:index`] as const) {
      pages.get(where, needs('operator'), (c) => askByPlace(web, c, act))
      pages.post(where, needs('operator'), (c) => askByPlace(web, c, act))
    }
  }
  return pages
}

/** Puts a job back, and says on the page after it what became of it. */
export async function retry(
  web: WebContext,
  c: Context<WebEnv>,
  job: FailedJob,
  options: { queue?: string | undefined; again?: boolean; args?: string; class?: string | undefined },
): Promise<Response> {
  const queue = options.queue ?? job.queue
  if (queue === '') throw new Refusal(400, 'This entry names no queue to be put back into.')
  if (!currentUser(c).sees(queue)) throw new Refusal(404, 'There is no such queue.')
  const failedLists = () => web.resque.failed.lists()
  const retried = await retryFailed({ store: web.store, failedLists }, job.ref, {
    ...options,
    drop: web.settings.dropsRetried,
    now: web.now(),
  }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && /PAYLOAD/.test(String(error.code)))
      throw new Refusal(400, error.message)
    throw refusalOf(error)
  })
  const { result } = retried
  web.failedIndex.touch()
  await recordAction(web, c, {
    action: options.args === undefined ? 'retry failed' : 'edit and retry',
    target: `${job.class} ${job.ref}${options.class === undefined ? '' : ` as ${options.class}`} into ${queue}`,
    result: result === 'done' ? 'done' : result === 'refused' ? 'refused' : 'gone',
  })
  const name = nameOf({ class: options.class ?? job.class })
  if (retried.result === 'done') {
    return seeOther(c, web, backFrom(c, LIST), {
      text: `Retried ${name}: it waits in ${shown(queue, 80)}.`,
      link: { to: followed(job, queue, retried.job), label: 'Look at it' },
    })
  }
  const notices: Record<NotRetried, string> = {
    gone: `${name} was removed, or changed, by somebody else meanwhile.`,
    retried: `${name} was retried before, so it was left alone.`,
    refused: `${shown(queue, 80)} is no queue: its key holds something else.`,
  }
  return seeOther(c, web, backFrom(c, LIST), { text: notices[retried.result], kind: 'warning' })
}

/** Where a job that was put back is seen: by its id also after it was taken; else as it waits. */
function followed(job: FailedJob, queue: string, ref: string): string {
  const id = jobIdOf(parseJson(job.payload.toString()))
  return id !== '' && id.length <= MAX_ID
    ? path`/jobs/${id}`
    : path`/queues/${queue}/job/${ref.slice(0, ref.indexOf('@'))}`
}

function nameOf({ class: name }: Pick<FailedJob, 'class'>): string {
  return name === '' ? 'a broken entry' : shown(name, 60)
}

/** By the place in a list, as Ruby's links do it. Such a link may be old, so nothing is done before a person has looked. */
async function askByPlace(web: WebContext, c: Context<WebEnv>, act: 'requeue' | 'remove'): Promise<Response> {
  if (c.req.method === 'HEAD')
    throw new Refusal(405, 'This page is for people.', { headers: { allow: 'GET, POST' } })
  const user = currentUser(c)
  const list = c.req.param('queue') === undefined ? 'failed' : nameParam(c, 'queue')
  const text = nameParam(c, 'index')
  if (!/^\d{1,10}$/.test(text))
    throw new Refusal(400, 'Expected the place of a failed job to be a whole number.')
  if (!(await listsFor(web, user)).includes(list))
    throw new Refusal(404, 'There is no such list of failed jobs.')
  const index = Number(text)
  const [found] = await web.entryPages.at(list, index)
  if (!found || !mayShow(user, found))
    throw new Refusal(404, `There is no failed job number ${thousands(index)}.`)
  const verb = act === 'requeue' ? 'Retry' : 'Remove'
  const title = `${verb} ${jobsOf(1, { class: found.class || NOT_A_RECORD })}`
  if (act === 'requeue' && !found.isReadable)
    throw new Refusal(409, 'What stands there is no failed record, so it cannot be retried.')
  return page(
    c,
    web,
    { title, tab: '/failed' },
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <Confirm
        web={web}
        c={c}
        title={`${title}?`}
        action={path`/failed/job/${found.ref}/${act === 'requeue' ? 'retry' : 'remove'}`}
        button={title}
        back={url(web, '/failed', { view: 'list' })}
        isHarmless={act === 'requeue'}
        fields={{ operation: newId(), ...(found.retriedAt !== undefined && { again: 'yes' }) }}
      >
        <p>
          This is what stands at place {thousands(index)} now. If that changes before you answer, the answer
          is still about this job.
        </p>
        <dl class="facts">
          <Fact label="Class">
            <Name>{found.class}</Name>
          </Fact>
          <Fact label="Error">
            <ErrorLine web={web} exception={found.exception} error={found.error} />
          </Fact>
          <Fact label="Failed">
            <Time web={web} at={found.failedAt} />
          </Fact>
          {found.retriedAt !== undefined && (
            <Fact label="Retried before">
              <Time web={web} at={found.retriedAt} />
            </Fact>
          )}
        </dl>
      </Confirm>
    </>,
  )
}

// Looking.

async function show(
  web: WebContext,
  c: Context<WebEnv>,
  job: FailedJob,
  isRevealed = false,
): Promise<Response> {
  const snapshot = await web.snapshots.get(currentUser(c))
  const eyes = isRevealed ? unveiled(web) : web
  const download = path`/failed/job/${job.ref}/download`
  return page(
    c,
    web,
    { title: `Failed ${nameOf(job)}`, tab: '/failed' },
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <section>
        <p class="crumbs">
          <Link web={web} to={LIST}>
            Failed
          </Link>
        </p>
        <FailedJobHead
          web={web}
          c={c}
          job={job}
          isRevealed={isRevealed}
          queues={snapshot.queues.map(({ name }) => name)}
        />
        <FailedJobFacts
          web={eyes}
          job={job}
          download={download}
          isWorkerThere={snapshot.workers.some(({ id }) => id === job.worker)}
        />
        {job.isReadable || job.class !== '' ? (
          <>
            <h2>Arguments</h2>
            <FullJson web={eyes} text={failedArgsText(job)} download={download} />
            <Backtrace web={eyes} job={job} />
            <details>
              <summary>As it stands in Redis</summary>
              <FullJson web={eyes} text={job.text} download={download} />
            </details>
          </>
        ) : (
          <>
            <h2>Entry</h2>
            <Raw web={eyes} text={job.text} limit={65_536} />
          </>
        )}
      </section>
    </>,
  )
}
