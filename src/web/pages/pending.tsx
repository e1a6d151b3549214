/**
 * One job that waits, found by its content wherever it is by now.
 */
import { type Context, Hono } from 'hono'
import { parseJob } from '../../job.js'
import { parseJson } from '../../json.js'
import { redactText } from '../access/redact.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import { unveiled, type WebContext, type WebEnv } from '../context.js'
import { argsText } from '../job-facts.js'
import { seeOther, undoOf } from '../notice.js'
import { nameParam } from '../params.js'
import { path } from '../url.js'
import { Count, Fact, Form, Link, Name, type View } from '../views/components.js'
import { PayloadFacts, RevealForm, SizeFact } from '../views/job-facts.js'
import { FullJson, Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { shown } from '../views/text.js'
import { queueOf } from './queues.js'

interface Pending {
  queue: string
  ref: string
  index: number
  text: string
}

export function pendingPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/queues/:queue/job/:ref', needs('viewer'), async (c) => {
    const job = await pendingJobOf(web, c)
    return page(c, web, { title: titleOf(job), tab: '/queues' }, <Job web={web} c={c} job={job} />)
  })

  // A POST, as it leaves a trace: who looked at what was hidden.
  pages.post('/queues/:queue/job/:ref/reveal', needs('operator'), async (c) => {
    const job = await pendingJobOf(web, c)
    await recordAction(web, c, {
      action: 'reveal arguments',
      target: `${job.queue} ${job.ref}`,
      result: 'done',
    })
    return page(c, web, { title: titleOf(job), tab: '/queues' }, <Job web={web} c={c} job={job} isRevealed />)
  })

  pages.post('/queues/:queue/job/:ref/remove', needs('operator'), async (c) => {
    const job = await pendingJobOf(web, c)
    const removal = await web.actions.removePending(job.queue, job, currentUser(c).name)
    const { count, operation } = removal
    const result = count > 0 ? 'done' : 'gone'
    await recordAction(web, c, {
      action: 'remove job',
      target: `${job.queue} ${job.ref}`,
      count,
      operation,
      result,
    })
    const name = shown(titleOf(job), 60)
    return seeOther(c, web, path`/queues/${job.queue}`, {
      text: count > 0 ? `Removed ${name} from ${shown(job.queue, 60)}.` : `${name} was taken meanwhile.`,
      kind: count > 0 ? 'done' : 'warning',
      ...undoOf(removal),
    })
  })
  return pages
}

/** The waiting job that the path names. */
export async function pendingJobOf(web: WebContext, c: Context<WebEnv>): Promise<Pending> {
  const { queue } = await queueOf(web, c)
  const ref = nameParam(c, 'ref')
  const [, index, digest = ''] = /^(\d{1,10})\.([0-9a-f]{16})$/.exec(ref) ?? []
  if (index === undefined) throw new Refusal(404, 'That names no job.')
  const found = await web.store.queues.find(queue.name, Number(index), digest)
  if (!found) {
    throw new Refusal(404, 'This job waits no more.', { hint: 'It was taken by a worker, or removed.' })
  }
  return { queue: queue.name, ref, ...found }
}

function titleOf(job: Pending): string {
  const parsed = parseJob(job.text)
  return parsed instanceof Error ? 'not a job' : parsed.class
}

function Job({ web, c, job, isRevealed = false }: View & { job: Pending; isRevealed?: boolean }) {
  const parsed = parseJob(job.text)
  const { role } = currentUser(c)
  const mayAct = includes(role, 'operator')
  const eyes = isRevealed ? unveiled(web) : web
  const at = path`/queues/${job.queue}/job/${job.ref}`
  const said = `${shown(titleOf(job), 60)} from ${shown(job.queue, 60)}`
  return (
    <section>
      <p class="crumbs">
        <Link web={web} to="/queues">
          Queues
        </Link>{' '}
        /{' '}
        <Link web={web} to={path`/queues/${job.queue}`}>
          <Name>{job.queue}</Name>
        </Link>
      </p>
      <div class="section-head">
        <h1>
          <Name>{titleOf(job)}</Name>
        </h1>
        {mayAct && (
          <div class="row">
            {!isRevealed && <RevealForm web={web} c={c} at={at} text={job.text} said={said} />}
            <Form web={web} c={c} action={`${at}/remove`}>
              <button class="quiet-danger" type="submit" aria-label={`Remove job ${said}`}>
                Remove job
              </button>
            </Form>
          </div>
        )}
      </div>
      <dl class="facts">
        <Fact label="Place in the queue">
          <Count value={job.index + 1} />
        </Fact>
        <PayloadFacts web={web} payload={parseJson(job.text)} />
        <Fact label="Timeline">
          <Link web={web} to={path`/jobs/${`${job.ref}@${job.queue}`}`}>
            What is known of it
          </Link>
        </Fact>
        <SizeFact web={web} sizeBytes={Buffer.byteLength(job.text)} download={`${at}/download`} />
        {parsed instanceof Error && (
          <Fact label="What is wrong">{shown(redactText(parsed.message, web.settings.secrets), 500)}</Fact>
        )}
      </dl>
      <h2>{parsed instanceof Error ? 'Entry' : 'Arguments'}</h2>
      {parsed instanceof Error ? (
        <Raw web={eyes} text={job.text} limit={65_536} />
      ) : (
        <FullJson web={eyes} text={argsText(job.text)} download={`${at}/download`} />
      )}
    </section>
  )
}
