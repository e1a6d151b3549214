/**
 * The JSON API under `/api/v1`, and the OpenAPI document of it.
 */
import { Hono } from 'hono'
import { needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { delayedEndpoints } from './delayed.js'
import { documentOf } from './document.js'
import { API, type Endpoint, serve } from './endpoint.js'
import { failedEndpoints } from './failed.js'
import { jobEndpoints } from './jobs.js'
import { markerEndpoints } from './markers.js'
import { operationEndpoints } from './operations.js'
import { queueEndpoints } from './queues.js'
import { object, text, truth } from './schemas.js'
import { workerEndpoints } from './workers.js'

export function apiPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  const endpoints = [
    me,
    ...queueEndpoints(web),
    ...workerEndpoints(web),
    ...failedEndpoints(web),
    ...jobEndpoints(web),
    ...operationEndpoints(web),
    ...delayedEndpoints(web),
    ...markerEndpoints(web),
  ]
  for (const endpoint of endpoints) serve(pages, web, endpoint)
  const document = JSON.stringify(documentOf(web, endpoints))
  pages.get(`${API}/openapi.json`, needs('viewer'), (c) =>
    c.body(document, { headers: { 'content-type': 'application/json' } }),
  )
  return pages
}

const me: Endpoint = {
  ...{ method: 'get', path: '/me', role: 'viewer', id: 'me', tag: 'Overview' },
  summary: 'Who asks, and what he may.',
  answer: object({
    name: text,
    role: { ...text, enum: ['viewer', 'operator', 'admin'] },
    by: text,
    seesAll: truth,
  }),
  run: async ({ user: { name, role, by, seesAll } }) => ({ name, role, by, seesAll }),
}
