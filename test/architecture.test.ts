// Holds src/ to the plan of the house: who may import whom, which library lives where, who may touch the process.
// A new room or library is a line in one of the tables here, and a reason for it in the commit.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Leaves: anyone may import them, and they import nothing but one another. */
const leaves = ['config', 'context', 'errors', 'events', 'job', 'json']

/** Layer (a folder of src/, or a file beside them) → the layers it may import besides itself and the leaves. */
const aboveStore = ['resque', 'resque-options', 'hooks', 'failure', 'plugins', 'store']
const mayImport: Record<string, readonly string[]> = {
  ...Object.fromEntries(leaves.map((leaf) => [leaf, []])),
  store: [],
  hooks: [],
  failure: ['store'],
  plugins: ['hooks', 'store'],
  'resque-options': ['failure'],
  resque: ['resque-options', 'hooks', 'failure', 'store'],
  worker: aboveStore,
  scheduler: aboveStore,
  web: aboveStore,
  metrics: aboveStore,
  testing: aboveStore,
  'active-job': ['resque'],
  index: aboveStore,
  cli: ['worker', 'scheduler', 'web', 'metrics', ...aboveStore],
}

/** Library → the layers that may import it; a library that is not named here may be imported nowhere. */
const edges = ['cli', 'web', 'scheduler', 'metrics']
const mayUse: Record<string, readonly string[]> = {
  ioredis: ['store'],
  pino: edges,
  commander: ['cli'],
  'cli-table3': ['cli'],
  'cli-progress': ['cli'],
  yaml: edges,
  croner: edges,
  cronstrue: ['web'],
  hono: ['web'],
  '@hono/node-server': ['web'],
  'prom-client': ['metrics'],
}

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  path: string
  layer: string
  /** Without comments. */
  code: string
  lineCount: number
  imports: readonly string[]
}

const files = readSources()

