/**
 * What can be done to workers: a process of ours is told through Redis to pause, to resume or to stop, and hears at its
 * next heartbeat; one that is lost is forgotten. Ruby's workers hear nothing of it: they know signals alone.
 */
import { type Context, Hono } from 'hono'
import type { Order } from '../../store/workers.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther } from '../notice.js'
import { nameParam } from '../params.js'
import { type Process, processesOf } from '../processes.js'
import type { WorkerLine } from '../snapshot.js'
import { path, url } from '../url.js'
import { Confirm, Name } from '../views/components.js'
import { page } from '../views/layout.js'
import { plural, shown } from '../views/text.js'
import { JobCell } from '../views/working-table.js'

const questions = {
  pause: {
    verb: 'Pause',
    sentence: 'It takes no more jobs until it is resumed. Those that run go on.',
  },
  stop: {
    verb: 'Stop',
    sentence:
      'It finishes its jobs, gives back what it cannot finish in time, and ends. What supervises it may start it again.',
  },
  forget: {
    verb: 'Forget',
    sentence:
      'It has shown no sign of life. A job it holds goes to failed as a DirtyExit, from where it can be retried.',
  },
} as const

type Question = keyof typeof questions

/** A worker, and its process with all its slots. */
interface Found {
  worker: WorkerLine
  process: Process
}

export function workerActionPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  for (const [order, role] of [
    ['pause', 'operator'],
    ['resume', 'operator'],
    ['stop', 'admin'],
  ] as const) {
    if (order !== 'resume') pages.get(`/workers/:worker/${order}`, needs(role), (c) => ask(web, c, order))
    pages.post(`/workers/:worker/${order}`, needs(role), async (c) => {
      if (order !== 'resume' && c.get('body').get('confirmed') !== 'yes') return ask(web, c, order)
      const { worker } = await find(web, c)
      await tell(web, c, worker, order)
      return seeOther(c, web, path`/workers/${worker.id}`, {
        text: `${shown(worker.id, 80)} is told to ${order}; it hears at its next heartbeat.`,
      })
    })
  }

  pages.get('/workers/:worker/forget', needs('admin'), (c) => ask(web, c, 'forget'))
  pages.post('/workers/:worker/forget', needs('admin'), async (c) => {
    if (c.get('body').get('confirmed') !== 'yes') return ask(web, c, 'forget')
    const { worker } = await find(web, c)
    refuseTheLiving(worker)
    await web.resque.removeWorker(worker.id)
    await recordAction(web, c, { action: 'forget worker', target: worker.id, result: 'done' })
    return seeOther(c, web, '/workers', { text: `Forgot ${shown(worker.id, 80)}.` })
  })
  return pages
}

async function find(web: WebContext, c: Context<WebEnv>): Promise<Found> {
  const name = nameParam(c, 'worker')
  const { workers } = await web.snapshots.get(currentUser(c))
  const process = processesOf(workers).find(({ slots }) => slots.some(({ id }) => id === name))
  const worker = process?.slots.find(({ id }) => id === name)
  if (!worker) throw new Refusal(404, 'There is no such worker.', { hint: 'It may have stopped since.' })
  return { worker, process: process as Process }
}

async function tell(web: WebContext, c: Context<WebEnv>, worker: WorkerLine, order: Order): Promise<void> {
  refuseRubys(worker)
  const isTold = await web.resque.tellWorker(worker.id, order)
  const entry = { action: `${order} worker`, target: worker.id }
  await recordAction(web, c, { ...entry, result: isTold ? 'done' : 'gone' })
  if (!isTold) throw new Refusal(409, 'That process is gone.', { hint: 'Another may have taken its place.' })
}

function refuseRubys(worker: WorkerLine): void {
  if (worker.process !== undefined) return
  throw new Refusal(409, 'A Ruby worker cannot be told from here.', { hint: 'Send its process a signal.' })
}

function refuseTheLiving(worker: WorkerLine): void {
  if (worker.state === 'lost') return
  throw new Refusal(409, 'This worker lives: its heartbeat is not too old.', {
    hint: 'Stop it instead, or wait until it is lost.',
  })
}

async function ask(web: WebContext, c: Context<WebEnv>, question: Question): Promise<Response> {
  const { worker, process } = await find(web, c)
  if (question === 'forget') refuseTheLiving(worker)
  else refuseRubys(worker)
  const { verb, sentence } = questions[question]
  // What is told to one slot is told to its process.
  const [what, concerned] =
    question === 'forget' ? [worker.id, [worker]] : [`process ${process.host}:${process.pid}`, process.slots]
  const title = `${verb} ${shown(what, 80)}?`
  const busy = concerned.filter(({ job }) => job !== undefined)
  return page(
    c,
    web,
    { title, tab: '/workers' },
    <Confirm
      web={web}
      c={c}
      title={title}
      action={path`/workers/${worker.id}/${question}`}
      button={`${verb} ${plural(concerned.length, 'worker')}`}
      back={url(web, path`/workers/${worker.id}`)}
    >
      <p>
        <Name limit={200}>{worker.id}</Name>: {sentence}
      </p>
      <p>
        {question !== 'forget' && `It has ${plural(concerned.length, 'slot')}, each a worker. `}
        {busy.length === 0 ? 'No job is in progress.' : `${plural(busy.length, 'job')} in progress:`}
      </p>
      {busy.length > 0 && (
        <ul>
          {busy.slice(0, MOST_JOBS).map(({ job }) => (
            <li>
              <JobCell web={web} job={job} />
            </li>
          ))}
          {busy.length > MOST_JOBS && <li>and {busy.length - MOST_JOBS} more</li>}
        </ul>
      )}
    </Confirm>,
  )
}

const MOST_JOBS = 10
