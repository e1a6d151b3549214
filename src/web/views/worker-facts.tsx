/**
 * What several pages show of a worker: its queues, and how its process is.
 */
import type { Vitals } from '../../store/workers.js'
import type { WebContext } from '../context.js'
import type { WorkerLine } from '../snapshot.js'
import { path } from '../url.js'
import { Link, Name } from './components.js'
import { duration } from './text.js'

/** Of the process whose slots these are; undefined for Ruby's, and before the first heartbeat of ours. */
export function vitalsOf(slots: readonly WorkerLine[]): Vitals | undefined {
  return slots.find(({ vitals }) => vitals !== undefined)?.vitals
}

/** From here on a job keeps the process from its other work, and signals and timeouts come late. */
const MUCH_DELAY_MS = 1_000

export function LoopDelay({ ms }: { ms: number }) {
  return ms < MUCH_DELAY_MS ? `${ms} ms` : <span class="warning">⚠ {duration(ms)}</span>
}

export function QueueNames({
  web,
  queues,
  most = Number.POSITIVE_INFINITY,
}: {
  web: WebContext
  queues: readonly string[]
  most?: number
}) {
  return (
    <>
      {queues.slice(0, most).map((queue, i) => (
        <>
          {i > 0 && ', '}
          {/[*?[\]{}…]/.test(queue) ? (
            <Name>{queue}</Name>
          ) : (
            <Link web={web} to={path`/queues/${queue}`}>
              <Name>{queue}</Name>
            </Link>
          )}
        </>
      ))}
      {queues.length > most && <span class="faint"> and {queues.length - most} more</span>}
    </>
  )
}
