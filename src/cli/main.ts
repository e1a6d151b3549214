/**
 * The entry of the `resque` command: what `bin/resque` starts.
 */
import './title.js'
import { CommanderError } from 'commander'
import { complaintOf, exitCodeOf } from './errors.js'
import { makeProgram } from './program.js'

// Somebody reads only the first lines (`resque failed | head`), or the terminal has closed.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}

try {
  await makeProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said it already. Code 0 are --help and --version.
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    process.stderr.write(`${complaintOf(error, process.argv.includes('--verbose'))}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
