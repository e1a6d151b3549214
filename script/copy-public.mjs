// The end of the build: what the web pages serve as it is goes beside their compiled code.

import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const from = fileURLToPath(new URL('../src/web/public', import.meta.url))
const to = fileURLToPath(new URL('../dist/web/public', import.meta.url))
rmSync(to, { recursive: true, force: true })
cpSync(from, to, { recursive: true })
