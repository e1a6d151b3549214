// Where the pages are served: plain node:http, Express and Fastify, under a prefix, behind a body parser.

import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { createWeb, type Web, type WebOptions } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { accounts, bearer, cookiesOf, signInAt, tokenIn, tokens } from './site.js'

const room = useRoom()
const servers: Server[] = []
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  for (const server of servers.splice(0)) server.close()
})

const make = (options: Partial<WebOptions> = {}) =>
  createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, ...options })

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Opens the overview, then pauses everything as its form would. */
async function use(origin: string, prefix: string): Promise<number> {
  const page = await fetch(`${origin}${prefix}/overview`)
  expect(page.status).toBe(200)
  const html = await page.text()
  expect(html).toContain(`href="${prefix}/queues"`)
  const css = /href="([^"]+\.css)"/.exec(html)?.[1] ?? ''
  expect((await fetch(origin + css)).status).toBe(200)
  const answer = await fetch(`${origin}${prefix}/pause`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin },
    body: new URLSearchParams({ _token: tokenIn(html), confirmed: 'yes' }),
  })
  if (answer.status === 303) expect(answer.headers.get('location')).toBe(`${prefix}/queues`)
  return answer.status
}

const paused = () => room.client.get('resque:pause-all-workers')

test('node:http, at the root', async () => {
  const { handler } = make()
  expect(await use(await listen((req, res) => void handler(req, res)), '')).toBe(303)
  expect(await paused()).toBe('true')
})

test('node:http, under a prefix', async () => {
  const { handler } = make({ basePath: '/ops/resque' })
  const origin = await listen((req, res) => void handler(req, res))
  expect(await use(origin, '/ops/resque')).toBe(303)
  const home = await fetch(`${origin}/ops/resque`, { redirect: 'manual' })
  expect(home.headers.get('location')).toBe('/ops/resque/overview')
})

test('Express, under a prefix that it cuts off', async () => {
  const app = express()
  app.use('/resque', make({ basePath: '/resque' }).handler)
  expect(await use(await listen(app), '/resque')).toBe(303)
  expect(await paused()).toBe('true')
})

test('Express, under a prefix that the pages were not told of, says what to do', async () => {
  const app = express()
  app.use('/resque', make().handler)
  const answer = await fetch(`${await listen(app)}/resque/overview`)
  expect(answer.status).toBe(500)
  expect(await answer.text()).toContain("basePath: '/resque'")
})

test.each([
  ['urlencoded', express.urlencoded({ extended: true })],
  ['urlencoded and json', [express.json(), express.urlencoded({ extended: false })]],
  ['text', express.text({ type: '*/*' })],
  ['raw', express.raw({ type: '*/*' })],
  ['json alone', express.json()],
])('Express behind its %s body parser', async (_name, parser) => {
  const app = express()
  app.use(parser)
  app.use('/resque', make({ basePath: '/resque' }).handler)
  expect(await use(await listen(app), '/resque')).toBe(303)
  expect(await paused()).toBe('true')
})

test('a body that was read and thrown away is refused with a sentence', async () => {
  const { handler } = make()
  const origin = await listen((req, res) => {
    req.resume()
    req.once('end', () => void handler(req, res))
  })
  const html = await (await fetch(`${origin}/overview`)).text()
  const answer = await fetch(`${origin}/pause`, {
    method: 'POST',
    headers: { origin },
    body: new URLSearchParams({ _token: tokenIn(html), confirmed: 'yes' }),
  })
  expect(answer.status).toBe(500)
  expect(await answer.text()).toContain('Mount the handler before the body parser')
  expect(await paused()).toBeNull()
})

