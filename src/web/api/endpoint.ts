/**
 * What an endpoint of the API is: its route, what it takes, what it answers and what it does, in one place, so that the
 * OpenAPI document cannot say anything else than the server does.
 */
import type { Context, Hono } from 'hono'
import { ArgumentsError, ConfigError, InvalidPayloadError, PayloadTooLargeError } from '../../errors.js'
import { isJsonObject } from '../../json.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs, type Role, type WebUser } from '../access/roles.js'
import { recordAction } from '../audit.js'
import type { AuditEntry, WebContext, WebEnv } from '../context.js'
import { nameParam, numberParam, textParam, wordParam } from '../params.js'

/** A JSON Schema (2020-12, as OpenAPI 3.1 has it). */
export type Schema = Readonly<Record<string, unknown>>

/** A schema that a query parameter or a member of a body may have. */
export interface Field {
  type: 'string' | 'integer' | 'boolean' | 'array' | 'object'
  description: string
  enum?: readonly string[]
  minimum?: number
  maximum?: number
  maxLength?: number
  /** Of an array: strings; of an object: texts and numbers by name. */
  items?: Schema
  maxItems?: number
  properties?: Readonly<Record<string, object>>
  additionalProperties?: boolean
}

export type Fields = Readonly<Record<string, Field>>

export interface Endpoint {
  method: 'get' | 'post'
  /** Behind `/api/v1`, with parameters in braces: `/queues/{queue}`. */
  path: string
  role: Role
  /** Of the operation; unique. */
  id: string
  tag: string
  summary: string
  query?: Fields
  body?: Fields
  /** Of the 200 answer. */
  answer: Schema
  /** Other statuses that it answers, besides those that all may: why. */
  refusals?: Readonly<Record<number, string>>
  run(call: Call): Promise<unknown>
}

export interface Call {
  c: Context<WebEnv>
  user: WebUser
  /** A part of the path. */
  name(key: string): string
  query: Readonly<Record<string, string | number>>
  body: Readonly<Record<string, unknown>>
  /** Records what was done; the same audit as of the pages. */
  record(entry: AuditEntry): Promise<void>
}

export const API = '/api/v1'

export function serve(pages: Hono<WebEnv>, web: WebContext, endpoint: Endpoint): void {
  const path = `${API}${endpoint.path.replace(/\{(\w+)\}/g, ':$1')}`
  pages[endpoint.method](path, needs(endpoint.role), async (c) => {
    const call: Call = {
      c,
      user: currentUser(c),
      name: (key) => nameParam(c, key),
      query: readQuery(c, endpoint.query ?? {}),
      body: endpoint.method === 'post' ? readFields(c, endpoint.body ?? {}) : {},
      record: (entry) => recordAction(web, c, entry),
    }
    return c.json(
      (await asRefusal(endpoint.method === 'get' ? 400 : 422, () => endpoint.run(call))) as object,
    )
  })
}

/** What a caller did wrong, as an answer that says so. */
async function asRefusal<T>(status: 400 | 422, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof PayloadTooLargeError) throw new Refusal(413, error.message)
    if (
      error instanceof ArgumentsError ||
      error instanceof ConfigError ||
      error instanceof InvalidPayloadError
    )
      throw new Refusal(status, error.message)
    throw error
  }
}

/** A parameter that is not known may be a filter that was misspelt: it is refused, and not left out. */
function readQuery(c: Context<WebEnv>, fields: Fields): Record<string, string | number> {
  const known = Object.keys(fields)
  for (const name of Object.keys(c.req.query())) {
    if (!known.includes(name)) throw unknown('parameter', name, known)
  }
  const values: Record<string, string | number> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (textParam(c, name, { maxLength: field.maxLength ?? 512 }) === '') continue
    if (field.type === 'integer') {
      const { minimum: min, maximum: max } = field
      values[name] = numberParam(c, name, 0, {
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
      })
    } else if (field.enum) values[name] = wordParam(c, name, field.enum, '')
    else values[name] = textParam(c, name, { maxLength: field.maxLength ?? 512 })
  }
  return values
}

function readFields(c: Context<WebEnv>, fields: Fields): Record<string, unknown> {
  const body = c.get('body').json
  if (body === undefined) throw new Refusal(415, 'Expected JSON (application/json), an object.')
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (name === '_token') continue
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) throw unknown('member', name, Object.keys(fields))
    if (!fits(field, value)) throw new Refusal(400, `Expected ${name} to be ${inWords(field)}.`)
    values[name] = value
  }
  return values
}

function unknown(what: string, name: string, known: readonly string[]): Refusal {
  return new Refusal(400, `There is no ${what} ${JSON.stringify(name.slice(0, 60))} here.`, {
    hint: known.length > 0 ? `There are: ${known.join(', ')}.` : 'There is none.',
  })
}

function fits(field: Field, value: unknown): boolean {
  switch (field.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        value.length <= (field.maxLength ?? 512) &&
        (!field.enum || field.enum.includes(value))
      )
    case 'integer':
      return (
        Number.isSafeInteger(value) &&
        (value as number) >= (field.minimum ?? 0) &&
        (value as number) <= (field.maximum ?? Number.MAX_SAFE_INTEGER)
      )
    case 'boolean':
      return typeof value === 'boolean'
    case 'array':
      return (
        Array.isArray(value) &&
        value.length <= (field.maxItems ?? 1_000) &&
        (!field.items || value.every((each) => typeof each === 'string'))
      )
    case 'object':
      return isJsonObject(value) && fitsObject(field, value)
  }
}

function fitsObject({ properties, additionalProperties }: Field, value: Record<string, unknown>): boolean {
  return Object.entries(value).every(([name, each]) =>
    properties && Object.hasOwn(properties, name)
      ? typeof each === 'string' || Number.isSafeInteger(each)
      : additionalProperties === true,
  )
}

function inWords(field: Field): string {
  if (field.enum) return field.enum.map((word) => JSON.stringify(word)).join(' or ')
  switch (field.type) {
    case 'string':
      return `a text of at most ${field.maxLength ?? 512} characters`
    case 'integer':
      return `a whole number from ${field.minimum ?? 0} to ${field.maximum ?? Number.MAX_SAFE_INTEGER}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return field.items ? `an array of at most ${field.maxItems ?? 1_000} texts` : 'an array'
    case 'object':
      return field.properties
        ? `an object with ${Object.keys(field.properties).join(', ')} and nothing else`
        : 'an object'
  }
}
