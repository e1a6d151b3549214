/**
 * JSON from outside: in a line, as rows show it, and in full, each word in the colour of its kind. Secrets are hidden
 * before anything else is done, and all of it goes through JSX as text, which escapes it.
 */
import type { Child } from 'hono/jsx'
import { closed } from '../../json.js'
import { redact, redactJson, redactText } from '../access/redact.js'
import type { WebContext } from '../context.js'
import { spread } from '../json-text.js'
import { Link } from './components.js'
import { bytes, shown } from './text.js'

const ONE_LINE = 200
const MAX_JSON = 65_536
/** More words than this are shown in one colour: each is an element, which a browser has to lay out. */
const MAX_WORDS = 800

/**
 * Arguments in one line; the whole in a fold where that is longer. With `sizeBytes` they are the beginning of those of an
 * entry that is so long, and has a page of its own.
 */
export function Json({ web, value, sizeBytes }: { web: WebContext; value: unknown; sizeBytes?: number }) {
  const safe = redact(value, web.settings.secrets)
  const line = JSON.stringify(safe) ?? ''
  if (sizeBytes !== undefined) {
    return (
      <>
        <code class="args">{shown(unclosed(line).slice(0, ONE_LINE), ONE_LINE)}…</code>{' '}
        <span class="faint nowrap">{bytes(sizeBytes)}</span>
      </>
    )
  }
  if (line.length <= ONE_LINE) return <code class="args">{shown(line, ONE_LINE)}</code>
  return (
    <details class="fold">
      <summary>
        <code class="args">{shown(line, ONE_LINE)}</code>
      </summary>
      <pre class="json">{shown(JSON.stringify(safe, null, 2) ?? '', 4_096, true)}</pre>
    </details>
  )
}

/** Without what closes a beginning: it does not stand there. */
function unclosed(line: string): string {
  let end = line.length
  while (end > 0 && /[\]}]/.test(line[end - 1] as string)) end--
  return line.slice(0, line[end - 1] === '"' ? end - 1 : end)
}

/**
 * A JSON text in full, laid out for reading; numbers stay as they were written, where nothing is hidden. What is longer
 * than anybody reads is cut, and `download` leads to all of it.
 */
export function FullJson({
  web,
  text,
  download,
  isCut = false,
}: {
  web: WebContext
  text: string
  /** The path of the entry as a file, where it has one. */
  download?: string | undefined
  /** The text is a beginning already. */
  isCut?: boolean
}) {
  const isLong = text.length > MAX_JSON
  const whole = spread(redactJson(isLong ? closed(text.slice(0, MAX_JSON)) : text, web.settings.secrets))
  return (
    <>
      <pre class="json">
        <Words text={shown(whole, MAX_JSON, true)} />
        {isLong || isCut ? '\n…' : ''}
      </pre>
      {download !== undefined && (isLong || isCut || whole.length > MAX_JSON) && (
        <p class="small">
          This is its beginning.{' '}
          <Link web={web} to={download}>
            Download all of it
          </Link>
        </p>
      )}
    </>
  )
}

/** A name with its colon, a string (the last may be cut off, and is not begun with at each of its quotes), a number, a word. */
const word = /("(?:[^"\\]|\\.)*(?:"|\\?$))(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g

function Words({ text }: { text: string }): Child {
  const parts: Child[] = []
  let from = 0
  for (const found of text.matchAll(word)) {
    if (parts.length >= 2 * MAX_WORDS) return text
    const [part, string, colon] = found
    const kind =
      string === undefined ? (/^[tfn]/.test(part) ? 'literal' : 'number') : colon ? 'key' : 'string'
    parts.push(text.slice(from, found.index), <span class={`json-${kind}`}>{string ?? part}</span>)
    from = found.index + (string ?? part).length
  }
  return [...parts, text.slice(from)]
}

/** What is no JSON, as text, secrets hidden as far as they can be told. */
export function Raw({ web, text, limit = 4_096 }: { web: WebContext; text: string; limit?: number }) {
  return <pre class="json raw">{shown(redactText(text, web.settings.secrets), limit, true)}</pre>
}
