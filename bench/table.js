// @ts-check
// Tables that are aligned for a terminal and are Markdown at the same time.

/** @typedef {import('./statistics.js').Samples} Samples */

/**
 * @typedef {object} Column
 * @property {string} key  which figure
 * @property {string} title
 * @property {number} [digits]  after the point
 * @property {boolean} [range]  also show the smallest and the largest
 */

/** @type {Column[]} */
export const THROUGHPUT_COLUMNS = [
  { key: 'perSecond', title: 'jobs/s', range: true },
  { key: 'nodeCpu', title: 'node CPU s/10k', digits: 3 },
  { key: 'redisCpu', title: 'Redis CPU s/10k', digits: 3 },
  { key: 'commands', title: 'Redis cmds/job', digits: 3 },
  { key: 'networkBytes', title: 'net B/job', digits: 0 },
  { key: 'rssMiB', title: 'RSS MiB', digits: 0 },
]

/**
 * One row a variant. The ratio is that of the first column, to the baseline.
 * @param {Samples} samples
 * @param {string[]} labels
 * @param {Column[]} columns
 * @param {string | undefined} baseline
 */
export function scenarioTable(samples, labels, columns, baseline) {
  const first = columns[0]
  const compared = baseline !== undefined && first !== undefined
  const head = ['', ...columns.map((column) => column.title)]
  if (compared) head.splice(2, 0, `× ${baseline}`)
  const rows = labels.map((label) => {
    const cells = [label, ...columns.map((column) => cell(samples, label, column))]
    if (compared) cells.splice(2, 0, decimals(samples.ratio(label, baseline, first.key), 2))
    return cells
  })
  return table([head, ...rows])
}

/**
 * @param {Samples} samples
 * @param {string} label
 * @param {Column} column
 */
function cell(samples, label, column) {
  const values = samples.values(label, column.key).filter(Number.isFinite)
  if (values.length === 0) return samples.hasFailed(label) ? 'failed' : '–'
  const middle = decimals(samples.median(label, column.key), column.digits ?? 0)
  if (column.range !== true || values.length === 1) return middle
  const low = decimals(Math.min(...values), column.digits ?? 0)
  const high = decimals(Math.max(...values), column.digits ?? 0)
  return `${middle} (${low}–${high})`
}

/**
 * @param {string[][]} rows  the first is the head
 * @param {number} [texts]  how many columns, from the left, hold text
 */
export function table(rows, texts = 1) {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(3, ...rows.map((row) => width(row[i]))))
  const line = (/** @type {string[]} */ row) =>
    `| ${widths.map((wide, i) => pad(row[i] ?? '', wide, i >= texts)).join(' | ')} |`
  const dashes = widths.map((wide, i) => `${'-'.repeat(wide + 1)}${i >= texts ? ':' : '-'}`)
  const rule = `|${dashes.join('|')}|`
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)].join('\n')
}

/** @param {string | undefined} text */
function width(text) {
  return text?.length ?? 0
}

/**
 * @param {string} text
 * @param {number} wide
 * @param {boolean} right
 */
function pad(text, wide, right) {
  return right ? text.padStart(wide) : text.padEnd(wide)
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function decimals(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}
