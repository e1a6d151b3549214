/**
 * `resque markers`: what stands on the charts of the web pages, and the removal of it.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { Failure } from '../errors.js'
import { counted, plain } from '../output.js'

export function addMarkers(program: Command): void {
  const command = addCommand(program, 'markers', {
    summary: 'List the markers of the charts, or remove some: markers remove <id>',
    details: 'resque marker sets one. The oldest stands first.',
    examples: ['resque markers', 'resque markers remove 9f86d081884c7d65'],
  }).enablePositionalOptions()
  addCommonOptions(command).action(
    redisAction(async ({ resque, out }) => {
      const markers = await resque.store.markers.all()
      if (out.isJson) out.json(markers)
      else if (markers.length === 0) out.line('There are no markers.')
      else {
        out.table(
          [
            { title: 'id', of: ({ id }) => id },
            { title: 'at', of: ({ at }) => at.toISOString() },
            { title: 'label', of: ({ label }) => label, isFlexible: true },
          ],
          markers,
        )
      }
    }),
  )
  addRemoval(command)
}

function addRemoval(markers: Command): void {
  const command = addCommand(markers, 'remove', {
    summary: 'Take markers off the charts',
    examples: ['resque markers remove 9f86d081884c7d65', 'resque markers remove 9f86d081884c7d65 --json'],
  }).argument('<id...>', 'as listed by resque markers')
  addCommonOptions(command).action(
    redisAction(async ({ resque, out, args }) => {
      const missing: string[] = []
      for (const id of args) if (!(await resque.store.markers.remove(id))) missing.push(id)
      const removed = args.length - missing.length
      out.say(`Removed ${counted(removed, 'marker')}.`, { removed, missing })
      if (missing.length > 0) throw new Failure(`There is no marker ${missing.map(plain).join(', ')}.`)
    }),
  )
}
