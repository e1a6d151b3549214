/**
 * Tabs that a user of this package adds to the pages: what they are, and how they are read. They are served by
 * `pages/user-tabs.tsx`.
 */
import type { HtmlEscapedString } from 'hono/utils/html'
import { checkNumber } from '../config.js'
import { ConfigError } from '../errors.js'
import type { Resque } from '../resque.js'
import { type Role, roles } from './access/user.js'

/** What a tab is told of the request that it answers. */
export interface TabContext {
  /** The name of whoever asks. */
  user: string
  role: Role
  /** Whether this user may know of a queue. */
  sees(queue: string): boolean
  resque: Resque
  /** Of the request, its query included. */
  url: URL
  /** What links to the pages begin with, such as `/resque`; '' at the root. */
  basePath: string
  /** Aborted when the tab has taken longer than its `timeoutMs`. */
  signal: AbortSignal
}

/** A text, which is shown as it is; or markup, made by `html` or by JSX of hono. */
export type TabContent = string | HtmlEscapedString

/** A page of your own, with its place in the navigation. */
export interface WebTab {
  /** Below the base path, one segment: `deploys`. */
  path: string
  /** In the navigation, and the heading of the page. */
  label: string
  /** Who may see it. Default: viewer. */
  role?: Role
  /** What stands below the heading. */
  render(context: TabContext): TabContent | Promise<TabContent>
  /** How long it may take. Default: 5,000 ms. */
  timeoutMs?: number
}

/** A tab, checked; its path begins with a slash. */
export type TabSettings = Required<WebTab>

const members: readonly string[] = ['path', 'label', 'role', 'render', 'timeoutMs']
const DEFAULT_TIMEOUT_MS = 5_000

/** Throws ConfigError at the first that cannot be right. Whether a path is one of ours is told by `checkPaths`. */
export function readTabs(tabs: readonly WebTab[], basePath: string): TabSettings[] {
  if (!Array.isArray(tabs)) throw new ConfigError('Expected `tabs` to be a list of tabs.')
  const read = tabs.map(readTab)
  const [, base] = basePath.split('/')
  read.forEach(({ path }, i) => {
    // A mount that cuts the base path off could not tell it from the tab.
    if (path === `/${base}`) throw taken(path, 'the base path begins with it')
    if (read.findIndex((each) => each.path === path) !== i) throw taken(path, 'another tab has it')
  })
  return read
}

/** Throws ConfigError where a tab would stand in the way of one of these routes, or they in its. */
export function checkPaths(tabs: readonly TabSettings[], routes: Iterable<string>): void {
  const ours = new Set([...routes].map((route) => `/${route.split('/')[1]}`))
  for (const { path } of tabs) if (ours.has(path)) throw taken(path, 'a page of ours has it')
}

function readTab(tab: WebTab): TabSettings {
  const { path, label, role = 'viewer', timeoutMs = DEFAULT_TIMEOUT_MS } = tab
  if (typeof path !== 'string' || !/^\/?[a-z0-9][a-z0-9_-]{0,60}$/.test(path))
    throw new ConfigError(
      `Expected the path of a tab to be one word such as deploys, got ${JSON.stringify(path)}.`,
      { hint: 'Small letters, digits, - and _.' },
    )
  const name = path.replace('/', '')
  for (const member of Object.keys(tab)) {
    if (!members.includes(member))
      throw new ConfigError(`Unknown member \`${member}\` of the tab ${name}.`, {
        hint: `It has: ${members.join(', ')}.`,
      })
  }
  if (typeof label !== 'string' || label.trim() === '' || label.length > 40)
    throw new ConfigError(`Expected the label of the tab ${name} to be a text of 1 to 40 characters.`)
  if (!roles.includes(role))
    throw new ConfigError(
      `Expected the role of the tab ${name} to be ${roles.join(', ')}, got ${JSON.stringify(role)}.`,
    )
  if (typeof tab.render !== 'function')
    throw new ConfigError(`Expected the tab ${name} to have a function \`render\`.`)
  return {
    ...{ path: `/${name}`, label, role },
    render: (context) => tab.render(context),
    timeoutMs: checkNumber('timeoutMs', timeoutMs, { min: 1 }),
  }
}

function taken(path: string, why: string): ConfigError {
  return new ConfigError(`The path of the tab ${path.slice(1)} is taken: ${why}.`, {
    hint: 'Give it another.',
  })
}
