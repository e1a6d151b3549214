/**
 * What is done to many failed jobs: to those that were selected, to all that match a filter, to all. What matches is
 * asked about first, with the number; and what failed since the question was asked is not meant by the answer.
 */
import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction, resultOf, targetOf } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { sizeOf } from '../failed-count.js'
import {
  auditedFilter,
  backFrom,
  failedJobOf,
  LOOK_MS,
  listsFor,
  pathOf,
  readFilter,
  readWhich,
  refsIn,
  refusalOf,
} from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { seeOther } from '../notice.js'
import type { Operation, OperationSpec } from '../operation-spec.js'
import { newId } from '../operations.js'
import { nameParam } from '../params.js'
import { path } from '../url.js'
import { noticeOf } from '../views/operation-text.js'
import { shown } from '../views/text.js'
import { type Act, ask, MANY } from './failed-ask.js'

/** A small operation has ended by then, and the page after it can say so. */
const WAIT_MS = 700
const MAX_SELECTED = 200

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
  const failed = { refs }
  const spec = kind === 'retry' ? { ...retrySpec(web), failed } : { kind: 'remove' as const, failed }
  return begin(web, c, spec, { id: idOf(body.get('operation'), kind, refs), back })
}

/** What it retries stays, marked, or is dropped. */
function retrySpec(web: WebContext) {
  return { kind: 'retry' as const, drop: web.settings.dropsRetried }
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
    // The box was there, and its tick was taken away.
    const again = body.all('skip').join() === 'no' || filter.state === 'retried'
    return begin(web, c, { ...retrySpec(web), failed: { filter }, queue, again }, { id, back, mark })
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
    target: targetOf(operation),
    ...(filter && auditedFilter(filter)),
    ...(isRunning ? {} : { count: operation.done }),
    operation: operation.id,
    result: resultOf(operation),
  })
  return seeOther(c, web, isRunning ? path`/operations/${operation.id}` : back, noticeOf(operation))
}
