/**
 * Charts as inline SVG, made on the server: they need no script and no style of their own, and hold for any text.
 *
 * The drawing is stretched to its box, so that it fits a phone as well as a wall; letters would be stretched with it and
 * stand beside it as HTML. Lines differ by their dashes and by name, not by colour alone. Behind each chart lies its
 * table, and each twenty-fourth of its width says its figures when pointed at.
 */
import type { Marker } from '../../store/markers.js'
import type { Figures, Line, Plot } from '../history.js'
import {
  MarkerCell,
  markersInWords,
  type Spot,
  SpotLabels,
  SpotLines,
  spotsOf,
  spotText,
} from './chart-markers.js'
import { exact, shown } from './text.js'

export interface ChartProps {
  /** Unique on the page, and a valid id. */
  id: string
  title: string
  plot: Plot
  /** A figure as a person reads it, with its unit. */
  format(value: number): string
  /** What a gap means. */
  gap?: string
  /** How figures are put together in the table: the mean (of rates), or the highest (default). */
  fold?: 'mean' | 'max'
  /** Where the scale may end, in the unit of the figures; the half of each should be a round number too. */
  steps?: readonly number[]
  /** What happened when; those outside of the time shown are left out. */
  markers?: readonly Marker[]
}

const WIDTH = 600
const HEIGHT = 200
/** Rows of the table, and columns that can be pointed at. */
const COLUMNS = 24
/** Styles of lines in the style sheet. */
const STYLES = 9

