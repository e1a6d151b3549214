/**
 * Durations counted in buckets: the borders, and what can be read out of the counts again.
 */

/** Of what is longer no more is known. */
export const LONGEST_MS = 3_600_000

/** Bucket i holds durations below border i; the last bucket what is longer than all. A 1-2-5 scale, then people's units. */
const bucketBordersMs = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  20_000,
  60_000,
  120_000,
  300_000,
  900_000,
  LONGEST_MS,
] as const

export const BUCKET_COUNT = bucketBordersMs.length + 1

export function bucketOf(durationMs: number): number {
  let bucket = 0
  while (bucket < bucketBordersMs.length && durationMs >= (bucketBordersMs[bucket] as number)) bucket++
  return bucket
}

/**
 * The duration that this share (0 to 1) of the counted ones does not exceed, in milliseconds, or null where nothing was
 * counted. It is off by less than the width of its bucket; of what is longer than the last border no more is known.
 */
export function quantile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0
  for (let i = 0; i < BUCKET_COUNT; i++) total += counts[i] ?? 0
  if (total === 0) return null
  const wanted = share * total
  let below = 0
  for (let i = 0; i < bucketBordersMs.length; i++) {
    const here = counts[i] ?? 0
    if (here > 0 && below + here >= wanted) {
      const from = i === 0 ? 0 : (bucketBordersMs[i - 1] as number)
      return from + ((bucketBordersMs[i] as number) - from) * Math.max(0, (wanted - below) / here)
    }
    below += here
  }
  return LONGEST_MS
}
