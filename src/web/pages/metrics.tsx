/**
 * What was: charts over an hour to four hundred days; and what is, for Prometheus.
 */
import { type Context, Hono } from 'hono'
import type { Marker } from '../../store/markers.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { type ClassFigures, type HistoryView, type Range, ranges } from '../history.js'
import { wordParam } from '../params.js'
import { prometheusText } from '../prometheus.js'
import { url } from '../url.js'
import { Chart } from '../views/chart.js'
import { Link, Name, type View } from '../views/components.js'
import { page } from '../views/layout.js'
import { duration, rate, thousands } from '../views/text.js'
import { MarkerTable } from './markers.js'

const rangeNames = Object.keys(ranges) as Range[]

export function metricsPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/metrics', needs('viewer'), async (c) => {
    const range = wordParam(c, 'range', rangeNames, '24h')
    const view = await web.history.view(range, currentUser(c))
    const markers = await web.figures.markers()
    return page(
      c,
      web,
      { title: 'Metrics', tab: '/metrics' },
      <Metrics web={web} c={c} view={view} markers={markers} />,
    )
  })
  pages.get('/metrics.prom', needs('viewer'), async (c) => prometheus(c, web))
  return pages
}

async function prometheus(c: Context<WebEnv>, web: WebContext): Promise<Response> {
  const [snapshot, figures] = await Promise.all([web.snapshots.get(currentUser(c)), web.figures.queues()])
  return c.body(prometheusText(snapshot, figures), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  })
}

function Metrics({ web, c, view, markers }: View & { view: HistoryView; markers: Marker[] }) {
  const { range } = view
  return (
    <>
      <link rel="stylesheet" href={url(web, web.assets.path('chart.css'))} />
      <div class="section-head">
        <h1>Metrics</h1>
        <nav class="subtabs" aria-label="Range">
          {rangeNames.map((name) => (
            <Link web={web} to="/metrics" query={{ range: name }} current={name === range}>
              {ranges[name].label}
            </Link>
          ))}
        </nav>
      </div>
      <div class="charts">
        <Chart
          id="throughput"
          title="Jobs a minute"
          plot={view.throughput}
          markers={markers}
          format={(value) => `${rate(value)}/min`}
          fold="mean"
        />
        <Chart
          id="failure-rate"
          title="Failed, of the jobs that ended"
          plot={view.failureRate}
          markers={markers}
          format={percent}
          gap="no jobs, or not recorded"
          steps={[2, 10, 20, 50, 100]}
        />
        <div class="chart-wide">
          <Chart
            id="depth"
            title="Jobs waiting"
            plot={view.depth}
            markers={markers}
            format={(value) => thousands(Math.round(value))}
          />
        </div>
        <Chart
          id="oldest"
          title="The oldest waiting job has waited at least"
          plot={view.oldest}
          markers={markers}
          format={(value) => duration(value * 1_000)}
          steps={ageSteps}
        />
        <Chart
          id="workers"
          title="Workers"
          plot={view.workers}
          markers={markers}
          format={(value) => thousands(Math.ceil(value))}
        />
        <Chart
          id="run"
          title="Run time, of jobs on workers of this package"
          plot={view.run}
          markers={markers}
          format={milliseconds}
          gap="no jobs, or not recorded"
          steps={timeSteps}
        />
        <Chart
          id="wait"
          title="Wait time, of jobs that say when they were enqueued"
          plot={view.wait}
          markers={markers}
          format={milliseconds}
          gap="no such jobs, or not recorded"
          steps={timeSteps}
        />
      </div>
      <MarkerTable web={web} c={c} markers={markers} fromMs={view.throughput.fromMs} />
      {currentUser(c).seesAll && <Classes classes={view.classes} range={range} />}
      <Method />
    </>
  )
}

function Classes({ classes, range }: { classes: readonly ClassFigures[]; range: Range }) {
  const span = ranges[range === '1h' ? '1h' : '6h'].label
  return (
    <section aria-labelledby="classes-title">
      <div class="section-head">
        <h2 id="classes-title">Classes, last {span}</h2>
      </div>
      {classes.length === 0 ? (
        <p class="empty">No worker of this package has told of its jobs.</p>
      ) : (
        <table class="cards">
          <caption class="hidden">
            Jobs, run times and wait times by class, on workers of this package
          </caption>
          <thead>
            <tr>
              <th scope="col">Class</th>
              {['Done', 'Failed', 'Run p50', 'Run p95', 'Run p99', 'Wait p50', 'Wait p95'].map((name) => (
                <th scope="col" class="end">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map(({ name, done, failed, ...times }) => (
              <tr>
                <th scope="row">
                  <Name>{name}</Name>
                </th>
                <td class="end num" data-label="Done">
                  {thousands(done)}
                </td>
                <td class="end num" data-label="Failed">
                  {thousands(failed)}
                </td>
                {timesOf(times).map(([label, value]) => (
                  <td class="end num" data-label={label}>
                    {value === null ? '–' : milliseconds(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function timesOf(
  of: Omit<ClassFigures, 'name' | 'done' | 'failed'>,
): [label: string, value: number | null][] {
  const { p50, p95, p99, waitP50, waitP95 } = of
  return [
    ['Run p50', p50],
    ['Run p95', p95],
    ['Run p99', p99],
    ['Wait p50', waitP50],
    ['Wait p95', waitP95],
  ]
}

function Method() {
  return (
    <details>
      <summary>How these figures come about</summary>
      <p>
        Every ten seconds one process reads Redis&rsquo; counters, the length of each queue and the registered
        workers. That holds for workers in any language. A counter that was set back leaves a gap, and so does
        a time when nobody looked.
      </p>
      <p>
        The age of the oldest job is a lower bound: most jobs do not say when they were enqueued, so it is how
        long ago the first job in the queue was surely there already. A queue that somebody cut or reordered
        by hand may mislead it.
      </p>
      <p>
        In the table of queues, what went out of a queue is the jobs that ended, as workers of this package
        tell; what came in is that, and what the queue has grown by. Where a worker of Ruby takes from it too,
        or where jobs were removed, it is not known.
      </p>
      <p>
        Run times are told by workers of this package, in steps of about two; what is above an hour counts as
        an hour. Wait times are known only of jobs whose payload says when they were enqueued.
      </p>
    </details>
  )
}

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR
/** Where a scale of time may end. */
const timeSteps = [
  ...[2, 4, 10, 20, 40, 100, 200, 400],
  ...[1, 2, 4, 10, 20, 30, 60, 120, 240, 600, 1_200, 1_800].map((seconds) => seconds * SECOND),
  ...[1, 2, 4, 8, 12].map((hours) => hours * HOUR),
  ...[1, 2, 4, 6, 14, 30, 60, 120, 400].map((days) => days * DAY),
]
const ageSteps = timeSteps.map((ms) => ms / SECOND).filter((seconds) => seconds >= 2)

function percent(value: number): string {
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toPrecision(1)} %`
}

function milliseconds(value: number): string {
  if (value < 1_000) return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ms`
  return value < 10_000 ? `${Number((value / 1_000).toPrecision(2))} s` : duration(value)
}
