/**
 * History as the pages show it: ranges, the figures of their charts, and which of them are gaps. It also keeps the
 * sampler going while a web process runs.
 */
import { defaults } from '../config.js'
import type { Logger } from '../context.js'
import { messageOf } from '../errors.js'
import { BUCKET_COUNT, LONGEST_MS, quantile } from '../store/histogram.js'
import { type Stretch, seriesOf } from '../store/history.js'
import { type Layout, layout } from '../store/history-layout.js'
import { Sampler } from '../store/sampler.js'
import type { Store } from '../store/store.js'
import type { WebUser } from './access/user.js'
import { type QueueFigures, readQueueFigures } from './queue-figures.js'

/** A gap (nobody looked) is null; none is 0. */
export type Figures = (number | null)[]

export interface Line {
  name: string
  values: Figures
  /** Drawn as what failed is. */
  isFailure?: true
}

/** The lines of a chart over one time axis: point i stands for `stepMs` from `fromMs + i * stepMs` on. */
export interface Plot {
  fromMs: number
  stepMs: number
  lines: Line[]
}

export interface ClassFigures {
  name: string
  done: number
  failed: number
  p50: number | null
  p95: number | null
  p99: number | null
  /** Of the time its jobs waited. */
  waitP50: number | null
  waitP95: number | null
}

/** Everything of the metrics page. Times are in milliseconds, ages in seconds, rates in jobs a minute. */
export interface HistoryView {
  range: Range
  throughput: Plot
  /** In percent of the jobs that ended. */
  failureRate: Plot
  depth: Plot
  oldest: Plot
  workers: Plot
  wait: Plot
  run: Plot
  /** The classes that ran most, in at most the last 6 hours. */
  classes: ClassFigures[]
}

export type Range = '1h' | '6h' | '24h' | '3d' | '90d' | '400d'

interface Axis {
  layout: Layout
  /** How far back, in slots. */
  count: number
  /** Slots that make one point. */
  per: number
}

interface RangeSpec {
  label: string
  figures: Axis
  /** Percentiles have an axis of their own: their minutes are kept for 8 hours alone. */
  times: Axis
}

/** The ranges there are, and how finely each is drawn: at most 144 points. */
export const ranges: Readonly<Record<Range, RangeSpec>> = {
  '1h': { label: '1 hour', figures: minutes(60, 1), times: histograms('minute', 60, 2) },
  '6h': { label: '6 hours', figures: minutes(360, 3), times: histograms('minute', 360, 5) },
  '24h': { label: '24 hours', figures: minutes(1_440, 10), times: histograms('hour', 24, 1) },
  '3d': { label: '3 days', figures: minutes(4_320, 30), times: histograms('hour', 72, 1) },
  '90d': {
    label: '90 days',
    figures: { layout: layout.hour, count: 2_160, per: 24 },
    times: histograms('hour', 2_160, 24),
  },
  '400d': {
    label: '400 days',
    figures: { layout: layout.day, count: 400, per: 4 },
    times: histograms('day', 400, 4),
  },
}

function minutes(count: number, per: number): Axis {
  return { layout: layout.minute, count, per }
}

function histograms(kind: 'minute' | 'hour' | 'day', count: number, per: number): Axis {
  return { layout: layout[`${kind}Histogram`], count, per }
}

type Viewer = Pick<WebUser, 'sees' | 'seesAll'>

/** How many queues are drawn by name, and how many classes are listed: two histograms a minute of each are read. */
const DRAWN_QUEUES = 8
const LISTED_CLASSES = 8
/** A sparkline: so many minutes, two to a point. */
const SPARK: Axis = { layout: layout.minute, count: 60, per: 2 }

/** What is usual is told by so many minutes, and by no fewer jobs. */
const USUAL = histograms('minute', 120, 1)
const ENOUGH_RUNS = 20

export interface HistoryOptions {
  store: Store
  now(): Date
  log: Logger
}

