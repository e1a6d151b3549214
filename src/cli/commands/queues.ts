/**
 * `resque queues`: what waits where.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'

export function addQueues(program: Command): void {
  const command = addCommand(program, 'queues', {
    summary: 'List the queues with their sizes',
    examples: ['resque queues', 'resque queues --json --redis redis://10.0.0.5:6379/2'],
  })
  addCommonOptions(command).action(
    redisAction(async ({ resque, out }) => {
      const [sizes, paused, allPaused] = await Promise.all([
        resque.queueSizes(),
        resque.pausedQueues(),
        resque.isPaused(),
      ])
      const rows = Object.entries(sizes).map(([name, size]) => ({
        name,
        size,
        paused: allPaused || paused.includes(name),
      }))
      if (out.isJson) {
        out.json(rows)
        return
      }
      if (rows.length === 0) out.line('There are no queues.')
      else {
        out.table(
          [
            { title: 'queue', of: (row) => row.name, isFlexible: true },
            { title: 'size', of: (row) => row.size, align: 'right' },
            { title: 'state', of: (row) => (row.paused ? 'paused' : ''), style: () => 'yellow' },
          ],
          rows,
        )
      }
      if (allPaused)
        out.line(out.style('yellow', 'All workers are paused (resque resume --all lets them go on).'))
    }),
  )
}
