/**
 * The queues, with their lengths and who takes from them.
 */
import { includes } from '../access/roles.js'
import type { QueueLine, Snapshot } from '../snapshot.js'
import { encodeSegment, path, url } from '../url.js'
import { Count, Empty, Form, HiddenHead, Link, Name, StatusWord, type View } from './components.js'
import { duration, plural, shown } from './text.js'

/** As many as a page should carry. */
export const QUEUES_OF_PAGE = 100

interface TableOf {
  snapshot: Snapshot
  /** How old the first job of each queue is at least, in seconds. */
  ages?: ReadonlyMap<string, number> | undefined
  /** The first queue that is shown. */
  start?: number
}

export function QueueTable({ web, c, snapshot, ages, start = 0 }: View & TableOf) {
  const user = c.get('user')
  const mayPause = user !== undefined && includes(user.role, 'operator')
  if (snapshot.queues.length === 0 && snapshot.failed === 0) {
    return <Empty title="No queues yet">A queue is there from the first job that is placed on it.</Empty>
  }
  const table = <Table web={web} snapshot={snapshot} ages={ages} start={start} mayPause={mayPause} />
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
  ages,
  start = 0,
  mayPause,
}: TableOf & { web: View['web']; mayPause: boolean }) {
  return (
    <table class="cards queues">
      <caption class="hidden">Queues</caption>
      <thead>
        <tr>
          <th scope="col">Queue</th>
          <th scope="col" class="end size">
            Jobs
          </th>
          {ages && (
            <th scope="col" class="end oldest">
              Oldest
            </th>
          )}
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
            {ages && (
              <td class="end num" data-label="Oldest">
                {oldestOf(queue, ages)}
              </td>
            )}
            <td data-label="Taken by">
              <TakenBy queue={queue} />
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
            {ages && <td></td>}
            <td data-label="Taken by">
              <span class="faint">kept until retried or removed</span>
            </td>
            {mayPause && <td></td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function oldestOf({ name, size }: QueueLine, ages: ReadonlyMap<string, number>): string {
  const seconds = size > 0 ? ages.get(name) : undefined
  return seconds === undefined ? '–' : duration(seconds * 1_000)
}

function TakenBy({ queue }: { queue: QueueLine }) {
  if (queue.isPaused) return <StatusWord status="paused" />
  if (queue.workers > 0) return <span class="num">{plural(queue.workers, 'worker')}</span>
  if (queue.size > 0) return <span class="warning">⚠ No worker listens</span>
  return <span class="faint">no worker</span>
}
