// That no recording is left out, and that README.md says of each what the tests assert.

import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { later } from './later.js'
import { scenarios } from './scenarios/all.js'
import { readRecording, recordingNames } from './support/recording.js'
import { nameOf } from './support/scenario.js'
import { rows, table } from './table.js'

const replayed = Object.values(scenarios).flat()

test('every recording has a verdict, and every verdict a recording', () => {
  expect(recordingNames()).toHaveLength(57)
  expect([...new Set(rows().map(({ recording }) => recording))]).toEqual(recordingNames())
})

test('what is replayed does not wait for later', () => {
  const waiting = Object.values(later).flat()
  expect(replayed.filter(({ recording }) => waiting.includes(recording))).toEqual([])
})

test('no scenario is there twice', () => {
  const names = replayed.map(nameOf)
  expect(names).toEqual([...new Set(names)])
})

test('every scenario is replayed by its test file', () => {
  for (const [file, each] of Object.entries(scenarios)) {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    const exported = /^replay\((\w+)\)$/m.exec(text)?.[1]
    expect(text, file).toMatch(
      new RegExp(`import \\{ ${exported} \\} from './scenarios/${file.slice(0, -8)}\\.js'`),
    )
    expect(each.length, file).toBeGreaterThan(0)
  }
})

test('a difference is about a moment, or a call, that was recorded', () => {
  for (const scenario of replayed) {
    const { results = [], snapshots = {}, workerLog } = readRecording(scenario.recording)
    const moments = ['after', ...Object.keys(snapshots)]
    const calls = [...results.map(({ call }) => call), ...(workerLog ? ['hooks'] : [])]
    for (const { what, why, keys = {}, results: ours = {}, isInSteps } of scenario.differences ?? []) {
      const isData = Object.keys({ ...keys, ...ours }).length > 0
      expect(isData, `${nameOf(scenario)}: ${what}`).toBe(!isInSteps)
      expect(moments).toEqual(expect.arrayContaining(Object.keys(keys)))
      expect(calls).toEqual(expect.arrayContaining(Object.keys(ours)))
      expect([what, why].every((sentence) => sentence !== '' && !sentence.includes('|'))).toBe(true)
    }
    expect(calls).toEqual(expect.arrayContaining(Object.keys(scenario.uncompared ?? {})))
  }
})

test('README.md has the table (`npx vitest run test/golden/table.test.ts -u` writes it)', async () => {
  const readme = new URL('README.md', import.meta.url)
  const mark = '<!-- what follows is written by table.test.ts -->\n'
  const [introduction] = existsSync(readme) ? readFileSync(readme, 'utf8').split(mark) : ['']
  await expect(`${introduction}${mark}\n${table()}\n`).toMatchFileSnapshot('README.md')
})