test('the scan sees every way to import', () => {
  const code = withoutComments(`
import a from './a.js'
import type { B,
  C } from "./b.js"
import d, { type E } from './d.js'
import * as f from './f.js'
import './g.js'
export { h } from './h.js'
export * from './i.js'
export type { J } from './j.js'
  const k = await import('./k.js')
  type L = import('./l.js').L
const m = require('./m.js')
// import no from './comment.js'
/** import('./docstring.js') */
export const n = 'from ./string.js'
`)
  const seen = importsIn(code).map((specifier) => specifier.slice(2, -3))
  expect(seen.sort()).toEqual(['a', 'b', 'd', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm'])
})

test('every file of src/ belongs to a layer of the table', () => {
  expect(files.length).toBeGreaterThan(0)
  expect(files.filter((file) => !(file.layer in mayImport)).map((file) => file.path)).toEqual([])
})

test('imports point downwards only', () => {
  const wrong = files.flatMap((file) =>
    ownImports(file)
      .filter((target) => {
        const below = [file.layer, ...leaves, ...(mayImport[file.layer] ?? [])]
        return !below.includes(layerOf(target))
      })
      .map((target) => `${file.path} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('every own import names an existing file, by its path', () => {
  const known = new Set(files.map((file) => file.path))
  // The Redis client goes by a name of the package's own, since child processes load it later.
  const own = (file: SourceFile) =>
    file.imports.filter((specifier) => !(specifier === '#redis-client' && file.layer === 'store'))
  const wrong = files.flatMap((file) => [
    ...ownImports(file).filter((target) => !known.has(target)),
    ...own(file).filter((specifier) => /^(#|resque-ts(\/|$))/.test(specifier)),
  ])
  expect(wrong).toEqual([])
})

test('no file imports itself by any detour', () => {
  expect(findCycles(new Map(files.map((file) => [file.path, ownImports(file)])))).toEqual([])
})

test('the search for detours finds one', () => {
  const graph = new Map([
    ['a', ['b', 'c']],
    ['b', ['c']],
    ['c', ['d']],
    ['d', ['b']],
  ])
  expect(findCycles(graph)).toEqual(['b → c → d → b'])
})

test('a library is imported only where the table says', () => {
  const wrong = files.flatMap((file) =>
    file.imports
      .filter((specifier) => !/^(\.|#|node:)/.test(specifier))
      .map(packageOf)
      .filter((library) => !mayUse[library]?.includes(file.layer))
      .map((library) => `${file.path} imports ${library}`),
  )
  expect(wrong).toEqual([])
})

test('only config.ts reads the environment', () => {
  const reading = pathsWith(/\bprocess\s*\.\s*env\b|\bprocess\s*\[|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/)
  expect(reading.filter((path) => path !== 'config.ts')).toEqual([])
})

test('only cli/ and worker/child.ts end the process', () => {
  const ending = pathsWith(/\bprocess\s*\.\s*(exit|abort|reallyExit)\s*\(/)
  expect(ending.filter((path) => !path.startsWith('cli/') && path !== 'worker/child.ts')).toEqual([])
})

test('no file is longer than one sitting', () => {
  const long = files.filter((file) => file.lineCount > 400)
  expect(long.map((file) => `${file.path}: ${file.lineCount} lines`)).toEqual([])
})

test("import 'resque-ts' loads the Redis client and nothing else", async () => {
  const loaded = await modulesLoadedBy("import 'resque-ts'")
  const client = dependenciesOf('ioredis')
  const strangers = loaded.filter((path) => {
    const library = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
    if (library !== undefined) return !client.has(library)
    return !path.startsWith('dist/') || /^dist\/(web|cli|scheduler|metrics|testing|worker)\//.test(path)
  })
  expect(loaded).toContain('dist/index.js')
  expect(loaded.some((path) => path.startsWith('node_modules/ioredis/'))).toBe(true)
  expect(strangers).toEqual([])
})

function readSources(): SourceFile[] {
  const entries = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const paths = entries.map((path) => path.replaceAll('\\', '/')).filter((path) => /\.tsx?$/.test(path))
  return paths.sort().map((path) => {
    const text = readFileSync(join(root, 'src', path), 'utf8')
    const code = withoutComments(text)
    return {
      path,
      layer: layerOf(path),
      code,
      lineCount: text.trimEnd().split('\n').length,
      imports: importsIn(code),
    }
  })
}

function layerOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.tsx?$/, '')
}

/** Takes out what starts a line as a comment, and what follows ` // `. Strings are not looked into. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/(^|[ \t])\/\/.*$/gm, '')
}

function importsIn(code: string): string[] {
  const statement = /^(?:import|export)\s+(?:[\w$\s,*]*(?:\{[^}]*\})?\s*from\s*)?['"]([^'"]+)['"]/gm
  const call = /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g
  return [statement, call].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
}

/** The relative imports of a file, as paths like those of `files`. */
function ownImports(file: SourceFile): string[] {
  return file.imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => {
      const target = posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, '.ts')
      return existsSync(join(root, 'src', `${target}x`)) ? `${target}x` : target
    })
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function pathsWith(pattern: RegExp): string[] {
  return files.filter((file) => pattern.test(file.code)).map((file) => file.path)
}

/** Depth first; each cycle once, named from where the search met it. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  return cycles
}

/** What a fresh node process loads for `program`, relative to the repository: ESM by a load hook, CommonJS by its cache. */
async function modulesLoadedBy(program: string): Promise<string[]> {
  const hook = `
    import { writeSync } from 'node:fs'
    export function load(url, context, nextLoad) {
      writeSync(1, url + '\\n')
      return nextLoad(url, context)
    }`
  const setup = `
    import { createRequire, register } from 'node:module'
    register(${JSON.stringify(asDataUrl(hook))})
    const { cache } = createRequire(${JSON.stringify(join(root, 'package.json'))})
    process.on('exit', () => { for (const path of Object.keys(cache)) console.log('file://' + path) })`
  const run = promisify(execFile)
  const args = ['--no-warnings', '--import', asDataUrl(setup), '--input-type=module', '--eval', program]
  const { stdout } = await run(process.execPath, args, { cwd: root })
  const urls = new Set(stdout.split('\n').filter((line) => line.startsWith('file://')))
  const paths = [...urls].map((url) => fileURLToPath(url)).filter((path) => path.startsWith(root))
  return paths
    .map((path) => path.slice(root.length).replaceAll('\\', '/'))
    .filter((path) => !path.startsWith('['))
}

function asDataUrl(module: string): string {
  return `data:text/javascript,${encodeURIComponent(module)}`
}

/** A package and all it depends on, by name. */
function dependenciesOf(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found
  found.add(name)
  const manifest = join(root, 'node_modules', name, 'package.json')
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const dependency of Object.keys(dependencies)) dependenciesOf(dependency, found)
  return found
}
