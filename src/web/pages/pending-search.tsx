/**
 * The waiting jobs of a queue that match a class or a text: searched for, a bounded stretch at a time.
 */
import type { Context } from 'hono'
import { showsTo } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { searched } from '../failed-query.js'
import { type PendingFilter, parsePendingFilter } from '../filters.js'
import { numberParam, textParam } from '../params.js'
import { path, type Query, url } from '../url.js'
import { Empty, Link } from '../views/components.js'
import { PendingTable } from '../views/pending-table.js'
import { plural, shown } from '../views/text.js'

const PAGE_SIZE = 50

/** Class and text in the address of a queue. */
export function readPendingFilter(c: Context<WebEnv>): PendingFilter {
  return parsePendingFilter(new URLSearchParams({ class: textParam(c, 'class'), text: textParam(c, 'text') }))
}

export async function matching(web: WebContext, c: Context<WebEnv>, queue: string, filter: PendingFilter) {
  const cursor = textParam(c, 'cursor')
  if (!/^(\d{1,6}\.\d{1,10})?$/.test(cursor)) throw new Refusal(400, 'That is no place to go on from.')
  const user = currentUser(c)
  const isMeant = showsTo(user, filter.text, web.settings.secrets)
  const limits = { cursor: cursor || undefined, limit: PAGE_SIZE, isMeant }
  const { rows, looked, total, next } = await web.searches.run(user.name, () =>
    web.entryPages.searchPending(queue, filter, limits),
  )
  const lookedAll = numberParam(c, 'looked', 0) + looked
  const isAll = next === undefined && cursor === ''
  const what = filter.class === undefined ? 'job' : `${shown(filter.class, 60)} job`
  return (
    <>
      <p class="row num" role="status">
        <span>
          {plural(rows.length, what)} here, {searched(lookedAll, total)}
        </span>
        {next !== undefined && (
          <Link
            web={web}
            to={path`/queues/${queue}`}
            query={{ ...filter, cursor: next, looked: lookedAll } as Query}
            class="button small"
          >
            Continue
          </Link>
        )}
        {includes(user.role, 'operator') && (rows.length > 0 || next !== undefined) && (
          <a
            class="button small quiet-danger"
            href={url(web, path`/queues/${queue}/remove-matching`, { ...filter } as Query)}
            data-confirm=""
          >
            {isAll ? `Remove ${plural(rows.length, what)}` : 'Remove all that match'}
          </a>
        )}
      </p>
      {rows.length === 0 ? (
        <Empty title={next === undefined ? 'No waiting job matches' : 'Nothing so far'}>
          {next === undefined ? 'Take a filter away to see more.' : 'Continue to look at later ones.'}
        </Empty>
      ) : (
        <PendingTable
          web={web}
          c={c}
          queue={queue}
          rows={rows.map((row) => ({ ...row, bytes: row.sizeBytes, digest: digestOf(row.ref) }))}
        />
      )}
    </>
  )
}

function digestOf(ref: string): string {
  return ref.slice(ref.indexOf('.') + 1, ref.indexOf('@'))
}
