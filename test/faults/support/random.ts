// Randomness that can be had again: FAULT_SEED=<n> repeats what a failed run printed, as far as time allows.

export interface Random {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number
  pick<T>(from: readonly T[]): T
}

/** mulberry32. Prints its seed, so that a failure can be repeated. */
export function seeded(name: string): Random {
  const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.info(`${name}: FAULT_SEED=${seed}`)
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return { next, between, pick: (from) => from[between(0, from.length - 1)] as (typeof from)[number] }
}

/** FAULT_SCALE=<n> multiplies the size of the tests that have one. */
export function scaled(count: number): number {
  return Math.round(count * Number(process.env.FAULT_SCALE ?? 1))
}
