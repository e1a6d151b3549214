/**
 * One failed job, found by its content wherever it stands by now; and Ruby's addresses, which name a place in the list:
 * they ask about the job that stands there now, and the answer is about that job.
 */
import { type Context, Hono } from 'hono'
import type { FailedJob } from '../../store/records.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { Notice, WebContext, WebEnv } from '../context.js'
import { retryFailed } from '../failed-actions.js'
import { NOT_A_RECORD } from '../failed-groups.js'
import { backFrom, failedJobOf, jobsOf, listsFor, mayShow, refusalOf } from '../failed-query.js'
import { seeOther } from '../notice.js'
import { newId } from '../operations.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, Fact, Json, Link, Name, Raw, Time } from '../views/components.js'
import { Backtrace, FailedJobFacts, FailedJobHead, rawText } from '../views/failed-job.js'
import { ErrorLine } from '../views/failed-table.js'
import { page } from '../views/layout.js'
import { noticeOf } from '../views/operation-text.js'
import { bytes, shown, thousands } from '../views/text.js'
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
  const result = await retryFailed({ store: web.store, failedLists }, job.ref, {
    ...options,
    drop: web.settings.dropsRetried,
    now: web.now(),
  }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && /PAYLOAD/.test(String(error.code)))
      throw new Refusal(400, error.message)
    throw refusalOf(error)
  })
  web.failedIndex.touch()
  await recordAction(web, c, {
    action: options.args === undefined ? 'retry failed' : 'edit and retry',
    target: `${job.class} ${job.ref}${options.class === undefined ? '' : ` as ${options.class}`} into ${queue}`,
    result: result === 'done' ? 'done' : result === 'refused' ? 'refused' : 'gone',
  })
  const name = nameOf({ class: options.class ?? job.class })
  const notices: Record<typeof result, Notice> = {
    done: {
      text: `Retried ${name}: it waits in ${shown(queue, 80)}.`,
      link: { to: `${path`/queues/${queue}`}?order=desc`, label: 'Look' },
    },
    gone: { text: `${name} was removed, or changed, by somebody else meanwhile.`, kind: 'warning' },
    retried: { text: `${name} was retried before, so it was left alone.`, kind: 'warning' },
    refused: { text: `${shown(queue, 80)} is no queue: its key holds something else.`, kind: 'warning' },
  }
  return seeOther(c, web, backFrom(c, LIST), notices[result])
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
  // What is shown without hiding is shown with no names to look for.
  const eyes = isRevealed ? { ...web, settings: { ...web.settings, secrets: [] } } : web
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
          isWorkerThere={snapshot.workers.some(({ id }) => id === job.worker)}
        />
        {job.isReadable || job.class !== '' ? (
          <>
            <h2>Arguments</h2>
            <Json web={eyes} value={job.args} open />
            <Backtrace web={eyes} job={job} />
            <details>
              <summary>As it stands in Redis, {bytes(Buffer.byteLength(job.text))}</summary>
              <Raw web={eyes} text={rawText(eyes, job)} limit={65_536} />
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
