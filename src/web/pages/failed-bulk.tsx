/**
 * What is done to many failed jobs: to those that were selected, to all that match a filter, to all. What matches is
 * asked about first, with the number; and what failed since the question was asked is not meant by the answer.
 */
import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { PropsWithChildren } from 'hono/jsx'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import type { Count } from '../entry-pages.js'
import { NOT_A_RECORD } from '../failed-groups.js'
import {
  auditedFilter,
  backFrom,
  failedJobOf,
  isUnfiltered,
  jobsOf,
  LOOK_MS,
  listsFor,
  partsOf,
  pathOf,
  queryOf,
  readFilter,
  readWhich,
  refsIn,
  refusalOf,
  searched,
  whichOf,
} from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { seeOther } from '../notice.js'
import type { Operation, OperationSpec } from '../operation-spec.js'
import { newId } from '../operations.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, Fact, Name } from '../views/components.js'
import { ErrorLine } from '../views/failed-table.js'
import { page } from '../views/layout.js'
import { noticeOf } from '../views/operation-text.js'
import { isPlain, plural, shown, thousands } from '../views/text.js'

/** Above this many jobs the name of the list must be typed before all are cleared. */
const MANY = 1_000
const SAMPLE = 5
/** A small operation has ended by then, and the page after it can say so. */
const WAIT_MS = 700
const MAX_SELECTED = 200

type Act = 'retry' | 'remove' | 'clear' | 'clear_retried'

export function failedBulkPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.post('/failed/selected', needs('operator'), (c) => selected(web, c))

  for (const act of ['retry', 'remove'] as const) {
    pages.get(`/failed/${act}`, needs('operator'), async (c) => ask(web, c, act, await readFilter(web, c)))
    pages.post(`/failed/${act}`, needs('operator'), async (c) =>
      perform(web, c, act, await readWhich(web, c)),
    )
  }

  // Ruby's addresses: they ask first, unless the answer comes along.
  const classic: [path: string, act: Act][] = [
    ['/failed/requeue/all', 'retry'],
    ['/failed/clear', 'clear'],
    ['/failed/clear_retried', 'clear_retried'],
    ['/failed/:queue/requeue/all', 'retry'],
    ['/failed/:queue/clear', 'clear'],
    ['/failed/:queue/clear_retried', 'clear_retried'],
  ]
  for (const [where, act] of classic) {
    const filterOf = async (c: Context<WebEnv>) => {
      const list = c.req.param('queue') === undefined ? undefined : nameParam(c, 'queue')
      const { list: asked, queues } = await readFilter(web, c, list)
      return {
        ...(asked !== undefined && { list: asked }),
        ...(queues !== undefined && { queues }),
        ...(act === 'clear_retried' && { state: 'retried' as const }),
      }
    }
    pages.get(where, needs('operator'), async (c) => ask(web, c, act, await filterOf(c)))
    pages.post(where, needs('operator'), async (c) => perform(web, c, act, await filterOf(c)))
  }
  return pages
}

async function selected(web: WebContext, c: Context<WebEnv>): Promise<Response> {
  const body = c.get('body')
  const refs = refsIn(c)
  const back = backFrom(c, '/failed?view=list')
  if (refs.length === 0)
    return seeOther(c, web, back, { text: 'Nothing was selected, so nothing was done.', kind: 'warning' })
  if (refs.length > MAX_SELECTED) throw new Refusal(400, `Expected at most ${MAX_SELECTED} jobs at a time.`)
  const kind = body.get('action')
  if (kind !== 'retry' && kind !== 'remove') throw new Refusal(400, 'Expected action to be retry or remove.')
  await checkSight(web, c, refs)
  return begin(web, c, { kind, failed: { refs } }, { id: idOf(body.get('operation'), kind, refs), back })
}

/** Who does not see all queues acts on none that he does not see. */
async function checkSight(web: WebContext, c: Context<WebEnv>, refs: readonly string[]): Promise<void> {
  const lists = await listsFor(web, currentUser(c))
  for (const ref of refs) {
    if (!lists.includes(ref.slice(ref.indexOf('@') + 1)))
      throw new Refusal(404, 'There is no such list of failed jobs.')
    if (!currentUser(c).seesAll) await failedJobOf(web, c, ref)
  }
}

/** The same form with the same boxes is the same operation; with other boxes it is another. */
export function idOf(nonce: string, ...what: (string | readonly string[])[]): string {
  if (!/^[0-9a-f-]{36}$/.test(nonce)) return newId()
  const hash = createHash('sha256').update(JSON.stringify([nonce, ...what]))
  return hash.digest('hex').slice(0, 32)
}

