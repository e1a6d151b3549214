/**
 * The pid file of a worker: its pid without a newline, as Ruby writes it. Differs from Ruby: it is removed at the end,
 * unless another process has written its own pid there since.
 */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf } from '../errors.js'
import { Failure } from './errors.js'

export function writePidFile(name: string): void {
  // A job may change the working folder.
  const path = resolve(name)
  try {
    writeFileSync(path, String(process.pid))
  } catch (error) {
    throw new Failure(`The pid file could not be written: ${messageOf(error)}.`, { cause: error })
  }
  process.once('exit', () => {
    try {
      if (readFileSync(path, 'utf8') === String(process.pid)) unlinkSync(path)
    } catch {
      // Gone already, or not ours to remove any more: either way there is nothing left to do.
    }
  })
}
