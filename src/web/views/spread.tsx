/**
 * How many jobs wait for which hour: bars, with the figures behind them as a table.
 */
import type { DelayedSpread } from '../../store/delayed-glance.js'
import { niceTop } from './chart.js'
import { exact, plural, thousands } from './text.js'

const WIDTH = 600
const HEIGHT = 200
const HOUR_MS = 3_600_000

export function Spread({ spread, from }: { spread: DelayedSpread; from: Date }) {
  const { counts, what } = spread
  const top = niceTop(Math.max(...counts))
  const width = WIDTH / counts.length
  const word = what === 'jobs' ? 'job' : 'time'
  const all = counts.reduce((sum, count) => sum + count, 0)
  const hours = counts.map((count, i) => ({ count, at: new Date(from.getTime() + i * HOUR_MS) }))
  const title = `${what === 'jobs' ? 'Jobs' : 'Times that have jobs'} by hour, next ${counts.length} hours`
  return (
    <figure class="chart">
      <figcaption id="spread-title">{title}</figcaption>
      <div class="chart-box">
        <div class="chart-y" aria-hidden="true">
          <span>{thousands(top)}</span>
          <span>{thousands(top / 2)}</span>
          <span>0</span>
        </div>
        <svg
          class="chart-plot"
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-labelledby="spread-name"
          aria-describedby="spread-about"
        >
          <title id="spread-name">{title}</title>
          <desc id="spread-about">
            {`${plural(all, word)} from ${exact(from)} on; most in one hour: ${thousands(Math.max(...counts))}.`}
          </desc>
          {[0, 0.5, 1].map((share) => (
            <line class="chart-grid" x1="0" x2={WIDTH} y1={HEIGHT * share} y2={HEIGHT * share} />
          ))}
          {hours.map(({ count, at }, i) => {
            const height = count === 0 ? 0 : Math.max(2, Math.round((HEIGHT * count) / top))
            return (
              <>
                {count > 0 && (
                  <rect
                    class="chart-bar"
                    x={i * width + 1}
                    width={width - 2}
                    y={HEIGHT - height}
                    height={height}
                  />
                )}
                <rect class="chart-hover" x={i * width} width={width} y="0" height={HEIGHT}>
                  <title>{`${hourOf(at)} – ${hourOf(new Date(at.getTime() + HOUR_MS)).slice(11)} UTC\n${plural(count, word)}`}</title>
                </rect>
              </>
            )
          })}
        </svg>
      </div>
      <div class="chart-x" aria-hidden="true">
        <span>UTC</span>
        <div>
          {[0, 0.25, 0.5, 0.75, 1].map((share) => (
            <span>{hourOf(new Date(from.getTime() + share * counts.length * HOUR_MS)).slice(5)}</span>
          ))}
        </div>
      </div>
      <details class="chart-data">
        <summary>
          Figures <span class="hidden">of {title}</span>
        </summary>
        <section tabindex={0} aria-labelledby="spread-title">
          <table>
            <caption>Hours that have {what}. Times are in UTC.</caption>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" class="end">
                  {what === 'jobs' ? 'Jobs' : 'Times'}
                </th>
              </tr>
            </thead>
            <tbody>
              {hours
                .filter(({ count }) => count > 0)
                .map(({ count, at }) => (
                  <tr>
                    <th scope="row">{hourOf(at)}</th>
                    <td class="end num">{thousands(count)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  )
}

/** `2026-11-24 02:00`. */
function hourOf(at: Date): string {
  return exact(at).slice(0, 16)
}
