/**
 * Numbers, durations and names as a person reads them.
 */

const grouping = new Intl.NumberFormat('en-US')

export function thousands(value: number): string {
  return grouping.format(value)
}

/** `1 job`, `2 jobs`. */
export function plural(count: number, what: string): string {
  return `${thousands(count)} ${what}${count === 1 ? '' : 's'}`
}

/** Of jobs a minute, in two digits: `0.2`, `4.6`, `12`; whole from ten on. */
export function rate(value: number): string {
  return value >= 10 ? thousands(Math.round(value)) : String(Number(value.toPrecision(2)))
}

/** `3 min ago`, `in 2 h`; `now` within a few seconds. */
export function age(at: Date, now: Date): string {
  return ago(now.getTime() - at.getTime())
}

/** As `age`, of a moment that lies `ms` back. The scripts of a browser have it too, and `duration`, by the build. */
export function ago(ms: number): string {
  if (Math.abs(ms) < 3_000) return 'now'
  return ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** In its largest unit, two for hours and days: `42 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  const days = Math.floor(hours / 24)
  return days < 4 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`
}

/** `2026-11-24 02:14:40 UTC`. */
export function exact(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** From here on a job keeps the process from its other work, and signals and timeouts come late. */
const MUCH_DELAY_MS = 1_000

/** How late an event loop is; what warns begins with its sign. */
export function loopDelay(ms: number): string {
  return ms < MUCH_DELAY_MS ? `${ms} ms` : `⚠ ${duration(ms)}`
}

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`
  const kilobytes = count / 1_024
  return kilobytes < 1_024 ? `${kilobytes.toFixed(1)} kB` : `${(kilobytes / 1_024).toFixed(1)} MB`
}

/**
 * A text from outside, cut, and with what could deceive the eye made visible: control characters, marks that turn the
 * direction of writing, and characters without a width.
 */
export function shown(text: string, limit: number, lines = false): string {
  // Half of a character that is made of two is left away.
  const cut = text.length > limit ? `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')}…` : text
  return cut.toWellFormed().replace(deceptive, (char) => {
    if (lines && (char === '\n' || char === '\t')) return char
    return `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, '0')}`
  })
}

/**
 * Whether a text can stand in a field of a form and come back as it is: nothing in it that browsers change, or that could
 * deceive the eye.
 */
export function isPlain(text: string): boolean {
  return shown(text, text.length) === text
}

/** JSON text whose every character can be seen: the others are escaped, which means the same. */
export function seeable(json: string): string {
  return json.replace(deceptive, (char) => {
    if (/[\n\t]/.test(char)) return char
    return [...Array(char.length).keys()]
      .map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join('')
  })
}

// Control and format characters of Unicode, and its two line separators.
const deceptive = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Any of the four formats in which Resque writes a moment. */
export function readTime(text: string): Date {
  const iso = text
    .replace(/^(\d{4})\/(\d\d)\/(\d\d)/, '$1-$2-$3')
    .replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/, '$1T$2')
    .replace(/ ?UTC$/, 'Z')
    .replace(/ ([+-]\d\d):?(\d\d)$/, '$1:$2')
  return new Date(iso)
}
