/**
 * The process title while the command line is read. It is set before anything else, and takes the place of the
 * arguments in `ps`: a password among them is gone from there.
 */
import { argv } from 'node:process'

const command = argv.slice(2).find((word) => /^[a-z]+$/.test(word)) ?? ''

// Ruby's workers take a process of this title for a worker that lives.
process.title = command === 'work' ? 'resque: Starting' : `resque ${command}`.trim()
