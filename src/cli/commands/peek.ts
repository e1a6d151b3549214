/**
 * `resque peek`: waiting jobs, without taking them.
 */
import type { Command } from 'commander'
import { addCommand, addCommonOptions, redisAction } from '../command.js'
import { Misuse } from '../errors.js'
import { knownQueue } from '../known-queue.js'
import { counted } from '../output.js'

export function addPeek(program: Command): void {
  const command = addCommand(program, 'peek', {
    summary: 'Show waiting jobs of a queue, without taking them',
    examples: ['resque peek mail', 'resque peek mail -5 5   # the last five'],
  })
    .argument('<queue>', 'the name of a queue')
    .argument('[start]', 'where to begin: 0 is the next to run, -1 the last (default: 0)')
    .argument('[count]', 'how many (default: 20)')
  addCommonOptions(command).action(
    redisAction(async ({ resque, out, args }) => {
      const [name = '', startText = '0', countText = '20'] = args
      const start = readWhole(startText, 'start')
      const count = readWhole(countText, 'count', 1)
      const queue = await knownQueue(resque, name)
      const jobs = await resque.peek(queue, start, count)
      const size = await resque.size(queue)
      const first = start < 0 ? Math.max(0, size + start) : start
      const rows = jobs.map((job, i) => ({ index: first + i, ...job }))
      if (out.isJson) {
        out.json(rows)
        return
      }
      if (rows.length === 0) {
        out.line(
          size === 0 ? 'The queue is empty.' : `Nothing stands there: the queue has ${counted(size, 'job')}.`,
        )
        return
      }
      out.table(
        [
          { title: '#', of: (row) => row.index, align: 'right' },
          {
            title: 'class',
            of: (row) => row.class || '(not a job)',
            style: (row) => (row.class ? undefined : 'red'),
          },
          {
            title: 'args',
            of: (row) => (row.class ? JSON.stringify(row.args) : row.payload),
            isFlexible: true,
          },
        ],
        rows,
      )
      if (rows.length < size) out.line(out.style('dim', `${rows.length} of ${counted(size, 'job')}.`))
    }),
  )
}

function readWhole(text: string, name: string, min = Number.MIN_SAFE_INTEGER): number {
  if (/^-?\d+$/.test(text) && Number(text) >= min && Number.isSafeInteger(Number(text))) return Number(text)
  throw new Misuse(
    `Expected ${name} to be a whole number${min > 0 ? ` of at least ${min}` : ''}, got "${text}".`,
  )
}
