// @ts-check
// The closing table: what each scenario should reach, what it reached, and whether that is enough.
import { decimals, table } from './table.js'

/**
 * @typedef {object} Verdict
 * @property {string} scenario
 * @property {string} what
 * @property {string} target
 * @property {string} measured
 * @property {boolean} met  false as well when nothing was measured
 */

/**
 * @param {import('./scenarios/scenario.js').Scenario} scenario
 * @param {import('./statistics.js').Samples} samples
 * @returns {Verdict[]}
 */
export function judge(scenario, samples) {
  return scenario.targets.map((target) => {
    const { what, atLeast, atMost, digits = 2 } = target
    const value = target.measured(samples)
    const met = value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Infinity)
    const bounds = [
      ...(atLeast === undefined ? [] : [`>= ${short(atLeast)}`]),
      ...(atMost === undefined ? [] : [`<= ${short(atMost)}`]),
    ]
    return {
      scenario: scenario.name,
      what,
      target: bounds.join(' and '),
      measured: decimals(value, digits),
      met,
    }
  })
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toFixed(3)))
}

/** @param {Verdict[]} verdicts */
export function targetTable(verdicts) {
  const rows = verdicts.map(({ scenario, what, target, measured, met }) => [
    scenario,
    what,
    target,
    measured,
    met ? 'yes' : 'NO',
  ])
  return table([['scenario', 'what', 'target', 'measured', 'met?'], ...rows], 2)
}
