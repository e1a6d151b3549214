/**
 * Under which name we are reached. A name we do not know may be a foreign site's that was pointed at us (DNS
 * rebinding), so it is refused. An address cannot be pointed elsewhere, and is let through where users sign in.
 */

import { isIP } from 'node:net'
import type { Context, MiddlewareHandler } from 'hono'
import type { WebContext, WebEnv } from '../context.js'
import { isIn, isLoopback } from './peer.js'
import { Refusal } from './refusal.js'

/** Reads who is at the other end, and refuses a Host that is not ours. */
export function checkHost(web: WebContext): MiddlewareHandler<WebEnv> {
  const { settings } = web
  return async (c, next) => {
    const peer: Peer = c.env ?? {}
    c.set('peer', peer)
    const isProxied = peer.address !== undefined && isIn(settings.trustedProxies, peer.address)
    const forwarded = (name: string) => (isProxied ? lastOf(c.req.header(name)) : undefined)
    const host = (
      forwarded('x-forwarded-host') ??
      c.req.header('host') ??
      new URL(c.req.url).host
    ).toLowerCase()
    const proto = forwarded('x-forwarded-proto')
    c.set('host', host)
    c.set('isSecure', proto === undefined ? peer.encrypted === true : proto === 'https')
    c.set('address', forwarded('x-forwarded-for') ?? peer.address ?? '')
    dropForeign(c, settings, isProxied)
    if (!isProbe(c.req.path)) refuse(settings, host, peer)
    await next()
  }
}

type Peer = WebEnv['Bindings']

/** What only proxies may say is taken away where none said it, before anybody believes it. */
function dropForeign(c: Context<WebEnv>, settings: WebContext['settings'], isProxied: boolean): void {
  const { auth, proxyPeers } = settings
  const { address } = c.get('peer')
  const isSigningIn = address !== undefined && isIn(proxyPeers, address)
  const { headers } = c.req.raw
  if (auth !== 'none' && auth.proxy && !isSigningIn) headers.delete(auth.proxy.header)
  if (isProxied || isSigningIn) return
  for (const name of [...headers.keys()])
    if (/^(x-forwarded-.*|forwarded|x-real-ip)$/.test(name)) headers.delete(name)
}

/** Probes come by address, from machines that cannot sign in; they learn no more than that we live. */
export function isProbe(path: string): boolean {
  return path === '/healthz' || path === '/readyz'
}

/** Whether a Host is a loopback name or address, which only this machine can mean. */
export function isLocalHost(host: string): boolean {
  const name = withoutPort(host)
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(bare(name))
}

function refuse(settings: WebContext['settings'], host: string, peer: Peer): void {
  const name = withoutPort(host)
  const isLocalName = isLocalHost(host)
  if (settings.auth === 'none') {
    if (!isLoopback(peer.localAddress))
      throw new Refusal(403, 'Without `auth` these pages are served on a loopback address only.', {
        hint: 'Give createWeb `auth`, or listen on 127.0.0.1.',
      })
    if (!isLocalName)
      throw new Refusal(403, 'Without `auth` these pages are served under a loopback name only.', {
        hint: 'Open them as http://localhost or http://127.0.0.1, or give createWeb `auth` and `hosts`.',
      })
    return
  }
  if (isLocalName || isIP(bare(name)) !== 0 || settings.hosts.includes(host) || settings.hosts.includes(name))
    return
  throw new Refusal(421, 'This server does not know itself by that name.', {
    hint: 'Name it in the option `hosts` of createWeb (resque web --allow-host).',
  })
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '')
}

function bare(name: string): string {
  return name.replace(/^\[|\]$/g, '')
}

/** A proxy appends: the last is the one that it saw itself. */
function lastOf(header: string | undefined): string | undefined {
  return header?.split(',').at(-1)?.trim() || undefined
}
