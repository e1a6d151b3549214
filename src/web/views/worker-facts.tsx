/**
 * What several pages show of a worker: its queues, and how its process is.
 */
import type { WebContext } from '../context.js'
import { path } from '../url.js'
import { Link, Name } from './components.js'
import { loopDelay } from './text.js'

export function LoopDelay({ ms }: { ms: number }) {
  const text = loopDelay(ms)
  return text.startsWith('⚠') ? <span class="warning">{text}</span> : text
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
