/**
 * Markers on a chart: a thin line for each, and above the drawing what it says. Those that lie too near to each other to
 * be told apart are one line, with their number.
 *
 * Their texts are a drawing of their own, that is not stretched; each ends, with dots, where the next begins.
 */
import type { Marker } from '../../store/markers.js'
import { exact, shown } from './text.js'

/** One line of the drawing. */
export interface Spot {
  /** From 0 at the left to 1 at the right. */
  share: number
  markers: Marker[]
}

/** Nearer than this share of the width is one spot. */
const NEAR = 1 / 24
/** Right of this a text is written to the left of its line. */
const LATE = 0.8
/** Between one text and the next. */
const GAP = 0.012
/** In a cell of the table, and in the description. */
const NAMED = 3

/** The markers within a span of time, the oldest first, put together where they are too near. */
export function spotsOf(markers: readonly Marker[], fromMs: number, toMs: number): Spot[] {
  const spots: Spot[] = []
  const inside = markers.filter(({ at }) => at.getTime() >= fromMs && at.getTime() < toMs)
  for (const marker of inside.sort((a, b) => a.at.getTime() - b.at.getTime())) {
    const share = (marker.at.getTime() - fromMs) / (toMs - fromMs)
    const last = spots.at(-1)
    if (last && share - last.share < NEAR) last.markers.push(marker)
    else spots.push({ share, markers: [marker] })
  }
  return spots
}

/** The label, or how many there are. */
export function spotText({ markers: [first, ...more] }: Spot): string {
  return more.length > 0 ? `${more.length + 1} deploys` : shown(first?.label ?? '', 80)
}

export function SpotLines({
  spots,
  width,
  height,
}: {
  spots: readonly Spot[]
  width: number
  height: number
}) {
  return (
    <>
      {spots.map(({ share }) => {
        const x = Math.round(share * width)
        return <line class="chart-marker" x1={x} x2={x} y1="0" y2={height} />
      })}
    </>
  )
}

/** What the lines are; the table and the description say it to who does not see it. */
export function SpotLabels({ spots }: { spots: readonly Spot[] }) {
  const isLast = (i: number) => i === spots.length - 1
  // The last one has its text at the left where there is no room at the right, and shares that with the one before.
  const isFlipped = (i: number) => isLast(i) && (spots[i]?.share ?? 0) > LATE
  const middle = (i: number) => ((spots[i - 1]?.share ?? 0) + (spots[i]?.share ?? 0)) / (i === 0 ? 1 : 2)
  return (
    <div class="chart-labels">
      <svg width="100%" height="16" aria-hidden="true">
        {spots.map((spot, i) => {
          const from = isFlipped(i) ? (i === 0 ? 0 : middle(i)) : spot.share
          const to = isFlipped(i)
            ? spot.share
            : isLast(i)
              ? 1
              : isFlipped(i + 1)
                ? middle(i + 1)
                : spots[i + 1]?.share
          return (
            <svg x={percent(from)} width={percent((to ?? 1) - from - GAP)} height="16">
              <title>{spot.markers.slice(-NAMED).map(sentence).join('\n')}</title>
              <foreignObject width="100%" height="100%">
                <div class={isFlipped(i) ? 'end' : undefined}>{spotText(spot)}</div>
              </foreignObject>
            </svg>
          )
        })}
      </svg>
    </div>
  )
}

/** Of a row of the table: a few by name, and how many more. */
export function MarkerCell({ markers }: { markers: readonly Marker[] }) {
  return (
    <td>
      {markers.slice(0, NAMED).map(({ label, at }, i) => (
        <>
          {i > 0 && ', '}
          <bdi>{shown(label, 80)}</bdi> <span class="faint num">{minute(at)}</span>
        </>
      ))}
      {markers.length > NAMED && ` and ${markers.length - NAMED} more`}
    </td>
  )
}

/** ` Deploys: v1.2 at 2026-11-24 02:14.`, the newest; '' where there are none. */
export function markersInWords(spots: readonly Spot[]): string {
  const all = spots.flatMap(({ markers }) => markers)
  if (all.length === 0) return ''
  const more = all.length > NAMED ? `, and ${all.length - NAMED} before` : ''
  return ` Deploys: ${all.slice(-NAMED).reverse().map(sentence).join('; ')}${more}.`
}

function sentence({ label, at }: Marker): string {
  return `${shown(label, 80)} at ${minute(at)}`
}

function minute(at: Date): string {
  return exact(at).slice(0, 16)
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`
}
