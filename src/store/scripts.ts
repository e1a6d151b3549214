/**
 * What a Lua script is here: its text, and the digest Redis knows it by. Each script stands in the file that
 * runs it, with its KEYS, ARGV, reply and cost right above it.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly source: string
  readonly sha: string
}

export function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}
