// @ts-check
// The benchmarks: reads the command line, runs the scenarios in interleaved rounds on a Redis of its
// own, prints the tables. `README.md` says how each figure is taken.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseOptions, UsageError, usage } from './options.js'
import { startRedisServer } from './redis-server.js'
import { children } from './scenarios/children.js'
import { drains } from './scenarios/drain.js'
import { enqueues } from './scenarios/enqueue.js'
import { flat } from './scenarios/flat.js'
import { idle50 } from './scenarios/idle-50.js'
import { latency } from './scenarios/latency.js'
import { memoryPending } from './scenarios/memory-pending.js'
import { queues1000 } from './scenarios/queues-1000.js'
import { Samples } from './statistics.js'
import { scenarioTable } from './table.js'
import { judge, targetTable } from './targets.js'

/** @typedef {import('./scenarios/scenario.js').Scenario} Scenario */
/** @typedef {import('./options.js').Options} Options */
/** @typedef {import('./redis-server.js').RedisServer} RedisServer */

/** @type {Scenario[]} */
const scenarios = [...drains, ...enqueues, latency, memoryPending, flat, queues1000, ...children, idle50]

const QUICK_DIVISOR = 10

// Each child ends itself when our end of its channel closes, and so does the server. SIGHUP is left as it was: `nohup`
// keeps its meaning.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

try {
  const options = parseOptions(
    process.argv.slice(2),
    scenarios.map(({ name }) => name),
  )
  if (options.help) process.stdout.write(usage(scenarios))
  else await run(options)
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1
  process.stderr.write(
    error instanceof UsageError ? `bench: ${error.message}\n` : `bench: ${describe(error)}\n`,
  )
}

/** @param {Options} options */
async function run(options) {
  const redis = await startRedisServer()
  try {
    const machine = describeMachine(redis)
    if (!options.json) print(`${machine.join('\n')}\n`)
    const results = []
    for (const scenario of chosen(options)) {
      const { samples, jobs, rounds } = await runScenario(scenario, redis, options)
      const verdicts = judge(scenario, samples)
      results.push({ name: scenario.name, jobs, rounds, samples, verdicts })
      if (!options.json) printScenario(scenario, samples, jobs, rounds)
    }
    const verdicts = results.flatMap((result) => result.verdicts)
    if (options.json) print(JSON.stringify({ machine, results }, null, 2))
    else if (verdicts.length > 0) print(`## Targets\n\n${targetTable(verdicts)}`)
  } finally {
    await redis.stop()
  }
}

/** @param {Options} options */
function chosen({ only, quick }) {
  if (only.length > 0) return scenarios.filter(({ name }) => only.includes(name))
  return scenarios.filter(({ long }) => !(quick && long === true))
}

/**
 * A measurement that fails is told and leaves its row empty; the others go on.
 * @param {Scenario} scenario
 * @param {RedisServer} redis
 * @param {Options} options
 */
async function runScenario(scenario, redis, options) {
  const { variants } = scenario
  const own = options.quick ? Math.ceil(scenario.jobs / QUICK_DIVISOR) : scenario.jobs
  const jobs = scenario.jobs === 0 ? 0 : (options.jobs ?? own)
  const rounds = scenario.once === true ? 1 : options.rounds
  const samples = new Samples()
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, so that none always finds the same machine before it.
    const shift = round % variants.length
    for (const variant of [...variants.slice(shift), ...variants.slice(0, shift)]) {
      progress(`${scenario.name}, round ${round + 1} of ${rounds}: ${variant.label}`)
      try {
        await redis.flush()
        const bench = { redis, jobs, nodeOptions: profileOptions(options, scenario, variant) }
        samples.add(variant.label, await scenario.measure(bench, variant))
      } catch (error) {
        process.exitCode = 1
        process.stderr.write(`bench: ${scenario.name}: ${describe(error)}\n`)
        // Keeps the rounds of the variants beside each other.
        samples.add(variant.label, {})
      }
    }
  }
  return { samples, jobs, rounds }
}

/**
 * @param {Options} options
 * @param {Scenario} scenario
 * @param {{ adapter: string }} variant
 */
function profileOptions({ cpuProfile }, scenario, { adapter }) {
  if (cpuProfile === undefined) return []
  return ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}/${scenario.name}-${adapter}`]
}

/**
 * @param {Scenario} scenario
 * @param {Samples} samples
 * @param {number} jobs
 * @param {number} rounds
 */
function printScenario({ name, title, variants, columns, baseline }, samples, jobs, rounds) {
  const size = jobs > 0 ? `; ${jobs.toLocaleString('en')} jobs` : ''
  const times = rounds === 1 ? '1 round' : `${rounds} rounds, median (min–max)`
  const labels = variants.map(({ label }) => label)
  print(`## ${name}: ${title}${size}; ${times}\n`)
  print(`${scenarioTable(samples, labels, columns, baseline)}\n`)
}

/** @param {RedisServer} redis */
function describeMachine(redis) {
  const lock = JSON.parse(readFileSync(new URL('./package-lock.json', import.meta.url), 'utf8'))
  const version = (/** @type {string} */ name) => lock.packages[`node_modules/${name}`].version
  const peers = ['bullmq', 'bee-queue', 'node-resque'].map((name) => `${name} ${version(name)}`)
  const load = loadavg().map((value) => value.toFixed(1))
  return [
    `Node ${process.versions.node}, Redis ${redis.version}, ${peers.join(', ')}`,
    `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.join(' ')} at the start`,
  ]
}

/** @param {unknown} error */
function describe(error) {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`)
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`)
}
