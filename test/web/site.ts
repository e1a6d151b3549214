// The web pages over a private Redis, asked as a browser would: the Host it opens, the headers it sends, the cookies
// it was given.

import { createWeb, hashPassword, hashToken, type Peer, type Web, type WebOptions } from 'resque-ts/web'
import type { Room } from '../room.js'

const loopback: Peer = { address: '127.0.0.1', localAddress: '127.0.0.1' }

const hash = await hashPassword('correct horse')

/** One user of each role, and one token of each. */
export const accounts = (['viewer', 'operator', 'admin'] as const).map((role) => ({
  name: role,
  password: hash,
  role,
}))
export const tokens = (['viewer', 'operator', 'admin'] as const).map((role) => ({
  name: `${role}-token`,
  token: hashToken(`${role}-secret-token`),
  role,
}))

export const bearer = (role: string) => ({ authorization: `Bearer ${role}-secret-token` })

export interface Ask {
  method?: string
  headers?: Record<string, string>
  /** Fields of a form. */
  form?: Record<string, string>
  /** A body as it is, instead of a form. */
  body?: string
  peer?: Peer
}

export interface Site {
  web: Web
  ask(path: string, ask?: Ask): Promise<Response>
  text(path: string, ask?: Ask): Promise<string>
}

export function openSite(room: Room, options: Partial<WebOptions> = {}): Site {
  const web = createWeb({
    // It would write by the clock, in the middle of what a test looks at.
    history: false,
    resque: room.resque,
    auth: { users: accounts, tokens },
    cacheMs: 0,
    limits: { mutations: 10_000 },
    ...options,
  })
  const ask = (path: string, { method = 'GET', headers = {}, form, body, peer = loopback }: Ask = {}) => {
    const host = headers.host ?? 'localhost:5678'
    const hasBody = !['GET', 'HEAD', 'OPTIONS'].includes(method)
    const request = new Request(`http://${host}${path}`, {
      method,
      headers: {
        ...(hasBody && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
        host,
      },
      ...(hasBody && { body: body ?? new URLSearchParams(form ?? {}).toString() }),
    })
    return web.fetch(request, peer)
  }
  return { web, ask, text: async (path, more) => (await ask(path, more)).text() }
}

export const sameOrigin = { 'sec-fetch-site': 'same-origin' }

/** The token of the first form of a page. */
export function tokenIn(html: string): string {
  const token = /name="_token" value="([^"]+)"/.exec(html)?.[1]
  if (token === undefined) throw new Error('This page has no form with a token.')
  return token
}

/** The cookies that an answer sets, as a browser sends them back. */
export function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .filter((pair) => !pair?.endsWith('='))
    .join('; ')
}

/** Signs in on the login page of pages that are served at this address; resolves to the answer, with its cookies. */
export async function signInAt(address: string, name: string, password = 'correct horse'): Promise<Response> {
  const login = await fetch(`${address}/login`)
  return fetch(`${address}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: new URL(address).origin, cookie: cookiesOf(login) },
    body: new URLSearchParams({ _token: tokenIn(await login.text()), name, password }),
  })
}

/** Signs in on the login page; returns the Cookie header of the session. */
export async function signIn(site: Site, name: string, password = 'correct horse'): Promise<string> {
  const login = await site.ask('/login')
  const form = { _token: tokenIn(await login.text()), name, password }
  const answer = await site.ask('/login', {
    method: 'POST',
    headers: { ...sameOrigin, cookie: cookiesOf(login) },
    form,
  })
  if (answer.status !== 303) throw new Error(`The login was answered with ${answer.status}.`)
  return cookiesOf(answer)
}
