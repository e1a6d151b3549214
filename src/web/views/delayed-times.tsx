/**
 * The times that jobs wait for, the next first, over a picture of the next two days.
 */
import type { DelayedSpread, TimeRow } from '../../store/delayed-glance.js'
import { currentUser, includes } from '../access/roles.js'
import type { WebContext } from '../context.js'
import { path, url } from '../url.js'
import { Count, Empty, Link, Name, Pager, Time, type View } from './components.js'
import { PAGE_SIZE } from './delayed-table.js'
import { NoScheduler } from './scheduler.js'
import { Spread } from './spread.js'
import { exact, plural } from './text.js'

/** How far the picture reaches. */
export const DELAYED_HOURS = 48

export function DelayedSearch({ web, text }: { web: WebContext; text: string }) {
  return (
    <search>
      <form method="get" action={url(web, '/delayed/search')} class="row">
        <label class="hidden" for="delayed-q">
          Text in a delayed job
        </label>
        <input
          id="delayed-q"
          name="q"
          type="search"
          value={text}
          maxlength={512}
          size={28}
          placeholder="Class, queue, argument"
        />
        <button type="submit">Search</button>
      </form>
    </search>
  )
}

export function DelayedTimes({
  web,
  c,
  spread,
  from,
  start,
  isServed,
}: View & {
  spread: DelayedSpread
  from: Date
  start: number
  isServed: boolean
}) {
  const { role, seesAll } = currentUser(c)
  const inSight = spread.counts.some((count) => count > 0)
  return (
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('chart.css'))} />
      {!isServed && spread.times > 0 && <NoScheduler what="delayed" />}
      <section>
        <div class="section-head">
          <h1>Delayed</h1>
          <span class="faint num">{plural(spread.times, 'time')}</span>
          {spread.overdue > 0 && <span class="warning num">⚠ {plural(spread.overdue, 'time')} overdue</span>}
          <div class="row">
            <DelayedSearch web={web} text="" />
            {includes(role, 'admin') && seesAll && spread.times > 0 && (
              <a class="button quiet-danger" href={url(web, '/delayed/clear')} data-confirm="">
                Clear
              </a>
            )}
          </div>
        </div>
        {spread.times === 0 ? (
          <Empty title="No job waits for a time">
            Jobs come here by <code>enqueue_in</code> and <code>enqueue_at</code>.
          </Empty>
        ) : (
          <>
            {inSight && <Spread spread={spread} from={from} />}
            {spread.later > 0 && (
              <p class="small faint num">
                {plural(spread.later, 'time')} more than {DELAYED_HOURS} hours ahead
                {!inSight && spread.first !== undefined && (
                  <>
                    , the first <Time web={web} inRow at={new Date(spread.first * 1_000)} />
                  </>
                )}
                .
              </p>
            )}
            <table class="cards pairs">
              <caption class="hidden">Times, the next first</caption>
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  <th scope="col">From now</th>
                  <th scope="col" class="end">
                    Jobs
                  </th>
                </tr>
              </thead>
              <tbody>
                {spread.page.map((row) => (
                  <TimeLine web={web} row={row} />
                ))}
              </tbody>
            </table>
            <Pager
              web={web}
              path="/delayed"
              start={start}
              size={PAGE_SIZE}
              total={spread.times}
              what="time"
            />
          </>
        )}
      </section>
    </>
  )
}

function TimeLine({ web, row: { text, time, count } }: { web: WebContext; row: TimeRow }) {
  const at = new Date((time ?? 0) * 1_000)
  return (
    <tr>
      <th scope="row">
        {time === undefined ? (
          <Name limit={120}>{text}</Name>
        ) : (
          <Link web={web} to={path`/delayed/${time}`}>
            {exactOf(at)}
          </Link>
        )}
      </th>
      <td>
        {time === undefined ? (
          <span class="warning">not a time</span>
        ) : (
          <>
            <Time web={web} inRow at={at} /> {at < web.now() && <span class="warning">overdue</span>}
          </>
        )}
      </td>
      <td class="end" data-label="Jobs">
        <Count value={count} />
      </td>
    </tr>
  )
}

function exactOf(at: Date): string {
  return Number.isNaN(at.getTime()) ? 'beyond all years' : exact(at)
}
