// @ts-check
// The command line of the benchmarks.
import { parseArgs } from 'node:util'

const DEFAULT_ROUNDS = 3

/**
 * @typedef {object} Options
 * @property {string[]} only  names of scenarios; empty: all of them
 * @property {number} rounds
 * @property {number | undefined} jobs
 * @property {boolean} quick
 * @property {boolean} json
 * @property {boolean} help
 * @property {string | undefined} cpuProfile
 */

/** A command line that cannot be understood. */
export class UsageError extends Error {}

/**
 * @param {string[]} words
 * @param {string[]} names  of the scenarios there are
 * @returns {Options}
 */
export function parseOptions(words, names) {
  const { values } = parseWords(words)
  const only = (values.only ?? []).flatMap((list) => list.split(',')).filter((name) => name !== '')
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no scenario ${unknown}; there are: ${names.join(', ')}`)
  }
  return {
    only,
    rounds: count(values.rounds, '--rounds') ?? (values.quick === true ? 1 : DEFAULT_ROUNDS),
    jobs: count(values.jobs, '--jobs'),
    quick: values.quick === true,
    json: values.json === true,
    help: values.help === true,
    cpuProfile: values['cpu-profile'],
  }
}

/** @param {string[]} words */
function parseWords(words) {
  try {
    return parseArgs({
      args: words,
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        jobs: { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        'cpu-profile': { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string | undefined} text
 * @param {string} option
 */
function count(text, option) {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new UsageError(`expected ${option} to be a whole number above 0, got ${text}`)
}

/** @param {{ name: string, title: string }[]} scenarios */
export function usage(scenarios) {
  const widest = Math.max(...scenarios.map(({ name }) => name.length))
  const list = scenarios.map(({ name, title }) => `  ${name.padEnd(widest)}  ${title}`)
  return `Usage: script/bench [options]

Measures resque-ts against BullMQ, bee-queue and node-resque on a Redis of its own.

  --only name,name     only these scenarios
  --rounds N           rounds of each scenario (default ${DEFAULT_ROUNDS}, with --quick 1)
  --jobs N             jobs of each measurement, in place of the scenario's own number
  --quick              a tenth of the jobs and without the long scenarios: to see that it runs
  --json               every figure of every round as JSON on standard output
  --cpu-profile DIR    leave a V8 CPU profile of each measured worker or producer in DIR
  --help               this text

Scenarios:
${list.join('\n')}
`
}
