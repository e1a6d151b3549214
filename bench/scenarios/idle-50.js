// @ts-check
// What fifty idle worker processes cost: Redis above all, which they share.
import { setTimeout as delay } from 'node:timers/promises'
import { ChildProcess } from '../child-process.js'
import { metered } from '../meter.js'
import { median } from '../statistics.js'
import { BULLMQ, OURS, plain } from './scenario.js'

const PROCESSES = 50
const CONCURRENCY = 10
const DURATION_MS = 20_000
/** Node's start takes a core for a while: more at once would only wait for each other. */
const GROUP = 5
const SETTLE_MS = 2_000

/** @type {import('./scenario.js').Scenario} */
export const idle50 = {
  name: 'idle-50',
  title: `${PROCESSES} idle worker processes for ${DURATION_MS / 1000} s, concurrency ${CONCURRENCY}`,
  jobs: 0,
  long: true,
  once: true,
  variants: plain(OURS, BULLMQ),
  columns: [
    { key: 'redisPercent', title: 'Redis, % of a core', digits: 2 },
    { key: 'commandsPerSecond', title: 'Redis cmds/s' },
    { key: 'nodePercent', title: 'a worker, % of a core', digits: 2 },
    { key: 'rssMiB', title: 'RSS MiB of a worker' },
  ],
  measure: async ({ redis }, { adapter }) => {
    /** @type {ChildProcess[]} */
    const children = []
    try {
      await startAll(children, { adapter, port: redis.port })
      await delay(SETTLE_MS)
      const { result, spent } = await metered(redis.client, () =>
        Promise.all(children.map((child) => child.go())),
      )
      const seconds = DURATION_MS / 1000
      return {
        redisPercent: (spent.cpuSeconds / seconds) * 100,
        commandsPerSecond: spent.commands / seconds,
        nodePercent: (median(result.map((one) => one.cpuSeconds)) / seconds) * 100,
        rssMiB: median(result.map((one) => one.rssMiB)),
      }
    } finally {
      await inGroups(children, (child) => child.end())
    }
  },
  targets: [
    {
      what: 'Redis, % of a core',
      atMost: 2,
      measured: (samples) => samples.median(OURS, 'redisPercent'),
    },
  ],
}

/**
 * @param {ChildProcess[]} children  every process started is in here at once, to be ended
 * @param {{ adapter: string, port: number }} spec
 */
async function startAll(children, spec) {
  const numbers = Array.from({ length: PROCESSES }, (_, i) => i)
  await inGroups(numbers, async () => {
    const child = new ChildProcess({
      ...spec,
      task: 'idle',
      concurrency: CONCURRENCY,
      durationMs: DURATION_MS,
    })
    children.push(child)
    await child.ready()
  })
}

/**
 * @template T
 * @param {T[]} all
 * @param {(one: T) => Promise<unknown>} act
 */
async function inGroups(all, act) {
  for (let i = 0; i < all.length; i += GROUP) {
    await Promise.all(all.slice(i, i + GROUP).map(act))
  }
}