test('Fastify, on its raw requests', async () => {
  const app = fastify()
  const { handler } = make({ basePath: '/resque' })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.all('/resque/*', async (request, reply) => {
    reply.hijack()
    await handler(request.raw, reply.raw)
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    expect(await use(origin, '/resque')).toBe(303)
    expect(await paused()).toBe('true')
  } finally {
    await app.close()
  }
})

const fastifyWith = async (prepare: (app: FastifyInstance) => void, handler: Web['handler']) => {
  const app = fastify()
  prepare(app)
  app.all('/resque/*', async (request, reply) => {
    reply.hijack()
    // What its parser has read, where it has one.
    Object.assign(request.raw, request.body === undefined ? {} : { body: request.body })
    await handler(request.raw, reply.raw)
  })
  closing.push(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const expressWith = (handler: Web['handler'], ...before: RequestHandler[]) => {
  const app = express()
  for (const each of before) app.use(each)
  app.use('/resque', handler)
  return listen(app)
}

const mounts: [name: string, mount: (handler: Web['handler']) => Promise<string>][] = [
  ['node:http', (handler) => listen((req, res) => void handler(req, res))],
  ['Express', (handler) => expressWith(handler)],
  [
    'Express behind body parsers',
    (handler) => expressWith(handler, express.json(), express.urlencoded({ extended: false })),
  ],
  ['Express behind a parser of bytes', (handler) => expressWith(handler, express.raw({ type: '*/*' }))],
  [
    'Fastify without parsers',
    (handler) =>
      fastifyWith((app) => {
        app.removeAllContentTypeParsers()
        app.addContentTypeParser('*', (_request, _payload, done) => done(null))
      }, handler),
  ],
  [
    'Fastify behind parsers that leave the body in the raw request',
    (handler) =>
      fastifyWith((app) => {
        const form = 'application/x-www-form-urlencoded'
        app.addContentTypeParser(form, { parseAs: 'string' }, (_request, text, done) => done(null, text))
      }, handler),
  ],
]

test.each(mounts)('%s, under a prefix: a login, events as they come, an action by JSON', async (_, mount) => {
  const web = make({ basePath: '/resque', auth: { users: accounts, tokens } })
  closing.push(() => web.close())
  const at = `${await mount(web.handler)}/resque`
  const html = { accept: 'text/html' }
  const away = await fetch(`${at}/overview`, { headers: html, redirect: 'manual' })
  expect([away.status, away.headers.get('location')]).toEqual([
    302,
    '/resque/login?next=%2Fresque%2Foverview',
  ])

  const answer = await signInAt(at, 'viewer')
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/resque/overview'])
  const cookie = cookiesOf(answer)
  expect((await fetch(`${at}/overview`, { headers: { cookie } })).status).toBe(200)

  expect((await fetch(`${at}/events`)).status).toBe(401)
  const events = await fetch(`${at}/events?topics=counts`, { headers: { cookie } })
  expect(events.headers.get('content-type')).toContain('text/event-stream')
  const reader = (events.body as ReadableStream<Uint8Array>).getReader()
  const first = await reader.read()
  expect(Buffer.from(first.value ?? []).toString()).toMatch(/^(event|data|id|retry|:)/m)

  const pause = await fetch(`${at}/api/v1/pause`, {
    method: 'POST',
    headers: { ...bearer('operator'), 'content-type': 'application/json' },
    body: '{}',
  })
  expect(await pause.json()).toEqual({ isAllPaused: true })
  expect(await paused()).toBe('true')
  // The end of the pages is the end of their streams: no server waits for a tab that somebody left open.
  await web.close()
  while (!(await reader.read()).done);
})

test('a body without an end is cut at the limit', async () => {
  const { handler } = make()
  const origin = await listen((req, res) => void handler(req, res))
  const status = await new Promise<number>((resolve, reject) => {
    const call = httpRequest(`${origin}/pause`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    })
    call.on('response', (answer) => {
      resolve(answer.statusCode ?? 0)
      call.destroy()
    })
    call.on('error', reject)
    for (let i = 0; i < 5; i++) call.write('x'.repeat(65_536))
  })
  expect(status).toBe(413)
})
