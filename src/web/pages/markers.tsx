/**
 * The markers of the charts, listed below them; and the removal of one, after a question.
 */
import { type Context, Hono } from 'hono'
import type { Marker } from '../../store/markers.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { WebContext, WebEnv } from '../context.js'
import { seeOther } from '../notice.js'
import { nameParam } from '../params.js'
import { path, url } from '../url.js'
import { Confirm, HiddenHead, Time, type View } from '../views/components.js'
import { page } from '../views/layout.js'
import { exact, plural, shown, thousands } from '../views/text.js'

/** As many as a page should carry; the others are listed by `resque markers` and the API. */
const LISTED = 20

export function markerPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  const route = '/metrics/markers/:marker/remove'
  pages.get(route, needs('operator'), async (c) => ask(web, c))
  pages.post(route, needs('operator'), async (c) => {
    if (c.get('body').get('confirmed') !== 'yes') return ask(web, c)
    const { id } = await markerOf(web, c)
    const marker = await web.store.markers.remove(id)
    web.figures.markers.forget()
    await recordAction(web, c, {
      ...{ action: 'remove marker', target: marker?.label ?? id },
      result: marker ? 'done' : 'gone',
    })
    return seeOther(c, web, '/metrics', { text: `Removed ${marker ? shown(marker.label, 80) : 'it'}.` })
  })
  return pages
}

async function markerOf(web: WebContext, c: Context<WebEnv>): Promise<Marker> {
  const id = nameParam(c, 'marker')
  const marker = (await web.store.markers.all()).find((each) => each.id === id)
  if (!marker) throw new Refusal(404, 'There is no such marker.', { hint: 'It may have been removed.' })
  return marker
}

async function ask(web: WebContext, c: Context<WebEnv>): Promise<Response> {
  const { id, label, at } = await markerOf(web, c)
  return page(
    c,
    web,
    { title: 'Remove a marker', tab: '/metrics' },
    <Confirm
      web={web}
      c={c}
      title={`Remove ${shown(label, 80)}?`}
      action={path`/metrics/markers/${id}/remove`}
      button="Remove 1 marker"
      back={url(web, '/metrics')}
    >
      <p>It stands at {exact(at)}, and goes from all charts. The figures stay.</p>
    </Confirm>,
  )
}

/** Those at or after an instant, the newest first; nothing where there are none. */
export function MarkerTable({
  web,
  c,
  markers,
  fromMs,
}: View & { markers: readonly Marker[]; fromMs: number }) {
  const inside = markers.filter(({ at }) => at.getTime() >= fromMs).reverse()
  if (inside.length === 0) return null
  const mayRemove = includes(currentUser(c).role, 'operator')
  return (
    <section class="later" aria-labelledby="markers-title">
      <div class="section-head">
        <h2 id="markers-title">Deploys</h2>
        <span class="faint num">
          {inside.length > LISTED
            ? `the newest ${LISTED} of ${thousands(inside.length)}`
            : plural(inside.length, 'marker')}
        </span>
      </div>
      <table class="cards">
        <caption class="hidden">Markers of the charts</caption>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col">At</th>
            <th scope="col">Ago</th>
            {mayRemove && <HiddenHead end>Actions</HiddenHead>}
          </tr>
        </thead>
        <tbody>
          {inside.slice(0, LISTED).map(({ id, label, at }) => (
            <tr>
              <th scope="row">
                <bdi>{shown(label, 80)}</bdi>
              </th>
              <td class="num" data-label="At">
                {exact(at)}
              </td>
              <td data-label="Ago">
                <Time web={web} at={at} />
              </td>
              {mayRemove && (
                <td class="end actions corner">
                  <a
                    class="button small quiet-danger"
                    href={url(web, path`/metrics/markers/${id}/remove`)}
                    data-confirm=""
                    aria-label={`Remove ${shown(label, 80)}`}
                  >
                    Remove
                  </a>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
