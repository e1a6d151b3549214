/**
 * `--require`, for people: loads modules of jobs, and where that fails says which file is meant, or where it broke.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { messageOf } from '../errors.js'
import { type LoadedJobs, loadJobs } from '../worker/load-jobs.js'
import { Failure, Misuse, suggestion } from './errors.js'

/** A path is seen from the working folder; any other name is a file there, or a package. */
export async function requireJobs(modules: readonly string[]): Promise<LoadedJobs> {
  for (const name of modules) {
    const path = resolve(name)
    if (/^\.{0,2}\//.test(name) && !existsSync(path)) {
      throw new Misuse(`There is no file ${path}.${nearestFile(name, path)}`)
    }
  }
  try {
    return await loadJobs(modules)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    const { code } = (cause ?? {}) as NodeJS.ErrnoException
    const name =
      modules.find((each) => messageOf(error).startsWith(`Could not load ${each}:`)) ?? modules.join(', ')
    if (code === 'MODULE_NOT_FOUND' && messageOf(cause).includes(`'${name}'`)) {
      const here = `There is no file "${name}" in ${process.cwd()}, nor a package of that name.`
      throw new Misuse(`${here}${nearestFile(name, resolve(name))}`, { cause })
    }
    throw new Failure(`Could not load ${name}: ${nameOf(cause)}${messageOf(cause)}${placeOf(cause)}`, {
      cause,
    })
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
}

/** Where in the user's code it happened, if the stack tells. */
function placeOf(error: unknown): string {
  const place = error instanceof Error ? /file:\/\/[^\s)]+:\d+/.exec(error.stack ?? '')?.[0] : undefined
  return place === undefined || place.includes('/dist/') ? '' : ` (${place.replace('file://', '')})`
}

function nearestFile(name: string, path: string): string {
  try {
    const folder = /^\.{0,2}\//.test(name) ? dirname(name) : '.'
    const files = readdirSync(dirname(path)).map((each) => `${folder}/${each}`)
    return suggestion(`${folder}/${basename(name)}`, files)
  } catch {
    return ''
  }
}
