/**
 * `resque stats`: the state of all at a glance.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { plain } from '../output.js'

export function addStats(program: Command): void {
  const command = addCommand(program, 'stats', {
    summary: 'Show how much waits, runs, has run and has failed',
    details:
      '"processed" counts jobs that came to an end since the counter began, failed ones included. "failed" counts the\n' +
      'failed jobs that are kept; "stat:failed" counts every failure there was. Name counters of your own to see them too.',
    examples: ['resque stats', 'resque stats --json', 'resque stats mails_sent'],
  })
  addCommonOptions(
    command.argument('[counter...]', 'names of further counters, such as those your jobs increment'),
  ).action(
    redisAction(async ({ resque, out, args }) => {
      const names = [
        'processed',
        'failed',
        ...args.filter((name) => name !== 'processed' && name !== 'failed'),
      ]
      const [info, counts] = await Promise.all([resque.info(), resque.stats.getAll(names)])
      const counters = Object.fromEntries(names.map((name, i) => [name, counts[i] ?? 0]))
      if (out.isJson) {
        out.json({ ...info, counters })
        return
      }
      const { pending, working, workers, queues, failed, servers, environment } = info
      const lines: [string, string | number][] = [
        ['pending', pending],
        ['working', working],
        ['workers', workers],
        ['queues', queues],
        ['failed', failed],
        ...names.map((name): [string, number] => [
          name === 'failed' ? 'stat:failed' : name,
          counters[name] ?? 0,
        ]),
        ['redis', servers.join(', ')],
        ['environment', environment],
      ]
      const width = Math.max(...lines.map(([name]) => name.length))
      for (const [name, value] of lines) {
        const text = typeof value === 'number' ? value.toLocaleString('en') : value
        const isBad = name === 'failed' && failed > 0
        out.line(`${plain(name).padEnd(width)}  ${isBad ? out.style('red', text) : plain(text)}`)
      }
    }),
  )
}
