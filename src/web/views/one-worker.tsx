/**
 * One worker: what it is, what it works on, what may be done to it, and the other slots of its process.
 */
import type { Vitals } from '../../store/workers.js'
import { currentUser, includes } from '../access/roles.js'
import type { WebContext } from '../context.js'
import { jobIdOf } from '../job-facts.js'
import { MAX_ID } from '../job-traces.js'
import { vitalsOf } from '../processes.js'
import type { WorkerLine } from '../snapshot.js'
import { encodeSegment, path } from '../url.js'
import { Count, Empty, Fact, Form, Link, Name, StatusWord, Time, type View } from './components.js'
import { PayloadFacts } from './job-facts.js'
import { FullJson, Raw } from './json.js'
import { bytes, shown } from './text.js'
import { LoopDelay, QueueNames } from './worker-facts.js'
import { JobCell, Unusual } from './working-table.js'

/** More slots are on the pages of their own. */
const MOST_SLOTS = 100

export function OneWorker({
  web,
  c,
  worker,
  others,
  processed,
  failed,
  usualMs,
}: View & {
  worker: WorkerLine
  others: readonly WorkerLine[]
  processed: number
  failed: number
  usualMs: ReadonlyMap<string, number>
}) {
  const { job } = worker
  const whole = job?.isWhole ? job.payload : undefined
  const id = jobIdOf(whole)
  const vitals = vitalsOf(others)
  const process = encodeSegment(worker.process ?? worker.id)
  return (
    <>
      <section>
        <p class="crumbs">
          <Link web={web} to="/workers">
            Workers
          </Link>{' '}
          /{' '}
          <Link web={web} to={path`/workers/${worker.host}`}>
            <Name>{worker.host}</Name>
          </Link>
        </p>
        <div class="section-head">
          <h1>
            <Name limit={200}>{worker.id}</Name>
          </h1>
          <span data-live={`worker:${encodeSegment(worker.id)}`}>
            <StatusWord status={worker.state} />
          </span>
          <WorkerButtons web={web} c={c} worker={worker} vitals={vitals} />
        </div>
        <dl class="facts">
          <Fact label="Kind">{worker.process === undefined ? 'Ruby' : 'a slot of this package'}</Fact>
          <Fact label="Host">
            <Name>{worker.host}</Name>
          </Fact>
          <Fact label="Process id">
            <span class="num">{String(worker.pid)}</span>
          </Fact>
          <Fact label="Queues">
            <QueueNames web={web} queues={worker.queues} />
          </Fact>
          <Fact label="Started">
            <Time web={web} at={worker.started} />
          </Fact>
          <Fact label="Heartbeat">
            <span data-live={`beat:${encodeSegment(worker.id)}`}>
              <Time web={web} at={worker.heartbeat} missing="none yet" />
            </span>
          </Fact>
          {vitals && (
            <>
              <Fact label="Version">
                <Name>{vitals.version}</Name>
              </Fact>
              <Fact label="Memory">
                <span data-live={`memory:${process}`}>{bytes(vitals.rssBytes)}</span>
              </Fact>
              <Fact label="Loop delay">
                <span data-live={`delay:${process}`}>
                  <LoopDelay ms={vitals.lagMs} />
                </span>
              </Fact>
            </>
          )}
          <Fact label="Processed">
            <Count value={processed} />
          </Fact>
          <Fact label="Failed">
            <Count value={failed} />
          </Fact>
        </dl>
      </section>
      <section>
        <h2>Working on</h2>
        {!job && <Empty title="Nothing">It waits for jobs.</Empty>}
        {job && (
          <dl class="facts">
            <Fact label="Job">
              {job.broken === undefined ? (
                <Name>{job.class || '(hidden)'}</Name>
              ) : (
                <span class="warning">not a job</span>
              )}
            </Fact>
            <Fact label="Queue">
              {job.queue === '' ? '–' : <QueueNames web={web} queues={[job.queue]} />}
            </Fact>
            <Fact label="Since">
              <Time web={web} at={job.runAt} />
              <Unusual web={web} job={job} usualMs={usualMs} />
            </Fact>
            <PayloadFacts web={web} payload={whole} />
            {id !== '' && id.length <= MAX_ID && (
              <Fact label="Timeline">
                <Link web={web} to={path`/jobs/${id}`}>
                  What is known of it
                </Link>
              </Fact>
            )}
            <Fact label="Arguments">
              {job.broken !== undefined ? (
                <Raw web={web} text={job.broken} />
              ) : job.payload === undefined ? (
                '–'
              ) : (
                <FullJson
                  web={web}
                  text={JSON.stringify(job.payload.args ?? [])}
                  download={downloadOf(worker)}
                  isCut={!job.isWhole}
                />
              )}
            </Fact>
          </dl>
        )}
      </section>
      {others.length > 1 && (
        <section>
          <h2>Slots of this process</h2>
          <Slots web={web} slots={others} usualMs={usualMs} />
        </section>
      )}
    </>
  )
}

