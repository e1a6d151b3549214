// A room whose workers run the jobs of `child-jobs.mjs` in child processes; those jobs note what they did in a file.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AnyJob } from 'resque-ts'
import type { Worker, WorkerOptions } from 'resque-ts/worker'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type Room, useRoom } from '../../room.js'

export interface ChildRoom {
  readonly room: Room
  /** The jobs by name, once the tests run. */
  readonly jobs: Record<string, AnyJob>
  /** Where the jobs of this test note things. */
  readonly file: string
  notes(): string[]
  start(options?: Partial<WorkerOptions>): Promise<Worker>
}

/** Call it at the top of a test file. */
export function useChildRoom(): ChildRoom {
  const room = useRoom()
  const require = [fileURLToPath(new URL('./child-jobs.mjs', import.meta.url))]
  const jobs: Record<string, AnyJob> = {}
  let folder = ''
  let file = ''
  let count = 0
  beforeAll(async () => {
    // @ts-expect-error: a module without types, as children load it
    const { hooks: _, ...loaded } = await import('./child-jobs.mjs')
    Object.assign(jobs, loaded)
    folder = mkdtempSync(join(tmpdir(), 'resque-children-'))
  })
  beforeEach(() => {
    file = join(folder, `notes-${count++}`)
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  return {
    room,
    jobs,
    get file() {
      return file
    },
    notes: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []),
    start: (options = {}) =>
      room.start({ jobs: Object.values(jobs), require, isolation: 'process', queues: ['q'], ...options }),
  }
}
