/**
 * Links: the only place that builds them. What comes from data is encoded, segment by segment.
 */

/** A path whose parts are encoded: path`/queues/${name}`. */
export function path(texts: TemplateStringsArray, ...names: readonly (string | number)[]): string {
  return String.raw({ raw: texts }, ...names.map((name) => encodeSegment(String(name))))
}

export type Query = Record<string, string | number | undefined>

/** A link to a page of ours, the base path included. Members that are undefined or '' are left out. */
export function url(web: { settings: { basePath: string } }, path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = pairs
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeText(String(value))}`)
    .join('&')
  return `${web.settings.basePath}${path}${search && `?${search}`}`
}

/** A name that URLs would swallow (`.`, `..`, nothing) goes behind a tilde; so does one that looks like that. */
export function encodeSegment(name: string): string {
  return isSwallowed(name) ? `~${encodeText(name)}` : encodeText(name)
}

/** The name that a decoded segment of a path stands for. */
export function segmentName(segment: string): string {
  return segment.startsWith('~') && isSwallowed(segment.slice(1)) ? segment.slice(1) : segment
}

function isSwallowed(name: string): boolean {
  return name === '' || name === '.' || name === '..' || (name.startsWith('~') && isSwallowed(name.slice(1)))
}

function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*!]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  )
}
