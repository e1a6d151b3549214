/**
 * What the page of a job says of it in its list of facts, wherever the job is.
 */
import type { WebContext } from '../context.js'
import { attemptOf, enqueuedAtOf, jobIdOf } from '../job-facts.js'
import { Fact, Link, Time } from './components.js'
import { bytes, shown } from './text.js'

/** What its payload says besides class and arguments; where it says nothing, nothing. */
export function PayloadFacts({ web, payload }: { web: WebContext; payload: unknown }) {
  const id = jobIdOf(payload)
  const at = enqueuedAtOf(payload)
  const attempt = attemptOf(payload)
  return (
    <>
      {id !== '' && (
        <Fact label="Id">
          <code>{shown(id, 256)}</code>
        </Fact>
      )}
      {at !== undefined && (
        <Fact label="Enqueued">
          <Time web={web} at={at} />
        </Fact>
      )}
      {attempt !== undefined && (
        <Fact label="Attempt">
          <span class="num">{attempt}</span>
        </Fact>
      )}
    </>
  )
}

/** How long the entry is, and all of it as a file. */
export function SizeFact({
  web,
  sizeBytes,
  download,
}: {
  web: WebContext
  sizeBytes: number
  download: string
}) {
  return (
    <Fact label="Size">
      {bytes(sizeBytes)}{' '}
      <Link web={web} to={download}>
        Download
      </Link>
    </Fact>
  )
}
