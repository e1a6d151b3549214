// @ts-check
// Writes docs/reference/interop.md from what the interop tests found: each claim, and beside which versions it held.
// No times, no machine: the same results make the same file.
//
//   node test/interop/matrix.mjs                   runs the tests, then writes the file
//   node test/interop/matrix.mjs REPORT.json       writes it from a report of vitest's json reporter
//   node test/interop/matrix.mjs --check REPORT    writes nothing; fails when the file says something else
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ area: string, direction: string, what: string, resque: string, redis: string, passed: boolean }} Result */

const root = fileURLToPath(new URL('../..', import.meta.url))
const file = join(root, 'docs/reference/interop.md')

/** What each area is about; also their order. */
const areas = {
  Jobs: 'Jobs that one side enqueues and the other performs.',
  Failures: 'Failures that one side records, and the other lists, puts back and removes.',
  Queues: 'Queues that both sides look into, pause and remove.',
  Eyes: 'What each side’s library, command line and web pages show of the other.',
  Heartbeats: 'Who is taken for dead by its last heartbeat.',
  'Same host': 'Ruby workers that start on the host of ours, and look for dead workers there.',
  ActiveJob: 'Jobs of Rails (ActiveJob 7.2), through its adapter for Resque.',
  'node-resque': 'The other Resque for Node.js, on the same Redis.',
}

/** @returns {string} the report's path */
function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'interop-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/.bin/vitest')
  const options = [
    'run',
    'test/interop',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  const { status } = spawnSync(vitest, options, { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
  return report
}

/**
 * @param {string} path
 * @returns {Result[]}
 */
function readResults(path) {
  const report = JSON.parse(readFileSync(path, 'utf8'))
  return report.testResults
    .flatMap((/** @type {any} */ each) => each.assertionResults)
    .filter((/** @type {any} */ each) => each.meta?.interop)
    .map((/** @type {any} */ each) => ({ ...each.meta.interop, passed: each.status === 'passed' }))
}

/** @param {Result[]} all */
function page(all) {
  const stacks = [...new Set(all.filter(({ redis }) => redis !== '').map(stackOf))].sort()
  const parts = [head, summary(all, stacks)]
  for (const [area, about] of Object.entries(areas)) {
    const own = all.filter((each) => each.area === area)
    const columns = own.some(({ redis }) => redis !== '') ? stacks : [...new Set(own.map(stackOf))]
    if (own.length > 0) parts.push(`## ${area}\n\n${about}\n\n${claims(own, columns)}`)
  }
  return `${parts.join('\n\n')}\n`
}

const head = `# What works beside Ruby Resque

Each line is a test in \`test/interop\`, on real processes: Ruby's Resque from RubyGems, its workers, its command line and
its web pages, on one Redis with ours. The columns are versions of the gems \`resque\` and \`redis\`. "both" means that
each side sees, or takes part in, what the other does. What differs on purpose stands in the [guide for Ruby
teams](../guide/ruby.md).

This page is written by \`node test/interop/matrix.mjs\` from what the tests found.`

/**
 * @param {Result[]} all
 * @param {string[]} stacks
 */
function summary(all, stacks) {
  const rows = Object.keys(areas)
    .filter((area) => all.some((each) => each.area === area && each.redis !== ''))
    .map((area) => {
      const cells = stacks.map((stack) => {
        const own = all.filter((each) => each.area === area && stackOf(each) === stack)
        return own.length === 0 ? '–' : `${own.filter(({ passed }) => passed).length} of ${own.length}`
      })
      return [area, ...cells]
    })
  return table(['claims that hold', ...stacks], rows)
}

/**
 * @param {Result[]} own
 * @param {string[]} stacks
 */
function claims(own, stacks) {
  const rows = [...new Set(own.map(({ what }) => what))].map((what) => {
    const same = own.filter((each) => each.what === what)
    const cells = stacks.map((stack) => {
      const result = same.find((each) => stackOf(each) === stack)
      return result ? (result.passed ? 'pass' : '**FAIL**') : '–'
    })
    return [what.replaceAll('*', '\\*').replaceAll('|', '\\|'), same[0]?.direction ?? '', ...cells]
  })
  return table(['what', 'direction', ...stacks], rows)
}

/**
 * @param {string[]} header
 * @param {string[][]} rows
 */
function table(header, rows) {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** @param {{ resque: string, redis: string }} result */
function stackOf({ resque, redis }) {
  return redis === '' ? resque : `resque ${resque}, redis ${redis}`
}

const args = process.argv.slice(2)
const isCheck = args[0] === '--check'
const results = readResults(args[isCheck ? 1 : 0] ?? runTests())
if (results.length === 0) {
  console.log('interop: no results, so docs/reference/interop.md stays as it is.')
} else if (!isCheck) {
  writeFileSync(file, page(results))
} else if (readFileSync(file, 'utf8') !== page(results)) {
  console.error(
    'docs/reference/interop.md is not what the tests found. Write it anew: node test/interop/matrix.mjs',
  )
  process.exitCode = 1
}