export function Chart({
  id,
  title,
  plot,
  format,
  gap = 'not recorded',
  fold = 'max',
  steps = [],
  markers = [],
}: ChartProps) {
  const { lines } = plot
  const all = lines.flatMap(({ values }) => values.filter((value) => value !== null))
  const top = niceTop(Math.max(0, ...all), steps)
  const gaps = gapsOf(lines)
  const parts = folded(plot, fold)
  const spots = spotsOf(markers, plot.fromMs, endOf(plot))
  const name = `${id}-title`
  const about = `${id}-about`
  if (all.length === 0)
    return (
      <figure class="chart">
        <figcaption id={name}>{title}</figcaption>
        <p class="empty">Nothing to draw: {gap}.</p>
      </figure>
    )
  return (
    <figure class="chart">
      <figcaption id={name}>{title}</figcaption>
      {spots.length > 0 && <SpotLabels spots={spots} />}
      <div class="chart-box">
        <div class="chart-y" aria-hidden="true">
          <span>{format(top)}</span>
          <span>{format(top / 2)}</span>
          <span>{format(0)}</span>
        </div>
        <svg
          class="chart-plot"
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-labelledby={`${id}-name`}
          aria-describedby={about}
        >
          <title id={`${id}-name`}>{title}</title>
          <desc id={about}>{summary(plot, format) + markersInWords(spots)}</desc>
          {[0, 0.5, 1].map((share) => (
            <line class="chart-grid" x1="0" x2={WIDTH} y1={HEIGHT * share} y2={HEIGHT * share} />
          ))}
          {gaps.map(([from, to]) => (
            <rect
              class="chart-gap"
              x={round((WIDTH * from) / pointCount(lines))}
              width={round((WIDTH * (to - from)) / pointCount(lines))}
              y="0"
              height={HEIGHT}
            />
          ))}
          {lines.map((line, i) => (
            <path class={`chart-line ${styleOf(i, line)}`} d={pathOf(line.values, top)} />
          ))}
          <SpotLines spots={spots} width={WIDTH} height={HEIGHT} />
          {parts.map((part, i) => (
            <rect
              class="chart-hover"
              x={(WIDTH * i) / parts.length}
              width={WIDTH / parts.length}
              y="0"
              height={HEIGHT}
            >
              <title>{told(part, lines, format, gap) + markersTold(spots, part)}</title>
            </rect>
          ))}
        </svg>
      </div>
      <TimeAxis plot={plot} />
      <Legend lines={lines} gap={gaps.length > 0 ? gap : undefined} hasMarkers={spots.length > 0} />
      <details class="chart-data">
        <summary>
          Figures <span class="hidden">of {title}</span>
        </summary>
        <section tabindex={0} aria-labelledby={name}>
          <table>
            <caption>
              {fold === 'mean' ? 'Mean' : 'Highest'} of each step, newest first. Times are in UTC.
            </caption>
            <thead>
              <tr>
                <th scope="col">From</th>
                {lines.map((line) => (
                  <th scope="col" class="end">
                    <bdi>{shown(line.name, 60)}</bdi>
                  </th>
                ))}
                {spots.length > 0 && <th scope="col">Deploys</th>}
              </tr>
            </thead>
            <tbody>
              {[...parts].reverse().map(({ fromMs, toMs, values }) => (
                <tr>
                  <th scope="row">{minuteOf(fromMs)}</th>
                  {values.map((value) => (
                    <td class="end num">{value === null ? '–' : format(value)}</td>
                  ))}
                  {spots.length > 0 && <MarkerCell markers={within(spots, fromMs, toMs)} />}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  )
}

/** A line without axes, for a row of a table. `label` says in words what it shows. */
export function Sparkline({ values, label }: { values: Figures; label: string }) {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return <span class="faint">–</span>
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class={`chart-line ${styleOf(0)}`} d={pathOf(values, Math.max(1, ...known))} />
    </svg>
  )
}

function Legend({
  lines,
  gap,
  hasMarkers,
}: {
  lines: readonly Line[]
  gap: string | undefined
  hasMarkers: boolean
}) {
  return (
    <ul class="chart-legend">
      {lines.map((line, i) => (
        <li>
          <svg class="chart-key" viewBox="0 0 32 10" width="32" height="10" aria-hidden="true">
            <path class={`chart-line ${styleOf(i, line)}`} d="M1 5h30" />
          </svg>
          <bdi>{shown(line.name, 60)}</bdi>
        </li>
      ))}
      {gap !== undefined && (
        <li>
          <svg class="chart-key" viewBox="0 0 32 10" width="32" height="10" aria-hidden="true">
            <rect class="chart-gap" width="32" height="10" />
          </svg>
          {gap}
        </li>
      )}
      {hasMarkers && (
        <li>
          <svg class="chart-key" viewBox="0 0 32 10" width="32" height="10" aria-hidden="true">
            <path class="chart-marker" d="M16 0v10" />
          </svg>
          deploy
        </li>
      )}
    </ul>
  )
}

function TimeAxis({ plot }: { plot: Plot }) {
  const span = endOf(plot) - plot.fromMs
  return (
    <div class="chart-x" aria-hidden="true">
      <span>UTC</span>
      <div>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span>{tick(plot.fromMs + span * share, span)}</span>
        ))}
      </div>
    </div>
  )
}

/** One step of the table. */
interface Part {
  fromMs: number
  toMs: number
  values: Figures
}

function pointCount(lines: readonly Line[]): number {
  return lines[0]?.values.length ?? 0
}

function endOf({ fromMs, stepMs, lines }: Plot): number {
  return fromMs + stepMs * pointCount(lines)
}

function within(spots: readonly Spot[], fromMs: number, toMs: number): Marker[] {
  return spots.flatMap(({ markers }) => markers).filter(({ at }) => +at >= fromMs && +at < toMs)
}

/** As the drawing has them: a spot belongs to the part in which its line stands. */
function markersTold(spots: readonly Spot[], { fromMs, toMs }: Part): string {
  const here = spots.filter(({ markers: [first] }) => first && +first.at >= fromMs && +first.at < toMs)
  return here.map((spot) => `\n${spotText(spot)}`).join('')
}

function styleOf(index: number, line?: Line): string {
  return line?.isFailure ? 'chart-line-failed' : `chart-line-${(index % STYLES) + 1}`
}

