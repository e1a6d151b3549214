/**
 * What is under way, or was, of work on many entries: how far it is, cancel, undo.
 */
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction, targetOf } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { partsOf } from '../failed-query.js'
import { seeOther } from '../notice.js'
import type { Operation } from '../operation-spec.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import {
  Count,
  Empty,
  Fact,
  Form,
  HiddenHead,
  Link,
  Name,
  StatusWord,
  Time,
  type View,
} from '../views/components.js'
import { page } from '../views/layout.js'
import { operationResult, operationTitle, thing } from '../views/operation-text.js'
import { exact, plural, shown, thousands } from '../views/text.js'

const SHOWN = 100

export function operationPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/operations', needs('viewer'), async (c) => {
    const operations = (await web.operations.recent(SHOWN)).filter((each) => maySee(c, each))
    const isRunning = operations.some(({ state }) => state === 'running')
    return page(
      c,
      web,
      { title: 'Operations', tab: '/audit', ...(isRunning && { refreshSeconds: 5 }) },
      <section>
        <div class="section-head">
          <h1>Operations</h1>
          <span class="faint">what was removed, and work on many jobs, of the last 7 days</span>
        </div>
        <OperationTable web={web} c={c} operations={operations} />
      </section>,
    )
  })

  pages.get('/operations/:id', needs('viewer'), async (c) => {
    const operation = await operationOf(web, c)
    const isRunning = operation.state === 'running'
    return page(
      c,
      web,
      { title: operationTitle(operation), tab: '/audit', ...(isRunning && { refreshSeconds: 2 }) },
      <One web={web} c={c} operation={operation} />,
    )
  })

  pages.post('/operations/:id/cancel', needs('operator'), async (c) => {
    const operation = await operationOf(web, c)
    const isCancelled = await web.operations.cancel(operation.id)
    await recordAction(web, c, {
      action: 'cancel operation',
      operation: operation.id,
      result: isCancelled ? 'done' : 'gone',
    })
    return seeOther(c, web, path`/operations/${operation.id}`, {
      text: isCancelled
        ? 'Cancelled. What was done before stays done.'
        : 'It had ended before, or is done in one go.',
      kind: isCancelled ? 'done' : 'warning',
    })
  })

  pages.post('/operations/:id/undo', needs('operator'), async (c) => {
    const operation = await operationOf(web, c)
    const { id, kind } = operation
    const { restored, state } = await web.operations.undo(id)
    await recordAction(web, c, {
      ...{ action: 'undo', target: targetOf(operation), operation: id, count: restored },
      result: state === 'restored' ? 'done' : 'gone',
    })
    if (state === 'running')
      return seeOther(c, web, path`/operations/${id}`, {
        text: 'It is still running: cancel it first, or wait for its end.',
        kind: 'warning',
      })
    return seeOther(c, web, placeOf(operation), {
      text:
        state === 'expired'
          ? 'There is nothing left to bring back: it was undone before, or 15 minutes are over.'
          : kind === 'remove-schedule' && restored === 0
            ? 'There is one of that name again, so nothing was changed.'
            : `Undone: ${plural(restored, thing(kind))} came back.`,
      kind: restored > 0 ? 'done' : 'warning',
    })
  })
  return pages
}

/** Where that is looked at which it acts on. */
function placeOf({ source, lists: [list] }: Operation): string {
  switch (source) {
    case 'queue':
      return list === undefined ? '/queues' : path`/queues/${list}`
    case 'delayed':
      return list === undefined ? '/delayed' : path`/delayed/${list}`
    case 'schedule':
      return '/schedule'
    default:
      return '/failed?view=list'
  }
}

const listed: Record<Operation['source'], string> = {
  failed: 'List',
  queue: 'Queue',
  delayed: 'Due at',
  schedule: 'Schedule',
}

/** Filters and lists say names of queues: who does not see all of them sees what he began himself. */
function maySee(c: Context<WebEnv>, operation: Operation): boolean {
  const user = currentUser(c)
  return user.seesAll || operation.by === user.name
}

async function operationOf(web: WebContext, c: Context<WebEnv>): Promise<Operation> {
  const id = nameParam(c, 'id')
  const operation = /^[0-9a-zA-Z-]{8,64}$/.test(id) ? await web.operations.get(id) : undefined
  if (operation && maySee(c, operation)) return operation
  throw new Refusal(404, 'There is no such operation.', { hint: 'They are kept for 7 days.' })
}

const states = {
  running: { status: 'busy', word: 'running' },
  done: { status: 'done', word: 'done' },
  cancelled: { status: 'paused', word: 'cancelled' },
  broken: { status: 'failed', word: 'stopped' },
} as const

