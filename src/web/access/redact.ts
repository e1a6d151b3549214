/**
 * Secrets in what jobs carry: the values of members whose names sound like one are hidden, however deep they lie,
 * and so is what looks like one in a text. It is a curtain and not a wall: a secret under another name is seen.
 */
import { parseJson } from '../../json.js'
import { includes, type WebUser } from './user.js'

const HIDDEN = '[hidden]'

/** Names that usually stand for a secret. */
export const defaultSecrets: readonly RegExp[] = [
  /pass(word|wd|phrase|code)|^pass$/i,
  /secret/i,
  /token/i,
  /api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key/i,
  /^auth(orization)?$|credential/i,
  /cookie|session[_-]?id/i,
  /^(ssn|cvv|cvc|pin|iban)$|credit[_-]?card|card[_-]?number/i,
]

/** How deep values are looked at: deeper than any person reads, and not as deep as the stack goes. */
const MAX_DEPTH = 64

/** Longer texts are not searched: what they would cost, everybody who waits would pay. They are cut instead. */
const MAX_TEXT = 65_536

/** A copy with secrets hidden. Never touches prototypes, and cuts what is too deep, and texts that are too long. */
export function redact(value: unknown, secrets: readonly RegExp[], longest = MAX_TEXT, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value, secrets, longest)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.map((each) => redact(each, secrets, longest, depth + 1))
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, each] of Object.entries(value)) {
    copy[key] = secrets.some((secret) => secret.test(key))
      ? HIDDEN
      : redact(each, secrets, longest, depth + 1)
  }
  return copy
}

/** `password=hunter2`, `"token": "…"` and `://user:password@` in a text, hidden. */
export function redactText(text: string, secrets: readonly RegExp[], longest = MAX_TEXT): string {
  if (secrets.length === 0 || text.length < 4) return text
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  const plain = cut
    .replace(/(:\/\/[^\s:/@]{0,200}:)[^\s@/]{1,200}@/g, `$1${HIDDEN}@`)
    .replace(/\bBearer\s+[\w.~+/=-]{8,}/gi, `Bearer ${HIDDEN}`)
  return hideNamed(plain, secrets)
}

/**
 * Hides the value behind each name that sounds like a secret. It looks from name to name, and at a value only behind
 * such a name: so one that stands in the value of another is found (`error:token=…`), in one pass.
 */
function hideNamed(text: string, secrets: readonly RegExp[]): string {
  const name = /([\w-]{1,64})\\{0,3}["']?\s{0,4}(?:=>|[=:])\s{0,4}/g
  const value =
    /"(?:[^"\\]|\\.)*(?:"|$)|\\+"[^"]*(?:"|$)|'[^']*(?:'|$)|(?:(?:Basic|Digest|Negotiate|Token)\s+)?[^\s,;&"'}\])]+/iy
  let hidden = ''
  let from = 0
  for (let found = name.exec(text); found !== null; found = name.exec(text)) {
    const key = found[1] as string
    if (!secrets.some((secret) => secret.test(key))) continue
    const at = name.lastIndex
    value.lastIndex = at
    const end = /[[{]/.test(text[at] ?? '') ? endOfNested(text, at) : value.test(text) ? value.lastIndex : at
    if (end === at) continue
    hidden += text.slice(from, at) + HIDDEN
    from = end
    name.lastIndex = end
  }
  return hidden + text.slice(from)
}

/** Behind the bracket that closes the one here; the end of the text where none does. */
function endOfNested(text: string, at: number): number {
  const part = /["[\]{}]/g
  part.lastIndex = at
  let depth = 0
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    if (found[0] === '"') part.lastIndex = endOfString(text, found.index)
    else if (found[0] === '[' || found[0] === '{') depth++
    else if (--depth === 0) return part.lastIndex
  }
  return text.length
}

/** Behind the quote that closes the string which begins here: no pattern, since those give up on very long ones. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text[first - 1] === '\\') first--
    if ((end - first) % 2 === 0) return end + 1
  }
  return text.length
}

/** As `redact`, of JSON as text: what is not hidden keeps its spelling. Of what is no JSON, as `redactText`. */
export function redactJson(text: string, secrets: readonly RegExp[], longest = MAX_TEXT): string {
  if (secrets.length === 0) return text
  if (parseJson(text) === undefined) return redactText(text, secrets, longest)
  const colon = /\s*:\s*/y
  const scalar = /[^\s,\]}]+/y
  let hidden = ''
  let from = 0
  for (let at = text.indexOf('"'), end = 0; at >= 0; at = text.indexOf('"', end)) {
    end = endOfString(text, at)
    const quoted = text.slice(at, end)
    const plain = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
    let by: string | undefined
    colon.lastIndex = end
    if (!colon.test(text)) {
      const safe = redactText(plain, secrets, longest)
      if (safe !== plain) by = safe
    } else {
      end = at = colon.lastIndex
      if (secrets.some((secret) => secret.test(plain))) {
        by = HIDDEN
        scalar.lastIndex = at
        if (text[at] === '"') end = endOfString(text, at)
        else
          end = /[[{]/.test(text[at] as string)
            ? endOfNested(text, at)
            : at + (scalar.exec(text)?.[0].length ?? 0)
      }
    }
    if (by === undefined) continue
    hidden += text.slice(from, at) + JSON.stringify(by)
    from = end
  }
  return hidden + text.slice(from)
}

/** Whether anything of an entry is hidden from view. */
export function hasHidden(text: string, secrets: readonly RegExp[]): boolean {
  return redactJson(text, secrets) !== text
}

/**
 * The names whose values a user cannot search for either. Who may look behind what is hidden (`operator`) may search there
 * too; anybody else would find it out letter by letter.
 */
export function secretsFrom(user: Pick<WebUser, 'role'>, secrets: readonly RegExp[]): readonly RegExp[] {
  return includes(user.role, 'operator') ? [] : secrets
}

/** Whether an entry in which a text stands shows it to a user; undefined where it shows all, and need not be looked at. */
export function showsTo(
  user: Pick<WebUser, 'role'>,
  text: string | undefined,
  secrets: readonly RegExp[],
): ((entry: string) => boolean) | undefined {
  const hidden = secretsFrom(user, secrets)
  if (text === undefined || hidden.length === 0) return undefined
  return (entry) => redactJson(entry, hidden).includes(text)
}
