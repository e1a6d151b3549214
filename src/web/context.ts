/**
 * What every page gets: the `WebContext`, made once by `createWeb`, and `WebEnv`, what a request carries.
 */
import type { Logger } from '../context.js'
import type { Resque } from '../resque.js'
import type { Store } from '../store/store.js'
import type { Peer } from './access/peer.js'
import type { RateLimits } from './access/rate-limit.js'
import type { Sessions } from './access/sessions.js'
import type { Role, WebUser } from './access/user.js'
import type { Actions } from './actions.js'
import type { Assets } from './assets.js'
import type { EntryPages } from './entry-pages.js'
import type { FailedIndex } from './failed-index.js'
import type { SharedFigures } from './figures.js'
import type { History } from './history.js'
import type { Live } from './live.js'
import type { Operations } from './operations.js'
import type { WebSettings } from './options.js'
import type { SearchGate } from './search-gate.js'
import type { Snapshots } from './snapshot.js'

export interface WebContext {
  readonly resque: Resque
  readonly store: Store
  readonly settings: WebSettings
  readonly log: Logger
  now(): Date
  readonly sessions: Sessions
  readonly limits: RateLimits
  /** One look at Redis for all who look: the counts, the queues, the workers. */
  readonly snapshots: Snapshots
  readonly assets: Assets
  /** The pages in the navigation, in order. */
  readonly tabs: Tab[]
  /** Who did what. */
  readonly audit: Audit
  /** What removes things; a way back included, where there is one. */
  readonly actions: Actions
  /** What was: the figures of charts. */
  readonly history: History
  /** Of history, what is shown to all. */
  readonly figures: SharedFigures
  /** Work on many entries, in the background. */
  readonly operations: Operations
  /** What groups of failures there are, and how many match a filter. */
  readonly failedIndex: FailedIndex
  /** Entries of failed lists and queues, a page at a time. */
  readonly entryPages: EntryPages
  /** Keeps searches of one user few. */
  readonly searches: SearchGate
  /** What changes, for those who look on. */
  readonly live: Live
}

export interface Tab {
  /** Without the base path, such as `/queues`. */
  path: string
  label: string
  role: Role
}

export interface AuditEntry {
  /** What was asked for, such as `pause queue`. */
  action: string
  /** What it was about: the name of a queue, a ref. Never the value of an argument. */
  target?: string
  /** How many it was about. */
  count?: number
  /** The filter that said which; without a search text, which could be an argument. */
  filter?: string
  /** The operation that does it, or whose work was undone. */
  operation?: string
  result: 'done' | 'begun' | 'refused' | 'gone' | 'cancelled' | 'broken'
  detail?: string
}

/** Who asked. */
export interface AuditActor {
  user: string
  role: Role | ''
  address: string
  requestId: string
}

export interface Audit {
  /** Never rejects: what was done stays done. */
  record(actor: AuditActor, entry: AuditEntry): Promise<void>
}

export interface Notice {
  text: string
  kind?: 'done' | 'warning'
  /** A form with one button, such as Undo. */
  undo?: { action: string; label: string }
  /** A page of ours that says more. */
  link?: { to: string; label: string }
}

export interface WebEnv {
  Bindings: Peer
  Variables: {
    requestId: string
    peer: Peer
    /** The user's address, behind trusted proxies too. */
    address: string
    /** The Host this request is for, checked. */
    host: string
    /** Whether the user's side of the connection is TLS. */
    isSecure: boolean
    user: WebUser | undefined
    /** The form or JSON object that was sent, read and checked. */
    body: FormBody
    csrfToken: string
    theme: 'auto' | 'light' | 'dark'
    notice: Notice | undefined
  }
}

/** The fields of a form, or the members of a JSON object. */
export interface FormBody {
  /** The first value of a field, or ''. */
  get(name: string): string
  all(name: string): string[]
  /** The object as it was sent, where it was JSON. */
  json: Record<string, unknown> | undefined
}

/** For what is shown without hiding: with no names to look for. */
export function unveiled(web: WebContext): WebContext {
  return { ...web, settings: { ...web.settings, secrets: [] } }
}