/** The job of a worker as a file; of one that is short, all is shown. */
export function downloadOf({ id, job }: WorkerLine): string | undefined {
  return job && job.digest !== '' ? path`/workers/${id}/job/${job.digest}/download` : undefined
}

/** What may be done to it; what may not is absent. */
function WorkerButtons({
  web,
  c,
  worker,
  vitals,
}: View & { worker: WorkerLine; vitals: Vitals | undefined }) {
  const user = currentUser(c)
  const isOurs = worker.process !== undefined
  const isPaused = vitals?.state === 'paused'
  const verb = isPaused ? 'Resume' : 'Pause'
  const said = shown(worker.id, 80)
  const canTell = isOurs && worker.state !== 'lost' && worker.state !== 'stopping'
  return (
    <div class="row">
      {canTell && includes(user.role, 'operator') && (
        <Form
          web={web}
          c={c}
          action={path`/workers/${worker.id}/${isPaused ? 'resume' : 'pause'}`}
          confirm={!isPaused}
        >
          <button type="submit" aria-label={`${verb} ${said}`}>
            {verb}
          </button>
        </Form>
      )}
      {canTell && includes(user.role, 'admin') && (
        <Form web={web} c={c} action={path`/workers/${worker.id}/stop`} confirm>
          <button class="quiet-danger" type="submit" aria-label={`Stop ${said}`}>
            Stop
          </button>
        </Form>
      )}
      {worker.state === 'lost' && includes(user.role, 'admin') && (
        <Form web={web} c={c} action={path`/workers/${worker.id}/forget`} confirm>
          <button class="quiet-danger" type="submit" aria-label={`Forget ${said}`}>
            Forget
          </button>
        </Form>
      )}
    </div>
  )
}

function Slots({
  web,
  slots,
  usualMs,
}: {
  web: WebContext
  slots: readonly WorkerLine[]
  usualMs: ReadonlyMap<string, number>
}) {
  return (
    <table class="cards">
      <caption class="hidden">Slots</caption>
      <thead>
        <tr>
          <th scope="col">Slot</th>
          <th scope="col">State</th>
          <th scope="col">Working on</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {slots.slice(0, MOST_SLOTS).map((slot) => (
          <tr>
            <th scope="row" class="worker">
              <Link web={web} to={path`/workers/${slot.id}`}>
                <Name limit={100}>{slot.host}</Name>
              </Link>
            </th>
            <td data-label="State" data-live={`worker:${encodeSegment(slot.id)}`}>
              <StatusWord status={slot.state} />
            </td>
            <td data-label="Working on">
              <JobCell web={web} job={slot.job} />
              <Unusual web={web} job={slot.job} usualMs={usualMs} />
            </td>
            <td data-label="Since">
              <Time web={web} inRow at={slot.job?.runAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