/** A path that is broken where a value is null. A point between two gaps is a dot. */
export function pathOf(values: Figures, top: number): string {
  const width = WIDTH / values.length
  let path = ''
  values.forEach((value, i) => {
    if (value === null) return
    const x = round((i + 0.5) * width)
    const y = round(HEIGHT - (HEIGHT * Math.min(value, top)) / top)
    const starts = i === 0 || values[i - 1] === null
    const ends = i === values.length - 1 || values[i + 1] === null
    path += `${starts ? 'M' : 'L'}${x} ${y}${starts && ends ? 'h.01' : ''}`
  })
  return path
}

/** Where no line has a figure: pairs of the first point, and the one after the last. */
function gapsOf(lines: readonly Line[]): [number, number][] {
  const gaps: [number, number][] = []
  for (let i = 0; i < pointCount(lines); i++) {
    if (lines.some(({ values }) => values[i] !== null)) continue
    const last = gaps.at(-1)
    if (last?.[1] === i) last[1] = i + 1
    else gaps.push([i, i + 1])
  }
  return gaps
}

function folded({ fromMs, stepMs, lines }: Plot, fold: 'mean' | 'max'): Part[] {
  const count = pointCount(lines)
  const per = Math.max(1, Math.ceil(count / COLUMNS))
  const parts: Part[] = []
  for (let start = 0; start < count; start += per) {
    const end = Math.min(count, start + per)
    parts.push({
      fromMs: fromMs + start * stepMs,
      toMs: fromMs + end * stepMs,
      values: lines.map(({ values }) => foldedOne(values.slice(start, end), fold)),
    })
  }
  return parts
}

function foldedOne(values: Figures, fold: 'mean' | 'max'): number | null {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return null
  return fold === 'max' ? Math.max(...known) : known.reduce((sum, each) => sum + each, 0) / known.length
}

function told(
  { fromMs, toMs, values }: Part,
  lines: readonly Line[],
  format: ChartProps['format'],
  gap: string,
): string {
  const figures = values.every((value) => value === null)
    ? gap
    : lines
        .map(({ name }, i) => ({ name, value: values[i] ?? null }))
        .filter(({ value }) => value !== null)
        .map(({ name, value }) => `${shown(name, 60)}: ${format(value as number)}`)
        .join('\n')
  const isLong = toMs - fromMs >= 86_400_000
  return `${minuteOf(fromMs)} – ${isLong ? minuteOf(toMs) : minuteOf(toMs).slice(11)}\n${figures}`
}

/** The chart in a sentence, for who does not see it. */
function summary(plot: Plot, format: ChartProps['format']): string {
  const { fromMs, lines } = plot
  const each = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null)
    const last = known.at(-1)
    if (last === undefined) return `${shown(name, 60)}: no figures`
    return `${shown(name, 60)}: last ${format(last)}, highest ${format(Math.max(...known))}`
  })
  const from = exact(new Date(fromMs))
  const to = exact(new Date(endOf(plot)))
  return `From ${from} to ${to}. ${each.join('; ')}.`
}

/** A round number at or above the highest, whose half is round as well. */
export function niceTop(highest: number, steps: readonly number[] = []): number {
  const fitting = steps.find((step) => step >= highest)
  if (fitting !== undefined) return fitting
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)))
  return ([2, 4, 6].find((each) => each * power >= highest) ?? 10) * power
}

function round(value: number): number {
  return Math.round(value)
}

/** `2026-11-24 02:14`. */
function minuteOf(ms: number): string {
  return exact(new Date(ms)).slice(0, 16)
}

/** As much of a time as tells one from the next. */
function tick(ms: number, spanMs: number): string {
  const text = minuteOf(ms)
  const day = 86_400_000
  if (spanMs <= day) return text.slice(11)
  return spanMs <= 4 * day ? text.slice(5) : text.slice(0, 10)
}
