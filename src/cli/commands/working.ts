/**
 * `resque working`: the jobs that run now.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { jsonOfJob } from '../describe-job.js'
import { ageOf } from '../output.js'

export function addWorking(program: Command): void {
  const command = addCommand(program, 'working', {
    summary: 'List the jobs that run now',
    details: 'The longest running first.',
    examples: ['resque working', 'resque working --json'],
  })
  addCommonOptions(command).action(
    redisAction(async ({ resque, out }) => {
      const jobs = (await resque.working())
        .flatMap(({ id, job }) => (job ? [{ ...jsonOfJob(job), worker: id }] : []))
        .sort((a, b) => a.runAt.localeCompare(b.runAt))
      if (out.isJson) {
        out.json(jobs)
        return
      }
      if (jobs.length === 0) {
        out.line('No job runs.')
        return
      }
      const now = Date.now()
      out.table(
        [
          { title: 'for', of: (job) => sinceOf(job.runAt, now), align: 'right' },
          { title: 'queue', of: (job) => job.queue },
          { title: 'class', of: (job) => job.class || '(not a job)' },
          {
            title: 'args',
            of: (job) => (job.class ? JSON.stringify(job.args) : job.payload),
            isFlexible: true,
          },
          { title: 'worker', of: (job) => job.worker, isFlexible: true },
        ],
        jobs,
      )
    }),
  )
}

function sinceOf(runAt: string, now: number): string {
  const at = Date.parse(runAt)
  return Number.isNaN(at) ? '?' : ageOf(Math.max(0, (now - at) / 1_000))
}
