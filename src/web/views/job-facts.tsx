/**
 * What the pages of a job share, wherever the job is: what they say of it in their lists of facts, and how what is hidden
 * is shown.
 */
import { hasHidden } from '../access/redact.js'
import type { WebContext } from '../context.js'
import { attemptOf, enqueuedAtOf, jobIdOf } from '../job-facts.js'
import { Fact, Form, Link, Time, type View } from './components.js'
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

/** Leads to the page of a job with nothing hidden, where anything is; `at` is the path of its page. */
export function RevealForm({ web, c, at, text, said }: View & { at: string; text: string; said: string }) {
  if (!hasHidden(text, web.settings.secrets)) return null
  return (
    <Form web={web} c={c} action={`${at}/reveal`}>
      <button type="submit" aria-label={`Show what is hidden of ${said}`}>
        Show what is hidden
      </button>
    </Form>
  )
}
