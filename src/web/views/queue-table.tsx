/**
 * The queues, with their lengths and who takes from them.
 */
import { includes } from '../access/roles.js'
import { oldestOf, type QueueFigures, RATE_MINUTES, shownRates, takenBy } from '../queue-figures.js'
import type { QueueLine, Snapshot } from '../snapshot.js'
import { encodeSegment, path, url } from '../url.js'
import { Count, Empty, Form, HiddenHead, Link, Name, PausedBy, StatusWord, type View } from './components.js'
import { rate, shown } from './text.js'

/** As many as a page should carry: what it takes a browser to lay it out grows with them. */
export const QUEUES_OF_PAGE = 50

interface TableOf {
  snapshot: Snapshot
  /** Of all queues; undefined where nobody looks. */
  figures: ReadonlyMap<string, QueueFigures> | undefined
  /** The first queue that is shown. */
  start?: number
}

export function QueueTable({ web, c, snapshot, figures, start = 0 }: View & TableOf) {
  const user = c.get('user')
  const mayPause = user !== undefined && includes(user.role, 'operator')
  if (snapshot.queues.length === 0 && snapshot.failed === 0) {
    return <Empty title="No queues yet">A queue is there from the first job that is placed on it.</Empty>
  }
  const table = (
    <>
      <Table web={web} snapshot={snapshot} figures={figures} start={start} mayPause={mayPause} />
      <UnknownRates queues={snapshot.queues.slice(start, start + QUEUES_OF_PAGE)} figures={figures} />
    </>
  )
  if (!mayPause) return table
  // One form for all: with hundreds of queues, one each would weigh more than what they say.
  return (
    <Form web={web} c={c} action="/queues">
      {table}
    </Form>
  )
}

function Table({
  web,
  snapshot,
  figures,
  start = 0,
  mayPause,
}: TableOf & { web: View['web']; mayPause: boolean }) {
  return (
    <table class="cards pairs queues">
      <caption class="hidden">Queues</caption>
      <thead>
        <tr>
          <th scope="col">Queue</th>
          <th scope="col" class="end size">
            Jobs
          </th>
          {figures && (
            <th scope="col" class="end oldest">
              Oldest
            </th>
          )}
          <th
            scope="col"
            class="end rate"
            title={`Jobs a minute that came, in the last ${RATE_MINUTES} minutes`}
          >
            In/min
          </th>
          <th
            scope="col"
            class="end rate"
            title={`Jobs a minute that ended, well or not, in the last ${RATE_MINUTES} minutes`}
          >
            Out/min
          </th>
          <th scope="col" class="taken">
            Taken by
          </th>
          {mayPause && <HiddenHead end>Actions</HiddenHead>}
        </tr>
      </thead>
      <tbody>
        {snapshot.queues.slice(start, start + QUEUES_OF_PAGE).map((queue) => (
          <tr>
            <th scope="row">
              <Link web={web} to={path`/queues/${queue.name}`}>
                <Name>{queue.name}</Name>
              </Link>
            </th>
            <td class="end" data-label="Jobs" data-live={`queue:${encodeSegment(queue.name)}`}>
              <Count value={queue.size} />
            </td>
            {figures && (
              <td class="end num" data-label="Oldest" data-live={`oldest:${encodeSegment(queue.name)}`}>
                {oldestOf(queue, figures) ?? '–'}
              </td>
            )}
            <RateCells queue={queue} figures={figures} />
            <td class="whole" data-label="Taken by">
              <TakenBy web={web} queue={queue} />
            </td>
            {mayPause && (
              <td class="end actions corner">
                <button
                  class="small"
                  type="submit"
                  formaction={url(
                    web,
                    `${path`/queues/${queue.name}`}/${queue.isPaused ? 'resume' : 'pause'}`,
                  )}
                  aria-label={`${queue.isPaused ? 'Resume' : 'Pause'} ${shown(queue.name, 100)}`}
                >
                  {queue.isPaused ? 'Resume' : 'Pause'}
                </button>
              </td>
            )}
          </tr>
        ))}
        {snapshot.failedLists.map(({ name, size }) => (
          <tr class={size > 0 ? 'is-failed' : ''} data-fails="">
            <th scope="row">
              <Link web={web} to={name === 'failed' ? '/failed' : path`/failed/${name}`}>
                <Name>{name}</Name>
              </Link>
            </th>
            <td class="end" data-label="Jobs" data-live={`failed:${encodeSegment(name)}`}>
              <Count value={size} />
            </td>
            {figures && <td></td>}
            <td></td>
            <td></td>
            <td class="whole" data-label="Taken by">
              <span class="faint">kept until retried or removed</span>
            </td>
            {mayPause && <td></td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function RateCells({ queue, figures }: { queue: QueueLine; figures: TableOf['figures'] }) {
  const rates = shownRates(queue, figures)
  return (
    <>
      {(['in', 'out'] as const).map((way) => (
        <td
          class="end num"
          data-label={way === 'in' ? 'In/min' : 'Out/min'}
          data-live={`${way}:${encodeSegment(queue.name)}`}
        >
          {rates[way] === null ? <span title={unknownOf(queue)}>–</span> : rate(rates[way])}
        </td>
      ))}
    </>
  )
}

function unknownOf({ rubyWorkers }: QueueLine): string {
  return rubyWorkers > 0
    ? 'Not known: Ruby’s workers take from it, which do not tell'
    : 'Not known: no worker of this package has told of it of late'
}

/** What a dash means, for those who see no titles. */
function UnknownRates({ queues, figures }: { queues: readonly QueueLine[]; figures: TableOf['figures'] }) {
  const isUnknown = queues.some((queue) => Object.values(shownRates(queue, figures)).includes(null))
  if (!isUnknown) return null
  return (
    <p class="small faint">
      –: not known. How many jobs came and went is told by workers of this package; Ruby’s do not say of which
      queue their jobs were.
    </p>
  )
}

/** Who takes from it; show.js writes it in the same way when it changes. */
export function TakenBy({ web, queue }: { web: View['web']; queue: QueueLine }) {
  const text = takenBy(queue)
  const looks = text.startsWith('⚠') ? 'warning' : /\d/.test(text) ? 'num' : 'faint'
  return (
    <>
      <span data-live={`taken:${encodeSegment(queue.name)}`}>
        {queue.isPaused ? <StatusWord status="paused" /> : <span class={looks}>{text}</span>}
      </span>{' '}
      <PausedBy web={web} pause={queue.pausedBy} />
    </>
  )
}
