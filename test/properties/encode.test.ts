// What encodeJob writes is what Ruby writes, byte for byte, for every value that both languages have: asked of Ruby
// itself. (Floats beyond JavaScript's plain notation and integers beyond 2^53 differ by nature: protocol 1.3.)

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeJob, parseJob } from '#built/job.js'
import { bounded } from './json-text.js'

/** Reads JSON lines, and answers each with what Ruby's own encoder makes of it. */
const program = `
require 'json'
STDOUT.sync = true
STDIN.set_encoding('UTF-8')
while line = STDIN.gets
  STDOUT.write(JSON.generate(JSON.parse(line)).unpack1('H*') + "\\n")
end`

let ruby: ChildProcess
let answers: AsyncIterator<string>
beforeAll(async () => {
  ruby = spawn('ruby', ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(ruby, 'spawn')
  if (!ruby.stdout) throw new Error('no output to read')
  answers = createInterface({ input: ruby.stdout })[Symbol.asyncIterator]()
})
afterAll(async () => {
  ruby.stdin?.end()
  if (ruby.exitCode === null) await once(ruby, 'exit')
})

async function askRuby(text: string): Promise<string> {
  ruby.stdin?.write(`${text}\n`)
  const { value } = await answers.next()
  return Buffer.from(value as string, 'hex').toString('utf8')
}

/** Numbers that JavaScript and Ruby write alike: whole ones it holds exactly, and others in plain notation. */
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .double({ min: 0.0001, max: 1e15, noNaN: true, noDefaultInfinity: true })
    .filter((each) => !Number.isInteger(each) && /^[\d.]+$/.test(String(each))),
)
const text = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
})
/** Keys that look like whole numbers move to the front in JavaScript. */
const key = text.filter((each) => !/^\d+$/.test(each) && each !== '__proto__')
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}))
const name = text.filter((each) => each !== '')

test('encodeJob writes the bytes that Ruby writes', async () => {
  await fc.assert(
    fc.asyncProperty(name, fc.array(value, { maxLength: 4 }), async (className, args) => {
      const encoded = encodeJob(className, args, 1_000_000)
      expect(encoded.startsWith('{"class":')).toBe(true)
      expect(await askRuby(encoded)).toBe(encoded)
    }),
    bounded(400),
  )
})

test('what encodeJob writes reads back as what was given', () => {
  fc.assert(
    fc.property(name, fc.array(value, { maxLength: 4 }), (className, args) => {
      const given = JSON.parse(JSON.stringify(args)) as unknown[]
      expect(parseJob(encodeJob(className, args, 1_000_000))).toEqual({ class: className, args: given })
    }),
    bounded(300),
  )
})

test('a value with something in it that JSON cannot carry is refused, wherever it stands', () => {
  const wrong = fc.constantFrom<unknown>(
    undefined,
    Number.NaN,
    1n,
    () => {},
    Symbol('x'),
    new Date(0),
    new Map(),
    '\ud83d',
  )
  const wrap = fc.array(fc.constantFrom('array', 'object'), { maxLength: 8 })
  fc.assert(
    fc.property(wrong, wrap, fc.array(value, { maxLength: 3 }), (bad, levels, before) => {
      const isLeftOut = bad === undefined && levels.at(0) === 'object'
      let arg: unknown = bad
      for (const level of levels) arg = level === 'array' ? [1, arg] : { a: 1, b: arg }
      const encode = () => encodeJob('A', [...before, arg], 1_000_000)
      if (isLeftOut) expect(encode).not.toThrow()
      else expect(encode).toThrow(new RegExp(`^Expected argument ${before.length + 1}[^ ]* of A to be`))
    }),
    { numRuns: 300 },
  )
})
