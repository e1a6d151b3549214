/**
 * What is asked before something is done to many failed jobs: which are meant, how many, and some of them.
 */
import type { Context } from 'hono'
import { currentUser } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { allOf, countsOf, sampleOf } from '../failed-count.js'
import { NOT_A_RECORD } from '../failed-groups.js'
import { isUnfiltered, jobsOf, partsOf, pathOf, queryOf, searched, whichOf } from '../failed-query.js'
import type { FailureFilter } from '../filters.js'
import { newId } from '../operations.js'
import { path, url } from '../url.js'
import { Confirm, Fact, Name, NothingToDo, Sample } from '../views/components.js'
import { ErrorLine } from '../views/failed-table.js'
import { page } from '../views/layout.js'
import { isPlain, plural, shown, thousands } from '../views/text.js'

/** Above this many jobs the name of the list must be typed before all are cleared. */
export const MANY = 1_000
const SAMPLE = 5

export type Act = 'retry' | 'remove' | 'clear' | 'clear_retried'

export async function ask(
  web: WebContext,
  c: Context<WebEnv>,
  act: Act,
  filter: FailureFilter,
): Promise<Response> {
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
  const said = `${count.isExact ? '' : 'at least '}${jobsOf(number, filter)}`
  const verb = { retry: 'Retry', remove: 'Remove', clear: 'Clear', clear_retried: 'Clear' }[act]
  const title = `${verb} ${said}?`
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
  const meant = act === 'retry' && filter.state === undefined ? { ...filter, state: 'open' as const } : filter
  const sample = await sampleOf(web, meant, SAMPLE)
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
        button={`${verb} ${said}`}
        back={back}
        typed={typed}
        isHarmless={act === 'retry'}
        fields={{ which: whichOf(filter), mark, operation: newId() }}
        inputs={
          act === 'retry' ? (
            <RetryInputs
              retried={retriedToo}
              open={number}
              queues={(await web.snapshots.get(user)).queues.map(({ name }) => name).filter(isPlain)}
            />
          ) : undefined
        }
      >
        <p>{sentence(web, act, count.isExact ? said : `All that match, ${said},`)}</p>
        {!count.isExact && (
          <p class="warning">
            {searched(count.looked, count.total)}: {plural(count.count, 'job')} matched so far. The rest is
            looked through when it begins, and the exact number stands on its page.
          </p>
        )}
        <Meant filter={filter} />
        <Sample
          rows={sample.map(({ job }) => (
            <>
              <Name limit={80}>{job.class}</Name>{' '}
              <ErrorLine web={web} exception={job.exception} error={job.error} limit={100} />
            </>
          ))}
          isAll={sample.length === number && count.isExact}
          which="the newest"
        />
        {act === 'retry' && broken > 0 && (
          <p class="faint">
            {jobsOf(broken, { class: NOT_A_RECORD })} cannot be retried: no job can be read there.
          </p>
        )}
      </Confirm>
    </>,
  )
}

function sentence({ settings }: WebContext, act: Act, some: string): string {
  switch (act) {
    case 'retry':
      return `${some} will be put back, each at the end of the queue it came from. ${settings.dropsRetried ? 'What is retried leaves this list' : 'What is retried stays in this list, marked so'}. Jobs that fail from now on are not touched.`
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

/** The box says which are skipped; without it in the form, as old forms come, they are. */
function RetryInputs({
  retried,
  open,
  queues,
}: {
  retried: number
  open: number
  queues: readonly string[]
}) {
  return (
    <>
      {retried > 0 && (
        <label class="check">
          <input type="hidden" name="skip" value="no" />
          <input type="checkbox" name="skip" value="yes" checked />{' '}
          <span>
            Skip {thousands(retried)} already retried; else {thousands(open + retried)} are retried
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
