// @ts-check
// Medians, extremes and ratios over the rounds of a scenario.

/** @typedef {import('./child-process.js').Figures} Figures */

/** @param {number[]} values */
export function median(values) {
  return percentile(values, 50)
}

/**
 * The value at a percentile, interpolated between neighbours. Rounds that failed (NaN) are left out.
 * @param {number[]} values
 * @param {number} percent  0 to 100
 * @returns {number} NaN when there is none
 */
export function percentile(values, percent) {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const position = (percent / 100) * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

/** The figures of one scenario: for each variant, one set of figures a round. */
export class Samples {
  /** @type {Map<string, Figures[]>} */
  #rounds = new Map()

  /**
   * @param {string} label
   * @param {Figures} figures
   */
  add(label, figures) {
    const rounds = this.#rounds.get(label)
    if (rounds === undefined) this.#rounds.set(label, [figures])
    else rounds.push(figures)
  }

  /**
   * @param {string} label
   * @param {string} key
   */
  values(label, key) {
    return (this.#rounds.get(label) ?? []).map((figures) => figures[key] ?? Number.NaN)
  }

  /**
   * No round of it came to figures.
   * @param {string} label
   */
  hasFailed(label) {
    return (this.#rounds.get(label) ?? []).every((figures) => Object.keys(figures).length === 0)
  }

  /**
   * @param {string} label
   * @param {string} key
   */
  median(label, key) {
    return median(this.values(label, key))
  }

  /**
   * The median of the ratios of each round: the two of one round met the same machine.
   * @param {string} label
   * @param {string} baseline
   * @param {string} key
   */
  ratio(label, baseline, key) {
    const others = this.values(baseline, key)
    return median(this.values(label, key).map((value, i) => value / (others[i] ?? Number.NaN)))
  }

  /**
   * The median, over the rounds, of one figure as a multiple of another of the same variant.
   * @param {string} label
   * @param {string} key
   * @param {string} of
   */
  change(label, key, of) {
    const others = this.values(label, of)
    return median(this.values(label, key).map((value, i) => value / (others[i] ?? Number.NaN)))
  }

  toJSON() {
    return Object.fromEntries(this.#rounds)
  }
}
