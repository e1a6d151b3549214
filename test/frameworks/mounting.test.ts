// The pages in frameworks that bring a world of their own: NestJS and Next.js, the real ones.

import 'reflect-metadata'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { All, Controller, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createWeb, type Web } from 'resque-ts/web'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { accounts, bearer, cookiesOf, signInAt, tokenIn, tokens } from '../web/site.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const room = useRoom()
const ends: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const paused = () => room.client.get('resque:pause-all-workers')

/** Opens the overview, then pauses everything as its form would. */
async function use(origin: string): Promise<void> {
  const page = await fetch(`${origin}/resque/overview`)
  const html = await page.text()
  expect(page.status, html).toBe(200)
  expect(html).toContain('href="/resque/queues"')
  const css = /href="([^"]+\.css)"/.exec(html)?.[1] ?? ''
  expect((await fetch(origin + css)).status).toBe(200)
  const answer = await fetch(`${origin}/resque/pause`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin },
    body: new URLSearchParams({ _token: tokenIn(html), confirmed: 'yes' }),
  })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe('/resque/queues')
  expect(await paused()).toBe('true')
}

/** A Nest application with whatever is done to it, listening. */
async function nest(module: object, prepare: (app: { use: (...args: unknown[]) => unknown }) => void) {
  const app = await NestFactory.create(module, { logger: false })
  ends.push(() => app.close())
  prepare(app as never)
  await app.listen(0, '127.0.0.1')
  return (await app.getUrl()).replace('[::1]', '127.0.0.1')
}

/** Signs in on the login page, and hears what changes. */
async function signInAndHear(origin: string): Promise<void> {
  const at = `${origin}/resque`
  const answer = await signInAt(at, 'viewer')
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/resque/overview'])
  const cookie = cookiesOf(answer)
  expect((await fetch(`${at}/overview`, { headers: { cookie } })).status).toBe(200)
  expect((await fetch(`${at}/events`)).status).toBe(401)
  const leave = new AbortController()
  const events = await fetch(`${at}/events?topics=counts`, { headers: { cookie }, signal: leave.signal })
  expect(events.headers.get('content-type')).toContain('text/event-stream')
  const first = await (events.body as ReadableStream<Uint8Array>).getReader().read()
  expect(Buffer.from(first.value ?? []).toString()).toMatch(/^(event|data|id|retry|:)/m)
  leave.abort()
}

const guarded = (): Web => {
  const made = createWeb({ resque: room.resque, auth: { users: accounts }, cacheMs: 0, basePath: '/resque' })
  ends.push(() => made.close())
  return made
}

const web = (): Web => createWeb({ resque: room.resque, auth: 'none', cacheMs: 0, basePath: '/resque' })

test('NestJS, as middleware', async () => {
  class Application {}
  Module({})(Application)
  await use(await nest(Application, (app) => app.use('/resque', web().handler)))
})

test('NestJS, as middleware: a login, and events as they come', async () => {
  class Application {}
  Module({})(Application)
  await signInAndHear(await nest(Application, (app) => app.use('/resque', guarded().handler)))
})

test.each([
  ['an action', web, use],
  ['a login, and events as they come', guarded, signInAndHear],
])('NestJS, as a controller behind its body parser: %s', async (_, make, tryIt) => {
  const { handler } = make()
  class Pages {
    all(req: Parameters<Web['handler']>[0], res: Parameters<Web['handler']>[1]) {
      return handler(req, res)
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Pages.prototype, 'all') as PropertyDescriptor
  All(['', '*path'])(Pages.prototype, 'all', descriptor)
  Req()(Pages.prototype, 'all', 0)
  Res()(Pages.prototype, 'all', 1)
  Controller('resque')(Pages)
  class Application {}
  Module({ controllers: [Pages] })(Application)
  await tryIt(await nest(Application, () => {}))
})

test('Next.js, as a route handler', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(root, 'test/frameworks/.next-'))
  ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const route = join(folder, 'app/resque/[[...path]]')
  await mkdir(route, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  await writeFile(
    join(folder, 'app/layout.jsx'),
    'export default ({ children }) => <html lang="en"><body>{children}</body></html>',
  )
  // What a user writes, but for where the package comes from.
  await writeFile(
    join(route, 'route.js'),
    `const { Resque } = await import(/* turbopackIgnore: true */ process.env.DIST + 'index.js')
     const { createWeb } = await import(/* turbopackIgnore: true */ process.env.DIST + 'web/index.js')
     const resque = new Resque({ redis: process.env.REDIS_URL })
     const auth = JSON.parse(process.env.AUTH)
     const web = createWeb({ resque, auth, basePath: '/resque', history: false })
     export const dynamic = 'force-dynamic'
     export const GET = (request) => web.fetch(request)
     export const POST = (request) => web.fetch(request)`,
  )
  const next = spawn(
    process.execPath,
    [join(root, 'test/frameworks/node_modules/next/dist/bin/next'), 'dev', '--port', '0'],
    {
      cwd: folder,
      env: {
        ...process.env,
        NEXT_TELEMETRY_DISABLED: '1',
        NODE_ENV: 'development',
        DIST: `file://${root}dist/`,
        REDIS_URL: room.redis.url,
        AUTH: JSON.stringify({ users: accounts, tokens }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: its server is a process of its own, which must end too.
      detached: true,
    },
  )
  ends.push(() => end(next))
  let said = ''
  next.stdout.on('data', (part) => {
    said += part
  })
  next.stderr.on('data', (part) => {
    said += part
  })
  await waitFor(() => /Ready in/.test(said), { timeoutMs: 60_000, message: 'Next to be ready' })
  const origin = /http:\/\/localhost:\d+/.exec(said)?.[0] ?? ''
  const page = await fetch(`${origin}/resque/overview`, { headers: bearer('viewer') })
  const html = await page.text()
  expect(page.status, html.slice(0, 2_000) + said).toBe(200)
  expect(html).toContain('href="/resque/queues"')
  expect((await fetch(`${origin}/resque/overview`)).status).toBe(401)
  const answer = await fetch(`${origin}/resque/api/v1/pause`, {
    method: 'POST',
    headers: { ...bearer('operator'), 'content-type': 'application/json' },
    body: '{}',
  })
  expect(await answer.json()).toEqual({ isAllPaused: true })
  expect(await paused()).toBe('true')
  await signInAndHear(origin)
})

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  if (child.pid === undefined || child.exitCode !== null) return
  process.kill(-child.pid, 'SIGKILL')
  await exited
}
