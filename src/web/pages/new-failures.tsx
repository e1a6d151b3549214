/**
 * On the overview: what began to fail within the last hour, and how much failed in it.
 */
import type { Context } from 'hono'
import type { WebContext, WebEnv } from '../context.js'
import { readFilter } from '../failed-query.js'
import { url } from '../url.js'
import { Link } from '../views/components.js'
import { GroupTable } from '../views/failed-groups.js'
import { plural } from '../views/text.js'

const HOUR_S = 3_600
const SHOWN = 5
/** A page that is about more does not wait long. */
const WAIT_MS = 50

export async function newFailures(web: WebContext, c: Context<WebEnv>, failed: number) {
  if (failed === 0) return null
  const { isReady } = await web.failedIndex.refresh(WAIT_MS)
  if (!isReady) return null
  const filter = await readFilter(web, c)
  const to = Math.floor(web.now().getTime() / 1_000)
  const from = to - HOUR_S
  const recent = web.failedIndex.groups({ ...filter, from }, { from, to: to + 1, limit: 1_000 }).groups
  if (recent.length === 0) return null
  // Of those that fail now, those that did not before.
  const known = web.failedIndex.groups({ ...filter, to: from - 1 }, { from, to: to + 1, limit: 10_000 })
  const old = new Set(known.groups.map(({ id }) => id))
  const fresh = recent.filter(({ id }) => !old.has(id))
  const count = (fresh.length > 0 ? fresh : recent).reduce((sum, group) => sum + group.count, 0)
  return (
    <section aria-labelledby="failures-title">
      <link rel="stylesheet" href={url(web, web.assets.path('chart.css'))} />
      <link rel="stylesheet" href={url(web, web.assets.path('failed.css'))} />
      <div class="section-head">
        <h2 id="failures-title">New failures</h2>
        <span class="faint num">
          {plural(count, 'failure')} within an hour
          {fresh.length === 0 ? ', none of a new kind' : `, in ${plural(fresh.length, 'new group')}`}
        </span>
        <div class="row">
          <Link web={web} to="/failed" class="button small">
            All failed jobs
          </Link>
        </div>
      </div>
      {fresh.length > 0 && (
        <GroupTable
          web={web}
          c={c}
          groups={fresh.slice(0, SHOWN)}
          filter={filter}
          span="1 hour"
          caption="Groups of failures that began within the last hour"
          isSmall
        />
      )}
    </section>
  )
}
