/**
 * The charts beside the present: the last hour on the overview, the last day of one queue. Nothing stands there where
 * nothing was recorded.
 */
import type { Marker } from '../../store/markers.js'
import type { WebContext } from '../context.js'
import type { Plot } from '../history.js'
import { url } from '../url.js'
import { Chart } from './chart.js'
import { Link } from './components.js'
import { duration, thousands } from './text.js'

const HOUR = 3_600
/** Where a scale of ages may end, in seconds. */
const ages = [2, 4, 10, 20, 60, 120, 240, 600, 1_200, 1_800, HOUR, 2 * HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR]

export function LastHour({ web, plot, markers }: { web: WebContext; plot: Plot; markers: Marker[] }) {
  if (isEmpty(plot)) return null
  return (
    <section class="later" aria-labelledby="last-hour">
      <Style web={web} />
      <div class="section-head">
        <h2 id="last-hour">Last hour</h2>
        <Link web={web} to="/metrics">
          Metrics
        </Link>
      </div>
      <Chart
        id="throughput"
        title="Jobs a minute"
        plot={plot}
        markers={markers}
        format={(value) => `${thousands(Math.round(value * 10) / 10)}/min`}
        fold="mean"
      />
    </section>
  )
}

export function QueueCharts({
  web,
  depth,
  oldest,
  markers,
}: {
  web: WebContext
  depth: Plot
  oldest: Plot
  markers: Marker[]
}) {
  if (isEmpty(depth) && isEmpty(oldest)) return null
  return (
    <section aria-labelledby="last-day" class="stack">
      <Style web={web} />
      <h2 id="last-day">Last 24 hours</h2>
      <div class="charts">
        <Chart
          id="depth"
          title="Jobs waiting"
          plot={depth}
          markers={markers}
          format={(value) => thousands(Math.round(value))}
        />
        <Chart
          id="oldest"
          title="The oldest has waited at least"
          plot={oldest}
          markers={markers}
          format={(value) => duration(value * 1_000)}
          steps={ages}
        />
      </div>
    </section>
  )
}

function Style({ web }: { web: WebContext }) {
  return <link rel="stylesheet" href={url(web, web.assets.path('chart.css'))} />
}

function isEmpty({ lines }: Plot): boolean {
  return lines.every(({ values }) => values.every((value) => value === null))
}
