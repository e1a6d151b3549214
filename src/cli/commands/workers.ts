/**
 * `resque workers`: the worker processes, or each of their slots.
 */
import type { Command } from 'commander'
import { rubyRhythm } from '../../config.js'
import type { WorkerInfo } from '../../store/workers.js'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { describeJob, jsonOfJob } from '../describe-job.js'
import { ageOf, type Column, counted } from '../output.js'

interface Flags {
  slots?: boolean
}

/** A worker process, or one slot of it. */
interface Row {
  id: string
  kind: 'ruby' | 'resque-ts'
  host: string
  pid: number
  queues: string[]
  started: string
  /** `lost`: its heartbeat is older than it may be, and somebody will prune it. */
  state: 'working' | 'idle' | 'lost'
  busy: number
  slots: WorkerInfo[]
  heartbeatAgeSeconds: number | null
  processed: number
  failed: number
}

export function addWorkers(program: Command): void {
  const command = addCommand(program, 'workers', {
    summary: 'List worker processes: what they do, and whether they live',
    details:
      'One line for each process. A slot is room for one job at a time; each is a worker of its own in Redis.\n' +
      'State "lost": no heartbeat for longer than a worker of its kind may be silent; it will be pruned.',
    examples: ['resque workers', 'resque workers --slots --json'],
  }).option('--slots', 'one line for each slot')
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags }) => {
      const [workers, time] = await Promise.all([resque.workers(), resque.store.connection.send('time', [])])
      const now = Number((time as string[])[0])
      const groups = new Map<string, WorkerInfo[]>()
      for (const worker of workers) {
        const key = worker.kind === 'ruby' || flags.slots ? worker.id : worker.kind.process
        groups.set(key, [...(groups.get(key) ?? []), worker])
      }
      const rows = [...groups].map(([id, slots]) => toRow(id, slots, now))
      if (out.isJson) out.json(rows.map(toJson))
      else if (rows.length === 0) out.line('There are no workers.')
      else {
        out.table(columns, rows)
        const busy = workers.filter(({ job }) => job).length
        out.line(out.style('dim', `${busy} of ${counted(workers.length, 'slot')} at work.`))
      }
    }),
  )
}

const columns: Column<Row>[] = [
  { title: 'worker', of: (row) => row.id, isFlexible: true },
  { title: 'busy', of: (row) => `${row.busy}/${row.slots.length}`, align: 'right' },
  {
    title: 'state',
    of: (row) => row.state,
    style: ({ state }) => (state === 'lost' ? 'red' : state === 'working' ? 'green' : 'dim'),
  },
  { title: 'job', of: jobsOf, isFlexible: true },
  {
    title: 'heartbeat',
    of: (row) => (row.heartbeatAgeSeconds === null ? 'never' : `${ageOf(row.heartbeatAgeSeconds)} ago`),
    align: 'right',
  },
  { title: 'processed', of: (row) => row.processed, align: 'right' },
  {
    title: 'failed',
    of: (row) => row.failed,
    align: 'right',
    style: (row) => (row.failed > 0 ? 'red' : undefined),
  },
  { title: 'kind', of: (row) => row.kind },
]

function jobsOf({ slots, busy }: Row): string {
  const job = slots.find((slot) => slot.job)?.job
  if (!job) return ''
  return describeJob(job.payload) + (busy > 1 ? ` and ${busy - 1} more` : '')
}

function toRow(id: string, slots: WorkerInfo[], now: number): Row {
  const first = slots[0] as WorkerInfo
  const isRuby = first.kind === 'ruby'
  const busy = slots.filter(({ job }) => job).length
  const beats = slots.flatMap(({ heartbeat }) =>
    heartbeat === undefined ? [] : [Date.parse(heartbeat) / 1_000],
  )
  const age = beats.length === 0 ? null : Math.max(0, now - Math.max(...beats))
  const limit = first.kind === 'ruby' ? rubyRhythm.deadAfterSeconds : first.kind.deadAfterMs / 1_000
  return {
    id,
    kind: isRuby ? 'ruby' : 'resque-ts',
    host: first.host.replace(isRuby ? /$^/ : /~.*$/, ''),
    pid: first.pid,
    queues: first.queues,
    started: first.started,
    state: age !== null && age > limit ? 'lost' : busy > 0 ? 'working' : 'idle',
    busy,
    slots,
    heartbeatAgeSeconds: age,
    processed: slots.reduce((sum, slot) => sum + slot.processed, 0),
    failed: slots.reduce((sum, slot) => sum + slot.failed, 0),
  }
}

function toJson(row: Row) {
  return {
    ...row,
    slots: row.slots.map(({ id, started, heartbeat = null, processed, failed, job }) => {
      return {
        id,
        state: job ? 'working' : 'idle',
        started,
        heartbeat,
        processed,
        failed,
        job: job ? jsonOfJob(job) : null,
      }
    }),
  }
}
