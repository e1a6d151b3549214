/**
 * `resque list`: the workers, as Ruby's command lists them.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { plain } from '../output.js'

export function addList(program: Command): void {
  const command = addCommand(program, 'list', {
    summary: "List worker ids with their state, in the form of Ruby's command",
    details: 'A process that runs several jobs at a time has an id for each. "workers" shows more.',
    examples: ['resque list', 'resque -r 10.0.0.5:6379:2/resque list'],
  })
  addCommonOptions(command).action(
    redisAction(async ({ resque, out }) => {
      const workers = (await resque.workers()).map(({ id, job }) => ({ id, state: job ? 'working' : 'idle' }))
      if (out.isJson) out.json(workers)
      else if (workers.length === 0) out.line('None')
      else for (const { id, state } of workers) out.line(`${plain(id)} (${state})`)
    }),
  )
}
