/**
 * Where history lies: every key begins with `metrics:` and expires by itself.
 *
 *     metrics:<kind>:<block>:<series>
 *
 * is a string of fixed size with one slot for each minute, hour or day of its block; a block is so many slots, counted from
 * 1970 in UTC, so that no calendar and no summer time comes into it. A series is `processed`, `depth`, …, or of a
 * queue (`depth:q:mail`) or a class (`done:c:Archive`); `depth:q-` and `done:c-` hold those that found no place of
 * their own.
 *
 * A slot is 0 for nothing and for none; which of both it is tell the series that count the looks: `seen` (the sampler
 * came by), `counted` (and could compare the counters with its last look), `broken` (and found them set back),
 * `reported` (workers of ours told what they did).
 *
 * Memory, measured on Redis 7.0: a series of 3 days by minutes is 25 kB. With 20 queues and 30 classes at work it comes
 * to 8 MB in all; with every place taken (200 queues, 300 classes, all of them failing too) to 55 MB, and never to more.
 */

/** How one kind of string is divided. */
export interface Layout {
  readonly kind: string
  /** What a slot is long. */
  readonly seconds: number
  /** Slots in one key. */
  readonly slots: number
  readonly bytesPerNumber: 2 | 4
  readonly isHistogram: boolean
  /** From the first write of a key on: its block and the time it is kept. */
  readonly ttlSeconds: number
}

const DAY = 86_400

export const layout = {
  /** A day; kept three days. 5,760 bytes. */
  minute: {
    kind: 'm',
    seconds: 60,
    slots: 1_440,
    bytesPerNumber: 4,
    isHistogram: false,
    ttlSeconds: 4 * DAY,
  },
  /**
   * 32 days; kept 400 days, and 96 of a queue or a class. 3,072 bytes. Written together with the minutes: the sum of its
   * minutes, always; so are the days.
   */
  hour: {
    kind: 'h',
    seconds: 3_600,
    slots: 768,
    bytesPerNumber: 4,
    isHistogram: false,
    ttlSeconds: 432 * DAY,
  },
  /** 512 days; kept 400 days. 2,048 bytes. */
  day: {
    kind: 'd',
    seconds: DAY,
    slots: 512,
    bytesPerNumber: 4,
    isHistogram: false,
    ttlSeconds: 912 * DAY,
  },
  /** Eight hours; kept eight hours. 19,200 bytes. */
  minuteHistogram: {
    kind: 'mh',
    seconds: 60,
    slots: 480,
    bytesPerNumber: 2,
    isHistogram: true,
    ttlSeconds: 16 * 3_600,
  },
  /** 32 days, of all classes together; kept 96 days. 61,440 bytes. */
  hourHistogram: {
    kind: 'hh',
    seconds: 3_600,
    slots: 768,
    bytesPerNumber: 4,
    isHistogram: true,
    ttlSeconds: 128 * DAY,
  },
  /** 512 days, of all classes together; kept 400 days. 40,960 bytes. */
  dayHistogram: {
    kind: 'dh',
    seconds: DAY,
    slots: 512,
    bytesPerNumber: 4,
    isHistogram: true,
    ttlSeconds: 912 * DAY,
  },
} as const satisfies Record<string, Layout>

export const limits = {
  /** Instead of the hours' own, of a queue or a class. */
  scopedHourTtlSeconds: 128 * DAY,
  /** Names with figures of their own; what finds no place goes to the rest. */
  queues: 200,
  classes: 300,
  /** Classes with histograms of their own. */
  timedClasses: 50,
  nameBytes: 200,
  /** How many queues the sampler looks at. */
  sampledQueues: 1_000,
  /** Who had no look for longer than this does not know when the counters rose. */
  longestLookSeconds: 120,
  /** How long it is known that a report was there before. */
  reportSeconds: 3_600,
  /** After so many seconds past activity counts half when names compete for a place. */
  queueHalfLife: DAY,
  classHalfLife: 2 * 3_600,
  deepHalfLife: 6 * 3_600,
} as const