export class History {
  readonly #options: HistoryOptions
  #sampler: Sampler | undefined
  #isInTrouble = false

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** Takes part in sampling: of all processes that do, one looks. */
  start(intervalMs: number = defaults.historyIntervalMs): void {
    this.#sampler ??= new Sampler({
      history: this.#options.store.history,
      intervalMs,
      onTrouble: (error) => {
        if (!this.#isInTrouble)
          this.#options.log.warn({ err: error }, `History cannot be sampled: ${messageOf(error)}`)
        this.#isInTrouble = true
      },
    })
  }

  close(): void {
    this.#sampler?.stop()
    this.#sampler = undefined
  }

  /**
   * Two pipelines: the names, then all figures. Of queues that this user may not know of no name is shown, nor one of a
   * class, whose jobs may be in them alone; what lies in them is in the sums.
   */
  async view(range: Range, user: Viewer = { seesAll: true, sees: () => true }): Promise<HistoryView> {
    const { history } = this.#options.store
    const names = await history.names()
    const queues = names.deepQueues.filter((queue) => user.sees(queue)).slice(0, DRAWN_QUEUES)
    const classes = user.seesAll ? names.timedClasses.slice(0, LISTED_CLASSES) : []
    const { figures: axis, times } = ranges[range]
    const read = await this.#read([
      ...['processed', 'failed', 'depth', 'oldest', 'workers', 'busy', ...counters].map((series) => ({
        series,
        axis,
      })),
      ...queues.map((name) => ({ series: seriesOf('depth', 'queue', name), axis })),
      ...['wait', 'run'].map((series) => ({ series, axis: times })),
      ...classes.flatMap((name) => {
        const count = slotsOfClasses(range)
        return [
          ...['done', 'failed'].map((figure) => ({
            series: seriesOf(figure, 'class', name),
            axis: minutes(count, 1),
          })),
          ...['run', 'wait'].map((figure) => ({
            series: seriesOf(figure, 'class', name),
            axis: histograms('minute', count, 1),
          })),
        ]
      }),
    ])
    const { plot, seen, rate, total, of } = this.#frame(axis, read)
    const timed = this.#frame(times, read)
    const depths = queues.map((name) => of(seriesOf('depth', 'queue', name)))
    const rest = of('depth').map((all, i) => depths.reduce((left, each) => left - (each[i] ?? 0), all))
    return {
      range,
      throughput: plot([
        { name: 'done', values: rate(done(of)) },
        { name: 'failed', values: rate(of('failed')), isFailure: true },
      ]),
      failureRate: plot([
        { name: 'failed', values: share(total(of('failed')), total(done(of))), isFailure: true },
      ]),
      depth: plot([
        ...queues.map((name, i) => ({ name, values: seen(depths[i] as number[]) })),
        {
          name: queues.length === 0 ? 'all queues' : 'other',
          values: seen(rest.map((each) => Math.max(0, each))),
        },
      ]),
      oldest: plot([{ name: 'oldest job', values: seen(of('oldest')) }]),
      workers: plot([
        { name: 'busy', values: seen(of('busy')) },
        { name: 'all', values: seen(of('workers')) },
      ]),
      wait: timed.plot(percentiles(timed.of('wait'), times, [0.5, 0.95])),
      run: timed.plot(percentiles(timed.of('run'), times, [0.5, 0.95, 0.99])),
      classes: classes.map((name) => figuresOf(name, (figure) => of(seriesOf(figure, 'class', name)))),
    }
  }

  /** Done and failed, in jobs a minute. One pipeline. */
  async throughput(range: Range): Promise<Plot> {
    const axis = ranges[range].figures
    const read = await this.#read(['processed', 'failed', ...counters].map((series) => ({ series, axis })))
    const { plot, rate, of } = this.#frame(axis, read)
    return plot([
      { name: 'done', values: rate(done(of)) },
      { name: 'failed', values: rate(of('failed')), isFailure: true },
    ])
  }

  /**
   * Depth and age (in seconds; kept for 3 days, so all gaps beyond) of one queue, and what our workers did in it: Ruby's
   * do not say. One pipeline.
   */
  async ofQueue(name: string, range: Range): Promise<{ depth: Plot; oldest: Plot; throughput: Plot }> {
    const axis = ranges[range].figures
    const series = (figure: string) => seriesOf(figure, 'queue', name)
    const read = await this.#read(
      [...['depth', 'oldest', 'done', 'failed'].map(series), ...counters].map((each) => ({
        series: each,
        axis,
      })),
    )
    const { plot, seen, reported, of } = this.#frame(axis, read)
    const hasAge = axis.layout === layout.minute
    return {
      depth: plot([{ name: 'waiting', values: seen(of(series('depth'))) }]),
      oldest: plot([
        { name: 'oldest job', values: hasAge ? seen(of(series('oldest'))) : seen(of('')).map(() => null) },
      ]),
      throughput: plot([
        { name: 'done', values: reported(of(series('done'))) },
        { name: 'failed', values: reported(of(series('failed'))), isFailure: true },
      ]),
    }
  }

  /** How many jobs waited in each queue in the last hour, every two minutes. One pipeline for all. */
  async sparklines(queues: readonly string[]): Promise<Map<string, Figures>> {
    const series = (name: string) => seriesOf('depth', 'queue', name)
    const read = await this.#read([
      ...queues.map((name) => ({ series: series(name), axis: SPARK })),
      { series: 'seen', axis: SPARK },
    ])
    const { seen, of } = this.#frame(SPARK, read)
    return new Map(queues.map((name) => [name, seen(of(series(name)))]))
  }

  /** Of all queues at once, as they were of late; undefined where nobody looked. */
  queuesNow(): Promise<Map<string, QueueFigures> | undefined> {
    return readQueueFigures(this.#options.store.history, this.#options.now())
  }

  /**
   * How long the jobs of a class take at most, 99 of 100, in milliseconds: of classes that ran often enough in the last two
   * hours to tell. Two pipelines.
   */
  async usualMs(): Promise<Map<string, number>> {
    const { timedClasses } = await this.#options.store.history.names()
    const series = (name: string) => seriesOf('run', 'class', name)
    const read = await this.#read(timedClasses.map((name) => ({ series: series(name), axis: USUAL })))
    const usual = new Map<string, number>()
    for (const name of timedClasses) {
      const counts = added(Array.from(read.get(series(name)) as Uint32Array))
      const p99 = quantile(counts, 0.99)
      // Of the longest ones nothing more is known.
      if (p99 !== null && sum(counts) >= ENOUGH_RUNS && p99 < LONGEST_MS) usual.set(name, p99)
    }
    return usual
  }

  /** The slot that is not over yet is left out. */
  #end({ layout: { seconds } }: Axis): number {
    return Math.floor(this.#options.now().getTime() / 1_000 / seconds)
  }

  async #read(wanted: readonly { series: string; axis: Axis }[]): Promise<Map<string, Uint32Array>> {
    const stretches = wanted.map(({ series, axis }): Stretch => {
      const { layout, count } = axis
      return { layout, series, from: this.#end(axis) - count, count }
    })
    const numbers = await this.#options.store.history.read(stretches)
    return new Map(wanted.map(({ series }, i) => [series, numbers[i] as Uint32Array]))
  }

  /** What can be made of numbers that were read along one axis. */
  #frame(axis: Axis, read: ReadonlyMap<string, Uint32Array>) {
    const { count, per, layout } = axis
    const of = (series: string): number[] => Array.from(read.get(series) ?? new Uint32Array(count))
    const looked = of('seen')
    const compared = of('counted')
    const broken = of('broken')
    const told = of('reported')
    // Of longer slots the break is a small part.
    const isCounted = (i: number) => (compared[i] ?? 0) > 0 && (layout.seconds > 60 || (broken[i] ?? 0) === 0)
    const isSeen = (i: number) => (looked[i] ?? 0) > 0
    const isTold = (i: number) => (told[i] ?? 0) > 0
    const perMinute = 60 / layout.seconds
    return {
      of,
      plot: (lines: Line[]): Plot => ({
        fromMs: (this.#end(axis) - count) * layout.seconds * 1_000,
        stepMs: layout.seconds * per * 1_000,
        lines,
      }),
      /** The highest of each point. */
      seen: (values: readonly number[]): Figures => grouped(values, per, isSeen, (some) => Math.max(...some)),
      /** The sum of each point. */
      total: (values: readonly number[]): Figures => grouped(values, per, isCounted, sum),
      /** Per minute, of the minutes that are known. */
      rate: (values: readonly number[]): Figures =>
        grouped(values, per, isCounted, (some) => (sum(some) / some.length) * perMinute),
      reported: (values: readonly number[]): Figures =>
        grouped(values, per, isTold, (some) => (sum(some) / some.length) * perMinute),
    }
  }
}

