/**
 * Loading modules that define jobs: what `--require` and `require` name.
 */
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError, messageOf } from '../errors.js'
import { isWorkerHooks, type WorkerHooks } from '../hooks.js'
import { type AnyJob, isJob } from '../job.js'

export interface LoadedJobs {
  jobs: AnyJob[]
  hooks: WorkerHooks[]
}

/**
 * Imports each module (a path, seen from the working directory, or a package's name) and gathers every export that
 * is a job or an object made by `defineWorkerHooks`; an export may also be an array or an object of jobs.
 */
export async function loadJobs(modules: readonly string[]): Promise<LoadedJobs> {
  const jobs = new Set<AnyJob>()
  const hooks = new Set<WorkerHooks>()
  for (const name of modules) {
    const exports = await importModule(name)
    for (const value of Object.values(exports).flatMap(members)) {
      if (isJob(value)) jobs.add(value)
      else if (isWorkerHooks(value)) hooks.add(value)
    }
  }
  return { jobs: [...jobs], hooks: [...hooks] }
}

async function importModule(name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(locate(name))) as Record<string, unknown>
  } catch (cause) {
    throw new ConfigError(`Could not load ${name}: ${messageOf(cause)}`, {
      hint: 'Name a file (./jobs.js) or an installed package that exports jobs.',
      cause,
    })
  }
}

function locate(name: string): string {
  if (/^(file|data|node):/.test(name)) return name
  const path = resolve(name)
  if (existsSync(path) && statSync(path).isFile()) return pathToFileURL(path).href
  if (/^\.{0,2}\//.test(name)) return pathToFileURL(path).href
  return pathToFileURL(createRequire(resolve('package.json')).resolve(name)).href
}

function members(value: unknown): unknown[] {
  if (isJob(value) || isWorkerHooks(value) || typeof value !== 'object' || value === null) return [value]
  return Object.values(value)
}
