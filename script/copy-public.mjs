// The end of the build: what the web pages serve as it is goes beside their compiled code.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ago, duration } from '../dist/web/views/text.js'

const from = fileURLToPath(new URL('../src/web/public', import.meta.url))
const to = fileURLToPath(new URL('../dist/web/public', import.meta.url))
rmSync(to, { recursive: true, force: true })
cpSync(from, to, { recursive: true })

// What the server says of times, the script of the pages says in the same words.
const script = `${to}/app.js`
const mark = /^\/\/ The server's words for time.*$/m
const text = readFileSync(script, 'utf8')
if (!mark.test(text)) throw new Error('app.js says nowhere where the words for time belong.')
writeFileSync(
  script,
  text.replace(mark, () => `${ago}\n\n${duration}`),
)
