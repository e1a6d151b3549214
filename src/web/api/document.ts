/**
 * The OpenAPI document, made of the endpoints themselves.
 */
import type { WebContext } from '../context.js'
import { API, type Endpoint, type Field, type Fields } from './endpoint.js'
import { schemas } from './schemas.js'

const common: Readonly<Record<number, string>> = {
  400: 'The request cannot be right.',
  401: 'No token, or one that is not known.',
  403: 'The role of this token does not reach.',
  404: 'What is named is not there, or not for this user.',
  429: 'Too many requests; `Retry-After` says when to try again.',
  503: 'Redis cannot be reached.',
}

export function documentOf(web: WebContext, endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints) {
    const path = `${API}${endpoint.path}`
    paths[path] = { ...paths[path], [endpoint.method]: operationOf(endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Resque',
      version: '1.0.0',
      description:
        'What the web pages show and do, for programs. Roles: a viewer looks, an operator acts on jobs and pauses queues, an admin clears queues and stops workers; each includes the one before. Secrets in arguments and messages are hidden as on the pages, a search of a viewer does not find them, and every action stands in the audit.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: web.settings.basePath || '/' }],
    security: [{ bearer: [] }],
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operationOf(endpoint: Endpoint): object {
  const { id, tag, summary, role, answer, query = {}, body = {}, method } = endpoint
  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string)
  const refusals = {
    ...common,
    ...(method === 'post' && {
      413: 'More than 256 kB.',
      415: 'The body is not JSON.',
      422: 'What was sent cannot be done.',
    }),
    ...endpoint.refusals,
  }
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: `Needs the role ${role}.`,
    'x-role': role,
    parameters: [
      ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...Object.entries(query).map(([name, { description, ...schema }]) => ({
        name,
        in: 'query',
        required: false,
        description,
        schema,
      })),
    ],
    ...(method === 'post' && {
      requestBody: { required: true, content: { 'application/json': { schema: bodyOf(body) } } },
    }),
    responses: {
      200: { description: 'As asked.', content: { 'application/json': { schema: answer } } },
      ...Object.fromEntries(
        Object.entries(refusals).map(([status, description]) => [
          status,
          {
            description,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        ]),
      ),
    },
  }
}

function bodyOf(fields: Fields): object {
  return { type: 'object', properties: fields as Record<string, Field>, additionalProperties: false }
}