function OperationTable({ web, c, operations }: View & { operations: readonly Operation[] }) {
  const mayAct = includes(currentUser(c).role, 'operator')
  if (operations.length === 0)
    return (
      <Empty title="No operations">What is removed, and work on many jobs, stands here for 7 days.</Empty>
    )
  return (
    <table class="cards">
      <caption class="hidden">Operations, newest first</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col" class="end">
            Jobs
          </th>
          <th scope="col">By</th>
          <th scope="col">Begun</th>
          {mayAct && <HiddenHead end>Actions</HiddenHead>}
        </tr>
      </thead>
      <tbody>
        {operations.map((operation) => (
          <tr>
            <th scope="row">
              <Link web={web} to={path`/operations/${operation.id}`}>
                {operationTitle(operation)}
              </Link>
              {filterOf(operation).map(({ name, value }) => (
                <div class="faint small">
                  {name} <Name limit={100}>{value}</Name>
                </div>
              ))}
            </th>
            <td data-label="State">
              <StatusWord {...states[operation.state]} />
            </td>
            <td class="end" data-label="Jobs">
              <span class="num">
                {thousands(operation.done)} of {thousands(operation.total)}
              </span>
            </td>
            <td data-label="By">
              <Name limit={60}>{operation.by}</Name>
            </td>
            <td data-label="Begun">
              <Time web={web} inRow at={operation.createdAt} />
            </td>
            {mayAct && (
              <td class="end actions corner">
                {operation.isUndoable && <UndoForm web={web} c={c} operation={operation} isSmall />}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Meant({ operation: { source, lists } }: { operation: Operation }) {
  if (source !== 'delayed') return <Name limit={300}>{lists.join(', ')}</Name>
  return <>{lists.map((time) => exact(new Date(Number(time) * 1_000))).join(', ') || 'all times'}</>
}

/** What was meant, of the lists it went through. */
function filterOf({ failureFilter, pendingFilter }: Operation): { name: string; value: string }[] {
  if (failureFilter) return partsOf(failureFilter)
  return Object.entries(pendingFilter ?? {}).map(([name, value]) => ({ name, value: String(value) }))
}

function UndoForm({
  web,
  c,
  operation,
  isSmall = false,
}: View & { operation: Operation; isSmall?: boolean }) {
  const { id, kind, done } = operation
  return (
    <Form web={web} c={c} action={path`/operations/${id}/undo`}>
      <button
        class={isSmall ? 'small' : undefined}
        type="submit"
        aria-label={`Undo: ${operationTitle(operation)}, ${plural(done, thing(kind))}`}
      >
        Undo
      </button>
    </Form>
  )
}

function One({ web, c, operation }: View & { operation: Operation }) {
  const { id, state, phase, total, done, skipped, gone } = operation
  const mayAct = includes(currentUser(c).role, 'operator')
  const isRunning = state === 'running'
  const worked = done + skipped + gone
  const parts = filterOf(operation)
  return (
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <section>
        <p class="crumbs">
          <Link web={web} to="/operations">
            Operations
          </Link>
        </p>
        <div class="section-head">
          <h1>{operationTitle(operation)}</h1>
          <StatusWord {...states[state]} />
          {mayAct && (
            <div class="row">
              {operation.isCancellable && (
                <Form web={web} c={c} action={path`/operations/${id}/cancel`}>
                  <button type="submit" aria-label={`Cancel: ${operationTitle(operation)}`}>
                    Cancel
                  </button>
                </Form>
              )}
              {operation.isUndoable && <UndoForm web={web} c={c} operation={operation} />}
            </div>
          )}
        </div>
        {isRunning ? (
          <div class="progress" role="status">
            <label for="progress" class="num">
              {phase === 'noting'
                ? `Looking for what is meant: ${plural(total, 'job')} so far`
                : `${thousands(worked)} of ${plural(total, 'job')}`}
            </label>
            {phase === 'noting' ? (
              <progress id="progress" />
            ) : (
              <progress id="progress" value={worked} max={Math.max(1, total)} />
            )}
            <p class="faint small">You may leave this page. It loads again by itself.</p>
          </div>
        ) : (
          <p>{operationResult(operation)}</p>
        )}
        {operation.error !== '' && <p class="complaint">{shown(operation.error, 500)}</p>}
        <dl class="facts">
          <Fact label={listed[operation.source]}>
            <Meant operation={operation} />
          </Fact>
          {parts.map(({ name, value }) => (
            <Fact label={`Where ${name} is`}>
              <Name limit={200}>{value}</Name>
            </Fact>
          ))}
          {operation.intoQueue !== undefined && (
            <Fact label="Into queue">
              <Name>{operation.intoQueue}</Name>
            </Fact>
          )}
          <Fact label="Meant">
            <Count value={total} />
          </Fact>
          <Fact label="Done">
            <Count value={done} />
          </Fact>
          <Fact label="Skipped">
            <Count value={skipped} />
          </Fact>
          <Fact label="Gone already">
            <Count value={gone} />
          </Fact>
          <Fact label="By">
            <Name limit={60}>{operation.by}</Name>
          </Fact>
          <Fact label="Begun">
            <Time web={web} at={operation.createdAt} />
          </Fact>
          <Fact label="Ended">
            <Time web={web} at={operation.endedAt} missing="not yet" />
          </Fact>
        </dl>
      </section>
    </>
  )
}
