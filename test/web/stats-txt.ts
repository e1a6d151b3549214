// What `/stats.txt` is made of, and what Ruby's own page made of it: kept as it came, in fixtures/, for where there is no
// Ruby. test/interop has Ruby make it again.

import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'

/** A name with a line of its own, which Ruby's page shows as one. */
const forging = 'a\nresque.workers=99'

export async function fillStats(client: Redis): Promise<void> {
  const queues: [name: string, size: number][] = [
    ...([
      ['mail', 2],
      ['MAIL', 1],
      ['two words', 3],
      ['c=d', 1],
      ['<b>&', 1],
      ['příliš', 1],
    ] as [string, number][]),
    ...([
      ['empty', 0],
      [forging, 4],
      ['back\\nslash', 1],
    ] as [string, number][]),
  ]
  for (const [name, size] of queues) {
    await client.sadd('resque:queues', name)
    if (size > 0)
      await client.rpush(`resque:queue:${name}`, ...Array<string>(size).fill('{"class":"A","args":[]}'))
  }
  await client.mset('resque:stat:processed', 12_345_678, 'resque:stat:failed', 9)
  await client.rpush('resque:failed', '{}', '{}')
  await client.sadd('resque:workers', 'web:1:mail', 'web:2:mail,MAIL')
  const record = { queue: 'mail', run_at: '2026-11-24T02:14:40Z', payload: { class: 'A', args: [] } }
  await client.set('resque:worker:web:1:mail', JSON.stringify(record))
}

/** The text of Ruby's page. */
export const rubyStats = readFileSync(new URL('fixtures/stats.txt', import.meta.url), 'utf8')

/** Ours has the queues in order, and no name makes a line of its own. */
export function asOurs(text: string): string {
  const lines = text.replace(forging, forging.replace('\n', '\\n')).split('\n')
  return [...lines.slice(0, 5), ...lines.slice(5).sort()].join('\n')
}
