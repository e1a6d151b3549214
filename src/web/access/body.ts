/**
 * What a request carries, read once, with a limit; also where a body parser in front of us has read it already.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { isJsonObject, parseJson } from '../../json.js'
import type { FormBody, WebEnv } from '../context.js'
import { isUnsafe } from './csrf.js'
import { Refusal } from './refusal.js'

const MAX_BYTES = 256 * 1024

const empty: FormBody = { get: () => '', all: () => [], json: undefined }

export function readBody(): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    c.set('body', isUnsafe(c.req.method) ? await bodyOf(c) : empty)
    await next()
  }
}

async function bodyOf(c: Context<WebEnv>): Promise<FormBody> {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const isJson = type === 'application/json'
  if (!isJson && type !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, 'Expected a form (application/x-www-form-urlencoded) or JSON (application/json).')
  }
  const { parsedBody } = c.get('peer')
  if (isParsed(parsedBody)) return fromObject(parsedBody, isJson)
  const text = parsedBody === undefined ? await readText(c) : asText(parsedBody)
  if (!isJson) return fromForm(new URLSearchParams(text))
  const value = parseJson(text)
  if (!isJsonObject(value)) throw new Refusal(400, 'Expected the JSON of an object.')
  return fromObject(value, true)
}

/** An object that a parser made. */
function isParsed(body: unknown): body is Record<string, unknown> {
  return isJsonObject(body) && !(body instanceof Uint8Array) && !(body instanceof ArrayBuffer)
}

function asText(body: unknown): string {
  const text =
    typeof body === 'string'
      ? body
      : body instanceof Uint8Array
        ? Buffer.from(body).toString('utf8')
        : undefined
  if (text === undefined) throw swallowed()
  if (text.length > MAX_BYTES) throw tooLarge()
  return text
}

async function readText(c: Context<WebEnv>): Promise<string> {
  const declared = Number(c.req.header('content-length') ?? 0)
  if (declared > MAX_BYTES) throw tooLarge()
  const { body } = c.req.raw
  if (!body) return ''
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body as unknown as AsyncIterable<Uint8Array>) {
    size += part.byteLength
    if (size > MAX_BYTES) throw tooLarge()
    parts.push(part)
  }
  if (size === 0 && declared > 0) throw swallowed()
  return Buffer.concat(parts).toString('utf8')
}

function swallowed(): Refusal {
  return new Refusal(500, 'The body of this request was read by something in front of these pages.', {
    hint: 'Mount the handler before the body parser, or let that leave an object, a string or a buffer in req.body.',
  })
}

function tooLarge(): Refusal {
  return new Refusal(413, `Expected at most ${MAX_BYTES / 1024} kB.`)
}

function fromForm(fields: URLSearchParams): FormBody {
  return { get: (name) => fields.get(name) ?? '', all: (name) => fields.getAll(name), json: undefined }
}

function fromObject(object: Record<string, unknown>, isJson: boolean): FormBody {
  const all = (name: string) => {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    return (Array.isArray(value) ? value : [value])
      .filter((each) => ['string', 'number', 'boolean'].includes(typeof each))
      .map(String)
  }
  return { get: (name) => all(name)[0] ?? '', all, json: isJson ? object : undefined }
}
