/**
 * Taking waiting jobs away: those that were selected, and all of a queue that match a filter. They can be had back.
 */
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { auditedFilter, backFrom, refsIn, refusalOf, searched } from '../failed-query.js'
import { formatPendingFilter, isEverything, type PendingFilter, parsePendingFilter } from '../filters.js'
import { seeOther } from '../notice.js'
import { newId } from '../operations.js'
import { path, type Query, url } from '../url.js'
import { Confirm, Fact, Name, NothingToDo, Sample } from '../views/components.js'
import { Json, Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { noticeOf } from '../views/operation-text.js'
import { plural, shown } from '../views/text.js'
import { idOf } from './failed-bulk.js'
import { readPendingFilter } from './pending-search.js'
import { queueOf } from './queues.js'

const WAIT_MS = 700
const MAX_SELECTED = 200
const SAMPLE = 5

export function pendingBulkPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.post('/queues/:queue/selected', needs('operator'), async (c) => {
    const { queue } = await queueOf(web, c)
    const refs = refsIn(c).map((ref) => `${ref}@${queue.name}`)
    const back = backFrom(c, path`/queues/${queue.name}`)
    if (refs.length === 0)
      return seeOther(c, web, back, { text: 'Nothing was selected, so nothing was done.', kind: 'warning' })
    if (refs.length > MAX_SELECTED) throw new Refusal(400, `Expected at most ${MAX_SELECTED} jobs at a time.`)
    const id = idOf(c.get('body').get('operation'), 'remove-pending', refs)
    return remove(web, c, queue.name, { refs }, { id, back })
  })

  pages.get('/queues/:queue/remove-matching', needs('operator'), async (c) =>
    ask(web, c, readPendingFilter(c)),
  )
  pages.post('/queues/:queue/remove-matching', needs('operator'), async (c) => {
    const body = c.get('body')
    // A form that says nothing means nothing, and never everything.
    const filter = parsePendingFilter(new URLSearchParams(body.get('which')))
    if (isEverything(filter))
      throw new Refusal(400, 'This form does not say which jobs are meant, so nothing was done.')
    if (body.get('confirmed') !== 'yes') return ask(web, c, filter)
    const { queue } = await queueOf(web, c)
    const id = /^[0-9a-f-]{36}$/.test(body.get('operation')) ? body.get('operation') : newId()
    const back = path`/queues/${queue.name}`
    return remove(web, c, queue.name, { filter }, { id, back, mark: body.get('mark') || undefined })
  })
  return pages
}

async function remove(
  web: WebContext,
  c: Context<WebEnv>,
  queue: string,
  pending: { refs: string[] } | { filter: PendingFilter },
  { id, back, mark }: { id: string; back: string; mark?: string | undefined },
): Promise<Response> {
  const options = { by: currentUser(c).name, id, waitMs: WAIT_MS, mark }
  const operation = await web.operations
    .start({ kind: 'remove-pending', queue, pending }, options)
    .catch((error: unknown) => {
      throw refusalOf(error)
    })
  const isRunning = operation.state === 'running'
  await recordAction(web, c, {
    action: 'remove jobs',
    target: queue,
    ...('filter' in pending && auditedFilter(pending.filter)),
    ...(isRunning ? {} : { count: operation.done }),
    operation: operation.id,
    result: isRunning ? 'begun' : 'done',
  })
  return seeOther(c, web, isRunning ? path`/operations/${operation.id}` : back, noticeOf(operation))
}

async function ask(web: WebContext, c: Context<WebEnv>, filter: PendingFilter): Promise<Response> {
  const { queue } = await queueOf(web, c)
  const back = url(web, path`/queues/${queue.name}`, { ...filter } as Query)
  if (isEverything(filter)) throw new Refusal(400, 'Say which jobs: a class, or a text.')
  // First: what comes between the two looks may be counted, and is not touched.
  const { mark } = await web.operations.mark('queue', [queue.name])
  const { count, looked, total, isExact } = await web.searches.run(currentUser(c).name, () =>
    web.entryPages.countPending(queue.name, filter),
  )
  const what = filter.class === undefined ? 'job' : `${shown(filter.class, 60)} job`
  if (count === 0 && isExact) {
    return page(
      c,
      web,
      { title: 'Nothing to remove', tab: '/queues' },
      <NothingToDo title="No waiting job matches" back={back}>
        They may have been taken by workers meanwhile.
      </NothingToDo>,
    )
  }
  const said = count === 0 ? 'all that match' : `${isExact ? '' : 'at least '}${plural(count, what)}`
  const title = `Remove ${said}?`
  const { rows } = await web.searches.run(currentUser(c).name, () =>
    web.entryPages.searchPending(queue.name, filter, { limit: SAMPLE }),
  )
  return page(
    c,
    web,
    { title, tab: '/queues' },
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <Confirm
        web={web}
        c={c}
        title={title}
        action={path`/queues/${queue.name}/remove-matching`}
        button={`Remove ${said}`}
        back={back}
        fields={{ which: formatPendingFilter(filter).toString(), mark, operation: newId() }}
      >
        <p>
          They wait in <Name>{queue.name}</Name> and will not run. It can be undone for 15 minutes. Jobs that
          are placed from now on are not touched, and those that workers take meanwhile run.
        </p>
        {!isExact && (
          <p class="warning">
            {searched(looked, total)}: {plural(count, 'job')} matched so far. The rest is looked through when
            it begins, and the exact number stands on its page.
          </p>
        )}
        <dl class="facts">
          {Object.entries(filter).map(([name, value]) => (
            <Fact label={name}>
              <Name limit={120}>{String(value)}</Name>
            </Fact>
          ))}
        </dl>
        <Sample
          rows={rows.map((row) =>
            row.isReadable ? (
              <>
                <Name limit={80}>{row.class}</Name> <Json web={web} value={row.args} />
              </>
            ) : (
              <Raw web={web} text={row.text} limit={200} />
            ),
          )}
          isAll={isExact && rows.length === count}
          which="the next to run"
        />
      </Confirm>
    </>,
  )
}