/** The series that tell nothing from none. */
const counters = ['seen', 'counted', 'broken', 'reported'] as const

/** By class there are minutes alone, and of times no more than a page may read. */
function slotsOfClasses(range: Range): number {
  return range === '1h' ? 60 : 360
}

/** Ruby counts a job that failed as processed; ours count a death as failed alone. */
function done(of: (series: string) => number[]): number[] {
  const failed = of('failed')
  return of('processed').map((each, i) => Math.max(0, each - (failed[i] ?? 0)))
}

/** One point for each group of slots, of those that are known; null where none is. */
function grouped(
  values: readonly number[],
  per: number,
  isKnown: (slot: number) => boolean,
  join: (some: number[]) => number,
): Figures {
  const points: Figures = []
  for (let start = 0; start < values.length; start += per) {
    const known = values.slice(start, start + per).filter((_, i) => isKnown(start + i))
    points.push(known.length > 0 ? join(known) : null)
  }
  return points
}

function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0)
}

function share(failed: Figures, done: Figures): Figures {
  return failed.map((each, i) => {
    const all = (each ?? 0) + (done[i] ?? 0)
    return each === null || all === 0 ? null : (100 * each) / all
  })
}

/** Where no job ended there is no time: a gap. */
function percentiles(numbers: readonly number[], { count, per }: Axis, shares: readonly number[]): Line[] {
  const points: number[][] = []
  for (let start = 0; start < count; start += per)
    points.push(added(numbers.slice(start * BUCKET_COUNT, (start + per) * BUCKET_COUNT)))
  return shares.map((share) => ({
    name: `p${Math.round(100 * share)}`,
    values: points.map((counts) => quantile(counts, share)),
  }))
}

/** Histograms in a row, as one. */
function added(numbers: readonly number[]): number[] {
  const counts = new Array<number>(BUCKET_COUNT).fill(0)
  numbers.forEach((each, i) => {
    counts[i % BUCKET_COUNT] = (counts[i % BUCKET_COUNT] as number) + each
  })
  return counts
}

function figuresOf(name: string, of: (figure: string) => number[]): ClassFigures {
  const counts = added(of('run'))
  const [p50 = null, p95 = null, p99 = null] = [0.5, 0.95, 0.99].map((share) => quantile(counts, share))
  const waits = added(of('wait'))
  const [waitP50 = null, waitP95 = null] = [0.5, 0.95].map((share) => quantile(waits, share))
  return { name, done: sum(of('done')), failed: sum(of('failed')), p50, p95, p99, waitP50, waitP95 }
}
