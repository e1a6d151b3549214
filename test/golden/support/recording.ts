// What Ruby Resque 3.0.0 did: one recording per scenario, read from recordings/. They are data, never edited.

import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What one Redis key holds. Sets are sorted; a hash is an object. */
export interface Key {
  type: string
  value: unknown
  /** Seconds; only where the key expires. */
  ttl?: number
}

/** Every key of a Redis, by name. */
export type Keyspace = Readonly<Record<string, Key>>

export interface Recording {
  scenario: string
  steps: readonly string[]
  /** What Ruby's calls returned. */
  results?: readonly { call: string; value: unknown }[]
  /** The keyspace at named moments on the way. */
  snapshots?: Readonly<Record<string, Keyspace>>
  keysAfter: Keyspace
  /** What each worker printed, hooks included. */
  workerLog?: Readonly<Record<string, readonly string[]>>
}

const folder = new URL('../recordings/', import.meta.url)

/** The names of all recordings, sorted. */
export function recordingNames(): string[] {
  return readdirSync(folder)
    .map((file) => basename(file, '.json'))
    .sort()
}

export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Recording
}