async function perform(
  web: WebContext,
  c: Context<WebEnv>,
  act: Act,
  filter: FailureFilter,
): Promise<Response> {
  const body = c.get('body')
  if (body.get('confirmed') !== 'yes') return ask(web, c, act, filter)
  const mark = body.get('mark') || undefined
  const id = /^[0-9a-f-]{36}$/.test(body.get('operation')) ? body.get('operation') : newId()
  const back = pathOf(filter)
  if (act === 'retry') {
    const queue = body.get('queue') || undefined
    if (queue !== undefined && !currentUser(c).sees(queue)) throw new Refusal(404, 'There is no such queue.')
    const again = body.get('again') === 'yes' || filter.state === 'retried'
    return begin(web, c, { kind: 'retry', failed: { filter }, queue, again }, { id, back, mark })
  }
  if (act === 'clear') {
    await web.failedIndex.refresh(LOOK_MS)
    const size = await sizeOf(web, filter)
    if (size > MANY && body.get('typed') !== (filter.list ?? 'failed'))
      throw new Refusal(
        422,
        `Nothing was removed: what was typed is not ${shown(filter.list ?? 'failed', 80)}.`,
      )
    if (currentUser(c).seesAll) {
      const options = { by: currentUser(c).name, id, waitMs: WAIT_MS, mark }
      const operation = await web.operations.clearFailed(filter.list, options).catch(rethrow)
      return ended(web, c, operation, { action: 'clear failed', filter, back })
    }
  }
  return begin(web, c, { kind: 'remove', failed: { filter } }, { id, back, mark })
}

function rethrow(error: unknown): never {
  throw refusalOf(error)
}

async function begin(
  web: WebContext,
  c: Context<WebEnv>,
  spec: Exclude<OperationSpec, { kind: 'remove-pending' }>,
  { id, back, mark }: { id: string; back: string; mark?: string | undefined },
): Promise<Response> {
  const options = { by: currentUser(c).name, id, waitMs: WAIT_MS, mark }
  const operation = await web.operations.start(spec, options).catch(rethrow)
  const filter = 'filter' in spec.failed ? spec.failed.filter : undefined
  return ended(web, c, operation, { action: `${spec.kind} failed`, filter, back })
}

async function ended(
  web: WebContext,
  c: Context<WebEnv>,
  operation: Operation,
  { action, filter, back }: { action: string; filter: FailureFilter | undefined; back: string },
): Promise<Response> {
  const isRunning = operation.state === 'running'
  await recordAction(web, c, {
    action,
    target: operation.lists.join(' ').slice(0, 200),
    ...(filter && auditedFilter(filter)),
    ...(isRunning ? {} : { count: operation.done }),
    operation: operation.id,
    result: isRunning ? 'begun' : 'done',
  })
  return seeOther(c, web, isRunning ? path`/operations/${operation.id}` : back, noticeOf(operation))
}

// Asking.

async function ask(web: WebContext, c: Context<WebEnv>, act: Act, filter: FailureFilter): Promise<Response> {
  const user = currentUser(c)
  if (act === 'remove' && isUnfiltered(filter)) act = 'clear'
  // The mark comes first: what fails between the two looks may be counted, and is not touched.
  const lists = filter.list === undefined ? await web.resque.failed.lists() : [filter.list]
  const [{ mark, count: standing }] = await Promise.all([
    web.operations.mark('failed', lists),
    // For the head of the page.
    web.snapshots.get(user),
  ])
  await web.failedIndex.refresh(2_000)
  const { count, open, broken } =
    act === 'clear' ? allOf(web, filter, standing) : await countsOf(web, c, filter)
  const total = count.count
  const toRetry = Math.max(0, filter.state === 'retried' ? total - broken : open - broken)
  const number = act === 'retry' ? toRetry : total
  const said = jobsOf(number, filter)
  const verb = { retry: 'Retry', remove: 'Remove', clear: 'Clear', clear_retried: 'Clear' }[act]
  const some = count.isExact ? said : `all that match, at least ${said}`
  const title = `${verb} ${count.isExact ? said : 'all that match'}?`
  const back = url(web, pathOf(filter), queryOf(filter))
  if (number === 0 && count.isExact) {
    return page(
      c,
      web,
      { title: 'Nothing to do', tab: '/failed' },
      <NothingToDo
        back={back}
        title={act === 'retry' ? 'Nothing is left to retry' : 'Nothing is left to remove'}
      >
        {total > 0
          ? `${jobsOf(total, filter)}, all of which were retried before, or cannot be.`
          : 'Somebody else may have been here before you.'}
      </NothingToDo>,
    )
  }
  const action = {
    retry: '/failed/retry',
    remove: '/failed/remove',
    clear: filter.list === undefined ? '/failed/clear' : path`/failed/${filter.list}/clear`,
    clear_retried: '/failed/remove',
  }[act]
  const sample = await sampleOf(web, {
    ...filter,
    ...(act === 'retry' && filter.state === undefined && { state: 'open' as const }),
  })
  const typed = act === 'clear' && total > MANY ? (filter.list ?? 'failed') : undefined
  const retriedToo = act === 'retry' && filter.state === undefined ? total - open : 0
  return page(
    c,
    web,
    { title, tab: '/failed' },
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <Confirm
        web={web}
        c={c}
        title={title}
        action={action}
        button={`${verb} ${count.isExact ? said : 'all that match'}`}
        back={back}
        typed={typed}
        isHarmless={act === 'retry'}
        fields={{ which: whichOf(filter), mark, operation: newId() }}
        inputs={
          act === 'retry' ? (
            <RetryInputs
              retriedToo={retriedToo}
              queues={(await web.snapshots.get(user)).queues.map(({ name }) => name).filter(isPlain)}
            />
          ) : undefined
        }
      >
        <p>{sentence(act, some)}</p>
        {!count.isExact && (
          <p class="warning">
            {searched(count.looked, count.total)}: {plural(count.count, 'job')} matched so far. The rest is
            looked through when it begins, and the exact number stands on its page.
          </p>
        )}
        <Meant filter={filter} />
        {sample.length > 0 && (
          <details>
            <summary>
              {sample.length === number ? 'All of them' : `${sample.length} of them, the newest`}
            </summary>
            <ul class="sample">
              {sample.map(({ job }) => (
                <li>
                  <Name limit={80}>{job.class}</Name>{' '}
                  <ErrorLine web={web} exception={job.exception} error={job.error} limit={100} />
                </li>
              ))}
            </ul>
          </details>
        )}
        {act === 'retry' && broken > 0 && (
          <p class="faint">
            {jobsOf(broken, { class: NOT_A_RECORD })} cannot be retried: no job can be read there.
          </p>
        )}
      </Confirm>
    </>,
  )
}

