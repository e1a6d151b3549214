/**
 * The state of a Resque in the text format of Prometheus (0.0.4).
 */
import type { QueueFigures } from './queue-figures.js'
import type { Snapshot } from './snapshot.js'

type Sample = readonly [labels: Record<string, string>, value: number]

/** `figures`: of all queues; undefined where nobody looks. */
export function prometheusText(
  snapshot: Snapshot,
  figures: ReadonlyMap<string, QueueFigures> | undefined,
): string {
  const { queues, workers, working, processed, failedEver, failed, failedLists } = snapshot
  const one = (value: number): Sample[] => [[{}, value]]
  return [
    family('resque_queue_size', 'gauge', 'Jobs waiting in a queue.', [
      ...queues.map(({ name, size }): Sample => [{ queue: name }, size]),
    ]),
    family('resque_queue_paused', 'gauge', '1 while no jobs are taken from a queue.', [
      ...queues.map(({ name, isPaused }): Sample => [{ queue: name }, Number(isPaused)]),
    ]),
    family(
      'resque_queue_oldest_job_age_seconds',
      'gauge',
      'At least how long the oldest job of a queue has waited.',
      queues.flatMap(({ name }): Sample[] => {
        const age = figures?.get(name)?.oldestSeconds
        return age === undefined ? [] : [[{ queue: name }, age]]
      }),
    ),
    family('resque_jobs_processed_total', 'counter', 'Jobs that have ended, well or not.', one(processed)),
    family('resque_jobs_failed_total', 'counter', 'Jobs that have failed.', one(failedEver)),
    family('resque_failed_jobs', 'gauge', 'Failed jobs that are kept.', [
      ...(failedLists.length > 1
        ? failedLists.map(({ name, size }): Sample => [{ list: name }, size])
        : one(failed)),
    ]),
    family('resque_workers', 'gauge', 'Registered workers.', one(workers.length)),
    family('resque_workers_working', 'gauge', 'Workers that have a job.', one(working)),
  ].join('')
}

function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    return `${name}${pairs.length > 0 ? `{${pairs.join()}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** What the format asks for; anything else may stand in a label. */
function escapeLabel(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
