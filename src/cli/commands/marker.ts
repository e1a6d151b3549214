/**
 * `resque marker`: says on the charts of the web pages what happened, such as a deploy.
 */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { readInstant } from '../../store/markers.js'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { plain } from '../output.js'

interface Flags {
  at?: string
}

export function addMarker(program: Command): void {
  const command = addCommand(program, 'marker', {
    summary: 'Mark the charts of the web pages with a label, such as a deploy',
    details: 'The newest 500 markers are kept, for 400 days.',
    examples: ['resque marker v1.2', 'resque marker "new mail server" --at 2026-11-24T02:14:40Z'],
  })
    .argument('<label>', 'a line of at most 80 characters')
    .option('--at <instant>', "when, with its zone, and not in the future (default: now, by Redis' clock)")
  addCommonOptions(command).action(
    redisAction<Flags>(async ({ resque, out, flags, args: [label = ''] }) => {
      const at = flags.at === undefined ? undefined : readInstant(flags.at)
      const marker = await resque.store.markers.add(randomBytes(8).toString('hex'), label, at)
      out.say(`Marked ${marker.at.toISOString()} with "${plain(label)}".`, marker)
    }),
  )
}
