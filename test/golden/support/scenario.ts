// A scenario: a recording, what we do to replay it, and where ours is another, each difference with its reason.

import { expect } from 'vitest'
import type { Key, Keyspace } from './recording.js'
import type { Run } from './run.js'

/** Something that ours does otherwise than Ruby, stated as data and asserted as such. */
export interface Difference {
  /** What ours does, in the table's words. */
  readonly what: string
  readonly why: string
  /** By moment (`after`, or the name of a snapshot): what keys hold with us; null where we have no such key. */
  readonly keys?: Readonly<Record<string, Readonly<Record<string, Key | null>>>>
  /** By call: what it gives with us. */
  readonly results?: Readonly<Record<string, unknown>>
  /** It shows in neither; the steps assert it. */
  readonly isInSteps?: true
}

export interface Scenario {
  /** The recording's name. */
  readonly recording: string
  /** Where the worker runs its jobs, where the recording is replayed both ways. */
  readonly isolation?: 'none' | 'process'
  /** What is claimed, the name of the test. */
  readonly claim: string
  readonly differences?: readonly Difference[]
  /** Results that are not compared, and why. */
  readonly uncompared?: Readonly<Record<string, string>>
  steps(run: Run): Promise<void>
}

/** The recording's name, and where the jobs run. */
export function nameOf({ recording, isolation }: Scenario): string {
  if (isolation === undefined) return recording
  return `${recording} (${isolation === 'process' ? 'a process per job' : "jobs in the worker's process"})`
}

/** The moment of `keysAfter`. */
export const AFTER = 'after'

/** What the keyspace must be at a moment: as recorded, but for the stated differences. */
export function expectedKeys(recorded: Keyspace, scenario: Scenario, moment: string): Record<string, Key> {
  const expected: Record<string, Key> = { ...recorded }
  const touched = new Set<string>()
  for (const { what, keys } of scenario.differences ?? []) {
    for (const [name, key] of Object.entries(keys?.[moment] ?? {})) {
      if (touched.has(name))
        throw new Error(`Two differences of ${scenario.recording} are about ${name} (${moment}).`)
      touched.add(name)
      expect(key ?? undefined, `"${what}" is no difference: ${name} (${moment})`).not.toEqual(recorded[name])
      if (key) expected[name] = key
      else delete expected[name]
    }
  }
  return expected
}

/** What a call must give: as recorded, but for the stated differences. */
export function expectedResult(recorded: unknown, scenario: Scenario, call: string): unknown {
  for (const { what, results } of scenario.differences ?? []) {
    if (!results || !(call in results)) continue
    expect(results[call], `"${what}" is no difference: ${call}`).not.toEqual(recorded)
    return results[call]
  }
  return recorded
}
