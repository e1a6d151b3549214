// The stacks of gems that the tests run beside, and whether they can be had here. Importing this installs what is
// missing (script/interop-gems: quick when nothing is).

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
export const cache = join(root, '.cache/interop')

/** One combination of gems. */
export interface Stack {
  /** As in gems.json: `3.0-5`. */
  name: string
  resque: string
  redis: string
  hasActiveJob: boolean
}

interface Table {
  groups: Record<string, Record<string, string>>
  stacks: { name: string; groups: string[]; gems: Record<string, string> }[]
}

const table = JSON.parse(readFileSync(join(root, 'test/interop/gems.json'), 'utf8')) as Table

export const stacks: readonly Stack[] = table.stacks.map(({ name, groups, gems }) => {
  const all = Object.assign({}, ...groups.map((group) => table.groups[group]), gems) as Record<string, string>
  return { name, resque: all.resque ?? '', redis: all.redis ?? '', hasActiveJob: 'activejob' in all }
})

/** The newest stack: for what does not depend on versions. */
export const newest = stacks.at(-1) as Stack

/** Why the tests cannot run here, or undefined. Anything but "not to be had" is an error, not a reason to skip. */
export const whySkipped: string | undefined = install()

function install(): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(join(root, 'script/interop-gems'), { encoding: 'utf8' })
  if (status === 0) return undefined
  const line = stdout?.trim().split('\n').at(-1) ?? ''
  if (status === 3) return line
  throw new Error(`script/interop-gems failed: ${stderr || line}`, { cause: error })
}

/** The environment of a Ruby process that loads the gems of a stack. */
export function rubyEnvironment(stack: Stack): NodeJS.ProcessEnv {
  const gems = join(cache, 'gems')
  // Ruby's Redis client would take missing parts of an address from it.
  const { REDIS_URL: _, ...env } = process.env
  return {
    ...env,
    RUBYOPT: `-W0 -r${join(root, 'test/interop/ruby/gems.rb')}`,
    INTEROP_STACK: stack.name,
    GEM_HOME: gems,
    GEM_PATH: gems,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
  }
}

/** The path of a program that a gem ships. */
export function gemProgram(stack: Stack, program: 'resque' | 'resque-web'): string {
  return join(cache, 'gems/gems', `resque-${stack.resque}`, 'bin', program)
}

export const rakeProgram = join(cache, 'gems/gems', `rake-${table.groups.common?.rake}`, 'exe/rake')