/** Instead of a question that has no answer. In a dialog too. */
export function NothingToDo({ title, back, children }: PropsWithChildren<{ title: string; back: string }>) {
  return (
    <section class="confirm" aria-labelledby="confirm-title" data-confirm-box="">
      <h1 id="confirm-title">{title}</h1>
      <p>{children}</p>
      <div class="row">
        <a class="button" href={back} data-cancel="">
          Back
        </a>
      </div>
    </section>
  )
}

function sentence(act: Act, some: string): string {
  switch (act) {
    case 'retry':
      return `${some} will be put back, each at the end of the queue it came from. What is retried stays in this list, marked so. Jobs that fail from now on are not touched.`
    case 'clear_retried':
      return `${some} that were put back before will be removed. It can be undone for 15 minutes.`
    default:
      return `${some} will be removed. It can be undone for 15 minutes. Jobs that fail from now on are not touched.`
  }
}

function Meant({ filter }: { filter: FailureFilter }) {
  const parts = partsOf(filter)
  if (parts.length === 0) return null
  return (
    <dl class="facts">
      {parts.map(({ name, value }) => (
        <Fact label={name}>
          <Name limit={120}>{value}</Name>
        </Fact>
      ))}
    </dl>
  )
}

function RetryInputs({ retriedToo, queues }: { retriedToo: number; queues: readonly string[] }) {
  return (
    <>
      {retriedToo > 0 && (
        <label class="check">
          <input type="checkbox" name="again" value="yes" />{' '}
          <span>
            Also the {thousands(retriedToo)} that {retriedToo === 1 ? 'was' : 'were'} retried before
          </span>
        </label>
      )}
      <label class="field">
        <span>Into queue</span>
        <select name="queue">
          <option value="">The queue each came from</option>
          {queues.slice(0, 200).map((name) => (
            <option value={name}>{shown(name, 60)}</option>
          ))}
        </select>
      </label>
    </>
  )
}

async function sizeOf(web: WebContext, filter: FailureFilter): Promise<number> {
  const { total } = await web.entryPages.newest(filter.list, 0, 0)
  return filter.queues === undefined ? total : (web.failedIndex.count(filter) ?? total)
}

/** `standing`: how many stand in the lists. Who does not see all queues is told of those that he sees. */
function allOf(web: WebContext, filter: FailureFilter, standing: number) {
  const count = filter.queues === undefined ? standing : (web.failedIndex.count(filter) ?? standing)
  return { count: { count, looked: count, total: count, isExact: true }, open: count, broken: 0 }
}

async function countsOf(
  web: WebContext,
  c: Context<WebEnv>,
  filter: FailureFilter,
): Promise<{ count: Count; open: number; broken: number }> {
  const { failedIndex, entryPages } = web
  const state = failedIndex.state
  if (filter.text === undefined && state.isReady && !state.isTruncated) {
    const count = failedIndex.count(filter) ?? 0
    const open = filter.state === undefined ? (failedIndex.count({ ...filter, state: 'open' }) ?? 0) : count
    const broken =
      filter.class === undefined
        ? (failedIndex.count({ ...filter, class: NOT_A_RECORD }) ?? 0)
        : filter.class === NOT_A_RECORD
          ? count
          : 0
    return { count: { count, looked: count, total: count, isExact: true }, open, broken }
  }
  const look = (of: FailureFilter) => web.searches.run(currentUser(c).name, () => entryPages.count(of))
  const count = await look(filter)
  if (filter.state !== undefined) return { count, open: count.count, broken: 0 }
  const open = (await look({ ...filter, state: 'open' })).count
  return { count, open, broken: 0 }
}

async function sampleOf(web: WebContext, filter: FailureFilter) {
  if (filter.text !== undefined)
    return (await web.entryPages.search(filter, { limit: SAMPLE, looks: 2_000, timeMs: 100 })).rows
  if (!web.failedIndex.state.isReady) return []
  return (await web.entryPages.filtered(web.failedIndex, filter, 0, SAMPLE)).rows
}
