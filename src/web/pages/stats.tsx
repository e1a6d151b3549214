/**
 * The counters, Redis' health, and the keys as they lie there; and `/stats.txt`, for monitors.
 */
import { type Context, Hono } from 'hono'
import type { Child, PropsWithChildren } from 'hono/jsx'
import { isLocalHost } from '../access/host.js'
import { isLoopback } from '../access/peer.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, includes, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { nameParam, startParam, textParam } from '../params.js'
import { path, url } from '../url.js'
import { Count, Empty, Fact, Link, Name, Pager, type View } from '../views/components.js'
import { Raw } from '../views/json.js'
import { page } from '../views/layout.js'
import { bytes, plural, shown } from '../views/text.js'

const KEY_ROWS = 20

export function statsPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/stats', needs('viewer'), (c) => c.redirect(url(web, '/stats/resque'), 302))

  pages.get('/stats/resque', needs('viewer'), async (c) => {
    const snapshot = await web.snapshots.get(currentUser(c))
    const facts: [string, number][] = [
      ['Pending', snapshot.pending],
      ['Queues', snapshot.queues.length],
      ['Workers', snapshot.workers.length],
      ['Working', snapshot.working],
      ['Processed', snapshot.processed],
      ['Failed ever', snapshot.failedEver],
      ['Failed and kept', snapshot.failed],
    ]
    return show(
      web,
      c,
      'Resque',
      <dl class="facts">
        {facts.map(([label, value]) => (
          <Fact label={label}>
            <Count value={value} />
          </Fact>
        ))}
        <Fact label="Namespace">
          <Name>{web.resque.namespace}</Name>
        </Fact>
      </dl>,
    )
  })

  pages.get('/stats/redis', needs('viewer'), async (c) => {
    const info = await web.store.keyBrowser.info()
    const isAdmin = includes(currentUser(c).role, 'admin')
    const names = isAdmin ? [...info.keys()] : chosen
    return show(
      web,
      c,
      'Redis',
      <dl class="facts verbatim">
        {isAdmin && <Fact label="address">{web.store.connection.address}</Fact>}
        {names
          .filter((name) => info.has(name))
          .map((name) => (
            <Fact label={name}>
              <span class="num">{shown(info.get(name) ?? '', 300)}</span>
            </Fact>
          ))}
      </dl>,
    )
  })

  pages.get('/stats/keys', needs('admin'), async (c) => {
    checkKeyBrowser(web, c)
    const { keys, cursor } = await web.store.keyBrowser.page(cursorParam(c))
    return show(web, c, 'Keys', <Keys web={web} keys={keys} cursor={cursor} />)
  })

  pages.get('/stats/keys/:key', needs('admin'), async (c) => {
    checkKeyBrowser(web, c)
    const name = nameParam(c, 'key')
    const start = startParam(c)
    const value = await web.store.keyBrowser.value(name, start, cursorParam(c))
    if (!value) throw new Refusal(404, 'There is no such key.')
    const isPaged = value.type === 'list' || value.type === 'zset'
    const to = path`/stats/keys/${name}`
    return show(
      web,
      c,
      'Keys',
      <>
        <h2>
          <Name>{name}</Name>{' '}
          <span class="faint">
            {value.type}, {value.type === 'string' ? bytes(value.size) : plural(value.size, 'member')}
            {value.ttlSeconds >= 0 && `, for ${plural(value.ttlSeconds, 'second')} more`}
          </span>
        </h2>
        {value.rows.map((row) => (
          <Raw web={web} text={row} />
        ))}
        {isPaged && (
          <Pager web={web} path={to} start={start} size={KEY_ROWS} total={value.size} what="member" />
        )}
        {value.cursor !== undefined && (
          <p>
            <Link web={web} to={to} query={{ cursor: value.cursor }} class="button small">
              More
            </Link>
          </p>
        )}
      </>,
    )
  })

  pages.get('/stats.txt', needs(web.settings.statsTxt), async (c) => {
    const snapshot = await web.snapshots.get(c.get('user') ?? { sees: () => true, seesAll: true })
    const kept = snapshot.failedLists.find(({ name }) => name === 'failed')?.size ?? 0
    const lines = [
      `resque.pending=${snapshot.pending}`,
      `resque.processed+=${snapshot.processed}`,
      `resque.failed+=${kept}`,
      `resque.workers=${snapshot.workers.length}`,
      `resque.working=${snapshot.working}`,
      ...snapshot.queues.map(({ name, size }) => `queues.${oneLine(name)}=${Math.max(0, size)}`),
    ]
    return c.text(lines.join('\n'))
  })
  return pages
}

