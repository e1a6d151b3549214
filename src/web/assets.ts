/**
 * The files in public/: read once, and served under names that change with what is in them, so that a browser keeps
 * them for good.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

export interface Asset {
  bytes: Buffer
  zipped: Buffer
  type: string
}

export class Assets {
  readonly #byPath = new Map<string, Asset>()
  readonly #paths = new Map<string, string>()

  constructor(names: readonly string[]) {
    for (const name of names) {
      const bytes = readFileSync(new URL(`./public/${name}`, import.meta.url))
      const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 12)
      const [stem = name, extension = ''] = name.split('.')
      const path = `/assets/${stem}.${hash}.${extension}`
      this.#paths.set(name, path)
      this.#byPath.set(path, {
        bytes,
        zipped: gzipSync(bytes),
        type: types[extension] ?? 'application/octet-stream',
      })
    }
  }

  /** The path of a file, for `url`. */
  path(name: string): string {
    const path = this.#paths.get(name)
    if (path === undefined) throw new Error(`No file ${name} in public/.`)
    return path
  }

  get(path: string): Asset | undefined {
    return this.#byPath.get(path)
  }
}
