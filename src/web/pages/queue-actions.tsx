/**
 * What can be done to queues: pause and resume, clear, remove. Clearing and removing ask first, with the number.
 */
import { type Context, Hono } from 'hono'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { Removal } from '../actions.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther, undoOf } from '../notice.js'
import type { QueueLine } from '../snapshot.js'
import { path, url } from '../url.js'
import { Confirm, Name } from '../views/components.js'
import { page } from '../views/layout.js'
import { plural, shown } from '../views/text.js'
import { queueOf } from './queues.js'

/** Above this many jobs the name of the queue must be typed. */
const MANY = 1_000

const removals = {
  clear: {
    verb: 'Clear',
    done: 'Cleared',
    sentence: 'The queue stays, empty. Jobs that run already go on. It can be undone for 15 minutes.',
    run: (web: WebContext, queue: string, by: string) => web.actions.clearQueue(queue, by),
  },
  remove: {
    verb: 'Remove',
    done: 'Removed',
    sentence: 'The queue comes back with the next job that is placed on it. It can be undone for 15 minutes.',
    run: (web: WebContext, queue: string, by: string) => web.actions.removeQueue(queue, by),
  },
} as const

type Kind = keyof typeof removals

export function queueActionPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()

  pages.get('/pause', needs('operator'), (c) => askPauseAll(web, c))
  pages.post('/pause', needs('operator'), async (c) => {
    if (c.get('body').get('confirmed') !== 'yes') return askPauseAll(web, c)
    await web.resque.pauseAll({ by: currentUser(c).name })
    await recordAction(web, c, { action: 'pause all', result: 'done' })
    return seeOther(c, web, '/queues')
  })
  pages.post('/resume', needs('operator'), async (c) => {
    await web.resque.resumeAll()
    await recordAction(web, c, { action: 'resume all', result: 'done' })
    return seeOther(c, web, '/queues', { text: 'Resumed: jobs are taken again.' })
  })

  for (const kind of ['pause', 'resume'] as const) {
    pages.post(`/queues/:queue/${kind}`, needs('operator'), async (c) => {
      const { queue } = await queueOf(web, c)
      await (kind === 'pause'
        ? web.resque.pauseQueue(queue.name, { by: currentUser(c).name })
        : web.resque.resumeQueue(queue.name))
      await recordAction(web, c, { action: `${kind} queue`, target: queue.name, result: 'done' })
      const name = shown(queue.name, 80)
      return seeOther(c, web, path`/queues/${queue.name}`, {
        text:
          kind === 'pause'
            ? `Paused ${name}: workers of this package take nothing from it. Ruby workers do not heed it.`
            : `Resumed ${name}.`,
        ...(kind === 'pause' && {
          undo: { action: path`/queues/${queue.name}/resume`, label: 'Resume' },
        }),
      })
    })
  }

  for (const kind of ['clear', 'remove'] as const) {
    pages.get(`/queues/:queue/${kind}`, needs('admin'), async (c) => ask(web, c, kind))
    pages.post(`/queues/:queue/${kind}`, needs('admin'), async (c) => {
      const { queue } = await queueOf(web, c)
      const body = c.get('body')
      if (body.get('confirmed') !== 'yes') return ask(web, c, kind)
      if (queue.size > MANY && body.get('typed') !== queue.name) {
        throw new Refusal(
          422,
          `Nothing was removed: the name that was typed is not ${shown(queue.name, 80)}.`,
        )
      }
      const removal = await removals[kind].run(web, queue.name, currentUser(c).name)
      const { count, operation } = removal
      await recordAction(web, c, {
        ...{ action: `${kind} queue`, target: queue.name, count, operation, result: 'done' },
      })
      return seeOther(
        c,
        web,
        kind === 'clear' ? path`/queues/${queue.name}` : '/queues',
        noticeOf(kind, queue, removal),
      )
    })
  }
  return pages
}

function noticeOf(kind: Kind, queue: QueueLine, removal: Removal) {
  return {
    text: `${removals[kind].done} ${shown(queue.name, 80)}: ${plural(removal.count, 'job')}.`,
    ...undoOf(removal),
  }
}

async function ask(web: WebContext, c: Context<WebEnv>, kind: Kind): Promise<Response> {
  const { queue } = await queueOf(web, c)
  const { verb, sentence } = removals[kind]
  const size = Math.max(0, queue.size)
  return page(
    c,
    web,
    { title: `${verb} ${queue.name}`, tab: '/queues' },
    <Confirm
      web={web}
      c={c}
      title={`${verb} ${shown(queue.name, 80)}?`}
      action={path`/queues/${queue.name}/${kind}`}
      button={`${verb} ${plural(size, 'job')}`}
      back={url(web, path`/queues/${queue.name}`)}
      typed={size > MANY ? queue.name : undefined}
    >
      <p>
        <b>
          <Name>{queue.name}</Name>
        </b>{' '}
        holds <b class="num">{plural(size, 'job')}</b> that will not run. {sentence}
      </p>
    </Confirm>,
  )
}

async function askPauseAll(web: WebContext, c: Context<WebEnv>): Promise<Response> {
  const { workers, working } = await web.snapshots.get(currentUser(c))
  const all = workers.length === 0 ? 'all workers' : `all ${plural(workers.length, 'worker')}`
  return page(
    c,
    web,
    { title: 'Pause all', tab: '/queues' },
    <Confirm
      web={web}
      c={c}
      title={`Pause ${all}?`}
      action="/pause"
      button={`Pause ${all}`}
      back={url(web, '/queues')}
      isHarmless
    >
      <p>
        No worker takes a job, Ruby's included, until you resume.{' '}
        {working === 0 ? 'No job is in progress' : `${plural(working, 'job')} in progress go on`}, and jobs
        can be placed.
      </p>
    </Confirm>,
  )
}