/** What of `INFO` says how Redis is, and nothing about the machine it runs on. */
const chosen = [
  ...['redis_version', 'redis_mode', 'role', 'uptime_in_seconds', 'connected_clients', 'blocked_clients'],
  ...[
    'used_memory_human',
    'used_memory_peak_human',
    'maxmemory_human',
    'maxmemory_policy',
    'mem_fragmentation_ratio',
  ],
  ...[
    'instantaneous_ops_per_sec',
    'total_commands_processed',
    'rejected_connections',
    'evicted_keys',
    'expired_keys',
  ],
  ...[
    'rdb_last_save_time',
    'rdb_last_bgsave_status',
    'aof_enabled',
    'aof_last_write_status',
    'connected_slaves',
  ],
]

/** A name with a line break could forge the lines of others. */
function oneLine(name: string): string {
  return name.replace(/[\r\n]/g, (char) => (char === '\n' ? '\\n' : '\\r'))
}

/** Behind a proxy everybody comes from this machine; a name or an address that others use tells, if nothing else does. */
function hasKeyBrowser(web: WebContext, c: Context<WebEnv>): boolean {
  const { keyBrowser } = web.settings
  if (keyBrowser !== 'local') return keyBrowser
  return isLoopback(c.get('peer').localAddress) && isLocalHost(c.get('host'))
}

function checkKeyBrowser(web: WebContext, c: Context<WebEnv>): void {
  if (hasKeyBrowser(web, c)) return
  throw new Refusal(404, 'The pages of keys are switched off here.', {
    hint: 'They show every payload; createWeb switches them on by its option keyBrowser (resque web --key-browser).',
  })
}

function cursorParam(c: Context<WebEnv>): string {
  const text = textParam(c, 'cursor') || '0'
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new Refusal(400, 'Expected cursor to be what the page before gave.')
  }
  return text
}

function Keys({
  web,
  keys,
  cursor,
}: {
  web: WebContext
  keys: { name: string; type: string; size: number }[]
  cursor: string
}) {
  return (
    <>
      {keys.length === 0 ? (
        <Empty title="No keys on this page">{cursor !== '0' && 'There may be some further on.'}</Empty>
      ) : (
        <table class="cards pairs">
          <caption class="hidden">Keys</caption>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Type</th>
              <th scope="col" class="end">
                Size
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map(({ name, type, size }) => (
              <tr>
                <th scope="row">
                  <Link web={web} to={path`/stats/keys/${name}`}>
                    <Name>{name}</Name>
                  </Link>
                </th>
                <td data-label="Type" class="nowrap">
                  {type}
                </td>
                <td class="end" data-label="Size">
                  {type === 'string' ? bytes(size) : <Count value={size} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {cursor !== '0' && (
        <p>
          <Link web={web} to="/stats/keys" query={{ cursor }} class="button small">
            More
          </Link>
        </p>
      )}
    </>
  )
}

function show(web: WebContext, c: Context<WebEnv>, title: string, body: Child): Promise<Response> {
  return page(
    c,
    web,
    { title: `${title} – Stats`, tab: '/stats' },
    <section>
      <h1>Stats</h1>
      <Subtabs web={web} c={c} current={title} />
      {body}
    </section>,
  )
}

function Subtabs({ web, c, current }: PropsWithChildren<View & { current: string }>) {
  const links: [label: string, to: string][] = [
    ['Resque', '/stats/resque'],
    ['Redis', '/stats/redis'],
  ]
  if (includes(currentUser(c).role, 'admin') && hasKeyBrowser(web, c)) links.push(['Keys', '/stats/keys'])
  return (
    <nav class="subtabs" aria-label="Stats">
      {links.map(([label, to]) => (
        <Link web={web} to={to} current={label === current}>
          {label}
        </Link>
      ))}
    </nav>
  )
}
