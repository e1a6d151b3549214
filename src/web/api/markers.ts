/**
 * The API of markers: what happened when, drawn on the charts.
 */
import { randomBytes } from 'node:crypto'
import { type Marker, markerLimits, readInstant } from '../../store/markers.js'
import { Refusal } from '../access/refusal.js'
import type { WebContext } from '../context.js'
import type { Endpoint } from './endpoint.js'
import { list, object, ref } from './schemas.js'

const { labelLength, count, ageDays } = markerLimits

export function markerEndpoints(web: WebContext): Endpoint[] {
  const { markers } = web.store
  return [
    {
      ...{ method: 'get', path: '/markers', role: 'viewer', id: 'markers', tag: 'History' },
      summary: 'The markers of the charts, such as deploys, the oldest first.',
      query: {
        from: { type: 'string', description: 'At or after: an ISO 8601 instant with its zone.' },
        to: { type: 'string', description: 'At or before.' },
      },
      answer: object({ items: list(ref('Marker')) }),
      async run({ query }) {
        const { from, to } = query as { from?: string; to?: string }
        const [first, last] = [from ?? '1970-01-01T00:00Z', to ?? '9999-12-31T00:00Z'].map(readInstant)
        return { items: (await markers.between(first as Date, last as Date)).map(shape) }
      },
    },
    {
      ...{ method: 'post', path: '/markers', role: 'operator', id: 'addMarker', tag: 'History' },
      summary: `Adds a marker. The newest ${count} are kept, for ${ageDays} days.`,
      body: {
        label: {
          ...{ type: 'string', maxLength: labelLength },
          description: 'Needed. One line, without control characters.',
        },
        at: {
          type: 'string',
          description: `An ISO 8601 instant with its zone; at most ${ageDays} days ago, and not in the future. Default: now, by Redis’ clock.`,
        },
      },
      answer: ref('Marker'),
      async run({ body, record }) {
        const { label, at } = body as { label?: string; at?: string }
        if (label === undefined) throw new Refusal(400, 'Expected label to say what happened, got none.')
        const id = randomBytes(8).toString('hex')
        const marker = await markers.add(id, label, at === undefined ? undefined : readInstant(at))
        web.figures.markers.forget()
        await record({ action: 'add marker', target: label, result: 'done' })
        return shape(marker)
      },
    },
    {
      ...{ method: 'post', path: '/markers/{marker}/remove', role: 'operator', id: 'removeMarker' },
      tag: 'History',
      summary: 'Removes a marker.',
      answer: ref('Marker'),
      async run({ name, record }) {
        const id = name('marker')
        const marker = /^[0-9a-f]{16}$/.test(id) ? await markers.remove(id) : undefined
        if (!marker) throw new Refusal(404, 'There is no such marker.')
        web.figures.markers.forget()
        await record({ action: 'remove marker', target: marker.label, result: 'done' })
        return shape(marker)
      },
    },
  ]
}

function shape({ id, label, at }: Marker) {
  return { id, label, at }
}
