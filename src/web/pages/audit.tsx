/**
 * Who did what, the newest first.
 */
import { Hono } from 'hono'
import type { AuditEntry } from '../../store/audit.js'
import { Refusal } from '../access/refusal.js'
import { currentUser, needs } from '../access/roles.js'
import type { WebContext, WebEnv } from '../context.js'
import { textParam } from '../params.js'
import { path, url } from '../url.js'
import { Empty, Link, Name, Time } from '../views/components.js'
import { page } from '../views/layout.js'
import { plural, shown, thousands } from '../views/text.js'

const PAGE_SIZE = 50

export function auditPages(web: WebContext): Hono<WebEnv> {
  const pages = new Hono<WebEnv>()
  pages.get('/audit', needs('operator'), async (c) => {
    const before = textParam(c, 'before')
    if (!/^(\d{1,15}-\d{1,10})?$/.test(before)) throw new Refusal(400, 'That is no place to go on from.')
    const user = currentUser(c)
    const [entries, total] = await Promise.all([
      web.store.audit.page({ ...(before !== '' && { before }), limit: PAGE_SIZE }),
      web.store.audit.count(),
    ])
    // What others did says names of queues.
    const seen = entries.filter((entry) => user.seesAll || entry.user === user.name)
    const last = entries.length === PAGE_SIZE ? entries.at(-1) : undefined
    return page(
      c,
      web,
      { title: 'Audit', tab: '/audit' },
      <section>
        <div class="section-head">
          <h1>Audit</h1>
          <span class="faint num">{plural(total, 'line')}; about the last 10,000 are kept</span>
          <div class="row">
            <Link web={web} to="/operations" class="button small">
              Operations
            </Link>
          </div>
        </div>
        {seen.length === 0 ? (
          <Empty title="Nothing was done yet">
            Every action on these pages stands here, and every one that was refused.
          </Empty>
        ) : (
          <Table web={web} entries={seen} />
        )}
        <nav class="pager" aria-label="Pages of entries">
          {before !== '' && (
            <Link web={web} to="/audit" class="button small">
              Newest
            </Link>
          )}
          {last && (
            <a class="button small" href={url(web, '/audit', { before: last.id })}>
              Older
            </a>
          )}
        </nav>
      </section>,
    )
  })
  return pages
}

function Table({ web, entries }: { web: WebContext; entries: readonly AuditEntry[] }) {
  return (
    <table class="cards">
      <caption class="hidden">Actions, newest first</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">About</th>
          <th scope="col">Result</th>
          <th scope="col">Who</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr>
            <th scope="row">{shown(entry.action, 120)}</th>
            <td data-label="About">
              {entry.target !== undefined && entry.target !== '' && <Name limit={120}>{entry.target}</Name>}{' '}
              {entry.filter !== undefined && <code class="args">{shown(entry.filter, 160)}</code>}{' '}
              {entry.operation !== undefined && (
                <Link web={web} to={path`/operations/${entry.operation}`}>
                  operation
                </Link>
              )}
            </td>
            <td data-label="Result">
              <span class={entry.result.startsWith('refused') ? 'warning' : undefined}>
                {shown(entry.result, 80)}
              </span>
              {entry.count !== undefined && <span class="num">{`, ${thousands(entry.count)}`}</span>}
            </td>
            <td data-label="Who">
              {entry.user === '' ? (
                <span class="faint">nobody known</span>
              ) : (
                <Name limit={60}>{entry.user}</Name>
              )}
              <div class="faint small">{shown([entry.role, entry.ip].filter(Boolean).join(', '), 80)}</div>
            </td>
            <td data-label="When">
              <Time web={web} at={entry.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
