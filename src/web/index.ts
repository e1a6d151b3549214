/**
 * The door of `resque-ts/web`: the web pages of a Resque, for a server of your own or for `resque web`.
 */

export { html } from 'hono/html'
export { hashPassword, hashToken } from './access/passwords.js'
export type { Peer } from './access/peer.js'
export type { Role, WebUser } from './access/user.js'
export type { AuditEntry } from './context.js'
export type {
  AuthModes,
  CustomAuth,
  ProxyAuth,
  WebAccount,
  WebOptions,
  WebToken,
} from './options.js'
export type { TabContent, TabContext, WebTab } from './user-tabs.js'
export { createWeb, type Web } from './web.js'
