/**
 * The web pages of a Resque: see everything, act safely. `createWeb` makes them; where they are served is up to you.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { messageOf } from '../errors.js'
import type { Peer } from './access/peer.js'
import { RateLimit } from './access/rate-limit.js'
import { Sessions } from './access/sessions.js'
import { undoableActions } from './actions.js'
import { makeApp, type RouteLine, routesOf } from './app.js'
import { Assets } from './assets.js'
import { actorOf, entryOf, makeAudit } from './audit.js'
import type { WebContext } from './context.js'
import { EntryPages } from './entry-pages.js'
import { FailedIndex } from './failed-index.js'
import { SharedFigures } from './figures.js'
import { History } from './history.js'
import { Live } from './live.js'
import { liveState } from './live-state.js'
import { nodeHandler } from './node.js'
import { Operations } from './operations.js'
import { readWebOptions, type WebOptions } from './options.js'
import { SearchGate } from './search-gate.js'
import { Snapshots } from './snapshot.js'
import { tabs } from './tabs.js'

export interface Web {
  /**
   * Answers a request. Say what you know of the connection: without `auth`, requests are answered only where
   * `localAddress` is a loopback address.
   */
  fetch(request: Request, peer?: Peer): Promise<Response>
  /** A listener for `node:http`, Express, Fastify's raw requests, Nest and Next. */
  handler(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Ends what runs for the pages; the Resque they were given stays open. */
  close(): Promise<void>
  /** Every route with the role it asks for. */
  readonly routes: readonly RouteLine[]
}

/** Throws ConfigError at an option that cannot be right. Connects with the first page, or to sample. */
export function createWeb(options: WebOptions): Web {
  const settings = readWebOptions(options)
  const { resque } = options
  const { store } = resque
  const failedLists = () => resque.failed.lists()
  const failedIndex = new FailedIndex({ store, failedLists, freshMs: settings.cacheMs })
  const audit = makeAudit(store.audit, settings.logger, settings.now)
  const operations = new Operations({
    store,
    failedLists,
    log: settings.logger,
    now: settings.now,
    changed: () => failedIndex.touch(),
    ended: (operation) => void audit.record(actorOf(operation), entryOf(operation)),
  })
  const history = new History({ store, now: settings.now, log: settings.logger })
  const snapshots = new Snapshots(store, settings.cacheMs)
  const figures = new SharedFigures(history, store.markers, settings.cacheMs)
  const web: WebContext = {
    resque,
    store,
    settings,
    log: settings.logger,
    now: settings.now,
    sessions: new Sessions(store.webSessions, settings.sessionMs),
    limits: {
      login: new RateLimit(settings.limits.login, { tires: true }),
      loginFrom: new RateLimit(settings.limits.login * 10),
      mutations: new RateLimit(settings.limits.mutations),
    },
    snapshots,
    assets: new Assets([
      ...['app.css', 'dark.css', 'chart.css', 'failed.css'],
      ...['app.js', 'show.js', 'live.js', 'keys.js'],
      ...['icon.svg', 'alert.svg'],
    ]),
    tabs: [...tabs, ...settings.tabs],
    audit,
    actions: undoableActions(operations, store.schedules),
    history,
    figures,
    operations,
    failedIndex,
    entryPages: new EntryPages(store, failedLists),
    searches: new SearchGate(),
    live: new Live({
      looks: {
        look: async () => {
          const [see, ofQueues] = await Promise.all([snapshots.look(), figures.queues()])
          return (user) => liveState(see(user), ofQueues)
        },
      },
      warn: (error) => settings.logger.warn({ err: error }, `Live pages are stale: ${messageOf(error)}`),
    }),
  }
  const app = makeApp(web)
  if (settings.history) web.history.start()
  // What another process left unfinished goes on.
  void operations.takeUp()
  const fetch = async (request: Request, peer: Peer = {}) => app.fetch(request, peer)
  return {
    fetch,
    handler: nodeHandler(fetch, settings.basePath),
    close: async () => {
      web.live.close()
      web.history.close()
      await operations.close()
    },
    routes: routesOf(app),
  }
}
