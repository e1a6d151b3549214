// Ruby's own pages on the Redis that ours have acted on: every one of them is opened, and where both show a number it is
// the same.

import type { Resque } from 'resque-ts'
import { createWeb, type Web } from 'resque-ts/web'
import { afterAll, beforeAll, expect } from 'vitest'
import { newest, whySkipped } from '../interop/support/stacks.js'
import { type RubyWeb, startRubyWeb } from '../interop/support/web.js'
import type { Room } from '../room.js'
import { askFor } from './walk.js'

export interface RubyPages {
  /** Rejects unless every page of Ruby's is given, and shows what ours show; ours as this client has it. */
  areWhole(resque?: Resque): Promise<void>
}

/**
 * Call it at the top of a test file. Where Ruby's gems are not to be had it says so, and what is acted on is looked at in
 * Redis alone. `config` is a file of Ruby for resque-web.
 */
export function useRubyPages(room: Room, { config }: { config?: string } = {}): RubyPages {
  let ruby: RubyWeb | undefined
  beforeAll(async () => {
    if (whySkipped === undefined) ruby = await startRubyWeb(newest, room.redis.url, config)
    else console.warn(`RUBY'S PAGES ARE NOT OPENED: ${whySkipped}`)
  }, 60_000)
  afterAll(() => ruby?.end())
  return {
    async areWhole(resque = room.resque) {
      if (!ruby) return
      const ours = createWeb({ resque, auth: 'none', cacheMs: 0, history: false })
      try {
        await rubyPagesAreWhole(ruby, room)
        await showTheSame(ruby, ours)
      } finally {
        await ours.close()
      }
    },
  }
}

const fixed = [
  ...['/overview', '/overview.poll', '/working', '/failed', '/queues', '/workers', '/workers/all'],
  ...['/workers.poll', '/stats/resque', '/stats/redis', '/stats/keys', '/stats.txt'],
]

async function rubyPagesAreWhole(ruby: RubyWeb, { client }: Room): Promise<void> {
  const members = (key: string) => client.smembers(`resque:${key}`)
  const [queues, workers, failedLists] = await Promise.all(
    ['queues', 'workers', 'failed_queues'].map((key) => members(key)),
  )
  const keys = (await client.keys('resque:*')).map((key) => key.slice('resque:'.length))
  const paths = [
    ...fixed,
    ...(queues ?? []).map((name) => `/queues/${encodeURIComponent(name)}`),
    ...(workers ?? []).flatMap((id) => [`/workers/${id}`, `/working/${id}`].map(encodeURI)),
    ...(failedLists ?? []).map((name) => `/failed/${encodeURIComponent(name)}`),
    ...keys.map((key) => `/stats/keys/${encodeURIComponent(key)}`),
  ]
  for (const path of paths) await ruby.page(path)
}

/** The lines for monitors, and the table of queues. */
async function showTheSame(ruby: RubyWeb, web: Web): Promise<void> {
  const own = async (path: string) => (await askFor(web, path)).text()
  const lines = (text: string) => text.trim().split('\n').sort()
  expect(lines(await own('/stats.txt'))).toEqual(lines(await ruby.page('/stats.txt')))
  const theirs = rowsOf(
    await ruby.page('/queues'),
    /class="queue" href="[^"]*">([^<]*)<\/a><\/td>\s*<td class='size'>(\d+)</g,
  )
  // It has a row of failed jobs always.
  expect(theirs.length).toBeGreaterThan(0)
  const row = /data-live="(?:queue|failed):([^"]+)"[^>]*>\s*<span class="num">([\d,]+)/g
  expect(plain(rowsOf(await own('/queues'), row))).toEqual(plain(theirs))
}

function rowsOf(html: string, row: RegExp): string[] {
  return [...html.matchAll(row)].map(([, name, size]) => `${name} ${size?.replaceAll(',', '')}`).sort()
}

/** A list of failed jobs that is empty is shown by one side or the other, as there are queues and lists beside it. */
function plain(rows: string[]): string[] {
  return rows.filter((row) => row !== 'failed 0')
}
