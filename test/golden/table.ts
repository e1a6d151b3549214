// The table of README.md: every recording with its verdict, made of what the scenarios state.

import { later } from './later.js'
import { scenarios } from './scenarios/all.js'
import type { Scenario } from './support/scenario.js'

interface Row {
  recording: string
  /** Where the jobs run, or '' where it makes no difference or was not tried both ways. */
  jobs: string
  verdict: string
}

const places = { none: 'worker', process: 'child' } as const

/** One row for each scenario, and for each recording that has none yet. */
export function rows(): Row[] {
  const replayed = Object.values(scenarios)
    .flat()
    .map((scenario) => ({
      recording: scenario.recording,
      jobs: scenario.isolation ? places[scenario.isolation] : '',
      verdict: verdictOn(scenario),
    }))
  const waiting = Object.entries(later).flatMap(([subject, recordings]) => {
    return recordings.map((recording) => ({ recording, jobs: '', verdict: `later: ${subject}` }))
  })
  return [...replayed, ...waiting].sort(
    (a, b) => compare(a.recording, b.recording) || compare(a.jobs, b.jobs),
  )
}

/** The table as Markdown. */
export function table(): string {
  const lines = rows().map(({ recording, jobs, verdict }) => `| ${recording} | ${jobs} | ${verdict} |`)
  return ['| recording | jobs in | verdict |', '|---|---|---|', ...lines].join('\n')
}

function verdictOn({ differences = [], uncompared = {} }: Scenario): string {
  const open = Object.entries(uncompared).map(
    ([call, why]) => `not compared: what \`${call}\` gives (${why})`,
  )
  const stated = differences.map(({ what, why }) => `${what} (${why})`)
  const notes = [...stated, ...open].join('; ')
  if (stated.length > 0) return `differs: ${notes}`
  return notes === '' ? 'same' : `same; ${notes}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
