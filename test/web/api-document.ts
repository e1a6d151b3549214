// Answers of the API, held to its own OpenAPI document.

import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect } from 'vitest'

export const API = '/api/v1'

interface Operation {
  operationId: string
  'x-role': string
  responses: Record<string, { content: { 'application/json': { schema: object } } }>
}
export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: object
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: each answer has its own shape, and its schema says which
  body: any
}

/** Operations that have been answered with 200. */
export const answered = new Set<string>()

export function hold(document: Document, method: string, path: string, { status, body }: Answer): void {
  const [plain = ''] = path.split('?')
  const known = Object.keys(document.paths)
    // A fixed word goes before a parameter.
    .sort((a, b) => (a.match(/\{/g) ?? []).length - (b.match(/\{/g) ?? []).length)
    .find(
      (each) =>
        document.paths[each]?.[method.toLowerCase()] &&
        new RegExp(`^${each.replace(/\{\w+\}/g, '[^/]+')}$`).test(API + plain),
    )
  const operation = document.paths[known ?? '']?.[method.toLowerCase()]
  if (!operation) throw new Error(`${method} ${path} is not in the document.`)
  const response = operation.responses[status]
  expect(response, `${operation.operationId} answers ${status}: ${JSON.stringify(body)}`).toBeDefined()
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  const schema = {
    ...response?.content['application/json'].schema,
    components: document.components,
  }
  const validate = ajv.compile(schema)
  if (!validate(body)) {
    throw new Error(`${operation.operationId}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body)}`)
  }
  if (status === 200) answered.add(operation.operationId)
}
