/**
 * The plan of a pool: a YAML file in resque-pool's form. Queue lists with how many processes work each; a section named
 * after the environment goes before what stands at the top.
 *
 *   critical,high: 2
 *   "*": 1
 *   production:
 *     critical,high: 8
 */
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { messageOf } from '../errors.js'
import type { PoolPlan } from '../worker/pool.js'
import { QueueList } from '../worker/queue-list.js'
import { Misuse } from './errors.js'

/** Where resque-pool looks when it is told nothing. */
const usualPlaces = ['resque-pool.yml', 'config/resque-pool.yml']

/** The file to read: the one that is named, or the first usual one there is. */
export function findPlan(path: string | undefined): string {
  const found = path ?? usualPlaces.find((each) => existsSync(each))
  if (found !== undefined && existsSync(found)) return found
  const what =
    path === undefined ? `${usualPlaces.join(' or ')}, found neither` : `${path}, found no such file`
  throw new Misuse(
    `Expected the plan of the pool in ${what}. It maps queue lists to counts, such as "critical,high: 2".`,
  )
}

export function readPlan(path: string, environment: string): PoolPlan {
  const text = readFileSync(path, 'utf8')
  if (text.includes('<%'))
    throw new Misuse(`${path} holds Ruby code (<% … %>), which is not run here. Write the numbers.`)
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    throw new Misuse(`${path} is not YAML: ${messageOf(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Misuse(`Expected ${path} to map queue lists to counts, got ${JSON.stringify(value)}.`)
  }
  const plan = new Map<string, number>()
  const add = ([queues, count]: [string, unknown]) =>
    plan.set(checkList(queues, path), checkCount(queues, count, path))
  const isSection = ([, count]: [string, unknown]) => typeof count === 'object' && count !== null
  const entries = Object.entries(value as Record<string, unknown>)
  for (const entry of entries.filter((each) => !isSection(each))) add(entry)
  for (const [name, section] of entries.filter(isSection)) {
    if (name === environment)
      for (const entry of Object.entries(section as Record<string, unknown>)) add(entry)
  }
  if (plan.size === 0) throw new Misuse(`${path} plans no worker for the environment "${environment}".`)
  return plan
}

function checkList(queues: string, path: string): string {
  try {
    new QueueList(queues)
    return queues
  } catch {
    throw new Misuse(`Expected each key of ${path} to be a queue list, got "${queues}".`)
  }
}

function checkCount(queues: string, count: unknown, path: string): number {
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0) return count
  throw new Misuse(
    `Expected the count of "${queues}" in ${path} to be a whole number, got ${JSON.stringify(count)}.`,
  )
}
